"""Checkout Sessions: made, read, expired, completed."""

from . import ids
from .context import Context
from .errors import Refused
from .events import emit
from .session_parameters import read_currency, read_expiry, read_total
from .store import Json


def create(ctx: Context, given: Json) -> Json:
    currency = read_currency(given)
    items = [_line_item(ctx, each, currency) for each in given["line_items"]]
    total = read_total(items, currency)
    return ctx.store.add(
        {
            **_constant_fields(),
            "id": ids.make("cs_test", length=58),
            "object": "checkout.session",
            "amount_subtotal": total,
            "amount_total": total,
            "cancel_url": given.get("cancel_url"),
            "client_reference_id": given.get("client_reference_id"),
            "created": ctx.created,
            "currency": currency,
            "customer_details": None,
            "customer_email": given.get("customer_email"),
            "expires_at": read_expiry(given, ctx.created),
            "livemode": False,
            "locale": given.get("locale"),
            "metadata": given.get("metadata", {}),
            "mode": "payment",
            "payment_intent": None,
            "payment_method_types": _methods(ctx, given),
            "payment_status": "unpaid",
            "status": "open",
            "submit_type": given.get("submit_type"),
            "success_url": given["success_url"],
            "url": None,
            "_line_items": items,
            "_payment_intent_data": given.get("payment_intent_data", {}),
        }
    )


def find(ctx: Context, id_: str) -> Json:
    """Find the session, expired first if its time has come. Call inside a transaction."""
    session = ctx.store.get("checkout.session", id_)
    if session["status"] == "open" and session["expires_at"] <= ctx.now:
        return _expire(ctx, session)
    return session


def expire(ctx: Context, id_: str) -> Json:
    session = find(ctx, id_)
    if session["status"] != "open":
        raise Refused(
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of {session['status']}."
        )
    return _expire(ctx, session)


def expire_due(ctx: Context) -> int:
    """Expire every open session whose time has come; how many there were."""
    with ctx.store.transaction():
        due = ctx.store.rows(
            "SELECT id FROM objects WHERE kind = 'checkout.session' "
            "AND json_extract(body, '$.status') = 'open' AND json_extract(body, '$.expires_at') <= ?",
            ctx.created,
        )
        for (id_,) in due:
            find(ctx, id_)
    return len(due)


def complete(ctx: Context, session: Json, *, payment_status: str, email: str) -> None:
    session |= {
        "customer_details": {
            "address": None,
            "business_name": None,
            "email": email,
            "individual_name": None,
            "name": None,
            "phone": None,
            "tax_exempt": "none",
            "tax_ids": None,
        },
        "payment_status": payment_status,
        "status": "complete",
    }
    ctx.store.save(session)


def page_path(session: Json) -> str:
    return f"/c/pay/{session['id']}"


def success_address(session: Json) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def cancel_address(session: Json) -> str | None:
    address = session["cancel_url"]
    return None if address is None else str(address).replace("{CHECKOUT_SESSION_ID}", session["id"])


def _expire(ctx: Context, session: Json) -> Json:
    session["status"] = "expired"
    ctx.store.save(session)
    emit(ctx, "checkout.session.expired", session)
    return session


def _line_item(ctx: Context, given: Json, currency: str) -> Json:
    price = given["price_data"]
    total = price["unit_amount"] * given["quantity"]
    return {
        "id": ids.make("li"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": total,
        "amount_tax": 0,
        "amount_total": total,
        "currency": currency,
        "description": price["product_data"]["name"],
        "metadata": given.get("metadata", {}),
        "price": {
            "id": ids.make("price"),
            "object": "price",
            "active": False,
            "billing_scheme": "per_unit",
            "created": ctx.created,
            "currency": currency,
            "livemode": False,
            "metadata": {},
            "nickname": None,
            "product": ids.make("prod", length=14),
            "recurring": None,
            "tax_behavior": price.get("tax_behavior") or "unspecified",
            "type": "one_time",
            "unit_amount": price["unit_amount"],
            "unit_amount_decimal": str(price["unit_amount"]),
        },
        "quantity": given["quantity"],
        "_detail": price["product_data"].get("description"),
    }


def _methods(ctx: Context, given: Json) -> list[str]:
    return list(given.get("payment_method_types") or ctx.world.settings.payment_methods)


def _constant_fields() -> Json:
    """Fill in what a real session also has and the stand-in never uses."""
    unset = (
        "after_expiration",
        "allow_promotion_codes",
        "billing_address_collection",
        "client_secret",
        "collected_information",
        "consent",
        "consent_collection",
        "currency_conversion",
        "customer",
        "customer_account",
        "discounts",
        "invoice",
        "origin_context",
        "payment_link",
        "payment_method_configuration_details",
        "permissions",
        "recovered_from",
        "saved_payment_method_options",
        "setup_intent",
        "shipping_address_collection",
        "shipping_cost",
        "subscription",
        "wallet_options",
    )
    return {
        **dict.fromkeys(unset),
        "adaptive_pricing": {"enabled": False},
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer_creation": "if_required",
        "invoice_creation": {"enabled": False, "invoice_data": None},
        "payment_method_collection": "if_required",
        "payment_method_options": {},
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
    }
