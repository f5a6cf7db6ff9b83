"""Events: the envelope of what Stripe's webhook tells, checked, and those that it could not deliver."""

import json
import logging
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import stripe
from django.conf import settings

from payments.stripe_api.client import ask, connect, is_live

logger = logging.getLogger(__name__)

SESSION_EVENTS = (
    "checkout.session.completed",
    "checkout.session.expired",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
)
REFUND_EVENTS = ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated")
"""The last is the old name of the second; its object is the refund as well."""

DISPUTE_EVENTS = (
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
)
PAYOUT_EVENTS = (
    "payout.created",
    "payout.updated",
    "payout.paid",
    "payout.failed",
    "payout.canceled",
    "payout.reconciliation_completed",
)
NEEDED_EVENTS = SESSION_EVENTS + REFUND_EVENTS + DISPUTE_EVENTS + PAYOUT_EVENTS
"""The events we need; all others are kept and put aside."""

MAX_EVENT_BYTES = 256 * 1024
SIGNATURE_AGE = timedelta(seconds=300)
_SIGNATURE_HEADER = re.compile(r"t=(\d{1,12})(?:,v[01]=[0-9a-f]{64}){1,10}")


class BadEvent(Exception):
    """A webhook body that is not an authentic event of ours. The message says why, for the log."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """The envelope of a webhook event; its content is only a hint."""

    id: str
    type: str
    object_id: str
    payment_intent_id: str
    """The Payment Intent that the object names as its own, as a charge does; empty where it names none."""
    api_version: str
    raw: bytes


def undelivered_events(*, since: datetime, now: datetime) -> list[Event]:
    """Events of the last days (30 at Stripe) whose delivery to us did not succeed, oldest first."""
    listing = ask(
        lambda: connect().v1.events.list(
            {
                "delivery_success": False,
                "types": list(NEEDED_EVENTS),
                "created": {"gte": int(since.timestamp()), "lte": int(now.timestamp())},
                "limit": 100,
            }
        )
    )
    found = ask(lambda: [json.dumps(event.to_dict()).encode() for event in listing.auto_paging_iter()])
    return [event for raw in reversed(found) if (event := _readable(raw))]


def authentic_event(*, raw: bytes, signature: str, now: datetime) -> Event:
    """The event of a webhook request, or `BadEvent`: too large, not signed by Stripe, too old, or not an event.

    Stripe's own check takes signatures from the future and raises whatever its parsing meets, so both are ours.
    """
    if len(raw) > MAX_EVENT_BYTES:
        raise BadEvent("too large")
    header = _SIGNATURE_HEADER.fullmatch(signature)
    if header is None:
        raise BadEvent("the signature header is malformed")
    if abs(now.timestamp() - int(header[1])) > SIGNATURE_AGE.total_seconds():
        raise BadEvent("the signature is too old or from the future; is this server's clock right?")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadEvent("the body is not UTF-8") from error
    if not any(_is_signed_with(text, signature, secret) for secret in settings.STRIPE_WEBHOOK_SECRETS):
        raise BadEvent("the signature does not verify")
    return read_event(raw)


def read_event(raw: bytes) -> Event:
    """The envelope of an event body; `BadEvent` unless every part we rely on is there and of its type."""
    try:
        body = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadEvent("the body is not JSON") from error
    match body:
        case {
            "object": "event",
            "id": str(event_id),
            "type": str(event_type),
            "livemode": bool(livemode),
            "created": int(),
            "data": {"object": {"id": str(object_id)} as thing},
        } if _are_plain(event_id, event_type, object_id, version := body.get("api_version") or "none"):
            if livemode is not is_live():
                raise BadEvent("live and test mode do not agree")
            return Event(
                id=event_id,
                type=event_type,
                object_id=object_id,
                payment_intent_id=_find_intent(thing),
                api_version=version,
                raw=raw,
            )
    raise BadEvent("the body is not an event")


def _readable(raw: bytes) -> Event | None:
    try:
        return read_event(raw)
    except BadEvent as error:
        logger.warning("an event listed by Stripe cannot be read: %s", error)
        return None


def _is_signed_with(text: str, signature: str, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(text, signature, secret, tolerance=None)
    except stripe.SignatureVerificationError:
        return False
    return True


def _find_intent(thing: dict[str, Any]) -> str:
    """Named by its id, or there as a whole; whatever else stands in its place is as if none did."""
    named = thing.get("payment_intent")
    named = named.get("id") if isinstance(named, dict) else named
    return named if isinstance(named, str) and _are_plain(named) else ""


def _are_plain(*names: object) -> bool:
    return all(isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", name) for name in names)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
