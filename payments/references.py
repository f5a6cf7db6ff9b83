"""References of transfers: what a customer writes into the bank's form, and what is found again in its statement."""

import re
import secrets
from collections.abc import Iterator

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's 32 characters: no I, L, O or U, so that whoever misreads one of them is still understood."""

PREFIX = "TP"
LENGTH = 12
"""Two letters, nine random characters (45 bits) and a check character; banks carry 16 at the least."""

_RANDOM_LENGTH = LENGTH - len(PREFIX) - 1
_MISREAD = str.maketrans("OIL", "011")
_ORNAMENTS = re.compile(r"[^0-9A-Z]")
_CANDIDATE = re.compile(rf"(?=({PREFIX}[0-9A-Z]{{{LENGTH - len(PREFIX)}}}))")


def draw() -> str:
    """A new reference, like TP7K2QX9M4RA."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(_RANDOM_LENGTH))
    return f"{PREFIX}{body}{_check_character(body)}"


def read(text: str) -> str | None:
    """The reference somebody wrote, whatever its case, blanks, hyphens, O for 0, I or L for 1; None if it is none."""
    return _correct(_ORNAMENTS.sub("", text.upper()))


def find(text: str) -> list[str]:
    """Every reference that a statement's text quotes, in its order, each once. Blanks and line breaks within one count
    for nothing: banks break lines anywhere.
    """
    return list(dict.fromkeys(found for candidate in candidates(text) if (found := _correct(candidate))))


def candidates(text: str) -> Iterator[str]:
    """Whatever looks like a reference, right or mistyped."""
    compact = _ORNAMENTS.sub("", text.upper())
    return (match[1] for match in _CANDIDATE.finditer(compact))


def spaced(reference: str) -> str:
    """In groups of four, for reading aloud: TP7K 2QX9 M4RA."""
    return " ".join(reference[place : place + 4] for place in range(0, len(reference), 4))


def _correct(candidate: str) -> str | None:
    if len(candidate) != LENGTH or not candidate.startswith(PREFIX):
        return None
    body = candidate[len(PREFIX) :].translate(_MISREAD)
    if any(character not in ALPHABET for character in body) or _check_character(body[:-1]) != body[-1]:
        return None
    return PREFIX + body


def _check_character(body: str) -> str:
    """Luhn's algorithm modulo 32 (ISO/IEC 7812-1 generalised): finds every single wrong character and nearly every
    exchange of two neighbours.
    """
    total = 0
    for place, character in enumerate(reversed(body)):
        value = ALPHABET.index(character) * (2 if place % 2 == 0 else 1)
        total += value // 32 + value % 32
    return ALPHABET[-total % 32]
