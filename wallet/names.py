"""Names that people give themselves and their organisations: one line, as they go into mails and pages."""

import unicodedata

_TURNS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of writing: they would make a name read as something else."""


def tidy(name: str) -> str:
    """Control characters, line ends and turns become blanks; runs of blanks become one."""
    return " ".join("".join(" " if _is_gap(sign) else sign for sign in name).split())


def _is_gap(sign: str) -> bool:
    return sign in _TURNS or unicodedata.category(sign) in {"Cc", "Zl", "Zp", "Zs"}
