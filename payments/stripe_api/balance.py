"""Our balance at Stripe: its transactions and payouts, as Stripe lists them now."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, cast

from djmoney.money import Money

from payments.stripe_api.amounts import UNREADABLE, money, text
from payments.stripe_api.client import ask, connect

_PAGE = 100
"""As many as Stripe gives at once."""


class BalanceUnreadable(Exception):
    """Stripe answered, with something that is no balance transaction or payout we understand."""


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """One movement of our balance at Stripe. Amounts have their sign."""

    id: str
    type: str
    category: str
    amount: Money
    fee: Decimal
    net: Decimal
    source_id: str
    payment_intent_id: str
    """Of a charge."""
    claimed_payment: str
    """The payment that a charge's metadata names."""
    description: str
    created_at: datetime
    available_at: datetime


@dataclass(frozen=True, kw_only=True)
class PayoutFacts:
    """A payout as Stripe has it now; its words are Stripe's."""

    id: str
    amount: Money
    """Below zero when Stripe takes money from our bank account."""
    status: str
    is_automatic: bool
    reconciliation: str
    arrival_on: date
    trace: str
    failure: str
    created_at: datetime


def list_transactions(*, since: datetime, until: datetime) -> list[Transaction]:
    """All that Stripe made from `since` on and before `until`, whole or not at all. Raises `BalanceUnreadable`."""
    window = {"gte": int(since.timestamp()), "lt": int(until.timestamp())}
    return _list({"created": window})


def list_transactions_of(payout_id: str) -> list[Transaction]:
    """What an automatic payout holds, itself among them; Stripe lists it once it is reconciled."""
    return _list({"payout": payout_id})


def fetch_payout(payout_id: str) -> PayoutFacts:
    """Raise `StripeRefused` when there is no such payout on our account."""
    return _payout(ask(lambda: connect().v1.payouts.retrieve(payout_id)))


def list_payouts(*, since: datetime) -> list[PayoutFacts]:
    """The payouts made from `since` on."""
    params = {"created": {"gte": int(since.timestamp())}, "limit": _PAGE}
    listing = ask(lambda: connect().v1.payouts.list(cast("Any", params)))
    return ask(lambda: [_payout(payout) for payout in listing.auto_paging_iter()])


def find_session_id(payment_intent_id: str) -> str:
    """The Checkout Session that a payment intent was made for; empty when it was made for none."""
    found = ask(lambda: connect().v1.checkout.sessions.list({"payment_intent": payment_intent_id, "limit": 1}))
    return next((session.id for session in found.data), "")


def _list(filters: dict[str, Any]) -> list[Transaction]:
    params = {**filters, "limit": _PAGE, "expand": ["data.source"]}
    listing = ask(lambda: connect().v1.balance_transactions.list(cast("Any", params)))
    return ask(lambda: [_transaction(each) for each in listing.auto_paging_iter()])


def _transaction(answer: Any) -> Transaction:
    try:
        body = answer.to_dict()
        source = body.get("source")
        source = source if isinstance(source, dict) else {"id": source or ""}
        currency = text(body["currency"])
        return Transaction(
            id=text(body["id"]),
            type=text(body["type"]),
            category=body.get("reporting_category") or "",
            amount=_signed(body["amount"], currency),
            fee=_signed(body["fee"], currency).amount,
            net=_signed(body["net"], currency).amount,
            source_id=text(source["id"]),
            payment_intent_id=_named(source.get("payment_intent")),
            claimed_payment=(source.get("metadata") or {}).get("payment") or "",
            description=body.get("description") or "",
            created_at=_moment(body["created"]),
            available_at=_moment(body["available_on"]),
        )
    except UNREADABLE as error:
        raise BalanceUnreadable(repr(error)) from error


def _payout(answer: Any) -> PayoutFacts:
    try:
        body = answer.to_dict()
        return PayoutFacts(
            id=text(body["id"]),
            amount=_signed(body["amount"], text(body["currency"])),
            status=text(body["status"]),
            is_automatic=bool(body["automatic"]),
            reconciliation=text(body["reconciliation_status"]),
            arrival_on=_moment(body["arrival_date"]).date(),
            trace=((body.get("trace_id") or {}).get("value") or ""),
            failure=_join(body.get("failure_code"), body.get("failure_message")),
            created_at=_moment(body["created"]),
        )
    except UNREADABLE as error:
        raise BalanceUnreadable(repr(error)) from error


def _signed(units: int, currency: str) -> Money:
    return -money(-units, currency) if type(units) is int and units < 0 else money(units, currency)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


def _named(thing: Any) -> str:
    """The id of a thing that is named or given whole."""
    return text(thing["id"]) if isinstance(thing, dict) else text(thing or "")


def _join(*parts: str | None) -> str:
    return ": ".join(part for part in parts if part)
