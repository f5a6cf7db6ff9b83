"""Disputes at Stripe: an event about one is a hint, what Stripe then answers is the truth."""

import logging
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from django.db.models import Q

from billing import disputes
from billing.dispute_postings import Moved
from billing.models import Dispute
from payments import checkout, stripe_api
from payments.models import InboxEvent, Payment
from wallet import chart
from wallet.ids import read_id

logger = logging.getLogger(__name__)

PATIENCE: Final = timedelta(hours=1)
"""How old what Stripe said of an open dispute may become before it is asked again."""

_MOST_SILENCES: Final = 3
"""Unanswered questions after which the others are left for later."""

_DECIDED: Final = frozenset({Payment.State.CONFIRMED, Payment.State.MISMATCHED})
"""Of these payments we know where their money is booked."""

_STATES: Final = MappingProxyType(
    {
        "warning_needs_response": Dispute.State.INQUIRY,
        "warning_under_review": Dispute.State.INQUIRY,
        "warning_closed": Dispute.State.CLOSED,
        "needs_response": Dispute.State.OPEN,
        "under_review": Dispute.State.OPEN,
        "prevented": Dispute.State.CLOSED,
        "won": Dispute.State.WON,
        "lost": Dispute.State.LOST,
    }
)


class PaymentUndecided(Exception):
    """Stripe does not say yet that the disputed payment was paid: ask again later."""


def follow(*, object_id: str, by: str, now: datetime) -> InboxEvent.Outcome:
    """Let what we know of a dispute become what Stripe says. Repeating it changes nothing.

    Raises `stripe_api.StripeUnavailable`, `stripe_api.DisputeUnreadable` and `PaymentUndecided`; then nothing of the
    dispute has been booked.
    """
    try:
        told = stripe_api.fetch_dispute(object_id)
    except stripe_api.StripeRefused:
        return InboxEvent.Outcome.NOT_OURS
    payment = _find_payment(told)
    if payment is None or told.livemode is not stripe_api.is_live():
        return InboxEvent.Outcome.NOT_OURS
    if payment.state not in _DECIDED:  # the dispute was quicker than the news of the payment
        payment = checkout.ask_about(payment_id=payment.pk, by=by, now=now)
    if payment.state not in _DECIDED:
        raise PaymentUndecided(str(payment))
    credited = payment.credited_order_id
    disputes.follow(
        order_id=credited or payment.order_id,
        told=_translate(told),
        held_in="" if credited else chart.SUSPENSE,
        by=by,
        now=now,
    )
    return InboxEvent.Outcome.DONE


def ask_about_open(*, now: datetime) -> None:
    """Ask Stripe about disputes that nobody has told us of for an hour: a lost event costs no more than that."""
    silences = 0
    due = Dispute.objects.unsettled().filter(asked_at__lte=now - PATIENCE).order_by("asked_at")
    for stripe_id in list(due.values_list("stripe_id", flat=True)[:200]):
        try:
            follow(object_id=stripe_id, by="Stripe", now=now)
        except stripe_api.StripeUnavailable as error:
            logger.warning("Stripe does not answer, dispute %s is asked about later: %s", stripe_id, error)
            silences += 1
            if silences == _MOST_SILENCES:
                return
        except Exception:  # whatever is odd about one dispute, the others are asked about
            logger.exception("dispute %s could not be asked about", stripe_id)


def _find_payment(told: stripe_api.StripeDispute) -> Payment | None:
    """By its payment intent; one that Stripe has not been asked about yet, by our own mark on it."""
    if not told.payment_intent_id:
        return None
    known = Q(payment_intent_id=told.payment_intent_id)
    if read_id(told.payment_id):
        known |= Q(pk=told.payment_id, payment_intent_id="")
    return Payment.objects.filter(known).order_by("-payment_intent_id").first()


def _translate(told: stripe_api.StripeDispute) -> disputes.Told:
    moved = [Moved(transaction_id=each.id, amount=each.amount, fee=each.fee) for each in told.transactions]
    return disputes.Told(
        stripe_id=told.id,
        state=_STATES.get(told.status),
        status=told.status,
        reason=told.reason,
        amount=told.amount,
        opened_at=told.created_at,
        evidence_due_at=told.evidence_due_at,
        has_evidence=told.has_evidence,
        moved=tuple(moved),
    )
