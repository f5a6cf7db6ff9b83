"""What a top-up goes into, in words: the wallet, or one product's balance."""

from collections.abc import Mapping
from uuid import UUID

from django.utils.translation import gettext as _

from products import catalogue
from products.models import ProductBalance
from wallet import chart

_PRODUCT = chart.product("")
_HELD = chart.held("")


def name(code: str) -> str:
    """The name of a balance for its owner; a code that is no customer's balance stays as it is."""
    if code.endswith(_HELD):
        return _("%(balance)s, set aside") % {"balance": name(code.removesuffix(_HELD))}
    if code == chart.WALLET:
        return _("Wallet")
    if not code.startswith(_PRODUCT):
        return code
    product = catalogue.find(code)
    return product.title if product else code.removeprefix(_PRODUCT).replace("-", " ").capitalize()


def names() -> Mapping[str, str]:
    """Every balance's name by its code: one query, for lists."""
    return {chart.WALLET: _("Wallet"), **catalogue.names()}


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
