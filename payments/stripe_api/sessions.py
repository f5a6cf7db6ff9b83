"""Checkout Sessions: what a customer pays on Stripe's own page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from djmoney.money import Money

from payments.stripe_api.amounts import UNREADABLE, money, text
from payments.stripe_api.client import StripeRefused, ask, connect


class SessionUnreadable(Exception):
    """Stripe answered, with something that is no Checkout Session we understand. A person has to look at it."""


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


def create_session(*, request: Mapping[str, Any], idempotency_key: str) -> CheckoutSession:
    """Make a Checkout Session, or find the one this key made before."""
    return _session(
        ask(
            lambda: connect().v1.checkout.sessions.create(
                cast("Any", dict(request)), {"idempotency_key": idempotency_key}
            )
        )
    )


def fetch_session(session_id: str) -> CheckoutSession:
    """Raise `StripeRefused` when there is no such session on our account, `SessionUnreadable` for an odd answer."""
    return _session(ask(lambda: connect().v1.checkout.sessions.retrieve(session_id, {"expand": ["payment_intent"]})))


def expire_session(session_id: str) -> None:
    """Close an open session, so that nobody can pay it. A session that ended already stays as it is."""
    try:
        ask(lambda: connect().v1.checkout.sessions.expire(session_id))
    except StripeRefused:
        return  # it is complete or expired: whoever asks for it next learns which


def _session(answer: Any) -> CheckoutSession:
    try:
        body = answer.to_dict()
        intent = body.get("payment_intent")
        intent = intent if isinstance(intent, dict) else {"id": intent or ""}
        metadata = body.get("metadata") or {}
        return CheckoutSession(
            id=text(body["id"]),
            url=body.get("url") or "",
            status=text(body["status"]),
            payment_status=text(body["payment_status"]),
            amount=None if body["amount_total"] is None else money(body["amount_total"], body["currency"]),
            livemode=bool(body["livemode"]),
            order_number=body.get("client_reference_id") or "",
            payment_id=metadata.get("payment") or "",
            payment_intent_id=intent["id"],
            payment_intent_status=intent.get("status") or "",
            held=money(intent["amount_received"], intent["currency"]) if "amount_received" in intent else None,
            failure=((intent.get("last_payment_error") or {}).get("message") or ""),
            expires_at=datetime.fromtimestamp(body["expires_at"], tz=UTC),
        )
    except UNREADABLE as error:
        raise SessionUnreadable(repr(error)) from error
