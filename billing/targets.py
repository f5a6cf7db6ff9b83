"""What a top-up goes into, in words: the wallet, or one product's balance."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from products import catalogue
from products.models import Product, ProductBalance
from wallet import chart

_PRODUCT = chart.product("")
_HELD = chart.held("")


@dataclass(frozen=True, kw_only=True)
class Target:
    """A product number, empty for the wallet; and the balance's name and the wallet's by code, also of what is held."""

    number: str
    names: Mapping[str, str]


def name(code: str) -> str:
    """The name of a balance for its owner; a code that is no customer's balance stays as it is."""
    if code.endswith(_HELD):
        return _name_held(name(code.removesuffix(_HELD)))
    if code == chart.WALLET:
        return _("Wallet")
    if not code.startswith(_PRODUCT):
        return code
    product = catalogue.find(code)
    return product.title if product else code.removeprefix(_PRODUCT).replace("-", " ").capitalize()


def names() -> Mapping[str, str]:
    """Every balance's name by its code: one query, for lists."""
    return {chart.WALLET: _("Wallet"), **catalogue.names()}


def name_all(products: Iterable[Product]) -> Mapping[str, str]:
    """The same of the wallet and the balances of these products."""
    return {chart.WALLET: _("Wallet"), **catalogue.name_all(products)}


def describe(*, organisation_id: UUID, code: str) -> Target:
    """What a page about one of the organisation's balances says of it: at most one query."""
    own = ProductBalance.objects.filter(organisation_id=organisation_id, product__slug=code.removeprefix(_PRODUCT))
    balance = own.select_related("product").first() if code.startswith(_PRODUCT) else None
    names = name_all([balance.product] if balance else ())
    held = {chart.held(code): _name_held(title) for code, title in names.items()}
    return Target(number=balance.number if balance else "", names={**names, **held})


def number(*, organisation_id: UUID, code: str) -> str:
    """The product number of the organisation's balance; empty for the wallet."""
    if not code.startswith(_PRODUCT):
        return ""
    of_product = ProductBalance.objects.filter(
        organisation_id=organisation_id, product__slug=code.removeprefix(_PRODUCT)
    )
    return of_product.values_list("number", flat=True).first() or ""


def full_name(*, organisation_id: UUID, code: str) -> str:
    """The name with the product number, if there is one: `WhatsApp · 412345678901234`."""
    return " · ".join(filter(None, [name(code), number(organisation_id=organisation_id, code=code)]))


def _name_held(title: str) -> str:
    return _("%(balance)s, set aside") % {"balance": title}
