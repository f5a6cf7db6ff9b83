"""What a product's balance was used for, day by day: kept sums for the days that are over, the ledger for the rest."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, TypeAlias
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, Max, Min, OuterRef, QuerySet, Sum
from djmoney.money import Money

from products import balances, day_sums
from products.day_sums import Key, Sums
from products.models import Product, ProductBalance, UsageDay
from wallet import chart
from wallet.calendar import business_date
from wallet.models import Account, Entry, Posting, Side

WINDOW: Final = 30
"""So many days make the pace."""

SETTLED_AFTER: Final = timedelta(minutes=5)
"""What was begun before midnight has been posted by then."""

_FINEST: Final = Decimal("0.000001")
_BATCH: Final = 1000


@dataclass(frozen=True, kw_only=True)
class Day:
    """One business day of one balance; opening + credited - spent = closing.

    `closing` is what is available and held together. `credited` is all that came in, less what was taken back.
    """

    day: date
    spent: Money
    charge_count: int
    credited: Money
    closing: Money


_Used: TypeAlias = dict[Key, dict[date, Decimal]]


def roll_up(*, now: datetime) -> None:
    """Keep the sums of every business day that is over, for every balance that moved on it.

    Takes up all days since the last one kept; repeating it changes nothing. Days on which nothing moved leave no row,
    so that they are looked at again, and only that.
    """
    last = business_date(now - SETTLED_AFTER) - timedelta(days=1)
    kept_to = UsageDay.objects.aggregate(day=Max("day"))["day"]
    first = kept_to + timedelta(days=1) if kept_to else Posting.objects.aggregate(day=Min("business_date"))["day"]
    if first and first <= last:
        roll_up_days(first, last)


def roll_up_days(first: date, last: date) -> None:
    """As `roll_up`, for these days alone, all or none of them. They are over."""
    if not day_sums.have_any(first, last):
        return
    with transaction.atomic():
        UsageDay.objects.bulk_create(day_sums.sum_up(first, last), batch_size=_BATCH, ignore_conflicts=True)


def read_days(*, organisation_id: UUID, product: Product, today: date, days: int = WINDOW) -> list[Day]:
    """The last `days` business days up to today, oldest first, those without any use too."""
    first = today - timedelta(days=days - 1)
    key = (organisation_id, product.pk)
    kept = {row.day: row for row in _kept([organisation_id], [product]).filter(day__gte=first, day__lte=today)}
    moved = day_sums.read([product], _find_open([organisation_id], first, today)).get(key, {})
    opening = _find_opening(product, kept, moved, organisation_id=organisation_id, first=first)
    found = []
    for day in _days(first, today):
        told = _tell(day, opening=opening, product=product, kept=kept.get(day), sums=moved.get(day))
        found.append(told)
        opening = told.closing.amount
    return found


def average_daily(*, organisation_id: UUID, product: Product, today: date) -> Money:
    """What a day used lately: see `pace`."""
    return average_all(organisation_id=organisation_id, products=[product], today=today)[product.pk]


def average_all(*, organisation_id: UUID, products: Sequence[Product], today: date) -> Mapping[UUID, Money]:
    """What a day used lately, by the products' ids: see `pace`."""
    found = average_many(organisation_ids=[organisation_id], products=products, today=today)
    return {product.pk: found[organisation_id, product.pk] for product in products}


def average_many(
    *, organisation_ids: Sequence[UUID], products: Sequence[Product], today: date
) -> Mapping[tuple[UUID, UUID], Money]:
    """What a day used lately, by the organisations' ids and the products', in as many queries as for one."""
    first = today - timedelta(days=WINDOW)
    keys = [(organisation_id, product.pk) for organisation_id in organisation_ids for product in products]
    used = _read_used(organisation_ids, products, first, today - timedelta(days=1))
    begun = {key: min(days) for key, days in used.items()}
    begun |= dict.fromkeys(_find_begun(organisation_ids, products, first), first)
    for key, spent in _read_first_day(set(keys) - set(begun), products, today).items():
        begun[key], used[key] = today, {today: spent}
    averages = {key: pace(used.get(key, {}), begun_on=begun.get(key), today=today) for key in keys}
    named = {product.pk: product for product in products}
    return {key: named[key[1]].money(average) for key, average in averages.items()}


def pace(used: Mapping[date, Decimal], *, begun_on: date | None, today: date) -> Decimal:
    """What a day used: over the 30 days before today, or since the first use if that is less long ago. Where that was
    today, what was used so far.
    """
    if begun_on is None:
        return Decimal(0)
    last = max(begun_on, today - timedelta(days=1))
    since = max(begun_on, today - timedelta(days=WINDOW))
    total = sum((amount for day, amount in used.items() if since <= day <= last), start=Decimal(0))
    return (total / ((last - since).days + 1)).quantize(_FINEST, rounding=ROUND_HALF_UP)


