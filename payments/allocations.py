"""Bank lines become money once: claimed under lock, taken out of suspense, and allocated to what they were for."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db.models import F
from djmoney.money import Money

from billing.arrivals import Source
from billing.models import Order
from payments import settlement
from payments.models import Allocation, BankAccount, BankLine, Finding, Share
from wallet import bank_numbers, chart
from wallet.models import HOUSE_ID

_NAMED_DAYS: Final = timedelta(days=10)


class LineSpent(Exception):
    """Less is left of a bank line than the finding claims: somebody else's finding was quicker."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of a bank line."""

    line: BankLine
    amount: Money


@dataclass(frozen=True, kw_only=True)
class Split:
    """Pieces cut in two at an amount."""

    first: tuple[Piece, ...]
    rest: tuple[Piece, ...]


def claim(finding: Finding, *, now: datetime) -> list[Piece]:
    """Lock the lines a finding claims, making those that no statement has brought yet. Raises `LineSpent`."""
    shares = list(finding.shares.select_related("account"))
    ids = {share.pk: share.line_id or enter_typed(_describe(share, finding, now=now)).pk for share in shares}
    locked = lock(ids.values())
    totals: dict[UUID, Decimal] = defaultdict(Decimal)  # a line that is chosen and typed too is one line all the same
    for share in shares:
        totals[ids[share.pk]] += share.amount
    pieces = [Piece(line=locked[pk], amount=Money(total, finding.received.currency)) for pk, total in totals.items()]
    for piece in pieces:
        if piece.line.is_reversal or piece.amount > piece.line.rest:
            raise LineSpent(str(piece.line))
    return pieces


def lock(ids: Iterable[UUID]) -> dict[UUID, BankLine]:
    """The lines, for this transaction alone, always in the same order."""
    lines = BankLine.objects.select_for_update(of=("self",)).select_related("account").filter(pk__in=set(ids))
    return {line.pk: line for line in lines.order_by("pk")}


def enter_typed(line: BankLine) -> BankLine:
    """The row of an incoming line as somebody read it at the bank: the one that a statement, or somebody else, has
    brought already (same account, number and amount; of several one that has a rest), or this one, which then waits for
    its statement.
    """
    BankAccount.objects.select_for_update(no_key=True).get(pk=line.account_id)  # no statement comes in between
    if found := _find_named(line):
        return found
    line.direction, line.pile = BankLine.Direction.IN, BankLine.Pile.NONE
    line.booked_on = line.value_on
    line.save(force_insert=True)
    return line


def _find_named(line: BankLine) -> BankLine | None:
    """A number written without its hyphens or leading noughts names the line too, if their days are not far."""
    lines = BankLine.objects.incoming().filter(account=line.account, amount=line.amount.amount)
    near = (line.value_on - _NAMED_DAYS, line.value_on + _NAMED_DAYS)
    number = bank_numbers.loosen(line.bank_reference)
    alike = [one for one in lines.filter(booked_on__range=near) if number == bank_numbers.loosen(one.bank_reference)]
    found = {one.pk: one for one in [*lines.numbered(line.bank_reference), *(alike if number else ())]}
    number = bank_numbers.fold(line.bank_reference)
    return min(
        found.values(),
        key=lambda one: (one.is_reversal, one.rest.amount <= 0, one.folded_number != number, one.occurrence, one.pk),
        default=None,
    )


def split(pieces: Sequence[Piece], *, at: Money) -> Split:
    """The first pieces up to an amount, and what is left."""
    first: list[Piece] = []
    rest: list[Piece] = []
    open_amount = at
    for piece in pieces:
        taken = min(piece.amount, open_amount)
        open_amount -= taken
        if taken.amount > 0:
            first.append(Piece(line=piece.line, amount=taken))
        if taken < piece.amount:
            rest.append(Piece(line=piece.line, amount=piece.amount - taken))
    return Split(first=tuple(first), rest=tuple(rest))


