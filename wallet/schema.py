"""What a guarded part of the database consists of, read from its SQL files and models for the audit."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from django.db.models import Model

from wallet.models import Account, Entry, Posting, SealedDay


@dataclass(frozen=True, kw_only=True)
class Schema:
    """Tables with what guards them. `functions` are all whose names begin with `prefix`, by their sources; `triggers`
    say when they fire (A always, O unless rows come from a replication) and their definitions; `grants` are what the
    application's role may do to a table, beyond reading it: `INSERT`, or of a column `UPDATE (state)`.
    """

    prefix: str
    tables: tuple[str, ...]
    functions: Mapping[str, str]
    triggers: Mapping[str, tuple[str, str]]
    constraints: frozenset[str]
    grants: Mapping[str, frozenset[str]] = field(default_factory=dict)


def spell(definition: str) -> str:
    """A definition as both the SQL files and PostgreSQL's catalogue write it."""
    return " ".join(definition.replace("public.", "").split())


def read_schema(
    *, folder: Path, files: str, prefix: str, models: Sequence[type[Model]], grants: Mapping[str, frozenset[str]]
) -> Schema:
    """The schema that these SQL files and models make."""
    sql = "\n".join(path.read_text("utf-8") for path in sorted(folder.glob(files)))
    always = set(re.findall(r"ENABLE ALWAYS TRIGGER (\w+);", sql))
    return Schema(
        prefix=prefix,
        tables=tuple(model._meta.db_table for model in models),  # noqa: SLF001  # public API
        functions={
            match["name"]: match["source"]
            for match in re.finditer(
                r"CREATE FUNCTION public\.(?P<name>\w+)\(.*?\nAS \$\$(?P<source>.*?)\$\$;\n", sql, re.DOTALL
            )
        },
        triggers={
            match["name"]: ("A" if match["name"] in always else "O", spell(match[0]))
            for match in re.finditer(r"CREATE (?:CONSTRAINT )?TRIGGER (?P<name>\w+) [^;]*", sql)
        },
        constraints=frozenset(name for model in models for name in _name_constraints(model))
        | frozenset(re.findall(r"ADD CONSTRAINT (\w+)", sql)),
        grants=grants,
    )


def _name_constraints(model: type[Model]) -> list[str]:
    """Those it names, and those that PostgreSQL names for its unique columns."""
    meta = model._meta  # noqa: SLF001  # public API
    unique = [column.column for column in meta.local_fields if column.unique and not column.primary_key]
    return [
        *(constraint.name for constraint in meta.constraints),
        *(f"{meta.db_table}_{column}_key" for column in unique),
    ]


LEDGER: Final = read_schema(
    folder=Path(__file__).parent / "sql",
    files="*.sql",
    prefix="ledger_",
    models=(Account, Posting, Entry, SealedDay),
    grants={},
)
