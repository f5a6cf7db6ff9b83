"""What a figure of a daily close consists of, one by one, as it is known now."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from uuid import UUID

from moneyed import CURRENCIES

from payments.closing import sides
from payments.closing.measures import SIDES_OF, Measure, sign_of


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What one side says of one measure in one currency on a business day."""

    day: date
    measure: str
    currency: str
    side: str

    @property
    def is_listed(self) -> bool:
        """Whether it is there, and a sum of what moved on the day."""
        is_there = self.side in SIDES_OF.get(self.measure, ()) and self.currency in CURRENCIES
        return is_there and self.measure != Measure.AT_STRIPE


@dataclass(frozen=True, kw_only=True)
class Item:
    """One order, refund, dispute, movement at Stripe, payout, bank line or posting."""

    thing: str
    id: UUID
    subject: str
    amount: Decimal
    moment: datetime


class Items:
    """The items of a figure, the oldest first, read a slice at a time."""

    def __init__(self, figure: Figure) -> None:
        self._figure = figure
        self._sign = sign_of(figure.measure, figure.side)

    def __len__(self) -> int:
        return int(self._summed[1])

    def __getitem__(self, wanted: slice) -> list[Item]:
        start, stop = wanted.start or 0, wanted.stop or 0
        one = self._figure
        rows = sides.list_rows(
            day=one.day, side=one.side, measure=one.measure, currency=one.currency, offset=start, limit=stop - start
        )
        return [
            Item(thing=thing, id=pk, subject=subject, amount=self._sign * amount, moment=moment)
            for amount, thing, pk, subject, moment in rows
        ]

    @property
    def total(self) -> Decimal:
        return self._sign * Decimal(self._summed[0])

    @cached_property
    def _summed(self) -> tuple[Decimal, int]:
        one = self._figure
        total, count = sides.sum_one(day=one.day, side=one.side, measure=one.measure, currency=one.currency)
        return total, count
