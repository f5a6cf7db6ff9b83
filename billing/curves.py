"""Where days and amounts stand on a chart: a field of 100 by 100 whose scale begins at zero."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal
from typing import Final

from django.utils.formats import date_format
from django.utils.translation import pgettext
from djmoney.money import Money

_LINES: Final[Mapping[Decimal, int]] = {
    Decimal(top): lines
    for top, lines in {
        "1": 5,
        "1.5": 3,
        "2": 4,
        "2.5": 5,
        "3": 3,
        "4": 4,
        "5": 5,
        "6": 3,
        "8": 4,
    }.items()
}
"""What a scale may end at, with noughts, and into how many round parts it is divided then. After 8 comes 1 again."""

_STRIDES: Final = (1, 2, 4, 7, 14, 28, 61, 91, 183)
"""How many days may lie between two that are named."""

_MOST_NAMED: Final = 5
_MOST_ANYWHERE: Final = 3
_HEIGHT: Final = 100
_APART: Final = 30
"""How far two figures that are written on a chart have to be from each other."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Points for a polyline and for the polygon below it."""

    line: str
    area: str


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A rectangle of one kind, standing on the ground or on another."""

    kind: str
    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line across the field, and the amount it stands for."""

    y: str
    amount: Money


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A day that is named below the field. Of more than three every second is `minor`: a narrow page leaves it out."""

    x: str
    day: date
    anchor: str
    is_minor: bool

    @property
    def label(self) -> str:
        """`23 Nov`, as the reader's language writes it."""
        return name_day(self.day)


@dataclass(frozen=True, kw_only=True)
class Peak:
    """A figure written beside what it is the figure of."""

    x: str
    y: str
    anchor: str
    day: date
    amount: Money

    @property
    def label(self) -> str:
        return name_day(self.day)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The axes of a chart and its outstanding figures. `highest` is the first day with the highest amount."""

    lines: Sequence[Line]
    ticks: Sequence[Tick]
    first: date
    highest: Peak
    last: Peak

    @property
    def told(self) -> Sequence[Peak]:
        """What is written on a curve: the last figure, and before it the highest where there is room for it."""
        is_beside = abs(Decimal(self.highest.x) - Decimal(self.last.x)) < _APART
        return [self.last] if is_beside or not self.highest.amount else [self.highest, self.last]

    @property
    def first_label(self) -> str:
        return name_day(self.first)


def draw(balances: Sequence[Money]) -> Curve:
    """A curve of at least one balance, each in the middle of its part of the width."""
    top = find_top(balances)
    points = [
        f"{place(_middle(number, len(balances)))},{place(_HEIGHT - share(balance, top))}"
        for number, balance in enumerate(balances)
    ]
    first, last = points[0].partition(",")[0], points[-1].partition(",")[0]
    return Curve(line=" ".join(points), area=" ".join([f"{first},{_HEIGHT}", *points, f"{last},{_HEIGHT}"]))


def stack(days: Sequence[Mapping[str, Money]], *, top: Money) -> list[Bar]:
    """Bars of each day's amounts by kind, standing on each other in this order. The smallest amount is seen."""
    width = Decimal(100) / len(days)
    bars = []
    for number, amounts in enumerate(days):
        ground = Decimal(_HEIGHT)
        for kind, amount in amounts.items():
            if not amount.amount:
                continue
            tall = max(share(amount, top), Decimal(1))
            ground -= tall
            bars.append(
                Bar(
                    kind=kind,
                    x=place(width * number + width / 8),
                    y=place(ground),
                    width=place(width * 3 / 4),
                    height=place(tall),
                )
            )
    return bars


def frame(days: Sequence[date], amounts: Sequence[Money]) -> Frame:
    """Axes for as many amounts as days, of which there is at least one."""
    top = find_top(amounts)
    highest = max(range(len(amounts)), key=lambda number: amounts[number].amount)
    peaks = [
        Peak(
            x=place(_middle(number, len(days))),
            y=place(_HEIGHT - share(amounts[number], top)),
            anchor=_anchor(_middle(number, len(days))),
            day=days[number],
            amount=amounts[number],
        )
        for number in (highest, len(days) - 1)
    ]
    return Frame(lines=list(_rule(top)), ticks=list(_name(days)), first=days[0], highest=peaks[0], last=peaks[1])


def find_top(amounts: Sequence[Money]) -> Money:
    """The next round figure that none of them is above."""
    highest = max(amount.amount for amount in amounts)
    if highest <= 0:
        return Money(1, amounts[0].currency)
    unit = Decimal(1).scaleb(highest.adjusted())
    return Money(next((step * unit for step in _LINES if highest <= step * unit), 10 * unit), amounts[0].currency)


def share(amount: Money, top: Money) -> Decimal:
    """How high an amount stands on the field."""
    return max(amount.amount, Decimal(0)) / top.amount * _HEIGHT


def place(number: Decimal) -> str:
    """A coordinate as SVG takes it."""
    return f"{number.quantize(Decimal('0.01'), rounding=ROUND_CEILING).normalize():f}"


def name_day(day: date) -> str:
    """A day in a few letters, in the reader's language."""
    return date_format(day, pgettext("format of a day on a chart", "j M"))


def _rule(top: Money) -> Iterator[Line]:
    """From the ground to the top."""
    unit = Decimal(1).scaleb(top.amount.adjusted())
    parts = _LINES[top.amount / unit]
    for number in range(parts + 1):
        yield Line(y=place(_HEIGHT - Decimal(_HEIGHT) * number / parts), amount=top * number / parts)


def _name(days: Sequence[date]) -> Iterator[Tick]:
    """The last day and others at even distances before it, the earliest first."""
    stride = next((stride for stride in _STRIDES if len(days) <= stride * _MOST_NAMED), len(days))
    named = range(len(days) - 1, -1, -stride)
    is_crowded = len(named) > _MOST_ANYWHERE
    for place_in_row, number in reversed(list(enumerate(named))):
        middle = _middle(number, len(days))
        yield Tick(
            x=place(middle), day=days[number], anchor=_anchor(middle), is_minor=is_crowded and place_in_row % 2 == 1
        )


def _middle(number: int, of: int) -> Decimal:
    """Where in the width the middle of a day's part is."""
    width = Decimal(100) / of
    return width * number + width / 2


def _anchor(middle: Decimal) -> str:
    """Which end of a text stands at its place, so that none sticks out."""
    if middle < 10:  # of 100
        return "start"
    return "end" if middle > 90 else "middle"
