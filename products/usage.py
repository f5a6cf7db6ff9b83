"""What a product's balance was used for, day by day: kept sums for the days that are over, the ledger for the rest."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Max, Min, Subquery
from django.db.models.functions import Coalesce
from djmoney.money import Money

from products import day_sums
from products.day_sums import Sums
from products.models import Product, UsageDay
from wallet.calendar import business_date
from wallet.models import Posting

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


def read_days(*, organisation_id: UUID, product: Product, holds: Money, today: date, days: int = WINDOW) -> list[Day]:
    """The last `days` business days up to today, oldest first, those without any use too. `holds` is all that the
    balance holds now.
    """
    first = today - timedelta(days=days - 1)
    kept = _read_kept(organisation_id=organisation_id, product=product, first=first)
    moved = day_sums.read(product, organisation_id, first=first, last=today)
    opening = _find_opening(kept, moved, holds=holds.amount, first=first)
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
    """What a day used lately, by the organisations' ids and the products', in one query."""
    first = today - timedelta(days=WINDOW)
    keys = [(organisation_id, product.pk) for organisation_id in organisation_ids for product in products]
    used = day_sums.read_use(products, organisation_ids, first=first, today=today)
    named = {product.pk: product for product in products}
    return {key: named[key[1]].money(pace(used.get(key, {}), today=today)) for key in keys}


def pace(used: Mapping[date, Decimal], *, today: date) -> Decimal:
    """What a day used: over the 30 days before today, or since the first use if that is less long ago. Where that was
    today, what was used so far. A day before those 30 only tells that they are all to be counted.
    """
    if not used:
        return Decimal(0)
    begun_on = min(used)
    last = max(begun_on, today - timedelta(days=1))
    since = max(begun_on, today - timedelta(days=WINDOW))
    total = sum((amount for day, amount in used.items() if since <= day <= last), start=Decimal(0))
    return (total / ((last - since).days + 1)).quantize(_FINEST, rounding=ROUND_HALF_UP)


def days_left(available: Money, average: Money) -> int | None:
    """For how many whole days the balance lasts at that pace; None where nothing is used."""
    return int(available.amount // average.amount) if average.amount > 0 else None


def _read_kept(*, organisation_id: UUID, product: Product, first: date) -> dict[date, UsageDay]:
    """The days kept, from the last one before the first day on."""
    kept = UsageDay.objects.filter(organisation_id=organisation_id, product=product)
    before = kept.filter(day__lt=first).order_by("-day").values("day")[:1]
    return {row.day: row for row in kept.filter(day__gte=Coalesce(Subquery(before), first)).order_by("day")}


def _find_opening(kept: Mapping[date, UsageDay], moved: Mapping[date, Sums], *, holds: Decimal, first: date) -> Decimal:
    """What the balance held before the first day."""
    if not kept:
        return holds - sum((sums.net for sums in moved.values()), start=Decimal(0))
    earliest = min(kept)
    return kept[earliest].closing if earliest < first else Decimal(0)


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


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
