"""Card money in suspense on its way back to the card: each sent once, whatever goes wrong, as in card_refunds.py.

What leaves is booked by what Stripe then says of it: of a payment by `refunding`, of a charge of nobody's with Stripe's
list of what moved (`judgements`).
"""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from billing import orders
from billing.models import Note
from payments import refunding, stripe_api
from payments.models import SuspenseMove
from payments.stripe_api import StripeRefund

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
"""How long whoever took one up may work on it before another takes it."""

_PATIENCE = 3


def send_due(*, now: datetime) -> None:
    """Have Stripe send back what was approved, and ask about what has not ended. Any number of workers may call it."""
    unanswered = 0
    for move in list(SuspenseMove.objects.due(now=now)[:200]):
        if not _take(move, now=now):
            continue
        try:
            _ask(move, now=now)
        except stripe_api.StripeUnavailable as error:
            logger.warning("Stripe does not answer, the return of %s is asked about later: %s", move.pk, error)
            _put_off(move, error, wait=_reckon_wait(move), now=now)
            unanswered += 1
            if unanswered == _PATIENCE:
                return
        except Exception as error:  # whatever is odd about one, the others go on
            logger.exception("the return of %s could not be carried out", move.pk)
            _put_off(move, error, wait=timedelta(hours=1), now=now)
            _flag(move, repr(error), now=now)


def _put_off(move: SuspenseMove, error: Exception, *, wait: timedelta, now: datetime) -> None:
    said = f"{type(error).__name__}: {error}"[:200]
    SuspenseMove.objects.filter(pk=move.pk, ended_at=None).update(ask_at=now + wait, stripe_status=said)


def _reckon_wait(move: SuspenseMove) -> timedelta:
    wait: timedelta = min(timedelta(seconds=10) * 2 ** min(move.attempts, 6), timedelta(minutes=10))
    return wait


def _flag(move: SuspenseMove, detail: str, *, now: datetime) -> None:
    """Of a charge of nobody's there is no order to flag: it stays in the list of what waits, with what Stripe said."""
    if move.payment:
        refunding.flag(move.payment.order, f"suspense:{move.pk}: {detail}"[:500], now=now)


def _take(move: SuspenseMove, *, now: datetime) -> bool:
    """Check and claim in one statement: only one worker's UPDATE finds it still due."""
    taken = SuspenseMove.objects.filter(pk=move.pk, ask_at=move.ask_at, ended_at=None).update(
        ask_at=now + LEASE, attempts=F("attempts") + 1
    )
    if taken:
        move.refresh_from_db()
    return bool(taken)


def _ask(move: SuspenseMove, *, now: datetime) -> None:
    try:
        answer = _fetch(move)
    except stripe_api.StripeRefused as error:  # Stripe will not make it, whoever asks
        _end(move, status=str(error), now=now)
        _flag(move, error.reason, now=now)
        return
    _keep(move, answer, now=now)
    refunding.follow(object_id=answer.id, by=refunding.BY, now=now)
    if answer.status in {"succeeded", "failed", "canceled"}:
        _end(move, status=f"{answer.status} {answer.failure}", now=now)
        if answer.status != "succeeded":
            _flag(move, f"{answer.id} {answer.status} {answer.failure}", now=now)
    else:
        wait = now + timedelta(hours=1)
        SuspenseMove.objects.filter(pk=move.pk).update(stripe_status=answer.status[:200], ask_at=wait)


def _keep(move: SuspenseMove, answer: StripeRefund, *, now: datetime) -> None:
    """Its customer reads that it goes back once Stripe has made the refund, and not before."""
    with transaction.atomic(durable=True):
        is_new = SuspenseMove.objects.filter(pk=move.pk, stripe_id=None).update(stripe_id=answer.id)
        if is_new and move.payment:
            order = orders.lock(move.payment.order_id)
            orders.tell(order=order, note=Note.SENT_BACK, by=move.approved_by_name, now=now)


def _fetch(move: SuspenseMove) -> StripeRefund:
    """The refund as it is; made, where an earlier attempt has not made it: keys are forgotten, marks are not."""
    if move.stripe_id:
        return stripe_api.fetch_refund(move.stripe_id)
    request = move.request or {}
    if move.attempts > 1 and (found := _find(move)):
        return found
    try:
        return stripe_api.create_refund(request=request, idempotency_key=move.idempotency_key or "")
    except stripe_api.FailureRemembered:
        if found := _find(move):
            return found
        key = f"suspense:{move.pk}:{move.attempts}"
        SuspenseMove.objects.filter(pk=move.pk, stripe_id=None).update(idempotency_key=key)
        return stripe_api.create_refund(request=request, idempotency_key=key)


def _find(move: SuspenseMove) -> StripeRefund | None:
    request = move.request or {}
    made = stripe_api.list_refunds(payment_intent_id=request["payment_intent"])
    return next((each for each in made if each.number == request["metadata"]["refund"]), None)


def _end(move: SuspenseMove, *, status: str, now: datetime) -> None:
    SuspenseMove.objects.filter(pk=move.pk, ended_at=None).update(
        stripe_status=status.strip()[:200], ask_at=None, ended_at=now
    )
