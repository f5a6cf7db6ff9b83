"""The one corridor of outside money: confirm_payment, or confirm_transfer, -> orders.mark_paid -> ledger.post, in one
transaction.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from django.db import transaction

from billing import flags, orders
from billing.arrivals import Arrival, Rate, Source
from billing.models import Flag, Note, Order
from payments import allocations, settlement
from payments.models import Finding, Payment
from payments.stripe_api import CheckoutSession, is_live
from wallet import chart, kill_points
from wallet.models import User


class Fate(Enum):
    """What Stripe's answer means for a payment."""

    WAITING = auto()
    PROCESSING = auto()
    PAID = auto()
    FAILED = auto()
    EXPIRED = auto()
    MISMATCHED = auto()


@dataclass(frozen=True)
class Verdict:
    fate: Fate
    reason: Flag.Reason | None = None


def confirm_payment(*, payment_id: UUID, session: CheckoutSession, by: str, now: datetime) -> Payment:
    """Let the payment and its order become what Stripe says. Repeating it changes nothing.

    `session` was fetched from Stripe just before, outside any transaction. Whether an order is credited is decided
    here and nowhere else, under the locks of payment and order.
    """
    with transaction.atomic(durable=True):
        payment = Payment.objects.select_for_update().get(pk=payment_id)
        order = orders.lock(payment.order_id)
        if payment.state not in {Payment.State.CONFIRMED, Payment.State.MISMATCHED}:  # in these its money is booked
            _apply(judge(payment=payment, order=order, session=session), payment, order, session, by=by, now=now)
        payment.stripe_status = f"{session.status} / {session.payment_status} {session.failure}".strip()[:200]
        payment.payment_intent_id = session.payment_intent_id or payment.payment_intent_id
        payment.asked_at = now
        payment.ask_at = now + _patience(payment, now=now)
        payment.save()
        kill_points.reach("before-payment-commits")
        return payment


def confirm_transfer(*, finding: Finding, by: User, now: datetime) -> Order:
    """Carry out a finding that has all its approvals: its order is credited with what arrived, and what arrived beyond
    it becomes an order of its own.

    Call inside the transaction of the last approval, with transfer and finding locked. Raises `allocations.LineSpent`.
    """
    pieces = allocations.claim(finding, now=now)
    order = orders.lock(finding.transfer.order_id) if finding.transfer else None
    fact = f"finding:{finding.pk}"
    allocations.release(pieces, organisation_id=finding.organisation_id, fact=fact, by=str(by), now=now)
    cut = allocations.split(pieces, at=finding.received - finding.surplus)
    credited = _credit_finding(finding, cut.first, order, by=by, now=now)
    _close(finding, credited, now=now)
    allocations.allocate(cut.first, order=credited, finding=finding, by=str(by), now=now)
    if cut.rest:
        further = Arrival(
            sources=allocations.find_sources(cut.rest, organisation_id=finding.organisation_id),
            credited=finding.surplus_credited,
            note=Note.EXTRA_MONEY,
            rate=_surplus_rate_of(finding),
        )
        follower = orders.credit_further(order=credited, arrival=further, by=str(by), now=now)
        allocations.allocate(cut.rest, order=follower, finding=finding, by=str(by), now=now)
    allocations.hold_rest(pieces, organisation_id=finding.organisation_id, by=str(by), now=now)
    return credited


def judge(*, payment: Payment, order: Order, session: CheckoutSession) -> Verdict:
    """What the session means, without touching anything. Only `paid`, with everything in agreement, is PAID."""
    if session.livemode is not is_live():
        return Verdict(Fate.MISMATCHED, Flag.Reason.WRONG_MODE)
    match (session.payment_status, session.status):
        case ("paid", _):
            reason = _disagreement(payment, order, session)
            return Verdict(Fate.MISMATCHED, reason) if reason else Verdict(Fate.PAID)
        case ("unpaid", "open"):
            return Verdict(Fate.WAITING)
        case ("unpaid", "expired"):
            return Verdict(Fate.EXPIRED)
        case ("unpaid", "complete"):
            refused = session.payment_intent_status in {"requires_payment_method", "canceled"}
            return Verdict(Fate.FAILED if refused else Fate.PROCESSING)
    return Verdict(Fate.MISMATCHED, Flag.Reason.UNKNOWN_STATUS)


