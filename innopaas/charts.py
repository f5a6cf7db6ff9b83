"""The shapes of a product's chart: a line of balances and bars of spending, drawn on a field of 100 by 100."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from djmoney.money import Money

from billing import curves
from products.usage import Day


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
    curve = curves.draw([day.closing for day in days])
    spent_top = curves.find_top([day.spent for day in days])
    width = Decimal(100) / len(days)
    bars = [
        _draw_bar(left=width * number, width=width, height=curves.share(day.spent, spent_top))
        for number, day in enumerate(days)
        if day.spent.amount
    ]
    return Chart(
        days=days,
        balance_top=curve.top,
        spent_top=spent_top,
        line=curve.line,
        area=curve.area,
        bars=bars,
        spent=sum((day.spent for day in days[1:]), start=days[0].spent),
    )


def _draw_bar(*, left: Decimal, width: Decimal, height: Decimal) -> Bar:
    """A day with any spending is seen."""
    tall = max(height, Decimal(1))
    return Bar(
        x=curves.place(left + width / 8),
        y=curves.place(100 - tall),
        width=curves.place(width * 3 / 4),
        height=curves.place(tall),
    )
