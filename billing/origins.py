"""Where a top-up of the wallet was begun: at a product that it held too little for. Its customer is led back."""

from typing import Final

from django.contrib.sessions.backends.base import SessionBase

from billing.models import Order
from products.models import Product

_KEY: Final = "topup_origins"
_MOST: Final = 20


def remember(session: SessionBase, *, order: Order, product: Product) -> None:
    """For as long as the session lasts, and for the latest orders only."""
    kept = {**session.get(_KEY, {}), order.number: product.code}
    session[_KEY] = dict(list(kept.items())[-_MOST:])


def find(session: SessionBase, *, order: Order) -> str:
    """The product's account code; empty when the top-up was begun elsewhere."""
    code: str = session.get(_KEY, {}).get(order.number, "")
    return code
