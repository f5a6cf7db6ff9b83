"""What a top-up goes into, in words: the wallet, or one product's balance."""

from django.utils.translation import gettext as _

from wallet import chart

_PRODUCT = chart.product("")


def name(code: str) -> str:
    """The name of a balance for its owner; a code that is no customer's balance stays as it is."""
    if code == chart.WALLET:
        return _("Wallet")
    return code.removeprefix(_PRODUCT).replace("-", " ").capitalize() if code.startswith(_PRODUCT) else code
