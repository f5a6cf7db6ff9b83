"""Growth: each thing measured again while the database grows to ten and a hundred times as much."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from tests.bench import data, pages, passes, posting
from tests.bench.data import Trader
from tests.bench.rounds import Line, measure, take_turns
from wallet.models import User

_AUDIT: Final = "the audit, a million entries"


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One thing at each size: values of the rounds. `unit` tells what belongs into one chart."""

    what: str
    unit: str
    sizes: list[int] = field(default_factory=list)
    values: list[list[float]] = field(default_factory=list)


def grow(trader: Trader, spenders: Sequence[UUID], payer: User, *, now: datetime) -> list[Curve]:
    """Fills the database to each of the sizes, and measures there."""
    curves: dict[str, Curve] = {}
    for size in data.SIZES:
        data.grow(trader, to=size, now=now)
        for what, unit, values in _measure(trader, spenders, payer):
            curve = curves.setdefault(what, Curve(what=what, unit=unit))
            curve.sizes.append(size)
            curve.values.append(list(values))
    return list(curves.values())


def _measure(trader: Trader, spenders: Sequence[UUID], payer: User) -> list[tuple[str, str, Sequence[float]]]:
    confirmed = partial(posting.confirming, spenders[0], payer)
    posted, whole = take_turns(lambda: 1000 / posting.posted(spenders[:1]), lambda: measure([confirmed]).median)
    shown = pages.first_pages(trader)
    return [
        ("ledger.post", "ms", posted),
        ("confirmed payment to PAID", "ms", whole),
        *((name, "ms", values) for name, values in zip(shown, take_turns(*shown.values()), strict=True)),
        (_AUDIT, "s", [passes.time_audit(trader)]),
    ]


def compare(curves: Sequence[Curve]) -> list[Line]:
    """The largest size beside the smallest."""
    return [
        Line(
            subject="growth",
            what=f"{curve.what}, with {curve.sizes[-1]:,} postings",
            unit=curve.unit,
            values=curve.values[-1],
            beside=f"with {curve.sizes[0]:,} postings",
            floors=curve.values[0],
        )
        for curve in curves
    ]


def find_audit(curves: Sequence[Curve]) -> list[float]:
    """Its seconds at the largest size; none if growth was not measured."""
    return next((curve.values[-1] for curve in curves if curve.what == _AUDIT), [])
