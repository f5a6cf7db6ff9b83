"""Approved refunds of card payments, sent to Stripe: each once, whatever goes wrong.

Before Stripe is asked, the row with the key and the exact parameters is committed, so that whoever asks again, after a
lost answer or a dead worker, finds the refund that is there instead of making a second one.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

from django.db import transaction
from django.db.models import F

from billing import aftermath, refunds
from billing.models import Method, Order, Refund
from payments import refunding, stripe_api
from payments.models import CardRefund, Payment
from payments.stripe_api import StripeRefund
from wallet import kill_points

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
"""How long whoever took a refund up may work on it before another takes it: what a dead worker costs."""

_PATIENCE = 3
"""Unanswered questions after which a sweep gives up; one odd refund alone must not stop the others."""


def send_due(*, now: datetime) -> None:
    """Have Stripe carry out what was approved. Any number of workers may call it at once."""
    ours = Refund.objects.filter(state=Refund.State.APPROVED, order__method=Method.CARD, at_stripe__isnull=True)
    for refund_id in ours.order_by("pk").values_list("pk", flat=True)[:200]:
        try:
            prepare(refund_id=refund_id, now=now)
        except Exception:  # whatever is odd about one refund, the others go on
            logger.exception("refund %s could not be prepared", refund_id)
    kill_points.reach("after-refund-prepared")
    _work_through(list(CardRefund.objects.to_send(now=now)[:200]), _send, now=now)


def ask_due(*, now: datetime) -> None:
    """Ask Stripe about refunds that are there and not at their end, whether or not any event ever came."""
    _work_through(list(CardRefund.objects.to_ask_about(now=now)[:200]), _ask_about, now=now)


def prepare(*, refund_id: UUID, now: datetime) -> CardRefund | None:
    """Write down what Stripe will be asked, and with which key. Repeating it returns the first.

    None, and the order flagged, when no payment at Stripe is known that could be refunded.
    """
    refund = Refund.objects.select_related("order").get(pk=refund_id)
    payment = find_payment(refund.order)
    if payment is None or not payment.payment_intent_id:
        refunding.flag(refund.order, f"{refund.number}: no card payment of this order is known", now=now)
        return None
    CardRefund.objects.bulk_create(
        [
            CardRefund(
                organisation_id=refund.organisation_id,
                refund=refund,
                payment=payment,
                amount=refund.back,
                idempotency_key=f"refund:{refund.pk}",
                request={
                    "payment_intent": payment.payment_intent_id,
                    "amount": stripe_api.minor_units(refund.back),
                    "reason": "requested_by_customer",
                    "metadata": {"order": refund.order.number, "refund": refund.number},
                },
                created_at=now,
                ask_at=now,
            )
        ],
        ignore_conflicts=True,
    )
    return CardRefund.objects.get(refund=refund)


def find_payment(order: Order) -> Payment | None:
    """The card payment whose money the order has: its own, or that of the order a correction took it from."""
    return Payment.objects.filter(credited_order=aftermath.find_payer(order), method=Method.CARD).first()


def _work_through(due: list[CardRefund], work: Callable[..., None], *, now: datetime) -> None:
    unanswered, started = 0, monotonic()
    for card in due:
        at = now + timedelta(seconds=monotonic() - started)  # a lease counts from when it is taken
        if not _take(card, now=at):
            continue
        try:
            work(card, now=at)
        except stripe_api.StripeUnavailable as error:
            logger.warning("Stripe does not answer, refund %s is asked about later: %s", card.pk, error)
            _put_off(card, error, now=at)
            unanswered += 1
            if unanswered == _PATIENCE:
                return  # Stripe is away; the rest would only wait for it in turn
        except Exception as error:  # whatever is odd about one refund, the others go on
            logger.exception("refund %s could not be carried out", card.pk)
            refunding.flag(Order.objects.get(refunds=card.refund_id), f"{card}: {error!r}", now=at)
            CardRefund.objects.filter(pk=card.pk).update(ask_at=at + timedelta(hours=1), error=repr(error)[:500])


def _take(card: CardRefund, *, now: datetime) -> bool:
    """Check and claim in one statement: only one worker's UPDATE finds the refund still due."""
    taken = CardRefund.objects.filter(pk=card.pk, ask_at=card.ask_at, stripe_id=card.stripe_id).update(
        ask_at=now + LEASE, attempts=F("attempts") + int(card.stripe_id is None)
    )
    if taken:
        card.refresh_from_db()
    return bool(taken)


def _put_off(card: CardRefund, error: Exception, *, now: datetime) -> None:
    wait = min(timedelta(seconds=10) * 2 ** min(card.attempts, 6), timedelta(minutes=10))
    CardRefund.objects.filter(pk=card.pk, ask_at__isnull=False).update(
        ask_at=now + wait, error=f"{type(error).__name__}: {error}"[:500]
    )


def _send(card: CardRefund, *, now: datetime) -> None:
    kill_points.reach("before-refund-made")
    try:
        answer = (_find_at_stripe(card) if card.attempts > 1 else None) or _create(card)
    except stripe_api.StripeRefused as error:
        _give_up(card, error, now=now)
    else:
        kill_points.reach("after-refund-made")
        refunding.record(card_refund_id=card.pk, answer=answer, by=refunding.BY, now=now)


def _create(card: CardRefund) -> StripeRefund:
    """Make the refund or find it again by its key. A failure that Stripe remembers needs another key; but first it is
    looked for, since Stripe may have failed only after making it.
    """
    try:
        return stripe_api.create_refund(request=card.request or {}, idempotency_key=card.idempotency_key or "")
    except stripe_api.FailureRemembered:
        if found := _find_at_stripe(card):
            return found
        key = f"refund:{card.refund_id}:{card.attempts}"
        if not CardRefund.objects.filter(pk=card.pk, stripe_id__isnull=True).update(idempotency_key=key):
            raise  # an event told of it meanwhile
        return stripe_api.create_refund(request=card.request or {}, idempotency_key=key)


def _find_at_stripe(card: CardRefund) -> StripeRefund | None:
    """The refund an earlier attempt made, whose answer was lost: keys are forgotten after a day, marks are not."""
    mark = (card.request or {})["metadata"]["refund"]
    made = stripe_api.list_refunds(payment_intent_id=(card.request or {})["payment_intent"])
    return next((each for each in made if each.number == mark), None)


def _give_up(card: CardRefund, error: stripe_api.StripeRefused, *, now: datetime) -> None:
    """Stripe will not make it, whoever asks: the money stays in the balance."""
    with transaction.atomic(durable=True):
        card = refunding.lock(card.pk)
        if card.stripe_id is None and card.ask_at is not None:
            card.ask_at, card.asked_at, card.error = None, now, str(error)[:500]
            card.save(update_fields=["ask_at", "asked_at", "error"])
            refunds.fail(refund_id=card.refund_id, failure=error.reason, by=refunding.BY, now=now)


def _ask_about(card: CardRefund, *, now: datetime) -> None:
    answer = stripe_api.fetch_refund(card.stripe_id or "")
    refunding.record(card_refund_id=card.pk, answer=answer, by=refunding.BY, now=now)
