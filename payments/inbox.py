"""The inbox: store what Stripe tells us, then ask Stripe what is true. The rows are the queue."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from time import monotonic
from typing import Final
from uuid import UUID

from django.db import connection
from django.db.models import F

from billing import flags
from billing.models import Flag
from payments import card_suspense, checkout, confirmation, disputing, payouts, refunding, settlement, stripe_api
from payments.models import InboxEvent
from wallet import kill_points
from wallet.models import HOUSE_ID

logger = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=30)
"""How long whoever took an event up may work on it before another takes it: what a dead worker costs."""

BATCH: Final = 100
"""So many events at the most are taken up at a time."""

_PATIENCE: Final = 3
"""Unanswered questions after which a batch is left for later; one odd session alone must not stop the others."""

_STORE: Final = """
INSERT INTO payments_inboxevent AS stored (
    id, event_id, type, object_id, payment_intent_id, api_version, raw, received_at, due_at, attempts, handled_at,
    outcome, error
) VALUES (
    %(id)s, %(event_id)s, %(type)s, %(object_id)s, %(payment_intent_id)s, %(api_version)s, %(raw)s, %(received_at)s,
    %(due_at)s, %(attempts)s, %(handled_at)s, %(outcome)s, %(error)s
)
ON CONFLICT (event_id) DO UPDATE SET handled_at = NULL, outcome = '', due_at = EXCLUDED.due_at
WHERE stored.outcome = 'ASIDE' AND EXCLUDED.outcome = ''
"""
"""One statement, one round trip. What was put aside when it came in another version can be followed now."""


def receive(event: stripe_api.Event, *, now: datetime) -> None:
    """Keep an event that was delivered; one we have already stays as it is. What we do not need is put aside at once.

    So is an event of another API version than ours: its endpoint is set up wrongly, and somebody has to look.
    """
    outcome = _outcome_of_kind(event)
    if not outcome and event.api_version != stripe_api.API_VERSION:
        outcome = InboxEvent.Outcome.ASIDE
    with connection.cursor() as cursor:
        cursor.execute(_STORE, vars(_row(event, outcome=outcome, now=now)))


def store_missed(events: Iterable[stripe_api.Event], *, now: datetime) -> None:
    """Keep events found in Stripe's list, of whatever API version: of each only the object's id is needed."""
    rows = [_row(event, outcome=_outcome_of_kind(event), now=now) for event in events]
    InboxEvent.objects.bulk_create(rows, ignore_conflicts=True)


def handle_due(*, now: datetime, limit: int = BATCH) -> int:
    """Take up what is due, one by one, and return how many were taken. Any number of workers may call it at once."""
    taken, unanswered, started = 0, 0, monotonic()
    for event in InboxEvent.objects.due(now=now)[:limit]:
        at = now + timedelta(seconds=monotonic() - started)  # a lease counts from when it is taken
        if not _take(event, now=at):
            continue
        taken += 1
        kill_points.reach("after-event-taken")
        unanswered += not _handle(event, by="Stripe", now=at)
        if unanswered == _PATIENCE:
            break  # Stripe is away; the rest would only wait for it in turn
    return taken


def is_due(*, now: datetime) -> bool:
    """Whether something waits to be taken up."""
    return InboxEvent.objects.due(now=now).exists()


def replay(*, event_id: UUID, by: str, now: datetime) -> InboxEvent:
    """Handle an event again, whatever became of it: it credits nothing twice, for Stripe is asked as always.

    Until that has succeeded it counts as not handled, and the sweep goes on with it.
    """
    InboxEvent.objects.filter(pk=event_id).update(handled_at=None, outcome="", due_at=now + LEASE)
    event = InboxEvent.objects.get(pk=event_id)
    _handle(event, by=by, now=now)
    event.refresh_from_db()
    return event


def _outcome_of_kind(event: stripe_api.Event) -> str:
    return "" if event.type in stripe_api.NEEDED_EVENTS else InboxEvent.Outcome.IGNORED


def _row(event: stripe_api.Event, *, outcome: str, now: datetime) -> InboxEvent:
    return InboxEvent(
        event_id=event.id,
        type=event.type,
        object_id=event.object_id,
        payment_intent_id=event.payment_intent_id,
        api_version=event.api_version[:60],
        raw=event.raw,
        received_at=now,
        due_at=now,
        handled_at=now if outcome else None,
        outcome=outcome,
    )


def _take(event: InboxEvent, *, now: datetime) -> bool:
    """Check and claim in one statement: only one worker's UPDATE finds the event still due."""
    return bool(
        InboxEvent.objects.filter(pk=event.pk, handled_at__isnull=True, due_at=event.due_at).update(
            due_at=now + LEASE, attempts=F("attempts") + 1
        )
    )