def find_sources(pieces: Iterable[Piece], *, organisation_id: UUID) -> tuple[Source, ...]:
    """The accounts of the organisation that the pieces lie in: its own suspense, else the bank itself."""
    return tuple(
        Source(
            code=chart.SUSPENSE if piece.line.held_by_id == organisation_id else piece.line.account.ledger_code,
            amount=piece.amount,
        )
        for piece in pieces
    )


def release(pieces: Iterable[Piece], *, organisation_id: UUID, fact: str, by: str, now: datetime) -> None:
    """Take what others' suspense holds of the pieces out of it, in the house's first and then in id order."""
    foreign = [piece for piece in pieces if piece.line.held_by_id not in {None, organisation_id}]
    for piece in sorted(foreign, key=lambda piece: (str(piece.line.held_by_id), piece.line.pk)):
        settlement.hand_over(piece.line, piece.amount, fact=fact, by=by, now=now)


def allocate(pieces: Iterable[Piece], *, order: Order, finding: Finding, by: str, now: datetime) -> None:
    """Write down which order the pieces were credited as."""
    for piece in pieces:
        Allocation.objects.create(
            organisation_id=order.organisation_id,
            line=piece.line,
            kind=Allocation.Kind.CREDITED,
            amount=piece.amount.amount,
            order=order,
            finding=finding,
            by=by,
            at=now,
        )


def hold_in_house(line: BankLine, *, by: str, now: datetime) -> None:
    """What is left of an incoming line that the ledger does not know yet goes to the house's suspense. Call it with the
    line locked; repeating it changes nothing.
    """
    if line.held_by_id is None and line.rest.amount > 0:
        settlement.hold_lines([line], organisation_id=HOUSE_ID, by=by, now=now)
        line.held_by_id = HOUSE_ID


def spend_whole(  # noqa: PLR0913  # an allocation as it is written down has that many sides
    line: BankLine,
    *,
    kind: Allocation.Kind,
    organisation_id: UUID,
    note: str,
    by: str,
    now: datetime,
    sends: Allocation | None = None,
) -> None:
    """Write down what all of a line was that no order is credited with: nobody can use it again. Call it with the line
    locked and untouched; whatever it moves is posted by its caller.
    """
    Allocation.objects.create(
        organisation_id=organisation_id,
        line=line,
        kind=kind,
        amount=line.amount.amount,
        sends=sends,
        note=note[:500],
        by=by[:254],
        at=now,
    )
    book_spent([line.pk])


def book_spent(line_ids: Iterable[UUID]) -> None:
    """Those of the lines of which nothing is left lie in the pile of what is booked."""
    spent = BankLine.objects.filter(pk__in=line_ids, allocated=F("amount"))
    spent.update(pile=BankLine.Pile.BOOKED, pile_reason="", pile_detail="")


def hold_rest(pieces: Iterable[Piece], *, organisation_id: UUID, by: str, now: datetime) -> None:
    """Leave nothing of the lines outside the ledger: what is left of one it does not know goes to the house's suspense,
    or, where somebody typed it for the organisation, to the organisation's. Lines without a rest are booked.
    """
    lines = BankLine.objects.select_related("account").filter(pk__in={piece.line.pk for piece in pieces})
    unknown = [line for line in lines if line.held_by_id is None and line.rest.amount > 0]
    if brought := [line for line in unknown if line.is_on_statement]:
        settlement.hold_lines(brought, organisation_id=HOUSE_ID, by=by, now=now)
    if typed := [line for line in unknown if not line.is_on_statement]:
        settlement.hold_lines(typed, organisation_id=organisation_id, by=by, now=now)
    book_spent([line.pk for line in lines])


def _describe(share: Share, finding: Finding, *, now: datetime) -> BankLine:
    if share.account is None or share.value_on is None or share.line_amount is None:
        raise ValueError("a share without a line describes one")
    return BankLine(
        account=share.account,
        amount=Money(share.line_amount, share.account.currency),
        value_on=share.value_on,
        bank_reference=share.bank_reference,
        payer_name=share.payer_name,
        entered_by=finding.made_by,
        created_at=now,
    )
