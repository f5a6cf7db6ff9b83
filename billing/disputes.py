"""Disputes: what Stripe says of one becomes true here, and its money is booked, whatever the balance holds.

Money of a dispute that leaves Stripe is taken from the balance that the payment credited, then from the wallet; what is
missing the customer owes. Money that comes back pays what is still owed, takes back what was written off, and then goes
where it was taken from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_noop
from djmoney.money import Money

from billing import aftermath, card_blocks, dispute_postings, flags, refunds
from billing.dispute_postings import Moved, Parts
from billing.models import Dispute, DisputeMovement, Flag, Note, Order
from wallet import chart, ledger
from wallet.models import Account
from wallet.money import WALLET_CURRENCY

_TRIES: Final = 4
"""How often what is there is read anew when somebody spends it meanwhile; then the customer owes all but what is
released here.
"""

_ENDS_REFUNDS: Final = gettext_noop("The card's holder disputed the payment, and the card's bank took the money back.")

_FACTS = ("order", "state", "reason", "amount", "evidence_due_at", "has_evidence", "asked_at", "ended_at")
_SUMS = ("code", "fee", "is_withdrawn", "from_target", "from_wallet", "debt", "written_off")


@dataclass(frozen=True, kw_only=True)
class Told:
    """A dispute as Stripe has it now. `state` is None where Stripe's word for it, `status`, is none that we know."""

    stripe_id: str
    state: Dispute.State | None
    status: str
    reason: str
    amount: Money
    opened_at: datetime
    evidence_due_at: datetime | None
    has_evidence: bool
    moved: tuple[Moved, ...]


def follow(*, order_id: UUID, told: Told, by: str, now: datetime, held_in: str = "") -> Dispute:
    """Let a dispute and the order of its payment become what Stripe says. Repeating it changes nothing.

    `told` was fetched from Stripe just before. `held_in` is the account that holds the payment's money where it
    credited no order. Money that moved is booked, whatever else is odd.
    """
    with transaction.atomic(durable=True):
        order = aftermath.lock_bearer(order_id)
        dispute = Dispute.objects.select_for_update().filter(stripe_id=told.stripe_id).first()
        known = dispute.state if dispute else ""
        dispute = dispute or _open(order, told, now=now)
        _keep_facts(dispute, order, told, now=now)
        booked = _book(dispute, order, _bookable(dispute, told), held_in=held_in, by=by, now=now)
        _raise_flags(dispute, order, told, booked, known=known, now=now)
        _block_cards(dispute, booked, now=now)
        if note := _note_of(dispute, booked, known=known):
            aftermath.restate(order=order, note=note, by=by, now=now)
        return dispute


def _open(order: Order, told: Told, *, now: datetime) -> Dispute:
    return Dispute.objects.create(
        organisation_id=order.organisation_id,
        order=order,
        stripe_id=told.stripe_id,
        amount=told.amount,
        fee=Money(0, told.amount.currency),
        code=order.target,
        opened_at=told.opened_at,
        asked_at=now,
    )


def _keep_facts(dispute: Dispute, order: Order, told: Told, *, now: datetime) -> None:
    """What Stripe says beside its money; an unknown word for the state leaves that as it was."""
    if dispute.asked_at <= now:  # an older answer never takes the place of a newer one
        state = told.state or Dispute.State(dispute.state)
        dispute.state, dispute.reason = state, told.reason[:60]
        dispute.ended_at = None if dispute.is_undecided else dispute.ended_at or now
        dispute.evidence_due_at, dispute.has_evidence = told.evidence_due_at, told.has_evidence
        dispute.asked_at = now
        if told.amount.currency == dispute.amount.currency:
            dispute.amount = told.amount
    if not dispute.is_withdrawn:  # an inquiry may have come before the correction
        dispute.order = order
    dispute.save(update_fields=_FACTS)


def _bookable(dispute: Dispute, told: Told) -> list[Moved]:
    """What Stripe moved and we have not booked yet. Another currency than the payment's and the wallet's has no
    posting.
    """
    done = set(dispute.movements.values_list("transaction_id", flat=True))
    return [moved for moved in told.moved if moved.transaction_id not in done and _is_ours(dispute, moved)]


def _is_ours(dispute: Dispute, moved: Moved) -> bool:
    currencies = {moved.amount.currency.code, moved.fee.currency.code, dispute.amount.currency.code}
    return currencies == {WALLET_CURRENCY}


