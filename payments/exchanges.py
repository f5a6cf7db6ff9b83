"""What an exchange of currencies at the bank comes to: its rate, what the money that left had cost, gain or loss."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.db.models import Sum
from djmoney.money import Money

from billing import rates
from payments.models import BankLine
from wallet import chart
from wallet.models import Account
from wallet.money import WALLET_CURRENCY, round_half_up

EXCHANGED: Final = "CNY"
"""The currency that is taken in and exchanged for that of the wallets."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """What one exchange comes to, as things are now."""

    gone: Money
    came: Money
    cost: Money
    """What the money that left had cost: what customers were credited for it, on the average of all that is open."""
    rate: Decimal
    """That of the bank: 1 USD in CNY."""
    comparison: rates.Comparison

    @property
    def result(self) -> Money:
        """The gain, or below zero the loss."""
        return self.came - self.cost


@dataclass(frozen=True, kw_only=True)
class Position:
    """What of the conversions at top-ups was never exchanged at the bank, over all organisations."""

    taken_in: Money
    """In yuan, below zero when more was exchanged than taken in."""
    credited: Money
    """What customers were credited for it."""


def foresee(gone: BankLine, came: BankLine) -> Exchange:
    """What an exchange comes to, as things are now."""
    rate = find_rate(gone, came)
    return Exchange(
        gone=gone.amount,
        came=came.amount,
        cost=find_cost(gone.amount, came=came.amount, position=read_position()),
        rate=rate,
        comparison=rates.compare(rate=rate),
    )


def find_rate(gone: BankLine, came: BankLine) -> Decimal:
    """The bank's own: 1 USD in CNY."""
    return (gone.amount.amount / came.amount.amount).quantize(Decimal("0.000001"))


def read_position() -> Position:
    """What is open, summed over all organisations."""
    rows = Account.objects.filter(code=chart.FX).values("currency").annotate(total=Sum("balance")).order_by("currency")
    totals = {row["currency"]: row["total"] for row in rows}
    return Position(
        taken_in=Money(totals.get(EXCHANGED, 0), EXCHANGED),
        credited=Money(-totals.get(WALLET_CURRENCY, 0), WALLET_CURRENCY),
    )


def find_cost(gone: Money, *, came: Money, position: Position) -> Money:
    """What the money that left had cost: its part of what was credited for all that is open. What was never taken in
    from a customer has cost what it brought.
    """
    if position.taken_in.amount <= 0 or position.credited.amount < 0:
        return came
    covered = min(gone, position.taken_in)
    cost = position.credited * (covered.amount / position.taken_in.amount)
    own = came * ((gone - covered).amount / gone.amount)
    return round_half_up(cost + own)
