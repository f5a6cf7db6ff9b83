"""A product's chart: a line of balances, and bars of spending below it, each on a field of 100 by 100."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from djmoney.money import Money

from billing import curves
from billing.curves import Curve, Frame
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
    balance: Frame
    spending: Frame
    curve: Curve
    bars: Sequence[Bar]
    spent: Money

    @property
    def is_empty(self) -> bool:
        return not any(day.closing.amount or day.spent.amount or day.credited.amount for day in self.days)


def draw(days: Sequence[Day]) -> Chart:
    """A chart of at least one day."""
    dates, balances, spent = [day.day for day in days], [day.closing for day in days], [day.spent for day in days]
    top = curves.find_top(spent)
    width = Decimal(100) / len(days)
    bars = [
        _draw_bar(left=width * number, width=width, height=curves.share(amount, top))
        for number, amount in enumerate(spent)
        if amount.amount
    ]
    return Chart(
        days=days,
        balance=curves.frame(dates, balances),
        spending=curves.frame(dates, spent),
        curve=curves.draw(balances),
        bars=bars,
        spent=sum(spent[1:], start=spent[0]),
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
