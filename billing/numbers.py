"""Numbers of orders and refunds: TU or RF, the day, nine random characters and a check character."""

import re
import secrets
from datetime import date

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""32 characters without the look-alikes 0, 1, I and O."""

ORDER = "TU"
REFUND = "RF"

IN_ADDRESS = r"(?P<number>TU[0-9A-Z]{18})"
"""How a number stands in an address of the site; whether there is such an order is another question."""

REFUND_IN_ADDRESS = r"(?P<refund_number>RF[0-9A-Z]{18})"

_RANDOM_LENGTH = 9  # 45 bits
_SHAPE = re.compile(rf"(?:{ORDER}|{REFUND})[0-9]{{8}}[{ALPHABET}]{{{_RANDOM_LENGTH + 1}}}")


def draw(day: date, *, kind: str = ORDER) -> str:
    """A new number of the business day, e.g. TU20261122K7QX2M9PAF."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(_RANDOM_LENGTH))
    return f"{kind}{day:%Y%m%d}{body}{_check_character(body)}"


def read(text: str, *, kind: str = ORDER) -> str | None:
    """The number a person typed, whatever its case, spaces and hyphens; None when it cannot be one of this kind."""
    number = re.sub(r"[\s-]", "", text).upper()
    if not number.startswith(kind) or not _SHAPE.fullmatch(number):
        return None
    body, check = number[10:-1], number[-1]
    return number if _check_character(body) == check else None


def _check_character(body: str) -> str:
    """Luhn's algorithm modulo 32 (ISO/IEC 7812-1 generalised): finds every single wrong character."""
    total = 0
    for place, character in enumerate(reversed(body)):
        value = ALPHABET.index(character) * (2 if place % 2 == 0 else 1)
        total += value // 32 + value % 32
    return ALPHABET[-total % 32]