def _book(
    dispute: Dispute, order: Order, moved: Sequence[Moved], *, held_in: str, by: str, now: datetime
) -> list[DisputeMovement]:
    """Post what moved, with what is there at that very moment, and keep how the dispute stands then."""
    if not moved:
        return []
    code = dispute.code if dispute.is_withdrawn else held_in or order.target
    conceded = _end_waiting_refunds(order, moved, code=code, by=by, now=now)
    released = {order.target: Decimal(conceded.amount.amount)}
    for holds in (*(_read_holds(order, code, released) for _ in range(_TRIES)), released):
        plan = dispute_postings.plan(
            moved, parts=Parts.of(dispute), code=code, holds=holds, order_number=order.number, by=by
        )
        try:
            with transaction.atomic():  # what the ledger refuses must not end the transaction
                ledger.post(organisation_id=order.organisation_id, drafts=[*conceded.drafts, *plan.drafts], now=now)
        except ledger.InsufficientFunds:
            continue
        break
    dispute.code = code
    plan.parts.put_into(dispute)
    dispute.fee += sum((each.fee for each in moved), Money(0, dispute.amount.currency))
    dispute.save(update_fields=_SUMS)
    return DisputeMovement.objects.bulk_create(
        DisputeMovement(
            organisation_id=order.organisation_id,
            dispute=dispute,
            transaction_id=step.moved.transaction_id,
            kind=step.kind,
            amount=abs(step.moved.amount),
            fee=step.moved.fee,
            owed=step.owed,
            at=now,
        )
        for step in plan.steps
    )


def _end_waiting_refunds(
    order: Order, moved: Sequence[Moved], *, code: str, by: str, now: datetime
) -> refunds.Concession:
    """What only waits for approval gives way to a withdrawal: nothing is refunded while the card's bank has the money,
    and nobody shall owe what lies set aside for himself. Money that credited nobody is not what a refund gives back.
    """
    is_taken = code != chart.SUSPENSE and any(each.amount.amount < 0 for each in moved)
    waiting = refunds.lock_waiting(order) if is_taken else []
    return refunds.give_way(waiting, order=order, note=Note.REFUND_GAVE_WAY, failure=_ENDS_REFUNDS, by=by, now=now)


def _read_holds(order: Order, code: str, released: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """What the balance and the wallet hold now, with what is about to be released. Money that credited nobody is
    missing in no wallet.
    """
    codes = [code] if code == chart.SUSPENSE else [code, chart.WALLET]
    currency = order.credited.currency.code
    return {
        each: Account.objects.balance(organisation_id=order.organisation_id, code=each, currency=currency).amount
        + released.get(each, 0)
        for each in codes
    }


def _raise_flags(
    dispute: Dispute, order: Order, told: Told, booked: Sequence[DisputeMovement], *, known: str, now: datetime
) -> None:
    is_news = not known or any(each.kind == DisputeMovement.Kind.WITHDRAWN for each in booked)
    if is_news and (dispute.is_withdrawn or dispute.is_undecided):
        flags.raise_flag(order=order, reason=Flag.Reason.DISPUTED, detail=dispute.stripe_id, now=now)
    strange = [moved.transaction_id for moved in told.moved if not _is_ours(dispute, moved)]
    if told.state is None:
        strange.append(told.status)
    if strange:
        detail = f"{dispute.stripe_id}: {', '.join(strange)}"
        flags.raise_flag(order=order, reason=Flag.Reason.DISPUTE_UNCLEAR, detail=detail, now=now)


def _block_cards(dispute: Dispute, booked: Sequence[DisputeMovement], *, now: datetime) -> None:
    if dispute.is_withdrawn and any(each.kind == DisputeMovement.Kind.WITHDRAWN for each in booked):
        card_blocks.block(dispute, now=now)
    elif not dispute.is_withdrawn and dispute.state in {Dispute.State.WON, Dispute.State.CLOSED}:
        card_blocks.lift_won(dispute, now=now)


def _note_of(dispute: Dispute, booked: Sequence[DisputeMovement], *, known: str) -> Note | None:
    """What the timeline has to tell; None when nothing happened that its customer would notice."""
    kinds = {each.kind for each in booked}
    is_lost = dispute.is_withdrawn and dispute.state == Dispute.State.LOST
    if DisputeMovement.Kind.REINSTATED in kinds and not dispute.is_withdrawn:
        return Note.REINSTATED
    if kinds - {DisputeMovement.Kind.FEE}:
        return Note.DISPUTE_LOST if is_lost else Note.DISPUTED
    if dispute.state == known:
        return None
    if is_lost:
        return Note.DISPUTE_LOST
    return {Dispute.State.INQUIRY: Note.DISPUTE_ASKED, Dispute.State.CLOSED: Note.DISPUTE_CLOSED}.get(
        Dispute.State(dispute.state)
    )