def _disagreement(payment: Payment, order: Order, session: CheckoutSession) -> Flag.Reason | None:
    if (session.order_number, session.payment_id) != (order.number, str(payment.pk)):
        return Flag.Reason.WRONG_ORDER
    if session.amount is None or session.held is None or session.payment_intent_status != "succeeded":
        return Flag.Reason.NOTHING_HELD
    if not (session.amount.currency == session.held.currency == payment.amount.currency):
        return Flag.Reason.WRONG_CURRENCY
    if not (session.amount == session.held == payment.amount):
        return Flag.Reason.WRONG_AMOUNT
    return None


def _apply(
    verdict: Verdict, payment: Payment, order: Order, session: CheckoutSession, *, by: str, now: datetime
) -> None:
    match verdict.fate:
        case Fate.PAID:
            payment.credited_order = orders.mark_paid(order=order, arrival=_arrive(payment, order), by=by, now=now)
            payment.state = Payment.State.CONFIRMED
            payment.confirmed_at = now
        case Fate.MISMATCHED if verdict.reason:
            flags.raise_flag(order=order, reason=verdict.reason, now=now, detail=f"{session.id}: {session.amount}")
            if settlement.hold_in_suspense(
                session, organisation_id=order.organisation_id, order_number=order.number, now=now
            ):
                payment.state = Payment.State.MISMATCHED
        case Fate.PROCESSING if payment.is_open:
            payment.state = Payment.State.PROCESSING
            orders.mark_processing(order=order, by=by, now=now)
        case Fate.FAILED if payment.is_open:
            payment.state = Payment.State.FAILED
            orders.mark_failed(order=order, by=by, now=now, detail=session.failure)
        case Fate.EXPIRED if payment.is_open:
            payment.state = Payment.State.EXPIRED
            if payment.cancel_wished_by:
                orders.cancel(order=order, by=payment.cancel_wished_by, now=now)
            else:
                orders.expire(order=order, by=by, now=now)


def _credit_finding(
    finding: Finding, pieces: tuple[allocations.Piece, ...], order: Order | None, *, by: User, now: datetime
) -> Order:
    sources = allocations.find_sources(pieces, organisation_id=finding.organisation_id)
    if finding.fee.amount > 0:
        sources += (Source(code=chart.BANK_CHARGES, amount=finding.fee),)
    arrival = Arrival(
        sources=sources,
        credited=finding.credited,
        note=_note_of(finding),
        detail=finding.reason,
        rate=_rate_of(finding),
    )
    if order is None:
        return orders.credit_unasked(
            organisation_id=finding.organisation_id,
            target=finding.target,
            arrival=arrival,
            assigned_by=finding.made_by,
            now=now,
        )
    if order.paid_at is not None:
        return orders.credit_further(order=order, arrival=replace(arrival, note=Note.EXTRA_MONEY), by=str(by), now=now)
    return orders.mark_paid(order=order, arrival=arrival, by=str(by), now=now)


def _note_of(finding: Finding) -> Note:
    if finding.transfer is None:
        return Note.ASSIGNED
    if finding.surplus.amount > 0:
        return Note.TRANSFER_OVER
    arrived = finding.received + finding.fee
    is_short = arrived.currency == finding.transfer.amount.currency and arrived < finding.transfer.amount
    return Note.TRANSFER_SHORT if is_short else Note.TRANSFER_PAID


def _rate_of(finding: Finding) -> Rate | None:
    if finding.rate is None or finding.rate_at is None:
        return None
    return Rate(value=finding.rate, source=finding.rate_source, at=finding.rate_at)


def _surplus_rate_of(finding: Finding) -> Rate | None:
    if finding.surplus_rate is None or finding.surplus_rate_at is None:
        return None
    return Rate(value=finding.surplus_rate, source=finding.surplus_rate_source, at=finding.surplus_rate_at)


def _close(finding: Finding, credited: Order, *, now: datetime) -> None:
    """From here on the database lets nothing of the finding be changed, and lets its lines be allocated."""
    finding.done_at, finding.credited_order = now, credited
    finding.save(update_fields=["done_at", "credited_order"])
    if finding.transfer:
        transfer = finding.transfer
        transfer.confirmed_at = transfer.confirmed_at or now
        transfer.taken_by = transfer.taken_until = None
        transfer.save(update_fields=["confirmed_at", "taken_by", "taken_until"])


def _arrive(payment: Payment, order: Order) -> Arrival:
    return Arrival(
        sources=(Source(code=chart.STRIPE_CLEARING, amount=payment.amount),),
        credited=order.credited,
        note=Note.CARD_PAID,
    )


def _patience(payment: Payment, *, now: datetime) -> timedelta:
    """How long until Stripe is asked again: every minute at first, a tenth of the age later, ten minutes at most."""
    age = now - payment.created_at
    return max(timedelta(seconds=55), min(age / 10, timedelta(minutes=10)))
