"""Banks' numbers of transfers as they are compared: everybody writes them with his own blanks, case and width."""

from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Final

from django.db.models import CharField, F, Func, Value

_WIDE: Final = "".join(chr(ord(sign) + 0xFEE0) for sign in ascii_uppercase + ascii_lowercase + digits)
_WRITTEN: Final = ascii_lowercase + _WIDE
_MEANT: Final = ascii_uppercase + 2 * ascii_uppercase + digits
_BLANKS: Final = "".join(map(chr, [*range(9, 14), *range(28, 33), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200E)])) + (
    "\u2028\u2029\u202f\u205f\u3000"
)
_TABLE: Final = str.maketrans(_WRITTEN, _MEANT, _BLANKS)


def fold(number: str) -> str:
    """Without blanks, in capitals of one width: two numbers are one where this is equal."""
    return number.translate(_TABLE)


@lru_cache(maxsize=10_000)
def loosen(number: str) -> str:
    """Besides, without punctuation and leading noughts: where this is equal, a person should look."""
    return "".join(sign for sign in fold(number) if sign.isalnum()).lstrip("0")


def folded(field: str) -> Func:
    """The same in the database's words, for the one column that keeps it."""
    return Func(F(field), Value(_WRITTEN + _BLANKS), Value(_MEANT), function="TRANSLATE", output_field=CharField())
