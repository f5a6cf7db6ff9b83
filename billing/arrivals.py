"""Money that arrived for an order, as whoever books it describes it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from djmoney.money import Money

from billing.models import Note


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where money that arrived comes from in the ledger: an account of the organisation, and how much."""

    code: str
    amount: Money


@dataclass(frozen=True, kw_only=True)
class Rate:
    """At which rate money was converted, written as 1 USD = `value` CNY, and whose rate that is."""

    value: Decimal
    source: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """Money that arrived for an order. `sources`, of one currency, are together what it was paid with; `credited` is
    what its target gets for that; `note` and `detail` tell the timeline why.
    """

    sources: tuple[Source, ...]
    credited: Money
    note: Note
    detail: str = ""
    rate: Rate | None = None

    @property
    def paid(self) -> Money:
        total: Money = sum((source.amount for source in self.sources[1:]), start=self.sources[0].amount)
        return total
