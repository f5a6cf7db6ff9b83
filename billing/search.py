"""Finding orders: the filters of the list, and what a search text may mean."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet

from billing import numbers
from billing.models import Order
from products import access
from products import numbers as product_numbers
from products.models import Product, ProductBalance
from wallet import bank_numbers, chart
from wallet.calendar import BOOKS
from wallet.models import Member
from wallet.money import AmountError, parse_amount

_STRIPE_FIELDS: Final = {
    "cs": ("payments__session_id",),
    "pi": ("payments__payment_intent_id",),
    "re": ("refunds__at_stripe__stripe_id", "refunds__stripe_id"),
    "pyr": ("refunds__at_stripe__stripe_id", "refunds__stripe_id"),
    "dp": ("disputes__stripe_id",),
    "du": ("disputes__stripe_id",),
}
_STRIPE_ID = re.compile(rf"({'|'.join(_STRIPE_FIELDS)})_[A-Za-z0-9_]{{3,95}}")
_TELLING = 12  # so many characters of an id of Stripe's are unlikely to begin many others
_NUMBER_START = re.compile(r"TU[0-9A-Z]{2,22}")
_REFUND_START = re.compile(r"RF[0-9A-Z]{2,22}")
_DOCUMENT = re.compile(r"R[CN]-[0-9A-Z-]{4,27}")
_REFERENCE_START = re.compile(r"TP[0-9A-Z]{2,10}")
_SHORTEST_NAME = 2
_MOST_WITH_ONE_NUMBER = 1000
_NONE = Q(pk__in=())
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


def own(memberships: Sequence[Member]) -> QuerySet[Order]:
    """The orders of every organisation somebody belongs to, less those of products that he may not use there."""
    return Order.objects.filter(is_own(memberships))


def is_own(memberships: Sequence[Member]) -> Q:
    """The condition that an order is one of those."""
    limited = access.limited_codes(memberships)
    mine = Q(organisation_id__in=[member.organisation_id for member in memberships])
    for organisation_id, codes in limited.items():
        mine &= ~Q(organisation_id=organisation_id) | Q(target__in=[chart.WALLET, *codes])
    return mine


def with_hopes(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Together with what `explanations.explain` reads of those whose money may still come: for lists of them."""
    return orders.select_related("transfer").prefetch_related("flags", "payments", "events", "transfer__findings")


def readable(memberships: Sequence[Member]) -> QuerySet[Order]:
    """Those orders with what every page about one of them tells. What only some of them tell is read where it is."""
    found = own(memberships).select_related("organisation", "follows__finding", "auto_fill", "finding")
    return found.select_related("transfer__taken_by", "transfer__account").prefetch_related("events", "refunds")


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
    """What a person may have typed: the number of an order or a refund, a transfer's reference or an id of Stripe's, or
    the beginning of one of them; or a receipt's or refund note's number, a product's number or name, a bank's number of
    a transfer, or an amount.
    """
    text = text.replace("\0", "").strip()
    compact = re.sub(r"[\s-]", "", text).upper()
    if number := numbers.read(text):
        return Q(number=number)
    if _NUMBER_START.fullmatch(compact):
        return Q(number__startswith=compact)
    if found := _with_another_number(compact, whole=re.sub(r"\s", "", text).upper()):
        return found
    if stripes := _STRIPE_ID.fullmatch(text):
        return _with_stripe_id(stripes[1], text)
    return _with_amount(text) | _with_bank_number(text) | _of_balance(compact) | _of_products(text)


def _with_another_number(compact: str, *, whole: str) -> Q | None:
    """By the beginning of a refund's number or a transfer's reference, or by a document's number; None when the text is
    none of them. Transfers and what Stripe has lie one layer up; their relations are data, as an address is.
    """
    if _REFUND_START.fullmatch(compact):
        return _having("refunds__number__startswith", compact)
    if _DOCUMENT.fullmatch(whole):
        return _having("documents__number", whole)
    if _REFERENCE_START.fullmatch(compact):
        return _having("transfer__reference__startswith", compact[:2] + compact[2:].translate(_MISREAD))
    return None


def stripe_id(field: str, text: str) -> Q:
    """The rows with this id of Stripe's, or, where enough of it was given, with this beginning of one."""
    return Q(**{f"{field}__startswith" if len(text) >= _TELLING else field: text})


def _having(lookup: str, value: str) -> Q:
    return Q(pk__in=Order.objects.filter(**{lookup: value}).values("pk"))


def _with_stripe_id(kind: str, text: str) -> Q:
    """A query for each place such an id may stand in, so that each is read by its own index."""
    first, *others = (Order.objects.filter(stripe_id(field, text)).values("pk") for field in _STRIPE_FIELDS[kind])
    return Q(pk__in=first.union(*others) if others else first)


def _with_amount(text: str) -> Q:
    try:
        amount = parse_amount(_ORNAMENTS.sub("", text), "USD").amount
    except AmountError:
        return _NONE
    return Q(paid=amount) | Q(credited=amount)


def _of_balance(number: str) -> Q:
    """The orders into the balance of this product number."""
    found = ProductBalance.objects.select_related("product").filter(number=number)
    balance = found.first() if product_numbers.is_number(number) else None
    return Q(organisation_id=balance.organisation_id, target=balance.product.code) if balance else _NONE


def _of_products(text: str) -> Q:
    """The top-ups of the products that are called so, or whose name in either language contains it."""
    if len(text) < _SHORTEST_NAME:
        return _NONE
    named = Q(slug__iexact=text) | Q(name__icontains=text) | Q(name_zh__icontains=text)
    codes = [product.code for product in Product.objects.filter(named)]
    return Q(target__in=codes) if codes else _NONE


def _with_bank_number(text: str) -> Q:
    """By the customer's bank's number of a transfer, or ours of a line that was credited: each found by its index.

    They are looked up beforehand: as numbers of orders they leave the database free to use the other indexes.
    """
    number = bank_numbers.fold(text) or text
    declared = Order.objects.filter(transfer__folded_number=number).values_list("pk", flat=True)
    credited = Order.objects.filter(allocations__line__folded_number=number).values_list("pk", flat=True)
    found = list(declared.union(credited)[:_MOST_WITH_ONE_NUMBER])
    return Q(pk__in=found) if found else _NONE


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=BOOKS)
