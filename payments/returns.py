"""Money in suspense that is nobody's to be credited with: sent back, or the same money as a line typed by hand.

What was sent back is posted when it is recorded; the statement's line that shows it is found later, and spent on it.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from djmoney.money import Money

from payments import allocations, desk, outgoing, settlement, sightings
from payments.models import Allocation, BankLine, DeskAct
from wallet.models import HOUSE_ID, User
from wallet.money import labelled


class NotInSuspense(Exception):
    """Less is left of the line than is to be sent back, or it is not money that came in."""


class NotSentBack(Exception):
    """The line is not what was recorded as sent back, or one of them was recognised before."""


class NotTheSame(Exception):
    """The two lines cannot be one movement at the bank, or the other was recognised before."""


def send_back(
    *, line_id: UUID, amount: Money, note: str, by: User, now: datetime, seen: str | None = None
) -> Allocation:
    """Record that the bank sent money of a line back. `seen` is the `sightings.of_line` that the page showed.

    Raises `NotInSuspense` and `sightings.ChangedMeanwhile`; then nothing is booked.
    """
    with transaction.atomic(durable=True):
        line = _lock_held(line_id, now=now)
        sightings.check(sightings.of_line(line), seen=seen)
        if not note or amount.currency != line.amount.currency or not 0 < amount.amount <= line.rest.amount:
            raise NotInSuspense(str(line))
        allocation = _allocate(line, amount, kind=Allocation.Kind.RETURNED, note=note, by=by, now=now)
        settlement.send_back(line, amount, fact=f"returned:{allocation.pk}", by=str(by), note=note, now=now)
        desk.log(DeskAct.Kind.RETURNED, by=by, now=now, line=line, detail=f"{labelled(amount)}: {note}")
        allocations.book_spent([line.pk])
        return allocation


def confirm_sent(*, line_id: UUID, allocation_id: UUID, by: User, now: datetime) -> Allocation:
    """Recognise the statement's line of money that was recorded as sent back; returns what was recorded. Nothing is
    posted: that was done with the record. Repeating it changes nothing. Raises `NotSentBack`.
    """
    with transaction.atomic(durable=True):
        line = _lock_both(line_id, allocation_id)
        if done := Allocation.objects.filter(sent_as__line=line, pk=allocation_id).first():
            return done
        sent = next((one for one in outgoing.list_sent(line) if one.pk == allocation_id), None)
        if sent is None:
            raise NotSentBack(str(line))
        _spend_on(line, sent, by=str(by), now=now)
        desk.log(DeskAct.Kind.SENT, by=by, now=now, line=line, detail=f"{sent.line.bank_reference}: {sent.note}")
        return sent


def match_sent(*, now: datetime, limit: int = 1000) -> int:
    """Recognise the lines of money sent back that are beyond doubt; returns how many. Any number of workers may call it
    at once.
    """
    recorded = Allocation.objects.filter(kind=Allocation.Kind.RETURNED, sent_as=None)
    free = outgoing.list_free().filter(amount__in=recorded.values("amount"))
    return sum(_match(line, now=now) for line in list(free.order_by("booked_on", "id")[:limit]))


def mark_same(*, line_id: UUID, same_as_id: UUID, by: User, now: datetime, seen: str | None = None) -> Allocation:
    """Recognise a statement's line as the money of a line typed by hand, which is at the bank once. Repeating it gives
    the first answer. `seen` is the `sightings.of_line` that the page showed. Raises `NotTheSame` and
    `sightings.ChangedMeanwhile`; then nothing is booked.
    """
    with transaction.atomic(durable=True):
        line = _lock_held(line_id, now=now, besides=same_as_id)
        done = Allocation.objects.filter(line=line, same_as_id=same_as_id).first()
        if done:
            return done
        sightings.check(sightings.of_line(line), seen=seen)
        typed = BankLine.objects.get(pk=same_as_id)
        if not _can_be_same(line, typed):
            raise NotTheSame(str(line))
        note = f"{typed.bank_reference} {typed.value_on.isoformat()}"
        allocation = _allocate(line, line.rest, kind=Allocation.Kind.SAME, note=note, by=by, now=now, same_as=typed)
        settlement.send_back(line, line.rest, fact=f"same:{typed.pk}", by=str(by), note=f"same as {note}", now=now)
        desk.log(DeskAct.Kind.SAME, by=by, now=now, line=line, detail=f"{labelled(line.rest)}: {note}")
        allocations.book_spent([line.pk])
        return allocation


def _match(line: BankLine, *, now: datetime) -> bool:
    found = outgoing.find_sent(line)
    if found is None or outgoing.suggest_refunds(line):
        return False
    with transaction.atomic():
        locked = _lock_both(line.pk, found.pk)
        sent = outgoing.find_sent(locked)
        if sent is None:
            return False
        _spend_on(locked, sent, by="InnoPaaS", now=now)
        return True


def _lock_both(line_id: UUID, allocation_id: UUID) -> BankLine:
    """The line that went out, for this transaction alone, and the one whose money was sent back with it: so nobody else
    recognises another line as that money.
    """
    came_id = Allocation.objects.values_list("line_id", flat=True).get(pk=allocation_id)
    return allocations.lock({line_id, came_id})[line_id]


def _spend_on(line: BankLine, sent: Allocation, *, by: str, now: datetime) -> None:
    allocations.spend_whole(
        line,
        kind=Allocation.Kind.SENT,
        organisation_id=sent.organisation_id,
        note=sent.note,
        by=by,
        now=now,
        sends=sent,
    )


def _lock_held(line_id: UUID, *, now: datetime, besides: UUID | None = None) -> BankLine:
    """The line, in the ledger; one that the ledger does not know yet is put there first."""
    line = allocations.lock({line_id, besides or line_id})[line_id]
    if line.direction != BankLine.Direction.IN:
        raise NotInSuspense(str(line))
    allocations.hold_in_house(line, by="InnoPaaS", now=now)
    return line


def _can_be_same(line: BankLine, typed: BankLine) -> bool:
    is_fresh = line.is_on_statement and line.rest == line.amount
    is_waiting = not typed.is_on_statement and not Allocation.objects.filter(same_as=typed).exists()
    is_alike = (line.account_id, line.amount) == (typed.account_id, typed.amount)
    return is_fresh and is_waiting and is_alike and typed.direction == BankLine.Direction.IN


def _allocate(  # noqa: PLR0913  # an allocation as it is written down has that many sides
    line: BankLine,
    amount: Money,
    *,
    kind: Allocation.Kind,
    note: str,
    by: User,
    now: datetime,
    same_as: BankLine | None = None,
) -> Allocation:
    return Allocation.objects.create(
        organisation_id=line.held_by_id or HOUSE_ID,
        line=line,
        kind=kind,
        amount=amount.amount,
        same_as=same_as,
        note=note[:500],
        by=str(by),
        at=now,
    )
