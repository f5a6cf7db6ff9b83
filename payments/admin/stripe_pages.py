"""Where an object of Stripe's stands in Stripe's own dashboard."""

from typing import Final
from urllib.parse import quote

from payments import stripe_api

_PLACES: Final = {
    "pi_": "payments",
    "ch_": "payments",
    "py_": "payments",
    "du_": "disputes",
    "dp_": "disputes",
    "po_": "payouts",
    "cus_": "customers",
    "evt_": "events",
}


def find_page(stripe_id: str) -> str:
    """The dashboard's page of one object, in the mode of our key; what has no page of its own is searched for there."""
    mode = "" if stripe_api.is_live() else "test/"
    place = next((place for prefix, place in _PLACES.items() if stripe_id.startswith(prefix)), None)
    path = f"{place}/{quote(stripe_id, safe='')}" if place else f"search?query={quote(stripe_id, safe='')}"
    return f"https://dashboard.stripe.com/{mode}{path}"
