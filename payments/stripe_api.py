"""The only module that speaks to Stripe. It takes and returns our own types; amounts become Money here."""

import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar, cast

import stripe
from django.conf import settings
from djmoney.money import Money
from moneyed import CurrencyDoesNotExist

logger = logging.getLogger(__name__)

API_VERSION = "2026-10-28.endive"
"""What this code was written against; the webhook endpoint is pinned to the same."""

SESSION_EVENTS = (
    "checkout.session.completed",
    "checkout.session.expired",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
)
"""The events we need; all others are kept and put aside."""

MAX_EVENT_BYTES = 256 * 1024
SIGNATURE_AGE = timedelta(seconds=300)
_MOST_UNITS = 10**12  # a Checkout amount has at most 8 digits
_TIMEOUT_SECONDS = 8
_ZERO_DECIMAL = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"]
)
_THREE_DECIMAL = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
_SIGNATURE_HEADER = re.compile(r"t=(\d{1,12})(?:,v[01]=[0-9a-f]{64}){1,10}")

_UNREADABLE = (AttributeError, LookupError, TypeError, ValueError, ArithmeticError, OSError, CurrencyDoesNotExist)
"""What reading an answer that is no Checkout Session of ours may raise."""

Answer = TypeVar("Answer")


class StripeUnavailable(Exception):
    """No usable answer: unreachable, slow, 5xx, 429, or not what Stripe's API returns. Ask again later."""


class SessionUnreadable(Exception):
    """Stripe answered, with something that is no Checkout Session we understand. A person has to look at it."""


class FailureRemembered(StripeUnavailable):
    """Stripe failed at this idempotency key before and would repeat that answer for a day: take another key."""


class StripeRefused(Exception):
    """Stripe understood the request and refuses it; asking again gives the same answer."""


class BadEvent(Exception):
    """A webhook body that is not an authentic event of ours. The message says why, for the log."""


@dataclass(frozen=True, kw_only=True)
class CheckoutSession:
    """A Checkout Session as Stripe has it now."""

    id: str
    url: str
    status: str
    payment_status: str
    amount: Money | None
    """What is to be paid; None where Stripe names no amount (a session of another kind, not ours)."""
    livemode: bool
    order_number: str
    payment_id: str
    payment_intent_id: str
    payment_intent_status: str
    held: Money | None
    """What the payment intent really received; None while Stripe names no payment intent."""
    failure: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Event:
    """The envelope of a webhook event; its content is only a hint."""

    id: str
    type: str
    object_id: str
    api_version: str
    raw: bytes


def create_session(*, request: Mapping[str, Any], idempotency_key: str) -> CheckoutSession:
    """Make a Checkout Session, or find the one this key made before."""
    return _session(
        _ask(
            lambda: _client().v1.checkout.sessions.create(
                cast("Any", dict(request)), {"idempotency_key": idempotency_key}
            )
        )
    )


def fetch_session(session_id: str) -> CheckoutSession:
    """Raise `StripeRefused` when there is no such session on our account, `SessionUnreadable` for an odd answer."""
    return _session(_ask(lambda: _client().v1.checkout.sessions.retrieve(session_id, {"expand": ["payment_intent"]})))


def expire_session(session_id: str) -> None:
    """Close an open session, so that nobody can pay it. A session that ended already stays as it is."""
    try:
        _ask(lambda: _client().v1.checkout.sessions.expire(session_id))
    except StripeRefused:
        return  # it is complete or expired: whoever asks for it next learns which


def undelivered_events(*, since: datetime, now: datetime) -> list[Event]:
    """Events of the last days (30 at Stripe) whose delivery to us did not succeed, oldest first."""
    listing = _ask(
        lambda: _client().v1.events.list(
            {
                "delivery_success": False,
                "types": list(SESSION_EVENTS),
                "created": {"gte": int(since.timestamp()), "lte": int(now.timestamp())},
                "limit": 100,
            }
        )
    )
    found = _ask(lambda: [json.dumps(event.to_dict()).encode() for event in listing.auto_paging_iter()])
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
            "data": {"object": {"id": str(object_id)}},
        } if _are_plain(event_id, event_type, object_id, version := body.get("api_version") or "none"):
            if livemode is not is_live():
                raise BadEvent("live and test mode do not agree")
            return Event(
                id=event_id,
                type=event_type,
                object_id=object_id,
                api_version=version,
                raw=raw,
            )
    raise BadEvent("the body is not an event")


