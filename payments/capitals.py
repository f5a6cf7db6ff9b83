"""人民币大写: an amount of RMB in the capital characters that Chinese banks want beside the figures.

The rules are those of the 支付结算办法, annex 1; where they leave a choice, their first example is followed.
"""

from decimal import Decimal
from typing import Final

from djmoney.money import Money

LARGEST: Final = Decimal(10) ** 16

_DIGITS: Final = "零壹贰叁肆伍陆柒捌玖"
_UNITS: Final = ((10**8, "亿"), (10**4, "万"), (1000, "仟"), (100, "佰"), (10, "拾"))


def write(amount: Money) -> str:
    """`人民币柒仟贰佰元整`. Raises ValueError for another currency, parts of a fen, and what lies outside the range."""
    if amount.currency.code != "CNY" or not amount.amount.is_finite() or not 0 <= amount.amount < LARGEST:
        raise ValueError(f"{amount} is not written in capitals")
    fen = amount.amount * 100
    if fen != int(fen):
        raise ValueError(f"{amount} has parts of a fen")
    yuan, cents = divmod(int(fen), 100)
    whole = f"{_read(yuan)}元" if yuan else ""
    return f"人民币{whole}{_write_cents(cents, yuan)}" if yuan or cents else "人民币零元整"


def _read(number: int) -> str:
    """A whole number above zero; one 零 stands for any run of noughts between its parts."""
    for size, unit in _UNITS:
        if number >= size:
            high, low = divmod(number, size)
            gap = _DIGITS[0] if 0 < low < size // 10 else ""
            return f"{_read(high)}{unit}{gap}{_read(low) if low else ''}"
    return _DIGITS[number]


def _write_cents(cents: int, yuan: int) -> str:
    jiao, fen = divmod(cents, 10)
    if not cents:
        return "整"
    is_apart = yuan and (yuan % 10 == 0 or jiao == 0)
    return (
        (_DIGITS[0] if is_apart else "")
        + (f"{_DIGITS[jiao]}角" if jiao else "")
        + (f"{_DIGITS[fen]}分" if fen else "整")
    )
