"""A copy of the database whose money tables are cut in four by organisation, as a cluster of machines would hold them.

PostgreSQL itself then says which unique keys lack the organisation, and EXPLAIN how many parts a statement looks at.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

MONEY_TABLES: Final = (
    "wallet_account",
    "wallet_posting",
    "wallet_entry",
    "billing_order",
    "billing_orderevent",
    "billing_refund",
    "payments_payment",
    "payments_cardrefund",
    "products_productbalance",
    "products_hold",
    "products_usageday",
)
ROW_IS_AN_ARGUMENT: Final = ("billing_refund",)
"""Its triggers hand their row on to a function that takes a row of this table: a row of a part is of another type. They
must hand on its columns first; till then the copy is without them.
"""
PARTS: Final = 4
ORGANISATION: Final = "organisation_id"
_PLAIN: Final = "_plain"

_UNIQUE_KEYS = """
    SELECT index.relname, unique_key.indisprimary, pg_get_expr(unique_key.indpred, unique_key.indrelid),
           array(SELECT column_.attname::text FROM unnest(unique_key.indkey::int[]) WITH ORDINALITY AS part (number, n)
                 JOIN pg_attribute AS column_ ON column_.attrelid = unique_key.indrelid AND column_.attnum = part.number
                 ORDER BY part.n)
    FROM pg_index AS unique_key JOIN pg_class AS index ON index.oid = unique_key.indexrelid
    WHERE unique_key.indrelid = %s::regclass AND unique_key.indisunique ORDER BY index.relname
"""
_OTHER_INDEXES = """
    SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass AND NOT indisunique
"""
_TRIGGERS = "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal"
_FOREIGN_KEYS = """
    SELECT conrelid::regclass::text, conname, confrelid::regclass::text FROM pg_constraint
    WHERE contype = 'f' AND (conrelid = ANY(%(tables)s::regclass[]) OR confrelid = ANY(%(tables)s::regclass[]))
"""

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, order=True)
class UniqueKey:
    """A unique key of a table; `only` is the condition of a partial one."""

    name: str
    columns: tuple[str, ...]
    only: str | None
    is_primary: bool

    @property
    def has_organisation(self) -> bool:
        return ORGANISATION in self.columns


@dataclass(frozen=True)
class Plan:
    """What one statement, at whatever depth, looked at: `parts` has the partitions of each money table."""

    statement: str
    parts: dict[str, frozenset[str]]

    @property
    def text(self) -> str:
        """In one line."""
        return " ".join(self.statement.split())

    @property
    def strays(self) -> list[str]:
        """The money tables of which it looked at more than one part."""
        return sorted(table for table, parts in self.parts.items() if len(parts) > 1)


def read_unique_keys(connection: Connection, table: str) -> list[UniqueKey]:
    found = connection.execute(_UNIQUE_KEYS, [table]).fetchall()
    return [UniqueKey(name, tuple(columns), only, is_primary) for name, is_primary, only, columns in found]


def cut(connection: Connection, *, owner: str, app: str) -> None:
    """Every money table becomes one in four parts by organisation; what it held stays in it.

    Each unique key is given the organisation it lacks. Foreign keys go: PostgreSQL would need the organisation in each
    of theirs too, and those that have it are there a second time (docs/scale.md).
    """
    for table, name, _other in connection.execute(_FOREIGN_KEYS, {"tables": list(MONEY_TABLES)}).fetchall():
        _run(connection, "ALTER TABLE {} DROP CONSTRAINT {}", table, name)
    for table in MONEY_TABLES:
        _cut(connection, table, owner=owner, app=app)


def refuses(connection: Connection, table: str, key: UniqueKey) -> bool:
    """Whether PostgreSQL itself refuses that key on a table in parts."""
    try:
        with connection.transaction():
            _make_unique(connection, table, f"{key.name}_again"[:63], key.columns, key.only)
    except psycopg.errors.FeatureNotSupported:
        return True
    return False


@contextmanager
def explaining(connection: Connection) -> Iterator[list[Plan]]:
    """The plan of every statement run on the connection, of those inside functions and triggers too."""
    plans: list[Plan] = []

    def keep(notice: psycopg.errors.Diagnostic) -> None:
        _head, found, text = (notice.message_primary or "").partition("plan:\n")
        if found:
            told = json.loads(text)
            plans.append(Plan(told["Query Text"], dict(_parts_of(told["Plan"]))))

    connection.add_notice_handler(keep)
    try:
        yield plans
    finally:
        connection.remove_notice_handler(keep)


def explain_everything(connection: Connection, database: str) -> None:
    """From the next session on; only a superuser may."""
    for name, value in {
        "session_preload_libraries": "auto_explain",
        "auto_explain.log_min_duration": "0",
        "auto_explain.log_nested_statements": "on",
        "auto_explain.log_analyze": "on",
        "auto_explain.log_timing": "off",
        "auto_explain.log_format": "json",
        "auto_explain.log_level": "notice",
    }.items():
        setting = sql.SQL(".").join(sql.Identifier(part) for part in name.split("."))
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET {} = {}").format(sql.Identifier(database), setting, sql.Literal(value))
        )


def _cut(connection: Connection, table: str, *, owner: str, app: str) -> None:
    plain = table + _PLAIN
    keys = read_unique_keys(connection, table)
    indexes = [text for (text,) in connection.execute(_OTHER_INDEXES, [table]).fetchall()]
    triggers = [text for (text,) in connection.execute(_TRIGGERS, [table]).fetchall()]
    _run(connection, "ALTER TABLE {} RENAME TO {}", table, plain)
    like = "CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS) "
    _run(connection, like + "PARTITION BY HASH (organisation_id)", table, plain)
    for part in range(PARTS):
        statement = "CREATE TABLE {} PARTITION OF {} FOR VALUES WITH (MODULUS %d, REMAINDER %d)" % (PARTS, part)  # noqa: UP031  # two kinds of braces
        _run(connection, statement, f"{table}_{part}", table)
    _run(connection, "INSERT INTO {} SELECT * FROM {}", table, plain)
    _run(connection, "ALTER TABLE {} OWNER TO {}", table, owner)
    for key in keys:
        columns = key.columns if key.has_organisation else (*key.columns, ORGANISATION)
        _make_unique(connection, table, f"{key.name}_cut"[:63], columns, key.only)
    for text in indexes:
        connection.execute(_rename_index(text))
    for text in triggers if table not in ROW_IS_AN_ARGUMENT else ():
        connection.execute(text)
    _run(connection, "GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {}", table, app)


def _make_unique(connection: Connection, table: str, name: str, columns: Iterable[str], only: str | None) -> None:
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    made = sql.SQL("CREATE UNIQUE INDEX {} ON {} ({})").format(sql.Identifier(name), sql.Identifier(table), listed)
    connection.execute(made + sql.SQL(f" WHERE {only}") if only else made)


def _rename_index(text: str) -> str:
    head, on, rest = text.partition(" ON ")
    return f"{head[:60]}_cut{on}{rest}" if len(head) <= 80 else f"CREATE INDEX{on}{rest}"


def _run(connection: Connection, statement: str, *names: str) -> None:
    connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _parts_of(plan: dict[str, Any]) -> Iterator[tuple[str, frozenset[str]]]:
    found: dict[str, set[str]] = {}
    for node in _walk(plan):
        name = str(node.get("Relation Name", ""))
        table, _line, part = name.rpartition("_")
        if table in MONEY_TABLES and part.isdigit() and node.get("Actual Loops", 1):
            found.setdefault(table, set()).add(part)
    return iter({table: frozenset(parts) for table, parts in found.items()}.items())


def _walk(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _walk(child)
