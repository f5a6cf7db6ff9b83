"""Finding orders: the filters of the list, its pages, and what a search text may mean."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from billing import numbers
from billing.models import Note, Order, OrderEvent
from products import access
from products import numbers as product_numbers
from products.models import ProductBalance
from wallet import bank_numbers, chart
from wallet.calendar import BOOKS
from wallet.models import AccountClass, Entry, Member
from wallet.money import AmountError, parse_amount

PAGE_SIZE = 25
_CHUNK = 1000
_STRIPE_ID = re.compile(r"(cs|pi)_[A-Za-z0-9_]{3,95}")
_TELLING = 12  # so many characters of an id of Stripe's are unlikely to begin many others
_NUMBER_START = re.compile(r"TU[0-9A-Z]{2,22}")
_REFERENCE_START = re.compile(r"TP[0-9A-Z]{2,10}")
_MISREAD = str.maketrans("OIL", "011")
_ORNAMENTS = re.compile(r"USD|CNY|RMB|[$¥¥,\s]", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class OrderFilter:
    """What the list is narrowed to; empty texts and None narrow nothing. Days are days of the books."""

    q: str = ""
    state: str = ""
    method: str = ""
    target: str = ""
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, kw_only=True)
class OrderPage:
    """One page of a list, newest first; `newer` and `older` are the order numbers that lead on, or empty."""

    orders: Sequence[Order]
    newer: str
    older: str


@dataclass(frozen=True, kw_only=True)
class Story:
    """An order's events, and the orders it hangs together with, as far as its reader may know them."""

    events: Sequence[OrderEvent]
    followed: Order | None
    followers: Sequence[Order]


def own(memberships: Sequence[Member]) -> QuerySet[Order]:
    """The orders of every organisation somebody belongs to, less those of products that he may not use there."""
    limited = access.limited_codes(memberships)
    mine = Q(organisation_id__in=[member.organisation_id for member in memberships])
    for organisation_id, codes in limited.items():
        mine &= ~Q(organisation_id=organisation_id) | Q(target__in=[chart.WALLET, *codes])
    return Order.objects.filter(mine)


