"""What finance sees of a month as pictures: volume and share by method, time to credit, and the age of what waits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from django.db import DEFAULT_DB_ALIAS
from djmoney.money import Money

from billing import curves
from billing.curves import Bar, Frame
from billing.models import Method
from payments.models import Transfer
from wallet.audit import read
from wallet.calendar import BOOKS
from wallet.money import WALLET_CURRENCY

DAYS: Final = 30
AGES: Final = (1, 4, 8, 24, 72)
"""Upper ends of the classes of age of the queue, in hours; the last class has none."""

_FORTNIGHT: Final = 14
_DAY: Final = timedelta(days=1)
_NOTHING: Final = Money(0, WALLET_CURRENCY)


_Times = Mapping[str, tuple[timedelta, timedelta]]
"""By method: half were credited within the first, nine of ten within the second."""


@dataclass(frozen=True, kw_only=True)
class Day:
    """What was credited on a business day, by method, in USD."""

    day: date
    credited: Mapping[str, Money]

    @property
    def total(self) -> Money:
        return sum(self.credited.values(), start=_NOTHING)

    @property
    def amounts(self) -> list[Money]:
        return [self.credited.get(method, _NOTHING) for method in Method.values]


@dataclass(frozen=True, kw_only=True)
class Share:
    """What came by one method in all the days, and how long it took from order to credit."""

    method: str
    label: str
    amount: Money
    percent: Decimal
    median: timedelta | None
    slow: timedelta | None
    """Nine of ten were credited within it."""


@dataclass(frozen=True, kw_only=True)
class Volume:
    """The days, drawn as bars that stand on each other."""

    days: Sequence[Day]
    frame: Frame
    bars: Sequence[Bar]
    shares: Sequence[Share]

    @property
    def is_empty(self) -> bool:
        return not any(day.total.amount for day in self.days)


@dataclass(frozen=True, kw_only=True)
class Aged:
    """How many transfers have waited at most so many hours; None: longer than all classes."""

    hours: int | None
    count: int
    width: str


def draw_volume(last: date) -> Volume:
    """The thirty business days up to `last`."""
    span = _span(last - (DAYS - 1) * _DAY, last)
    times = {method: (median, slow) for method, median, slow in read(DEFAULT_DB_ALIAS, _TIMES, span)}
    return _draw_volume(_read_days(last, DAYS), times=times)


def draw_fortnight(last: date) -> Volume:
    """The fourteen business days up to `last`, by one query: without the times."""
    return _draw_volume(_read_days(last, _FORTNIGHT), times={})


def age_queue(now: datetime) -> list[Aged]:
    """How long the transfers that wait for finance have waited."""
    counts = [0] * (len(AGES) + 1)
    declared = Transfer.objects.waiting().values_list("declared_at", flat=True)
    for declared_at in filter(None, declared):
        age = (now - declared_at) / timedelta(hours=1)
        counts[next((place for place, limit in enumerate(AGES) if age <= limit), len(AGES))] += 1
    most = max(*counts, 1)
    return [
        Aged(hours=hours, count=count, width=curves.place(Decimal(count) * 100 / most))
        for hours, count in zip((*AGES, None), counts, strict=True)
    ]


def _read_days(last: date, number: int) -> list[Day]:
    """What was credited on so many business days up to `last`; a day without anything is one of them."""
    first = last - (number - 1) * _DAY
    credited: dict[date, dict[str, Money]] = {first + later * _DAY: {} for later in range(number)}
    for day, method, amount in read(DEFAULT_DB_ALIAS, _VOLUME, _span(first, last)):
        credited[day][method] = Money(amount, WALLET_CURRENCY)
    return [Day(day=day, credited=by_method) for day, by_method in credited.items()]


def _draw_volume(days: Sequence[Day], *, times: _Times) -> Volume:
    totals = [day.total for day in days]
    return Volume(
        days=days,
        frame=curves.frame([day.day for day in days], totals),
        bars=curves.stack([_name_amounts(day) for day in days], top=curves.find_top(totals)),
        shares=_share(days, times),
    )


def _name_amounts(day: Day) -> dict[str, Money]:
    return {method.lower(): amount for method, amount in zip(Method.values, day.amounts, strict=True)}


def _share(days: Sequence[Day], times: _Times) -> list[Share]:
    total = sum((day.total for day in days), start=_NOTHING)
    shares = []
    for method in Method:
        amount = sum((day.credited.get(method, _NOTHING) for day in days), start=_NOTHING)
        median, slow = times.get(method, (None, None))
        percent = amount.amount * 100 / total.amount if total.amount else Decimal(0)
        shares.append(
            Share(
                method=method.lower(),
                label=str(method.label),
                amount=amount,
                percent=percent.quantize(Decimal("0.1")),
                median=median,
                slow=slow,
            )
        )
    return shares


def _span(first: date, last: date) -> dict[str, datetime]:
    start, end = (datetime.combine(moment, time.min, BOOKS) for moment in (first, last + _DAY))
    return {"start": start, "end": end}


_VOLUME: Final = """
    SELECT (paid_at AT TIME ZONE 'Asia/Shanghai')::date, method, sum(credited)
    FROM billing_order WHERE paid_at >= %(start)s AND paid_at < %(end)s AND credited_currency = 'USD'
    GROUP BY 1, 2
"""

_TIMES: Final = """
    SELECT method, percentile_cont(0.5) WITHIN GROUP (ORDER BY paid_at - created_at),
           percentile_cont(0.9) WITHIN GROUP (ORDER BY paid_at - created_at)
    FROM billing_order WHERE paid_at >= %(start)s AND paid_at < %(end)s GROUP BY 1
"""
