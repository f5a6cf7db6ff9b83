"""Product numbers: 15 digits, of which the last is a check digit."""

import re
import secrets
from typing import Final

SHAPE: Final = re.compile(r"[1-9][0-9]{14}")
"""Of every product number; whether its check digit is right is another question."""

_WEIGHTS = (2, 1)


def draw() -> str:
    """Nearly 47 random bits, so that numbers are neither guessed nor drawn twice; the table says the last word."""
    digits = str(secrets.randbelow(9) + 1) + "".join(str(secrets.randbelow(10)) for _ in range(13))
    return digits + _check_digit(digits)


def is_number(text: str) -> bool:
    """Whether the text can be a product number at all."""
    return SHAPE.fullmatch(text) is not None and text[-1] == _check_digit(text[:-1])


def _check_digit(digits: str) -> str:
    """Luhn's (ISO/IEC 7812-1): it finds every single wrong digit, and nearly every pair exchanged."""
    products = (int(digit) * _WEIGHTS[place % 2] for place, digit in enumerate(reversed(digits)))
    return str(-sum(product // 10 + product % 10 for product in products) % 10)
