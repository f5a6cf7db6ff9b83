"""Balance transactions: what a charge brings and what it costs."""

from . import ids
from .context import Context
from .store import Json

_CLEARS_AFTER = 2 * 24 * 3600


def record_charge(ctx: Context, charge: Json) -> Json:
    fee = ctx.world.settings.fee.on(charge["amount"])
    return ctx.store.add(
        {
            "id": ids.make("txn"),
            "object": "balance_transaction",
            "amount": charge["amount"],
            "available_on": ctx.created + _CLEARS_AFTER,
            "balance_type": "payments",
            "created": ctx.created,
            "currency": charge["currency"],
            "description": charge["description"],
            "exchange_rate": None,
            "fee": fee,
            "fee_details": [
                {
                    "amount": fee,
                    "application": None,
                    "currency": charge["currency"],
                    "description": "Stripe processing fees",
                    "type": "stripe_fee",
                }
            ],
            "net": charge["amount"] - fee,
            "reporting_category": "charge",
            "source": charge["id"],
            "status": "pending",
            "type": "charge",
        }
    )
