"""A product's chart: a line of balances, and bars of spending below it, each on a field of 100 by 100."""

from collections.abc import Sequence
from dataclasses import dataclass

from djmoney.money import Money

from billing import curves
from billing.curves import Bar, Curve, Frame
from products.usage import Day


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
    return Chart(
        days=days,
        balance=curves.frame(dates, balances),
        spending=curves.frame(dates, spent),
        curve=curves.draw(balances),
        bars=curves.stack([{"": amount} for amount in spent], top=curves.find_top(spent)),
        spent=sum(spent[1:], start=spent[0]),
    )
