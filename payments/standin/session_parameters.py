"""What a new Checkout Session may be asked to be, and the rules no single parameter shows."""

from .errors import InvalidRequest
from .parameters import EXPAND, Address, Email, Field, Group, Integer, Many, Metadata, Text, Truth
from .store import Json

_SOONEST, _LATEST = 30 * 60, 24 * 3600
_LARGEST_AMOUNT = 99_999_999
_SMALLEST_AMOUNTS = {"gbp": 30, "hkd": 400}
_SMALLEST_AMOUNT = 50
PAYMENT_METHODS = ("card", "us_bank_account")

_PRODUCT = Group(
    required=True,
    fields={
        "name": Text(required=True),
        "description": Text(),
        "images": Many(of=Address()),
        "metadata": Metadata(),
    },
)
_PRICE = Group(
    required=True,
    fields={
        "currency": Text(required=True, longest=3),
        "product_data": _PRODUCT,
        "unit_amount": Integer(required=True, least=0),
        "tax_behavior": Text(),
    },
)
CREATE: dict[str, Field] = {
    "adaptive_pricing": Group(fields={"enabled": Truth()}),
    "cancel_url": Address(),
    "client_reference_id": Text(longest=200),
    "currency": Text(longest=3),
    "customer_email": Email(),
    "expand": EXPAND,
    "expires_at": Integer(),
    "line_items": Many(
        required=True,
        of=Group(
            fields={
                "price_data": _PRICE,
                "quantity": Integer(required=True, least=1),
                "metadata": Metadata(),
            }
        ),
    ),
    "locale": Text(longest=10),
    "metadata": Metadata(),
    "mode": Text(required=True, choices=("payment",)),
    "payment_intent_data": Group(
        fields={
            "capture_method": Text(choices=("automatic", "automatic_async")),
            "description": Text(longest=1000),
            "metadata": Metadata(),
            "receipt_email": Email(),
            "statement_descriptor_suffix": Text(longest=22),
        }
    ),
    "payment_method_types": Many(of=Text(choices=PAYMENT_METHODS)),
    "submit_type": Text(choices=("auto", "book", "donate", "pay")),
    "success_url": Address(required=True),
    "ui_mode": Text(choices=("hosted_page",)),
}
LIST_FILTERS: dict[str, Field] = {
    "customer_details": Group(fields={"email": Email(required=True)}),
    "payment_intent": Text(),
    "status": Text(choices=("open", "complete", "expired")),
}


def read_currency(given: Json) -> str:
    """The one currency of all line items."""
    currencies = {each["price_data"]["currency"].lower() for each in given["line_items"]}
    if len(currencies) > 1:
        raise InvalidRequest("All line items must have the same currency.", param="line_items")
    currency = str(currencies.pop())
    if len(currency) != 3 or not currency.isascii() or not currency.isalpha():
        name = "line_items[0][price_data][currency]"
        raise InvalidRequest(f"Invalid currency: {currency}", code="invalid_currency", param=name)
    return currency


def read_total(items: list[Json], currency: str) -> int:
    total = sum(item["amount_total"] for item in items)
    smallest = _SMALLEST_AMOUNTS.get(currency, _SMALLEST_AMOUNT)
    if total < smallest:
        message = f"The Checkout Session's total amount must be at least {smallest} ({currency})."
        raise InvalidRequest(message, code="amount_too_small", param="line_items")
    if total > _LARGEST_AMOUNT:
        message = f"The Checkout Session's total amount must be no more than {_LARGEST_AMOUNT}."
        raise InvalidRequest(message, code="amount_too_large", param="line_items")
    return int(total)


def read_expiry(given: Json, created: int) -> int:
    """Between 30 minutes and 24 hours ahead; the latter when nothing is asked."""
    moment = int(given.get("expires_at", created + _LATEST))
    if moment < created + _SOONEST:
        message = "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."
        raise InvalidRequest(message, param="expires_at")
    if moment > created + _LATEST:
        message = "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."
        raise InvalidRequest(message, param="expires_at")
    return moment
