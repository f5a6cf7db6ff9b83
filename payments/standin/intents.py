"""Payment intents and charges: one intent per session, one charge per attempt."""

from . import balance, ids
from .cards import Decline, PresentedCard
from .context import Context
from .store import Json

NO_ADDRESS = {
    "city": None,
    "country": None,
    "line1": None,
    "line2": None,
    "postal_code": None,
    "state": None,
}


def of_session(ctx: Context, session: Json) -> Json:
    """Find the session's intent, or make it at the first attempt to pay."""
    if session["payment_intent"] is not None:
        return ctx.store.get("payment_intent", session["payment_intent"])
    wanted = session["_payment_intent_data"]
    id_ = ids.make("pi")
    intent = ctx.store.add(
        {
            "id": id_,
            "object": "payment_intent",
            "amount": session["amount_total"],
            "amount_capturable": 0,
            "amount_details": {"tip": {}},
            "amount_received": 0,
            "application": None,
            "application_fee_amount": None,
            "automatic_payment_methods": None,
            "canceled_at": None,
            "cancellation_reason": None,
            "capture_method": "automatic_async",
            "client_secret": f"{id_}_secret_{ids.make('s')[2:]}",
            "confirmation_method": "automatic",
            "created": ctx.created,
            "currency": session["currency"],
            "customer": None,
            "description": wanted.get("description"),
            "last_payment_error": None,
            "latest_charge": None,
            "livemode": False,
            "metadata": wanted.get("metadata", {}),
            "next_action": None,
            "on_behalf_of": None,
            "payment_method": None,
            "payment_method_options": {},
            "payment_method_types": session["payment_method_types"],
            "processing": None,
            "receipt_email": wanted.get("receipt_email"),
            "review": None,
            "setup_future_usage": None,
            "shipping": None,
            "source": None,
            "statement_descriptor": None,
            "statement_descriptor_suffix": wanted.get("statement_descriptor_suffix"),
            "status": "requires_payment_method",
            "transfer_data": None,
            "transfer_group": None,
        }
    )
    session["payment_intent"] = intent["id"]
    ctx.store.save(session)
    return intent


def charge(ctx: Context, intent: Json, *, email: str, card: PresentedCard | None) -> Json:
    """Make a pending charge of the intent, by card or, without one, by bank debit."""
    later = card.card.later if card else ""
    made = ctx.store.add(
        {
            "id": ids.make("ch" if card else "py"),
            "object": "charge",
            "amount": intent["amount"],
            "amount_captured": 0,
            "amount_refunded": 0,
            "application": None,
            "application_fee": None,
            "application_fee_amount": None,
            "balance_transaction": None,
            "billing_details": {
                "address": dict(NO_ADDRESS),
                "email": email,
                "name": None,
                "phone": None,
                "tax_id": None,
            },
            "calculated_statement_descriptor": "STRIPE STAND-IN",
            "captured": False,
            "created": ctx.created,
            "currency": intent["currency"],
            "customer": None,
            "description": intent["description"],
            "disputed": False,
            "failure_balance_transaction": None,
            "failure_code": None,
            "failure_message": None,
            "fraud_details": {},
            "livemode": False,
            "metadata": dict(intent["metadata"]),
            "on_behalf_of": None,
            "outcome": None,
            "paid": False,
            "payment_intent": intent["id"],
            "payment_method": ids.make("pm"),
            "payment_method_details": _card_details(card) if card else _bank_details(),
            "receipt_email": intent["receipt_email"],
            "receipt_number": None,
            "receipt_url": None,
            "refunded": False,
            "review": None,
            "shipping": None,
            "source": None,
            "source_transfer": None,
            "statement_descriptor": None,
            "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
            "status": "pending",
            "transfer_data": None,
            "transfer_group": None,
            "_later": later,
        }
    )
    intent |= {"latest_charge": made["id"], "payment_method": made["payment_method"]}
    ctx.store.save(intent)
    return made


def succeed(ctx: Context, intent: Json, made: Json) -> None:
    """Book the pending charge."""
    transaction = balance.record_charge(ctx, made)
    made |= {
        "amount_captured": made["amount"],
        "balance_transaction": transaction["id"],
        "captured": True,
        "outcome": _outcome("approved_by_network", "Payment complete."),
        "paid": True,
        "status": "succeeded",
    }
    ctx.store.save(made)
    intent |= {
        "amount_received": made["amount"],
        "last_payment_error": None,
        "next_action": None,
        "processing": None,
        "status": "succeeded",
    }
    ctx.store.save(intent)


def fail(ctx: Context, intent: Json, made: Json, decline: Decline) -> None:
    """Fail the pending charge; the intent waits for another attempt."""
    outcome = _outcome("declined_by_network", "The bank did not return any further details with this decline.")
    made |= {
        "failure_code": decline.code,
        "failure_message": decline.message,
        "outcome": {**outcome, "reason": decline.decline_code, "type": "issuer_declined"},
        "status": "failed",
    }
    ctx.store.save(made)
    refuse(ctx, intent, decline)


def refuse(ctx: Context, intent: Json, decline: Decline) -> None:
    """Note why the last attempt came to nothing."""
    error = {**decline.error().body()["error"], "charge": intent["latest_charge"]}
    intent |= {
        "last_payment_error": error,
        "next_action": None,
        "payment_method": None,
        "processing": None,
        "status": "requires_payment_method",
    }
    ctx.store.save(intent)


def _outcome(network_status: str, seller_message: str) -> Json:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": network_status,
        "reason": None,
        "risk_level": "normal",
        "seller_message": seller_message,
        "type": "authorized",
    }


def _card_details(card: PresentedCard) -> Json:
    return {
        "type": "card",
        "card": {
            "amount_authorized": None,
            "authorization_code": None,
            "brand": "visa",
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
            "country": "US",
            "exp_month": card.exp_month,
            "exp_year": card.exp_year,
            "funding": "credit",
            "installments": None,
            "last4": card.last4,
            "mandate": None,
            "network": "visa",
            "three_d_secure": None,
            "wallet": None,
        },
    }


def _bank_details() -> Json:
    return {
        "type": "us_bank_account",
        "us_bank_account": {
            "account_holder_type": "company",
            "account_type": "checking",
            "bank_name": "STRIPE TEST BANK",
            "last4": "6789",
            "routing_number": "110000000",
        },
    }
