"""Payouts: what of the balance goes to the bank, when, and whether it arrives. Call everything here inside one store
transaction.
"""

from . import balance, ids
from .balance import Change
from .context import Context
from .errors import Refused
from .events import emit
from .store import Json

OUTCOMES = ("in_transit", "paid", "failed", "canceled", "reconciled")
MOST = 100_000

_DAY = 24 * 3600
_ARRIVES_AFTER = 2 * _DAY
_NEXT = {
    "in_transit": {"pending"},
    "paid": {"pending", "in_transit"},
    "failed": {"pending", "in_transit", "paid"},
    "canceled": {"pending"},
}
_EVENTS = {
    "in_transit": "payout.updated",
    "paid": "payout.paid",
    "failed": "payout.failed",
    "canceled": "payout.canceled",
}


def pay_out(ctx: Context, *, currency: str = "usd", arrival: int | None = None) -> Json:
    """Send everything that is in no payout yet, as the daily schedule does; its transactions are listed with it once it
    is reconciled.
    """
    found = _list_unpaid(ctx, currency)
    amount = sum(each["net"] for each in found)
    if amount <= 0:
        raise Refused("There is nothing to pay out.", code="balance_insufficient")
    payout = _make(ctx, amount=amount, currency=currency, arrival=arrival, automatic=True)
    for each in found:
        ctx.store.save({**each, "payout": payout["id"], "status": "available"})
    _record(ctx, payout)
    return payout


def pay_out_by_hand(ctx: Context, amount: int, *, currency: str = "usd", arrival: int | None = None) -> Json:
    """Send an amount, as somebody does it in the dashboard; nobody knows of which transactions it is."""
    if amount > sum(each["net"] for each in _list_unpaid(ctx, currency)):
        raise Refused("You have insufficient funds in your balance.", code="balance_insufficient", param="amount")
    payout = _make(ctx, amount=amount, currency=currency, arrival=arrival, automatic=False)
    _record(ctx, payout)
    return payout


def move(ctx: Context, payout_id: str, *, outcome: str, failure: str = "account_closed") -> Json:
    """Let a payout go on: under way, paid, failed (also after it was paid), cancelled, or itemised."""
    payout = ctx.store.get("payout", payout_id)
    if outcome == "reconciled":
        return _reconcile(ctx, payout)
    if payout["status"] not in _NEXT[outcome]:
        raise Refused(f"A payout that is {payout['status']} does not become {outcome}.")
    before = payout["status"]
    payout["status"] = outcome
    if outcome in {"failed", "canceled"}:
        _take_back(ctx, payout, failure if outcome == "failed" else None)
    ctx.store.save(payout)
    emit(ctx, _EVENTS[outcome], payout, previous={"status": before})
    return payout


def adjust(ctx: Context, change: Change, *, currency: str = "usd") -> Json:
    """A movement of any type, also one that nobody knows."""
    return balance.record(ctx, change, source={"id": None, "currency": currency})


def _reconcile(ctx: Context, payout: Json) -> Json:
    if not payout["automatic"]:
        raise Refused("A payout started by hand is not itemised.")
    payout["reconciliation_status"] = "completed"
    ctx.store.save(payout)
    emit(ctx, "payout.reconciliation_completed", payout, previous={"reconciliation_status": "in_progress"})
    return payout


def _make(ctx: Context, *, amount: int, currency: str, arrival: int | None, automatic: bool) -> Json:
    payout = ctx.store.add(
        {
            "id": ids.make("po"),
            "object": "payout",
            "amount": amount,
            "application_fee": None,
            "application_fee_amount": None,
            "arrival_date": _start_of_day(ctx.created + _ARRIVES_AFTER if arrival is None else arrival),
            "automatic": automatic,
            "balance_transaction": None,
            "created": ctx.created,
            "currency": currency,
            "description": "STRIPE PAYOUT",
            "destination": "ba_standin",
            "failure_balance_transaction": None,
            "failure_code": None,
            "failure_message": None,
            "livemode": False,
            "metadata": {},
            "method": "standard",
            "original_payout": None,
            "payout_method": None,
            "reconciliation_status": "in_progress" if automatic else "not_applicable",
            "reversed_by": None,
            "source_type": "card",
            "statement_descriptor": None,
            "status": "pending",
            "trace_id": {"status": "supported", "value": ids.make("trace", length=12)},
            "type": "bank_account",
        }
    )
    emit(ctx, "payout.created", payout)
    return payout


def _record(ctx: Context, payout: Json) -> None:
    """The transaction by which it leaves the balance; of an automatic one it is listed with the others."""
    change = Change(type="payout", category="payout", amount=-payout["amount"], description="STRIPE PAYOUT")
    made = balance.record(ctx, change, source=payout)
    if payout["automatic"]:
        ctx.store.save({**made, "payout": payout["id"]})
    ctx.store.save(payout | {"balance_transaction": made["id"]})
    payout["balance_transaction"] = made["id"]


def _take_back(ctx: Context, payout: Json, failure: str | None) -> None:
    kind = "payout_failure" if failure else "payout_cancel"
    description = "STRIPE PAYOUT FAILURE" if failure else "STRIPE PAYOUT CANCEL"
    change = Change(type=kind, category="payout_reversal", amount=payout["amount"], description=description)
    made = balance.record(ctx, change, source=payout)
    payout |= {"failure_balance_transaction": made["id"]}
    if failure:
        payout |= {"failure_code": failure, "failure_message": "The bank sent the money back."}


def _list_unpaid(ctx: Context, currency: str) -> list[Json]:
    """What the balance consists of; a payout by hand lowers it without saying by which."""
    window_of = ctx.store.rows(
        "SELECT id FROM objects WHERE kind = 'balance_transaction' AND json_extract(body, '$.payout') IS NULL"
        " AND json_extract(body, '$.currency') = ? ORDER BY seq LIMIT ?",
        currency,
        MOST,
    )
    return [ctx.store.get("balance_transaction", row[0]) for row in window_of]


def _start_of_day(moment: int) -> int:
    return moment - moment % _DAY