def with_story(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Together with what `explanations.explain` reads."""
    stories = orders.select_related("transfer__taken_by", "transfer__account", "finding")
    return stories.prefetch_related("flags", "payments", "events", "transfer__findings")


def readable(memberships: Sequence[Member]) -> QuerySet[Order]:
    """Those orders with all that a page about one of them tells."""
    return with_story(own(memberships)).select_related("organisation", "follows")


def select(*, organisation_id: UUID, narrowed_to: OrderFilter) -> QuerySet[Order]:
    """The organisation's orders that fit every filter given, whoever asks."""
    return _narrow(Order.objects.filter(organisation_id=organisation_id), narrowed_to)


def select_own(member: Member, *, narrowed_to: OrderFilter) -> QuerySet[Order]:
    """As `select`, of what this member may see."""
    return _narrow(own([member]), narrowed_to)


def _narrow(orders: QuerySet[Order], narrowed_to: OrderFilter) -> QuerySet[Order]:
    fits = Q()
    for field in ("state", "method", "target"):
        if value := getattr(narrowed_to, field):
            fits &= Q(**{field: value})
    if narrowed_to.first_day:
        fits &= Q(created_at__gte=_midnight(narrowed_to.first_day))
    if narrowed_to.last_day:
        fits &= Q(created_at__lt=_midnight(narrowed_to.last_day + timedelta(days=1)))
    orders = orders.filter(fits)
    return orders.filter(matching(narrowed_to.q)) if narrowed_to.q else orders


def matching(text: str) -> Q:
    """What a person may have typed: an order number, a transfer's reference or an id of Stripe's, or the beginning of
    one of them, or a product number, or a bank's number of a transfer, or an amount.
    """
    text = text.strip()
    compact = re.sub(r"[\s-]", "", text).upper()
    if number := numbers.read(text):
        return Q(number=number)
    if _NUMBER_START.fullmatch(compact):
        return Q(number__startswith=compact)
    # Payments and transfers lie one layer up; their relations are data, as an address is.
    if _REFERENCE_START.fullmatch(compact):
        reference = compact[:2] + compact[2:].translate(_MISREAD)
        return Q(pk__in=Order.objects.filter(transfer__reference__startswith=reference).values("pk"))
    if _STRIPE_ID.fullmatch(text):
        found = stripe_id("payments__session_id", text) | stripe_id("payments__payment_intent_id", text)
        return Q(pk__in=Order.objects.filter(found).values("pk"))
    numbered = Q(pk__in=_with_bank_number(text)) | _of_balance(compact)
    try:
        amount = parse_amount(_ORNAMENTS.sub("", text), "USD").amount
    except AmountError:
        return numbered
    return Q(paid=amount) | Q(credited=amount) | numbered


def stripe_id(field: str, text: str) -> Q:
    """The rows with this id of Stripe's, or, where enough of it was given, with this beginning of one."""
    return Q(**{f"{field}__startswith" if len(text) >= _TELLING else field: text})


def _of_balance(number: str) -> Q:
    """The orders into the balance of this product number; adds none when there is no such number."""
    found = ProductBalance.objects.select_related("product").filter(number=number)
    balance = found.first() if product_numbers.is_number(number) else None
    return Q(organisation_id=balance.organisation_id, target=balance.product.code) if balance else Q()


def _with_bank_number(text: str) -> QuerySet[Order, UUID]:
    """By the customer's bank's number of a transfer, or ours of a line that was credited: each found by its index."""
    number = bank_numbers.fold(text) or text
    declared = Order.objects.filter(transfer__folded_number=number).values_list("pk", flat=True)
    credited = Order.objects.filter(allocations__line__folded_number=number).values_list("pk", flat=True)
    return declared.union(credited)


def page(orders: QuerySet[Order], *, organisation_id: UUID, after: str, before: str) -> OrderPage:
    """The page older than the order numbered `after`, or newer than `before`, else the first.

    A number that is not one of the organisation's counts as not given.
    """
    orders = orders.prefetch_related("events")
    if before and (edge := _find_id(organisation_id, before)):
        found = list(orders.filter(pk__gt=edge).order_by("id")[: PAGE_SIZE + 1])
        rows = found[:PAGE_SIZE][::-1]
        return OrderPage(
            orders=rows,
            newer=rows[0].number if len(found) > PAGE_SIZE else "",
            older=rows[-1].number if rows else before,
        )
    edge = _find_id(organisation_id, after) if after else None
    newest = orders.order_by("-id")
    found = list((newest.filter(pk__lt=edge) if edge else newest)[: PAGE_SIZE + 1])
    rows = found[:PAGE_SIZE]
    return OrderPage(
        orders=rows,
        newer=rows[0].number if edge and rows else "",
        older=rows[-1].number if len(found) > PAGE_SIZE else "",
    )


def tell(order: Order, memberships: Sequence[Member]) -> Story:
    """What the reader may know of it. Why money was corrected may name the other order's balance: where he may not see
    that order, he is told that it was, and not why.
    """
    mine = own(memberships)
    followed = mine.filter(followers=order).first()
    followers = list(mine.filter(follows=order).order_by("id"))
    events = list(order.events.order_by("id"))
    if (order.follows_id and not followed) or len(followers) < order.followers.count():
        for event in events:
            if event.note in (Note.TAKEN_BACK, Note.CORRECTED):
                event.detail = ""
    return Story(events=events, followed=followed, followers=followers)


def entries(order: Order) -> QuerySet[Entry]:
    """What the order moved in its customer's own balances, oldest first, with the balance after each."""
    return (
        Entry.objects.filter(
            posting__organisation_id=order.organisation_id,
            posting__order_number=order.number,
            account__account_class=AccountClass.LIABILITY,
        )
        .exclude(account__code=chart.SUSPENSE)
        .select_related("account", "posting")
        .order_by("id")
    )


def walk(orders: QuerySet[Order]) -> Iterator[Order]:
    """All of them, newest first, a chunk at a time, so that a long list needs little memory."""
    newest = orders.prefetch_related("events").order_by("-id")
    rows = list(newest[:_CHUNK])
    while rows:
        yield from rows
        rows = list(newest.filter(pk__lt=rows[-1].pk)[:_CHUNK])


def _find_id(organisation_id: UUID, number: str) -> UUID | None:
    return Order.objects.filter(organisation_id=organisation_id, number=number).values_list("pk", flat=True).first()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=BOOKS)