def _handle(event: InboxEvent, *, by: str, now: datetime) -> bool:
    """Handle one event; False when Stripe did not answer."""
    try:
        outcome = _follow(event, by=by, now=now)
    except stripe_api.StripeUnavailable as error:
        _put_off(event, error, now=now)
        return False
    except Exception as error:  # one poisoned event must not stop the queue; it stays, with its error, for ops
        logger.exception("inbox event %s could not be handled", event.event_id)
        _put_off(event, error, now=now)
    else:
        InboxEvent.objects.filter(pk=event.pk).update(handled_at=now, outcome=outcome, error="")
    return True


def _follow(event: InboxEvent, *, by: str, now: datetime) -> InboxEvent.Outcome:
    if event.type in stripe_api.REFUND_EVENTS:
        return refunding.follow(object_id=event.object_id, by=by, now=now)
    if event.type in stripe_api.DISPUTE_EVENTS:
        return disputing.follow(object_id=event.object_id, by=by, now=now)
    if event.type in stripe_api.PAYOUT_EVENTS:
        return payouts.follow(object_id=event.object_id, by=by, now=now)
    return _follow_session(event, by=by, now=now)


def _follow_session(event: InboxEvent, *, by: str, now: datetime) -> InboxEvent.Outcome:
    try:
        session = stripe_api.fetch_session(event.object_id)
    except stripe_api.StripeRefused:
        return InboxEvent.Outcome.NOT_OURS
    kill_points.reach("after-session-fetched")
    payment = checkout.adopt(session, now=now)
    if payment is None:
        return _hold_strange_money(session, now=now)
    confirmation.confirm_payment(payment_id=payment.pk, session=session, by=by, now=now)
    kill_points.reach("after-payment-committed")
    return InboxEvent.Outcome.DONE


def _hold_strange_money(session: stripe_api.CheckoutSession, *, now: datetime) -> InboxEvent.Outcome:
    """A session with our mark that is no payment's own: what it holds, if anything, is booked in the house's suspense,
    as of any charge that no payment of ours knows, and the order that it names is flagged.
    """
    if not session.payment_id:
        return InboxEvent.Outcome.NOT_OURS
    claimed = checkout.find_claimed(session.payment_id)
    number = claimed.order.number if claimed else session.order_number[:24]
    is_held = card_suspense.is_held(
        session.id,
        payment_intent_id=session.payment_intent_id,
        organisation_ids={HOUSE_ID, claimed.organisation_id if claimed else HOUSE_ID},
    )
    if not is_held:
        is_held = settlement.hold_in_suspense(session, organisation_id=HOUSE_ID, order_number=number, now=now)
    if claimed is None:
        return InboxEvent.Outcome.NOT_OURS
    if is_held:
        flags.raise_flag(order=claimed.order, reason=Flag.Reason.WRONG_ORDER, detail=session.id, now=now)
    return InboxEvent.Outcome.DONE


def _put_off(event: InboxEvent, error: Exception, *, now: datetime) -> None:
    wait = min(timedelta(seconds=10) * 2 ** min(event.attempts, 6), timedelta(minutes=10))
    InboxEvent.objects.filter(pk=event.pk, handled_at__isnull=True).update(
        due_at=now + wait, error=f"{type(error).__name__}: {error}"[:500]
    )
