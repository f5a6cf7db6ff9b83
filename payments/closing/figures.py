"""The four sides of a business day beside each other: what orders, Stripe, bank and ledger say moved, by method."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from payments.closing import sides
from payments.closing.measures import SIDES, SIDES_OF, Measure, sign_of
from wallet.money import WALLET_CURRENCY

__all__ = ["SIDES", "Measure", "Row", "compare", "read_row"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measure in one currency; amounts as plain decimal text, None for a side that has nothing to say of it."""

    measure: str
    currency: str
    orders: str | None = None
    stripe: str | None = None
    bank: str | None = None
    ledger: str | None = None
    count: int = 0
    """How many orders, refunds or movements the first side with any has."""

    @property
    def label(self) -> str:
        return str(Measure(self.measure).label)

    @property
    def sides(self) -> list[str | None]:
        return [getattr(self, side) for side in SIDES]

    @property
    def spread(self) -> Decimal:
        """How far the sides are apart."""
        said = [Decimal(amount) for amount in self.sides if amount is not None]
        return max(said) - min(said) if said else Decimal(0)

    @property
    def agrees(self) -> bool:
        """Whether all sides that say anything say the same."""
        return not self.spread


@dataclass(frozen=True, kw_only=True)
class _Said:
    """What one side says of one measure in one currency."""

    measure: str
    currency: str
    side: str
    amount: Decimal
    count: int


def read_row(kept: Mapping[str, Any]) -> Row:
    """A row as it was kept."""
    return Row(**kept)


def compare(day: date) -> list[Row]:
    """One row for each measure and currency in which anything moved; those of cards stand always."""
    cells: dict[tuple[str, str], dict[str, _Said]] = defaultdict(dict)
    for said in _ask(day):
        cells[said.measure, said.currency][said.side] = said
    for measure in (Measure.CARD, Measure.AT_STRIPE, Measure.OFFLINE, Measure.BALANCE):
        cells.setdefault((measure.value, WALLET_CURRENCY), {})
    order = list(Measure.values)
    return [
        _row(measure, currency, cells[measure, currency])
        for measure, currency in sorted(cells, key=lambda cell: (order.index(cell[0]), cell[1] != "USD", cell[1]))
    ]


def _row(measure: str, currency: str, said: Mapping[str, _Said]) -> Row:
    amounts = {side: f"{said[side].amount if side in said else Decimal(0):.2f}" for side in SIDES_OF[measure]}
    count = next((said[side].count for side in SIDES if side in said and said[side].count), 0)
    return Row(measure=measure, currency=currency, count=count, **amounts)


def _ask(day: date) -> Iterator[_Said]:
    for side, measure, currency, amount, count in sides.sum_up(day):
        if amount or count:
            signed = sign_of(measure, side) * amount + 0  # nothing that went out is no "-0.00"
            yield _Said(measure=measure, currency=currency, side=side, amount=signed, count=count)
