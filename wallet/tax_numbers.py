"""Tax numbers as people write them; a Chinese one carries a check character."""

import re
import unicodedata
from typing import Final

from wallet import names

_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_CODE = re.compile("[0-9A-Z]{2}[0-9]{6}[0-9A-Z]{10}")
"""统一社会信用代码: two characters for who registered it and what it is, six digits for the place, ten more."""


class WrongCheckCharacter(ValueError):
    """The number looks like a Chinese one, and its last character contradicts the others: a slip of the pen."""


def tidy(text: str) -> str:
    """One line as it was written; what looks like a Chinese number in plain capitals, without blanks.

    Such a number is checked as GB 32100-2015 says. Every other country's is free text.
    """
    line = names.tidy(text)
    code = unicodedata.normalize("NFKC", line).replace(" ", "").replace("-", "").upper()
    if not _CREDIT_CODE.fullmatch(code):
        return line
    if not _holds(code):
        raise WrongCheckCharacter
    return code


def _holds(code: str) -> bool:
    """I, O, S, V and Z are not in the alphabet, so that they are not taken for digits."""
    if any(sign not in _ALPHABET for sign in code):
        return False
    total = sum(_ALPHABET.index(sign) * pow(3, place, 31) for place, sign in enumerate(code[:-1]))
    return _ALPHABET[-total % 31] == code[-1]