def days_left(available: Money, average: Money) -> int | None:
    """For how many whole days the balance lasts at that pace; None where nothing is used."""
    return int(available.amount // average.amount) if average.amount > 0 else None


def _read_used(organisation_ids: Sequence[UUID], products: Sequence[Product], first: date, last: date) -> _Used:
    """What was spent on the days with spending."""
    used: _Used = {}
    kept = _kept(organisation_ids, products).filter(day__gte=first, day__lte=last, spent__gt=0)
    for organisation_id, product_id, day, spent in kept.values_list("organisation_id", "product_id", "day", "spent"):
        used.setdefault((organisation_id, product_id), {})[day] = spent
    for key, days in day_sums.read(products, _find_open(organisation_ids, first, last)).items():
        if spent_on := {day: sums.spent for day, sums in days.items() if sums.spent}:
            used.setdefault(key, {}).update(spent_on)
    return used


def _find_begun(organisation_ids: Sequence[UUID], products: Sequence[Product], day: date) -> set[Key]:
    """The balances that were used before that day."""
    kept = _kept(organisation_ids, products).filter(day__lt=day, charge_count__gt=0)
    before = kept.filter(organisation=OuterRef("organisation"), product=OuterRef("product"))
    held = ProductBalance.objects.filter(Exists(before), organisation__in=organisation_ids, product__in=products)
    return set(held.values_list("organisation_id", "product_id"))


def _read_first_day(keys: Set[Key], products: Sequence[Product], today: date) -> dict[Key, Decimal]:
    """What was spent today of balances never used before: their accounts have few entries but today's."""
    named = {code: product for product in products for code in (product.code, chart.held(product.code))}
    found = Account.objects.filter(
        organisation__in={organisation_id for organisation_id, _product_id in keys}, code__in=named
    )
    accounts = {
        account_id: (organisation_id, named[code].pk)
        for account_id, organisation_id, code in found.values_list("pk", "organisation_id", "code")
        if (organisation_id, named[code].pk) in keys
    }
    if not accounts:
        return {}
    debits = Entry.objects.filter(account__in=accounts, side=Side.DEBIT, posting__business_date=today)
    spent: dict[Key, Decimal] = {}
    for account_id, total in (
        debits.filter(posting__kind__in=day_sums.SPENDING).values_list("account_id").annotate(total=Sum("amount"))
    ):
        key = accounts[account_id]
        spent[key] = spent.get(key, Decimal(0)) + total
    return spent


def _kept(organisation_ids: Sequence[UUID], products: Sequence[Product]) -> QuerySet[UsageDay]:
    return UsageDay.objects.filter(organisation__in=organisation_ids, product__in=products)


def _find_opening(
    product: Product, kept: Mapping[date, UsageDay], moved: Mapping[date, Sums], *, organisation_id: UUID, first: date
) -> Decimal:
    """What the balance held before the first day."""
    before = _kept([organisation_id], [product]).filter(day__lt=first).order_by("-day").first()
    if before:
        return before.closing
    if kept:
        return Decimal(0)
    holds = balances.read(organisation_id=organisation_id, product=product).total.amount
    return holds - sum((sums.net for sums in moved.values()), start=Decimal(0))


def _tell(day: date, *, opening: Decimal, product: Product, kept: UsageDay | None, sums: Sums | None) -> Day:
    if kept:
        spent, charge_count, closing = kept.spent, kept.charge_count, kept.closing
    elif sums:
        spent, charge_count, closing = sums.spent, sums.charge_count, opening + sums.net
    else:
        spent, charge_count, closing = Decimal(0), 0, opening
    return Day(
        day=day,
        spent=product.money(spent),
        charge_count=charge_count,
        credited=product.money(closing - opening + spent),
        closing=product.money(closing),
    )


def _find_open(organisation_ids: Sequence[UUID], first: date, last: date) -> list[tuple[UUID, date]]:
    """Those of the days that are not kept yet: all are kept together, so an organisation's last one kept tells."""
    kept = UsageDay.objects.filter(organisation__in=organisation_ids, day__gte=first)
    kept_to = dict(kept.values_list("organisation_id").annotate(day=Max("day")))
    return [
        (organisation_id, day)
        for organisation_id in organisation_ids
        for day in _days(kept_to.get(organisation_id, first - timedelta(days=1)) + timedelta(days=1), last)
    ]


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
