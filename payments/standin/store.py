"""Everything the stand-in remembers: one SQLite file, or memory when none is named."""

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .errors import InvalidRequest, NotFound

Json = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    created INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, seq);
CREATE INDEX IF NOT EXISTS open_sessions ON objects (json_extract(body, '$.expires_at'))
    WHERE kind = 'checkout.session' AND json_extract(body, '$.status') = 'open';
CREATE INDEX IF NOT EXISTS objects_by_intent ON objects (json_extract(body, '$.payment_intent'));
CREATE INDEX IF NOT EXISTS objects_by_source ON objects (json_extract(body, '$.source'));
CREATE INDEX IF NOT EXISTS objects_by_charge ON objects (json_extract(body, '$.charge'));
CREATE INDEX IF NOT EXISTS refunds_to_settle ON objects (json_extract(body, '$._settles_at'))
    WHERE kind = 'refund' AND json_extract(body, '$._settles_at') IS NOT NULL;
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL,
    request_id TEXT NOT NULL, created INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, due_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event);
CREATE INDEX IF NOT EXISTS deliveries_missing ON deliveries (event) WHERE state <> 'DELIVERED';
CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (due_at) WHERE state = 'WAITING';
CREATE TABLE IF NOT EXISTS attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, delivery INTEGER, event TEXT NOT NULL, type TEXT NOT NULL,
    attempted_at REAL NOT NULL, status INTEGER, error TEXT
);
"""


class DataFileUnusable(Exception):
    """Another stand-in has the data file open, or it is not ours, or there is no such folder."""


@dataclass(frozen=True, kw_only=True)
class Page:
    data: list[Json]
    has_more: bool


@dataclass(frozen=True, kw_only=True)
class Window:
    """Which part of a list is wanted, newest first."""

    limit: int = 10
    starting_after: str | None = None
    ending_before: str | None = None
    created: Mapping[str, int] | None = None
    """`gt`, `gte`, `lt`, `lte` or `eq`, in Unix seconds"""


class Store:
    """One connection, one lock: a transaction is alone, so a check and its change belong together."""

    def __init__(self, path: str | None) -> None:
        self._lock = threading.RLock()
        try:
            self._db = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None, timeout=1)
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            raise DataFileUnusable(f"{path}: {error}") from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def change(self, sql: str, *values: Any) -> int:
        """Run one statement inside a transaction; the number of rows it touched."""
        return self._db.execute(sql, values).rowcount

    def add(self, thing: Json) -> Json:
        self.change(
            "INSERT INTO objects (id, kind, created, body) VALUES (?, ?, ?, ?)",
            thing["id"], thing["object"], thing["created"], json.dumps(thing),
        )  # fmt: skip
        return thing

    def save(self, thing: Json) -> Json:
        self.change(
            "UPDATE objects SET created = ?, body = ? WHERE id = ?", thing["created"], json.dumps(thing), thing["id"]
        )
        return thing

    def find(self, id_: str) -> Json | None:
        rows = self.rows("SELECT body FROM objects WHERE id = ?", id_)
        return json.loads(rows[0][0]) if rows else None

    def get(self, kind: str, id_: str, *, noun: str | None = None) -> Json:
        thing = self.find(id_)
        if thing is None or thing["object"] != kind:
            raise NotFound.of(noun=noun or kind, id_=id_)
        return thing

    def page(self, kind: str, *, window: Window, where: Mapping[str, Any], condition: str = "1") -> Page:
        """Newest first. `where` maps JSON paths to a value or a list of them; `condition` is fixed SQL."""
        clauses, values = ["kind = ?", f"({condition})"], [kind]
        for path, value in where.items():
            wanted = value if isinstance(value, list) else [value]
            clauses.append(f"json_extract(body, '$.{path}') IN ({', '.join('?' * len(wanted))})")
            values.extend(wanted)
        _within(clauses, values, window.created or {})
        backwards = window.ending_before is not None
        for cursor, param, sign in (
            (window.starting_after, "starting_after", "<"),
            (window.ending_before, "ending_before", ">"),
        ):
            if cursor is not None:
                clauses.append(f"seq {sign} ?")
                values.append(self._position(kind, cursor, param))
        order = "ASC" if backwards else "DESC"
        sql = f"SELECT body FROM objects WHERE {' AND '.join(clauses)} ORDER BY seq {order} LIMIT ?"  # noqa: S608 -- fixed paths and signs, values are bound
        found = [json.loads(row[0]) for row in self.rows(sql, *values, window.limit + 1)]
        data = found[: window.limit]
        return Page(data=data[::-1] if backwards else data, has_more=len(found) > window.limit)

    def _position(self, kind: str, id_: str, param: str) -> Any:
        rows = self.rows("SELECT seq FROM objects WHERE id = ? AND kind = ?", id_, kind)
        if not rows:
            raise InvalidRequest(f"No such {kind}: '{id_}'", code="resource_missing", param=param)
        return rows[0][0]


def _within(clauses: list[str], values: list[Any], created: Mapping[str, int]) -> None:
    signs = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "="}
    for name, moment in created.items():
        clauses.append(f"created {signs[name]} ?")
        values.append(moment)
