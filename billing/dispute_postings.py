"""What the money of a dispute becomes in the ledger, reckoned from what it moved and what is there to take it from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from djmoney.money import Money

from billing.models import Dispute, DisputeMovement
from wallet import chart, ledger

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A balance transaction of a dispute: `amount` below zero was taken from us, above zero given back; `fee` above
    zero was charged, below zero given back.
    """

    transaction_id: str
    amount: Money
    fee: Money


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Where the money that is with the card's bank was taken from."""

    from_target: Decimal = _ZERO
    from_wallet: Decimal = _ZERO
    debt: Decimal = _ZERO
    written_off: Decimal = _ZERO

    @classmethod
    def of(cls, dispute: Dispute) -> "Parts":
        return cls(
            from_target=dispute.from_target,
            from_wallet=dispute.from_wallet,
            debt=dispute.debt,
            written_off=dispute.written_off,
        )

    @property
    def sum(self) -> Decimal:
        return self.from_target + self.from_wallet + self.debt + self.written_off

    def put_into(self, dispute: Dispute) -> None:
        dispute.from_target, dispute.from_wallet = self.from_target, self.from_wallet
        dispute.debt, dispute.written_off = self.debt, self.written_off
        dispute.is_withdrawn = self.sum > 0


@dataclass(frozen=True, kw_only=True)
class Step:
    """One movement, and what is owed after it."""

    moved: Moved
    kind: DisputeMovement.Kind
    owed: Decimal


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be posted, and how the parts stand then."""

    parts: Parts
    drafts: list[ledger.Draft] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


def plan(
    movements: Iterable[Moved], *, parts: Parts, code: str, holds: Mapping[str, Decimal], order_number: str, by: str
) -> Plan:
    """The postings of these movements, one after the other. `code` is the balance that the payment credited, `holds`
    what it and the wallet hold; what is missing there is owed.
    """
    drafts: list[ledger.Draft] = []
    steps: list[Step] = []
    left = dict(holds)
    for moved in movements:
        kind, after = _apply(moved, parts, code=code, holds=left)
        lines = _lines(moved.amount, parts, after, code=code)
        for part_of_key, name, found in (("", _NAMES[kind], lines), (":fee", "DISPUTE_FEE", _fee_lines(moved.fee))):
            if found:
                key = f"dispute:{moved.transaction_id}{part_of_key}"
                drafts.append(ledger.Draft(key=key, kind=name, lines=found, order_number=order_number, by=by))
        steps.append(Step(moved=moved, kind=kind, owed=after.debt))
        parts = after
    return Plan(parts=parts, drafts=drafts, steps=steps)


_NAMES: Final = {
    DisputeMovement.Kind.WITHDRAWN: "DISPUTE",
    DisputeMovement.Kind.REINSTATED: "DISPUTE_WON",
    DisputeMovement.Kind.FEE: "DISPUTE_FEE",
}


def _apply(moved: Moved, parts: Parts, *, code: str, holds: dict[str, Decimal]) -> tuple[DisputeMovement.Kind, Parts]:
    amount = moved.amount.amount
    if amount < 0:
        return DisputeMovement.Kind.WITHDRAWN, _take(-amount, parts, code=code, holds=holds)
    if amount > 0:
        return DisputeMovement.Kind.REINSTATED, _give_back(amount, parts, code=code, holds=holds)
    return DisputeMovement.Kind.FEE, parts


def _take(amount: Decimal, parts: Parts, *, code: str, holds: dict[str, Decimal]) -> Parts:
    """First of the balance credited, then of the wallet; the rest is owed. `holds` shrinks by what is taken."""
    from_target = _draw(holds, code, amount) if code != chart.WALLET else _ZERO
    from_wallet = _draw(holds, chart.WALLET, amount - from_target)
    return replace(
        parts,
        from_target=parts.from_target + from_target,
        from_wallet=parts.from_wallet + from_wallet,
        debt=parts.debt + amount - from_target - from_wallet,
    )


def _draw(holds: dict[str, Decimal], code: str, amount: Decimal) -> Decimal:
    drawn = min(holds.get(code, _ZERO), amount)
    holds[code] = holds.get(code, _ZERO) - drawn
    return drawn


def _give_back(amount: Decimal, parts: Parts, *, code: str, holds: dict[str, Decimal]) -> Parts:
    """First what is owed, then what was written off, then the wallet, then the balance credited: the reverse of how it
    was taken.
    """
    debt = min(parts.debt, amount)
    written_off = min(parts.written_off, amount - debt)
    from_wallet = min(parts.from_wallet, amount - debt - written_off)
    from_target = min(parts.from_target, amount - debt - written_off - from_wallet)
    holds[chart.WALLET] = holds.get(chart.WALLET, _ZERO) + from_wallet
    holds[code] = holds.get(code, _ZERO) + from_target
    return Parts(
        from_target=parts.from_target - from_target,
        from_wallet=parts.from_wallet - from_wallet,
        debt=parts.debt - debt,
        written_off=parts.written_off - written_off,
    )


def _lines(amount: Money, before: Parts, after: Parts, *, code: str) -> tuple[ledger.Line, ...]:
    """One line for each part that changed, and Stripe's. What comes back beyond all parts is the credited balance's."""
    beyond = min(before.sum - after.sum - amount.amount, _ZERO)
    changes = (
        (code, after.from_target - before.from_target + beyond),
        (chart.WALLET, after.from_wallet - before.from_wallet),
        (chart.RECEIVABLE, after.debt - before.debt),
        (chart.CHARGEBACKS, after.written_off - before.written_off),
    )
    lines = [_line(of, change, amount) for of, change in changes if change]
    return (*lines, _line(chart.STRIPE_CLEARING, amount.amount, amount)) if lines else ()


def _fee_lines(fee: Money) -> tuple[ledger.Line, ...]:
    if not fee.amount:
        return ()
    return _line(chart.CHARGEBACKS, fee.amount, fee), _line(chart.STRIPE_CLEARING, -fee.amount, fee)


def _line(code: str, change: Decimal, like: Money) -> ledger.Line:
    """A debit by what is above zero, a credit by what is below."""
    side = ledger.debit if change > 0 else ledger.credit
    return side(code, Money(abs(change), like.currency))
