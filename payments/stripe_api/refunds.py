"""Refunds: money that Stripe gives back to the card that paid."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from djmoney.money import Money

from payments.stripe_api.amounts import UNREADABLE, money, text
from payments.stripe_api.client import ask, connect


class RefundUnreadable(Exception):
    """Stripe answered, with something that is no refund we understand. A person has to look at it."""


@dataclass(frozen=True, kw_only=True)
class StripeRefund:
    """A refund as Stripe has it now."""

    id: str
    status: str
    """`pending`, `requires_action`, `succeeded`, `failed` or `canceled`."""
    amount: Money
    number: str
    """Our refund's number, when we asked for it; empty for one made in Stripe's dashboard."""
    payment_intent_id: str
    payment_id: str
    """Our payment, as the payment intent names it; empty when the money was paid for something else."""
    livemode: bool | None
    """None when Stripe names no payment intent."""
    failure: str


def create_refund(*, request: Mapping[str, Any], idempotency_key: str) -> StripeRefund:
    """Have Stripe give money back, or find the refund this key made before."""
    asked = {**request, "expand": ["payment_intent"]}
    return _refund(ask(lambda: connect().v1.refunds.create(cast("Any", asked), {"idempotency_key": idempotency_key})))


def fetch_refund(refund_id: str) -> StripeRefund:
    """Raise `StripeRefused` when there is no such refund on our account, `RefundUnreadable` for an odd answer."""
    return _refund(ask(lambda: connect().v1.refunds.retrieve(refund_id, {"expand": ["payment_intent"]})))


def list_refunds(*, payment_intent_id: str) -> list[StripeRefund]:
    """Every refund of a payment, newest first, ours and those made in the dashboard."""
    listing = ask(
        lambda: connect().v1.refunds.list(
            {"payment_intent": payment_intent_id, "limit": 100, "expand": ["data.payment_intent"]}
        )
    )
    return [_refund(each) for each in ask(lambda: list(listing.auto_paging_iter()))]


def _refund(answer: Any) -> StripeRefund:
    try:
        body = answer.to_dict()
        intent = body.get("payment_intent")
        intent = intent if isinstance(intent, dict) else {"id": intent or ""}
        return StripeRefund(
            id=text(body["id"]),
            status=text(body["status"]),
            amount=money(body["amount"], body["currency"]),
            number=(body.get("metadata") or {}).get("refund") or "",
            payment_intent_id=text(intent["id"]),
            payment_id=(intent.get("metadata") or {}).get("payment") or "",
            livemode=bool(intent["livemode"]) if "livemode" in intent else None,
            failure=body.get("failure_reason") or "",
        )
    except UNREADABLE as error:
        raise RefundUnreadable(repr(error)) from error
