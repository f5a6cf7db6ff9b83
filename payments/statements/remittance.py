"""What field 86 of MT940 tells about a payment. Every bank divides it in its own way, so all its text is kept."""

import re
from dataclasses import dataclass
from typing import Final

_STRUCTURED = re.compile(r"[0-9]{3}(?=\?[0-9]{2})")
_SUBFIELD = re.compile(r"\?([0-9]{2})")
_GOES_ON: Final = frozenset(str(number) for number in (*range(21, 30), *range(60, 66)))
"""The purpose, cut into pieces wherever 27 letters were full; a reference may lie across a cut."""
_KEYWORD = re.compile(r"(?<!^)(?=(?:EREF|KREF|MREF|CRED|DEBT|SVWZ|ABWA|ABWE|PURP)\+)", re.MULTILINE)
_NAME = re.compile(r"/NAME/([^/]+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Remittance:
    """The text without the codes between its parts, and the other side where the bank marks it."""

    text: str
    name: str
    account: str


def read_remittance(told: str) -> Remittance:
    """Reads `166?00...?32NAME`, `/NAME/...` and free text; there is nothing it refuses."""
    if not _STRUCTURED.match(told):
        name = _NAME.search(told.replace("\n", ""))
        return Remittance(text=told, name=name[1].strip() if name else "", account="")
    kind, *rest = _SUBFIELD.split(told.replace("\n", ""))
    parts = list(zip(rest[::2], rest[1::2], strict=True))
    text = kind + "".join(part if code in _GOES_ON else f"\n{part}" for code, part in parts)
    return Remittance(
        text=_KEYWORD.sub("\n", text),
        name="".join(part for code, part in parts if code in {"32", "33"}).strip(),
        account="".join(part for code, part in parts if code == "31").strip(),
    )
