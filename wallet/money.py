"""Amounts: the strict parsers for what is paid and for what is used, rounding, and how figures are shown."""

import re
from decimal import ROUND_FLOOR, ROUND_HALF_UP, ROUND_UP, Decimal
from typing import Final

from django.utils.translation import gettext as _
from djmoney.money import Money
from moneyed import CurrencyDoesNotExist, get_currency

LARGEST: Final = Decimal(10) ** 12
"""No amount a person or a file gives reaches this; the ledger's columns hold a hundred times more."""

USAGE_PLACES: Final = 6
"""Decimal places of what is used, which may be finer than what is paid; the ledger's columns have as many."""

WALLET_CURRENCY: Final = "USD"
"""What a wallet holds, and so what it can be topped up in."""

MINUS: Final = "−"
"""The sign people read; what machines read (files, the API) has the hyphen."""

_DIGITS = re.compile(r"(?P<whole>0|[1-9][0-9]*)(?:\.(?P<fraction>[0-9]+))?")
_SYMBOLS: Final = {"USD": "$", "CNY": "¥"}


class AmountError(ValueError):
    """The text is not an amount that can be taken exactly; its message says what to write instead."""


def parse_amount(text: str, currency: str) -> Money:
    """The amount a text names, above zero, exact to the currency's minor unit; blanks around it are ignored.

    ASCII digits and one point, nothing else: whatever could be read in two ways raises AmountError.
    """
    places = decimal_places(currency)
    match = _DIGITS.fullmatch(text.strip(" \t"))
    if match is None:
        raise AmountError(_("Write the amount in digits only, like 100 or 99.50, without signs or commas."))
    if len(match["fraction"] or "") > places:
        raise AmountError(
            _("%(currency)s has at most %(places)d decimal places.") % {"currency": currency, "places": places}
        )
    if len(match["whole"]) > LARGEST.adjusted():
        raise AmountError(_("This amount is too large."))
    amount = Decimal(match[0])
    if amount == 0:
        raise AmountError(_("Write an amount above zero."))
    return Money(amount.quantize(_unit(places)), currency)


def parse_usage(text: str, currency: str) -> Money:
    """The amount of a use or a unit price, above zero, to six decimals; not even blanks around it are taken.

    Else as strict as `parse_amount`. Raises AmountError.
    """
    match = _DIGITS.fullmatch(text)
    if match and len(match["fraction"] or "") <= USAGE_PLACES and len(match["whole"]) <= LARGEST.adjusted():
        amount = Decimal(text)
        if amount:
            return Money(amount, currency)
    raise AmountError(
        _("Write an amount above zero in digits only, like 0.0525, with at most %(places)d decimal places.")
        % {"places": USAGE_PLACES}
    )


def decimal_places(currency: str) -> int:
    """How many decimal places a payment in this currency has: 2 for USD and CNY."""
    try:
        return Decimal(get_currency(currency).sub_unit).adjusted()
    except CurrencyDoesNotExist:
        raise AmountError(_("%(currency)s is not a currency we know.") % {"currency": currency}) from None


def round_half_up(money: Money) -> Money:
    """To the minor unit; a half goes away from zero. For conversions."""
    return Money(money.amount.quantize(_minor_unit(money), rounding=ROUND_HALF_UP), money.currency)


def round_up(money: Money) -> Money:
    """To the minor unit: never less than it was."""
    return Money(money.amount.quantize(_minor_unit(money), rounding=ROUND_UP), money.currency)


def round_down(money: Money) -> Money:
    """To the minor unit: never more than it was."""
    return Money(money.amount.quantize(_minor_unit(money), rounding=ROUND_FLOOR), money.currency)


def shown(money: Money) -> str:
    """`$1,234.50`: rounded down, so that nobody is shown money he cannot spend."""
    amount = round_down(money).amount
    sign = MINUS if amount < 0 else ""
    code = money.currency.code
    return f"{sign}{_SYMBOLS.get(code, code + ' ')}{abs(amount):,f}"


def labelled(money: Money) -> str:
    """`USD $1,234.50`, where more than one currency may stand on a page."""
    code = money.currency.code
    return f"{code} {shown(money)}" if code in _SYMBOLS else shown(money)


def _minor_unit(money: Money) -> Decimal:
    return _unit(decimal_places(money.currency.code))


def _unit(places: int) -> Decimal:
    return Decimal(1).scaleb(-places)
