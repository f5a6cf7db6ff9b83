"""What the ledger's part of the database consists of, read from its SQL files and models for the audit."""

import re
from pathlib import Path
from typing import Final

from wallet.models import Account, Entry, Posting, SealedDay

_SQL: Final = {path.stem: path.read_text("utf-8") for path in (Path(__file__).parent / "sql").glob("*.sql")}

_METAS: Final = tuple(model._meta for model in (Account, Posting, Entry, SealedDay))  # noqa: SLF001  # public API

TABLES: Final = tuple(meta.db_table for meta in _METAS)


def spell(definition: str) -> str:
    """A definition as both the SQL files and PostgreSQL's catalogue write it."""
    return " ".join(definition.replace("public.", "").split())


FUNCTIONS: Final = {
    match["name"]: match["source"]
    for sql in _SQL.values()
    for match in re.finditer(
        r"CREATE FUNCTION public\.(?P<name>\w+)\(.*?\nAS \$\$(?P<source>.*?)\$\$;\n", sql, re.DOTALL
    )
}
"""Name and source of every function."""

_ALWAYS: Final = set(re.findall(r"ENABLE ALWAYS TRIGGER (\w+);", _SQL["triggers"]))

TRIGGERS: Final = {
    match["name"]: ("A" if match["name"] in _ALWAYS else "O", spell(match[0]))
    for match in re.finditer(r"CREATE (?:CONSTRAINT )?TRIGGER (?P<name>\w+) [^;]*", _SQL["triggers"])
}
"""Every trigger: when it fires (A always, O unless rows come from a replication), and its definition."""

CONSTRAINTS: Final = {constraint.name for meta in _METAS for constraint in meta.constraints} | set(
    re.findall(r"ADD CONSTRAINT (\w+)", _SQL["keys"])
)
