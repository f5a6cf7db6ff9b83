"""Disputes: the customer asks his bank for the money back. Call everything here inside one store transaction."""

from . import balance, ids
from .context import Context
from .errors import InvalidRequest, Refused
from .events import emit
from .store import Json, Window

KINDS = ("inquiry", "chargeback")
OUTCOMES = ("withdraw", "win", "lose", "reinstate", "close")
REASONS = ("fraudulent", "duplicate", "product_not_received", "product_unacceptable", "unrecognized", "general")
EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
    "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation",
    "duplicate_charge_id", "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address", "shipping_carrier",
    "shipping_date", "shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
)  # fmt: skip

_ANSWER_WITHIN = 9 * 24 * 3600
_OPEN = {"warning_needs_response", "warning_under_review", "needs_response", "under_review"}


def create(
    ctx: Context, charge: Json, *, kind: str = "chargeback", amount: int | None = None, reason: str = "fraudulent"
) -> Json:
    """The bank asks (an inquiry moves no money) or takes the money at once (a chargeback)."""
    disputed = charge["amount"] if amount is None else amount
    _check(ctx, charge, disputed)
    inquires = kind == "inquiry"
    dispute: Json = {
        "id": ids.make("du"),
        "object": "dispute",
        "amount": disputed,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": ctx.created,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {
            **dict.fromkeys(EVIDENCE),
            "customer_email_address": charge["billing_details"]["email"],
            "enhanced_evidence": {},
        },
        "evidence_details": {
            "due_by": ctx.created + _ANSWER_WITHIN,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": inquires,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {"brand": "visa", "case_type": kind, "network_reason_code": "10.4"},
            "type": "card",
        },
        "reason": reason,
        "status": "warning_needs_response" if inquires else "needs_response",
    }
    charge["disputed"] = True
    ctx.store.save(charge)
    ctx.store.add(dispute)
    emit(ctx, "charge.dispute.created", dispute)
    if not inquires:
        _withdraw(ctx, dispute)
    return dispute


def answer(ctx: Context, dispute_id: str, given: Json) -> Json:
    """Keep evidence; unless `submit` is false it goes to the bank, which then decides."""
    dispute = ctx.store.get("dispute", dispute_id)
    if dispute["status"] not in _OPEN:
        raise Refused(f"This dispute is {dispute['status']}: no evidence is taken any more.")
    previous: Json = {}
    if given.get("metadata") is not None:
        previous["metadata"] = dispute["metadata"]
        dispute["metadata"] = {**dispute["metadata"], **given["metadata"]}
    if given.get("evidence"):
        previous["evidence"] = {name: dispute["evidence"].get(name) for name in given["evidence"]}
        dispute["evidence"] |= given["evidence"]
        dispute["evidence_details"]["has_evidence"] = True
    if given.get("evidence") and given.get("submit", True):
        previous["status"] = dispute["status"]
        dispute["status"] = "warning_under_review" if _is_inquiry(dispute) else "under_review"
        dispute["evidence_details"]["submission_count"] += 1
    ctx.store.save(dispute)
    emit(ctx, "charge.dispute.updated", dispute, previous=previous)
    return dispute


def accept(ctx: Context, dispute_id: str) -> Json:
    """Give in: the dispute is lost."""
    return decide(ctx, dispute_id, outcome="lose")


def decide(ctx: Context, dispute_id: str, *, outcome: str) -> Json:
    """What the bank does: `withdraw` (the inquiry becomes a chargeback), `win`, `lose`, `reinstate` (the money comes
    back after all), or `close` (an inquiry comes to nothing).
    """
    dispute = ctx.store.get("dispute", dispute_id)
    previous = {"status": dispute["status"]}
    match outcome:
        case "withdraw" if _is_inquiry(dispute) and dispute["status"] in _OPEN:
            dispute |= {"status": "needs_response", "is_charge_refundable": False}
            dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
            _withdraw(ctx, dispute)
            emit(ctx, "charge.dispute.updated", dispute, previous=previous)
        case "win" if not _is_inquiry(dispute) and dispute["status"] in _OPEN:
            dispute["status"] = "won"
            _reinstate(ctx, dispute)
            emit(ctx, "charge.dispute.closed", dispute, previous=previous)
        case "lose" if not _is_inquiry(dispute) and dispute["status"] in _OPEN:
            _end(ctx, dispute, status="lost")
        case "close" if _is_inquiry(dispute) and dispute["status"] in _OPEN:
            _end(ctx, dispute, status="warning_closed")
        case "reinstate" if dispute["status"] == "lost":
            dispute["status"] = "won"
            _reinstate(ctx, dispute)
            emit(ctx, "charge.dispute.updated", dispute, previous=previous)
        case _:
            raise Refused(f"This dispute is {dispute['status']}; the bank cannot {outcome} it.")
    return dispute


def _check(ctx: Context, charge: Json, amount: int) -> None:
    if charge["status"] != "succeeded":
        raise Refused(f"Charge {charge['id']} was not paid.")
    if not 1 <= amount <= charge["amount"]:
        raise InvalidRequest("A dispute is about the charge or a part of it.", param="amount")
    others = ctx.store.page("dispute", window=Window(limit=1), where={"charge": charge["id"]}).data
    if others and others[0]["status"] in _OPEN:
        raise Refused(f"Charge {charge['id']} is disputed already.")


def _is_inquiry(dispute: Json) -> bool:
    return bool(dispute["status"].startswith("warning_"))


def _withdraw(ctx: Context, dispute: Json) -> None:
    dispute["balance_transactions"].append(balance.record_withdrawal(ctx, dispute))
    ctx.store.save(dispute)
    emit(ctx, "charge.dispute.funds_withdrawn", dispute)


def _reinstate(ctx: Context, dispute: Json) -> None:
    dispute["balance_transactions"].append(balance.record_reinstatement(ctx, dispute))
    ctx.store.save(dispute)
    emit(ctx, "charge.dispute.funds_reinstated", dispute)


def _end(ctx: Context, dispute: Json, *, status: str) -> None:
    previous = {"status": dispute["status"]}
    dispute["status"] = status
    ctx.store.save(dispute)
    emit(ctx, "charge.dispute.closed", dispute, previous=previous)
