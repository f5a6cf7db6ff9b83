"""Webhook requests as Stripe sends them: bodies, signatures, and the door they come to."""

import hmac
import json
import secrets
import time
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.http import HttpResponseBase
from django.test import Client

from payments import stripe_api
from payments.models import Payment
from payments.standin.client import StandIn

ADDRESS = "/payments/stripe/webhook/"
COMPLETED = "checkout.session.completed"
EXPIRED = "checkout.session.expired"
ASYNC_OK = "checkout.session.async_payment_succeeded"
ASYNC_FAILED = "checkout.session.async_payment_failed"


def event_about(session_id: str, *, kind: str = COMPLETED, **changes: Any) -> dict[str, Any]:
    """A well-formed event of its own id; its content claims nothing but the session's id."""
    return {
        "id": f"evt_{secrets.token_hex(10)}",
        "object": "event",
        "api_version": stripe_api.API_VERSION,
        "created": int(time.time()),
        "data": {"object": {"id": session_id, "object": "checkout.session"}},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
        **changes,
    }


def told_by(stripe: StandIn, session_id: str) -> list[dict[str, Any]]:
    """What Stripe has to tell about a session, oldest first."""
    return list(reversed(stripe.events(session_id=session_id)))


def sessions_of(payment: Payment) -> list[str]:
    """Every session Stripe has for a payment, whether or not we know of it."""
    listed = stripe_api.connect().v1.checkout.sessions.list({"limit": 100})
    return [each.id for each in listed.data if each.to_dict()["metadata"].get("payment") == str(payment.pk)]


def sign(raw: bytes, *, age: float = 0, secret: str | None = None) -> str:
    """A signature made `age` seconds ago; a negative age lies in the future."""
    moment = int(time.time() - age)
    key = settings.STRIPE_WEBHOOK_SECRETS[0] if secret is None else secret
    return f"t={moment},v1={hmac.new(key.encode(), f'{moment}.'.encode() + raw, sha256).hexdigest()}"


def knock(raw: bytes, *, signature: str | None = None, **headers: Any) -> HttpResponseBase:
    """Post a body to the webhook. Without a signature given it is signed; an empty one sends no header."""
    stated = sign(raw) if signature is None else signature
    signed: Any = {"HTTP_STRIPE_SIGNATURE": stated} if stated else {}
    content_type = headers.pop("content_type", "application/json; charset=utf-8")
    answer: HttpResponseBase = Client(raise_request_exception=False).post(
        ADDRESS, data=raw, content_type=content_type, **signed, **headers
    )
    return answer


def deliver(event: dict[str, Any]) -> HttpResponseBase:
    return knock(json.dumps(event, indent=2).encode())
