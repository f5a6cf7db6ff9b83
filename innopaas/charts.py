"""The shapes of a product's chart: a line of balances and bars of spending, drawn on a field of 100 by 100."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Final

from djmoney.money import Money

from products.usage import Day

_STEPS: Final = (Decimal(1), Decimal(2), Decimal(5), Decimal(10))
_HEIGHT: Final = 100


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A rectangle standing on the ground."""

    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """The days with their shapes. The scales begin at zero and end at their tops."""

    days: Sequence[Day]
    balance_top: Money
    spent_top: Money
    line: str
    area: str
    bars: Sequence[Bar]
    spent: Money

    @property
    def balance_middle(self) -> Money:
        return self.balance_top / 2

    @property
    def middle(self) -> Day:
        return self.days[len(self.days) // 2]

    @property
    def is_empty(self) -> bool:
        return not any(day.closing.amount or day.spent.amount or day.credited.amount for day in self.days)


def draw(days: Sequence[Day]) -> Chart:
    """A chart of at least one day."""
    balance_top = _find_top([day.closing for day in days])
    spent_top = _find_top([day.spent for day in days])
    width = Decimal(100) / len(days)
    points = [
        f"{_place(width * number + width / 2)},{_place(_HEIGHT - _share(day.closing, balance_top))}"
        for number, day in enumerate(days)
    ]
    first, last = points[0].partition(",")[0], points[-1].partition(",")[0]
    bars = [
        _draw_bar(left=width * number, width=width, height=_share(day.spent, spent_top))
        for number, day in enumerate(days)
        if day.spent.amount
    ]
    return Chart(
        days=days,
        balance_top=balance_top,
        spent_top=spent_top,
        line=" ".join(points),
        area=" ".join([f"{first},{_HEIGHT}", *points, f"{last},{_HEIGHT}"]),
        bars=bars,
        spent=sum((day.spent for day in days[1:]), start=days[0].spent),
    )


def _draw_bar(*, left: Decimal, width: Decimal, height: Decimal) -> Bar:
    """A day with any spending is seen."""
    tall = max(height, Decimal(1))
    return Bar(x=_place(left + width / 8), y=_place(_HEIGHT - tall), width=_place(width * 3 / 4), height=_place(tall))


def _find_top(amounts: Sequence[Money]) -> Money:
    """The next round figure, 1, 2 or 5 with noughts, that none of them is above."""
    highest = max(amount.amount for amount in amounts)
    if highest <= 0:
        return Money(1, amounts[0].currency)
    unit = Decimal(1).scaleb(highest.adjusted())
    return Money(next(step * unit for step in _STEPS if highest <= step * unit), amounts[0].currency)


def _share(amount: Money, top: Money) -> Decimal:
    return max(amount.amount, Decimal(0)) / top.amount * _HEIGHT


def _place(number: Decimal) -> str:
    return f"{number.quantize(Decimal('0.01'), rounding=ROUND_CEILING).normalize():f}"
