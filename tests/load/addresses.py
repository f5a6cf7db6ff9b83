"""What a page is called in the table: its address without what differs from one visit to the next."""

import re
from typing import Final
from urllib.parse import urlsplit

_OWN: Final = (
    (re.compile(r"\bTU\d{8}[0-9A-Z]{10}\b"), "ORDER"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "ID"),
    (re.compile(r"\bcs_test_\w+"), "SESSION"),
    (re.compile(r"(?<=/go-on/)[^/]+"), "KEY"),
    (re.compile(r"(?<=/static/).+"), "…"),
)


def name(address: str) -> str:
    """The path with numbers, ids and keys replaced; what stands after the question mark by its names alone."""
    parts = urlsplit(address)
    path = parts.path
    for pattern, word in _OWN:
        path = pattern.sub(word, path)
    asked = sorted({pair.partition("=")[0] for pair in parts.query.split("&")} & _TELLING)
    return f"{path}?{'&'.join(asked)}" if asked else path


_TELLING: Final = {"q", "state", "after", "method", "needs", "kind", "number"}
"""Questions that make a page another one to the database."""
