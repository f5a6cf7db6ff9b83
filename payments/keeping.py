"""Money that came for a transfer, but not all of it: kept in the organisation's own suspense until the rest arrives."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from djmoney.money import Money

from billing import orders
from billing.models import Order, State
from payments import allocations, desk, settlement, transfers
from payments.appraisals import Claim, FactsRefused, TypedLine
from payments.models import BankLine, DeskAct, Transfer
from wallet.models import HOUSE_ID, User
from wallet.money import labelled


def keep_part(*, transfer_id: UUID, claims: Sequence[Claim], by: User, now: datetime) -> list[BankLine]:
    """Keep whole bank lines for the transfer, which goes on waiting; returns those kept now, not before.

    Repeating it changes nothing. What was found so far is void. Raises `desk.TakenBySomebodyElse`,
    `desk.OwnOrganisation`, `desk.NotInReview` and `FactsRefused`: then nothing happened.
    """
    with transaction.atomic(durable=True):
        transfer = transfers.lock(transfer_id)
        desk.check_stranger(by, transfer.organisation_id)
        desk.check_free(transfer, by=by, now=now)
        lines = _lock_lines(claims, by=by, now=now)
        order = orders.lock(transfer.order_id)
        if order.state != State.IN_REVIEW:
            raise desk.NotInReview(transfer.reference)
        before = list_kept(transfer)
        fresh = [line for line in lines if line.pk not in {kept.pk for kept in before}]
        if not fresh:
            return []
        _check_short(transfer, [*before, *fresh])
        _hold(fresh, transfer, by=by, now=now)
        transfer.findings.open().update(superseded_at=now)
        _tell(transfer, order, fresh, by=by, now=now)
        desk.let_go(transfer)
        return fresh


def list_kept(transfer: Transfer) -> list[BankLine]:
    """The lines kept for a transfer of which something is left."""
    lines = BankLine.objects.with_rest().filter(kept_for=transfer)
    return list(lines.select_related("account", "file", "held_by").order_by("booked_on", "pk"))


def _lock_lines(claims: Sequence[Claim], *, by: User, now: datetime) -> list[BankLine]:
    """The lines, making those that are on no statement yet. Only whole ones: a line has one keeper."""
    if not claims:
        raise FactsRefused(_("Choose the bank lines it came with, or write down what the bank received."))
    amounts = {(claim.line.pk if claim.line else _enter(claim.typed, by=by, now=now)): claim.amount for claim in claims}
    lines = list(allocations.lock(amounts).values())
    for line in lines:
        if line.direction != BankLine.Direction.IN or line.is_reversal:
            raise FactsRefused(_("This bank line is not money that came in."))
        if amounts[line.pk] != line.rest:
            raise FactsRefused(
                _("Only what is left of a line can be kept, all of it: %(rest)s.") % {"rest": labelled(line.rest)}
            )
    return lines


def _enter(typed: TypedLine | None, *, by: User, now: datetime) -> UUID:
    if typed is None or not typed.bank_reference:
        raise FactsRefused(_("Write the bank's number of the transfer, so that the statement finds it again."))
    described = BankLine(
        account=typed.account,
        amount=typed.amount,
        value_on=typed.value_on,
        bank_reference=typed.bank_reference,
        payer_name=typed.payer_name,
        entered_by=by,
        created_at=now,
    )
    return allocations.enter_typed(described).pk


def _check_short(transfer: Transfer, lines: Iterable[BankLine]) -> None:
    rests = [line.rest for line in lines]
    if any(rest.currency != transfer.amount.currency for rest in rests):
        raise FactsRefused(_("Only money in the currency asked for can be a part of it."))
    if sum((rest.amount for rest in rests), start=transfer.amount.amount * 0) >= transfer.amount.amount:
        raise FactsRefused(_("This is all that was asked for: nothing is missing to wait for. Record it for approval."))


def _hold(lines: Sequence[BankLine], transfer: Transfer, *, by: User, now: datetime) -> None:
    """Into the organisation's own suspense: what the house holds is handed over first, the rest is new."""
    organisation_id = transfer.organisation_id
    if any(line.held_by_id not in {None, HOUSE_ID, organisation_id} for line in lines):
        raise FactsRefused(_("This money is kept for another organisation; assign it on the bank line's own page."))
    of_house = [line for line in lines if line.held_by_id == HOUSE_ID]
    facts = {line.pk: f"transfer:{transfer.pk}:kept:{_count_kept(line)}" for line in of_house}
    for line in of_house:
        settlement.hand_over(line, line.rest, fact=facts[line.pk], by=str(by), now=now)
    for line in of_house:
        settlement.take_over(line, line.rest, organisation_id=organisation_id, fact=facts[line.pk], by=str(by), now=now)
    if unknown := [line for line in lines if line.held_by_id is None]:
        settlement.hold_lines(unknown, organisation_id=organisation_id, by=str(by), now=now)
    kept = BankLine.objects.filter(pk__in=[line.pk for line in lines])
    kept.update(held_by_id=organisation_id, kept_for_id=transfer.pk)


def _count_kept(line: BankLine) -> int:
    """So that a line which was kept, let go and is kept again has a fact of its own."""
    return DeskAct.objects.filter(line=line, kind=DeskAct.Kind.KEPT).count()


def _tell(transfer: Transfer, order: Order, lines: Sequence[BankLine], *, by: User, now: datetime) -> None:
    for line in lines:
        desk.log(DeskAct.Kind.KEPT, by=by, now=now, transfer=transfer, line=line, detail=labelled(line.rest))
    kept = sum((line.rest.amount for line in list_kept(transfer)), start=transfer.amount.amount * 0)
    arrived = Money(kept, transfer.amount.currency)
    orders.note_part(order=order, by=str(by), detail=f"{labelled(arrived)} / {labelled(transfer.amount)}", now=now)
