"""Refunds of a charge, in part or whole. Call everything here inside one store transaction."""

from . import balance, ids
from .context import Context
from .errors import InvalidRequest, Refused
from .events import emit
from .store import Json, Window

REASONS = ("duplicate", "fraudulent", "requested_by_customer")
OUTCOMES = ("succeeded", "failed", "canceled")
FAILURES = ("expired_or_canceled_card", "lost_or_stolen_card", "declined", "insufficient_funds", "unknown")

_NEXT = {"refund_pending": "succeeded", "refund_fails": "failed"}
_ENDS = {"pending": set(OUTCOMES), "requires_action": set(OUTCOMES), "succeeded": {"failed"}}


def create(ctx: Context, given: Json) -> Json:
    """Give money of a charge back. The charge is named itself or by its payment intent; no amount means the rest."""
    charge = _charge_of(ctx, given)
    rest = charge["amount_captured"] - charge["amount_refunded"]
    amount = given.get("amount", rest)
    _check(ctx, charge, amount, rest)
    waits = charge["_later"] == "refund_pending"
    refund: Json = {
        "id": ids.make("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": ctx.created,
        "currency": charge["currency"],
        "destination_details": {
            "card": {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"},
            "type": "card",
        },
        "metadata": given.get("metadata") or {},
        "payment_intent": charge["payment_intent"],
        "reason": given.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "pending" if waits else "succeeded",
        "transfer_reversal": None,
        "_settles_at": ctx.created + ctx.world.settings.refunds_end_after if charge["_later"] in _NEXT else None,
        "_becomes": _NEXT.get(charge["_later"]),
    }
    if waits:
        refund["pending_reason"] = "processing"
    ctx.store.add(refund)
    refund["balance_transaction"] = balance.record_refund(ctx, refund)["id"]
    ctx.store.save(refund)
    _count(ctx, charge, amount)
    emit(ctx, "refund.created", refund)
    emit(ctx, "charge.refunded", charge)
    return refund


def update(ctx: Context, refund_id: str, given: Json) -> Json:
    """Change the metadata, which is all that can be changed."""
    refund = ctx.store.get("refund", refund_id)
    before = refund["metadata"]
    refund["metadata"] = {**before, **(given.get("metadata") or {})}
    ctx.store.save(refund)
    _tell(ctx, refund, previous={"metadata": before})
    return refund


def settle(ctx: Context, refund_id: str, *, outcome: str, failure: str = "expired_or_canceled_card") -> Json:
    """What the card's bank says: a pending refund ends, or one that had succeeded fails."""
    refund = ctx.store.get("refund", refund_id)
    if outcome not in _ENDS.get(refund["status"], set()):
        raise Refused(f"This refund is {refund['status']}; it cannot become {outcome}.")
    previous = {"status": refund["status"]}
    refund |= {"status": outcome, "_settles_at": None}
    refund.pop("pending_reason", None)
    if outcome != "succeeded":
        returned = balance.record_refund_failure(ctx, refund)
        refund["failure_balance_transaction"] = returned["id"]
        previous |= {"failure_balance_transaction": None}
    if outcome == "failed":
        refund["failure_reason"] = failure
        previous |= {"failure_reason": None}
    ctx.store.save(refund)
    if outcome != "succeeded":
        _count(ctx, ctx.store.get("charge", refund["charge"]), -refund["amount"])
    _tell(ctx, refund, previous=previous)
    if outcome == "failed":
        emit(ctx, "refund.failed", refund, previous=previous)
    return refund


def settle_due(ctx: Context) -> None:
    """End the refunds whose time has come: of the cards that take their time, or fail in the end."""
    with ctx.store.transaction():
        rows = ctx.store.rows(
            "SELECT id, json_extract(body, '$._becomes') FROM objects"
            " WHERE kind = 'refund' AND json_extract(body, '$._settles_at') <= ?",
            ctx.created,
        )
        for refund_id, outcome in rows:
            settle(ctx, refund_id, outcome=outcome)


def charge_of_session(ctx: Context, session_id: str) -> Json:
    """The charge that paid a session, for the tests' door."""
    session = ctx.store.get("checkout.session", session_id, noun="checkout.session")
    if session["payment_status"] != "paid":
        raise Refused("This session was not paid.")
    return _charge_of(ctx, {"payment_intent": session["payment_intent"]})


def _charge_of(ctx: Context, given: Json) -> Json:
    if given.get("charge"):
        return ctx.store.get("charge", given["charge"])
    if not given.get("payment_intent"):
        message = "One of the following params should be provided for this request: payment_intent or charge."
        raise InvalidRequest(message, code="parameter_missing", param="charge")
    intent = ctx.store.get("payment_intent", given["payment_intent"])
    if intent["status"] != "succeeded":
        raise Refused(f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.")
    return ctx.store.get("charge", intent["latest_charge"])


def _check(ctx: Context, charge: Json, amount: int, rest: int) -> None:
    if charge["status"] != "succeeded":
        raise Refused(f"Charge {charge['id']} was not paid.")
    if rest == 0:
        raise Refused(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if amount > rest:
        raise Refused(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({rest})", param="amount")
    disputes = ctx.store.page("dispute", window=Window(limit=1), where={"charge": charge["id"]}).data
    if disputes and not disputes[0]["is_charge_refundable"]:
        raise Refused(f"Charge {charge['id']} has been charged back.", code="charge_disputed")


def _count(ctx: Context, charge: Json, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    ctx.store.save(charge)


def _tell(ctx: Context, refund: Json, *, previous: Json) -> None:
    """Under its name of today and its old one, as Stripe does."""
    emit(ctx, "refund.updated", refund, previous=previous)
    emit(ctx, "charge.refund.updated", refund, previous=previous)
