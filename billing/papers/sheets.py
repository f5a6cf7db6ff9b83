"""What stands on a paper. Everything is text, and text is data: nothing of it is ever read as markup."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Party:
    """Who issues a paper, or whom it is for. `label` says which; `details` are lines below the name."""

    name: str
    label: str = ""
    details: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table; `share` of the width left, nothing: as wide as its longest cell."""

    label: str
    share: int = 0
    is_number: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows with as many cells as there are columns. Its head stands on each page."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Paper:
    """One document. `facts` are labels with values, `notes` the sentences below everything."""

    title: str
    number: str
    issuer: Party
    reader: Party
    facts: Sequence[tuple[str, str]]
    notes: Sequence[str]
    table: Table | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Field:
    """One line of a form: what is to be written there; what matters most is large."""

    label: str
    values: Sequence[str]
    is_strong: bool = False


@dataclass(frozen=True, kw_only=True)
class Section:
    """Lines of a form under one heading; they stay on one page."""

    title: str
    rows: Sequence[Field]


@dataclass(frozen=True, kw_only=True)
class Form:
    """What somebody copies into another's form. `subjects` say what it is about, `notes` what to take care of."""

    title: str
    number: str
    issuer: str
    subjects: Sequence[str]
    sections: Sequence[Section]
    notes: Sequence[str]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
