"""Disputes at Stripe, with the balance transactions that moved their money."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from djmoney.money import Money

from payments.stripe_api.amounts import UNREADABLE, money, text
from payments.stripe_api.client import ask, connect


class DisputeUnreadable(Exception):
    """Stripe answered, with something that is no dispute we understand. A person has to look at it."""


@dataclass(frozen=True, kw_only=True)
class DisputeTransaction:
    """Money of a dispute that moved: `amount` below zero was taken from us; `fee` above zero was charged for it."""

    id: str
    amount: Money
    fee: Money
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class StripeDispute:
    """A dispute as Stripe has it now."""

    id: str
    status: str
    reason: str
    amount: Money
    livemode: bool
    payment_intent_id: str
    payment_id: str
    """Ours, as the payment intent's metadata names it; empty when it is no payment of this site."""
    created_at: datetime
    evidence_due_at: datetime | None
    has_evidence: bool
    transactions: tuple[DisputeTransaction, ...]
    """The oldest first; what was taken before what was given back."""


def fetch_dispute(dispute_id: str) -> StripeDispute:
    """Raise `StripeRefused` when there is no such dispute on our account, `DisputeUnreadable` for an odd answer."""
    return _dispute(ask(lambda: connect().v1.disputes.retrieve(dispute_id, {"expand": ["payment_intent"]})))


def _dispute(answer: Any) -> StripeDispute:
    try:
        body = answer.to_dict()
        intent = body.get("payment_intent")
        intent = intent if isinstance(intent, dict) else {"id": intent or ""}
        evidence = body.get("evidence_details") or {}
        found = [_transaction(each) for each in body.get("balance_transactions") or []]
        return StripeDispute(
            id=text(body["id"]),
            status=text(body["status"]),
            reason=body.get("reason") or "",
            amount=money(body["amount"], body["currency"]),
            livemode=bool(body["livemode"]),
            payment_intent_id=intent["id"],
            payment_id=(intent.get("metadata") or {}).get("payment") or "",
            created_at=_moment(body["created"]),
            evidence_due_at=_moment(evidence["due_by"]) if evidence.get("due_by") else None,
            has_evidence=bool(evidence.get("submission_count")),
            transactions=tuple(sorted(found, key=lambda each: (each.created_at, each.amount.amount))),
        )
    except UNREADABLE as error:
        raise DisputeUnreadable(repr(error)) from error


def _transaction(body: dict[str, Any]) -> DisputeTransaction:
    return DisputeTransaction(
        id=text(body["id"]),
        amount=_signed(body["amount"], body["currency"]),
        fee=_signed(body["fee"], body["currency"]),
        created_at=_moment(body["created"]),
    )


def _signed(units: int, currency: str) -> Money:
    if type(units) is not int:
        raise TypeError(f"{units!r} is not a whole number of minor units")
    return -money(-units, currency) if units < 0 else money(units, currency)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
