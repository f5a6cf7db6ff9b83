"""The one corridor of outside money: confirm_payment -> orders.mark_paid -> ledger.post, in one transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from django.db import transaction

from billing import flags, orders
from billing.models import Flag, Order
from payments import settlement
from payments.models import Payment
from payments.stripe_api import CheckoutSession, is_live
from wallet import chart


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
        return payment


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
            payment.credited_order = orders.mark_paid(order=order, into=chart.STRIPE_CLEARING, by=by, now=now)
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


def _patience(payment: Payment, *, now: datetime) -> timedelta:
    """How long until Stripe is asked again: every minute at first, a tenth of the age later, ten minutes at most."""
    age = now - payment.created_at
    return max(timedelta(seconds=55), min(age / 10, timedelta(minutes=10)))
