"""The shape of a line of balances, drawn on a field of 100 by 100 whose scale begins at zero."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Final

from djmoney.money import Money

_STEPS: Final = (Decimal(1), Decimal(2), Decimal(5), Decimal(10))
_HEIGHT: Final = 100


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Points for a polyline and for the polygon below it; `top` is what the scale ends at."""

    top: Money
    line: str
    area: str

    @property
    def middle(self) -> Money:
        return self.top / 2


def draw(balances: Sequence[Money]) -> Curve:
    """A curve of at least one balance, each in the middle of its part of the width."""
    top = find_top(balances)
    width = Decimal(100) / len(balances)
    points = [
        f"{place(width * number + width / 2)},{place(_HEIGHT - share(balance, top))}"
        for number, balance in enumerate(balances)
    ]
    first, last = points[0].partition(",")[0], points[-1].partition(",")[0]
    return Curve(top=top, line=" ".join(points), area=" ".join([f"{first},{_HEIGHT}", *points, f"{last},{_HEIGHT}"]))


def find_top(amounts: Sequence[Money]) -> Money:
    """The next round figure, 1, 2 or 5 with noughts, that none of them is above."""
    highest = max(amount.amount for amount in amounts)
    if highest <= 0:
        return Money(1, amounts[0].currency)
    unit = Decimal(1).scaleb(highest.adjusted())
    return Money(next(step * unit for step in _STEPS if highest <= step * unit), amounts[0].currency)


def share(amount: Money, top: Money) -> Decimal:
    """How high an amount stands on the field."""
    return max(amount.amount, Decimal(0)) / top.amount * _HEIGHT


def place(number: Decimal) -> str:
    """A coordinate as SVG takes it."""
    return f"{number.quantize(Decimal('0.01'), rounding=ROUND_CEILING).normalize():f}"
