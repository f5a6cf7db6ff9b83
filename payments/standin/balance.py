"""Balance transactions: what a charge brings, what goes back, and what either costs."""

from dataclasses import dataclass

from . import ids
from .context import Context
from .store import Json

DISPUTE_FEE = 1500
_CLEARS_AFTER = 2 * 24 * 3600


@dataclass(frozen=True, kw_only=True)
class Change:
    """What happened to the balance, in the currency's smallest unit; `amount` below zero leaves it."""

    type: str
    category: str
    amount: int
    fee: int = 0
    fee_description: str = "Stripe processing fees"
    description: str | None = None


def record_charge(ctx: Context, charge: Json) -> Json:
    fee = ctx.world.settings.fee.on(charge["amount"])
    change = Change(
        type="charge", category="charge", amount=charge["amount"], fee=fee, description=charge["description"]
    )
    return record(ctx, change, source=charge)


def record_refund(ctx: Context, refund: Json) -> Json:
    change = Change(type="refund", category="refund", amount=-refund["amount"], description="REFUND FOR CHARGE")
    return record(ctx, change, source=refund)


def record_refund_failure(ctx: Context, refund: Json) -> Json:
    change = Change(
        type="refund_failure", category="refund_failure", amount=refund["amount"], description="REFUND FAILURE"
    )
    return record(ctx, change, source=refund)


def record_withdrawal(ctx: Context, dispute: Json) -> Json:
    change = Change(
        type="adjustment",
        category="dispute",
        amount=-dispute["amount"],
        fee=DISPUTE_FEE,
        fee_description="Dispute fee",
        description=f"Chargeback withdrawal for {dispute['charge']}",
    )
    return record(ctx, change, source=dispute)


def record_reinstatement(ctx: Context, dispute: Json) -> Json:
    change = Change(
        type="adjustment",
        category="dispute_reversal",
        amount=dispute["amount"],
        description=f"Chargeback reversal for {dispute['charge']}",
    )
    return record(ctx, change, source=dispute)


def record(ctx: Context, change: Change, *, source: Json) -> Json:
    """Write one change of the balance, caused by `source`. Call inside the transaction of the fact itself."""
    fees = [
        {
            "amount": change.fee,
            "application": None,
            "currency": source["currency"],
            "description": change.fee_description,
            "type": "stripe_fee",
        }
    ]
    return ctx.store.add(
        {
            "id": ids.make("txn"),
            "object": "balance_transaction",
            "amount": change.amount,
            "available_on": ctx.created + (_CLEARS_AFTER if change.amount > 0 else 0),
            "balance_type": "payments",
            "created": ctx.created,
            "currency": source["currency"],
            "description": change.description,
            "exchange_rate": None,
            "fee": change.fee,
            "fee_details": fees if change.fee else [],
            "net": change.amount - change.fee,
            "reporting_category": change.category,
            "source": source["id"],
            "status": "pending" if change.amount > 0 else "available",
            "type": change.type,
        }
    )
