"""Amounts and texts of Stripe's answers, read strictly."""

from decimal import Decimal

from djmoney.money import Money
from moneyed import CurrencyDoesNotExist

_MOST_UNITS = 10**12  # a Checkout amount has at most 8 digits
_ZERO_DECIMAL = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"]
)
_THREE_DECIMAL = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])

UNREADABLE = (AttributeError, LookupError, TypeError, ValueError, ArithmeticError, OSError, CurrencyDoesNotExist)
"""What reading an answer that is none of those we understand may raise."""


def minor_units(amount: Money) -> int:
    """The amount as Stripe counts it: cents, whole units or thousandths, as the currency has them."""
    units = amount.amount.scaleb(_places(amount.currency.code))
    if units != units.to_integral_value():
        raise ValueError(f"{amount} is finer than Stripe's smallest unit")
    return int(units)


def money(units: int, currency: str) -> Money:
    """Raises one of `UNREADABLE` for anything but a whole number of minor units that is not negative."""
    if type(units) is not int:
        raise TypeError(f"{units!r} is not a whole number of minor units")
    if not 0 <= units < _MOST_UNITS:
        raise ValueError(f"{units} minor units are no amount of ours")
    code = currency.upper()
    return Money(Decimal(units).scaleb(-_places(code)), code)


def text(value: object) -> str:
    """Raises one of `UNREADABLE` for anything but text."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _places(currency: str) -> int:
    if currency in _ZERO_DECIMAL:
        return 0
    return 3 if currency in _THREE_DECIMAL else 2