def is_live() -> bool:
    """Whether our key moves real money."""
    return "_live_" in settings.STRIPE_SECRET_KEY


def minor_units(amount: Money) -> int:
    """The amount as Stripe counts it: cents, whole units or thousandths, as the currency has them."""
    units = amount.amount.scaleb(_places(amount.currency.code))
    if units != units.to_integral_value():
        raise ValueError(f"{amount} is finer than Stripe's smallest unit")
    return int(units)


@cache
def _client() -> stripe.StripeClient:
    base = settings.STRIPE_API_BASE
    return stripe.StripeClient(
        settings.STRIPE_SECRET_KEY,
        base_addresses={"api": base, "files": base, "connect": base} if base else None,
        stripe_version=API_VERSION,
        max_network_retries=1,
        http_client=stripe.RequestsClient(timeout=_TIMEOUT_SECONDS),
    )


def _ask(call: Callable[[], Answer]) -> Answer:
    try:
        return call()
    except (stripe.InvalidRequestError, stripe.IdempotencyError) as error:
        if error.http_status in {400, 404}:
            raise StripeRefused(str(error)) from error
        raise StripeUnavailable(str(error)) from error
    except stripe.StripeError as error:
        if (error.http_status or 0) >= 500 and (error.headers or {}).get("Idempotent-Replayed") == "true":
            raise FailureRemembered(str(error)) from error
        raise StripeUnavailable(str(error)) from error


def _session(answer: Any) -> CheckoutSession:
    try:
        body = answer.to_dict()
        intent = body.get("payment_intent")
        intent = intent if isinstance(intent, dict) else {"id": intent or ""}
        metadata = body.get("metadata") or {}
        return CheckoutSession(
            id=_text(body["id"]),
            url=body.get("url") or "",
            status=_text(body["status"]),
            payment_status=_text(body["payment_status"]),
            amount=None if body["amount_total"] is None else _money(body["amount_total"], body["currency"]),
            livemode=bool(body["livemode"]),
            order_number=body.get("client_reference_id") or "",
            payment_id=metadata.get("payment") or "",
            payment_intent_id=intent["id"],
            payment_intent_status=intent.get("status") or "",
            held=_money(intent["amount_received"], intent["currency"]) if "amount_received" in intent else None,
            failure=((intent.get("last_payment_error") or {}).get("message") or ""),
            expires_at=datetime.fromtimestamp(body["expires_at"], tz=UTC),
        )
    except (
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
        ArithmeticError,
        OSError,
        CurrencyDoesNotExist,
    ) as error:
        raise SessionUnreadable(repr(error)) from error


def _money(units: int, currency: str) -> Money:
    if type(units) is not int:
        raise TypeError(f"{units!r} is not a whole number of minor units")
    if not 0 <= units < _MOST_UNITS:
        raise ValueError(f"{units} minor units are no amount of ours")
    code = currency.upper()
    return Money(Decimal(units).scaleb(-_places(code)), code)


def _places(currency: str) -> int:
    if currency in _ZERO_DECIMAL:
        return 0
    return 3 if currency in _THREE_DECIMAL else 2


def _readable(raw: bytes) -> Event | None:
    try:
        return read_event(raw)
    except BadEvent as error:
        logger.warning("an event listed by Stripe cannot be read: %s", error)
        return None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _is_signed_with(text: str, signature: str, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(text, signature, secret, tolerance=None)
    except stripe.SignatureVerificationError:
        return False
    return True


def _are_plain(*names: object) -> bool:
    return all(isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", name) for name in names)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
