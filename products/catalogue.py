"""The catalogue: what can be topped up, and which product an account code belongs to."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from products.models import Product
from wallet import chart

_PREFIX: Final = chart.product("")


class NotOffered(Exception):
    """No product of this code can be topped up (any more)."""


def find(code: str) -> Product | None:
    """The product whose balance an account code names; None for the wallet and for codes of no product."""
    return Product.objects.filter(slug=code.removeprefix(_PREFIX)).first() if code.startswith(_PREFIX) else None


def find_offered(code: str) -> Product | None:
    """As `find`, for a top-up: None for the wallet, `NotOffered` for what is no active product."""
    if code == chart.WALLET:
        return None
    product = find(code)
    if product is None or not product.is_active:
        raise NotOffered(code)
    return product


def names() -> Mapping[str, str]:
    """Every product's name in the reader's language, by account code: one query, for lists."""
    return name_all(Product.objects.all())


def name_all(products: Iterable[Product]) -> Mapping[str, str]:
    """The same of these products alone."""
    return MappingProxyType({product.code: product.title for product in products})
