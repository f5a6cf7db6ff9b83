"""Reading from the copy of the database that follows it: only where a door says so, and only for files and reports.

Where no `replica` is set up, everything is read from the one database there is.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model

REPLICA: Final = "replica"

_is_reading: ContextVar[bool] = ContextVar("is_reading_replica", default=False)

Row = TypeVar("Row")


class WithinTransaction(Exception):
    """A transaction of the primary is open: what it wrote would not be seen, and what it decides must be read there."""


class WrittenWhileReading(Exception):
    """Something is written where only reading was announced."""


@contextmanager
def reading() -> Iterator[None]:
    """What is read inside comes from the replica; it may be some moments old, so nothing may be decided by it.

    Everything that stands in one file belongs in one block. Raises `WithinTransaction`, and `WrittenWhileReading` at
    the first write.
    """
    if REPLICA in connections and connections[DEFAULT_DB_ALIAS].in_atomic_block:
        raise WithinTransaction
    before = _is_reading.set(True)
    try:
        yield
    finally:
        _is_reading.reset(before)


def walk(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows, each read as in `reading`; for files that are sent while they are read."""
    steps = iter(rows)
    while True:
        with reading():
            row = next(steps, _END)
        if row is _END:
            return
        yield row  # type: ignore[misc]  # whatever is not the end is a row


def alias() -> str:
    """Where SQL written by hand reads: the replica inside `reading`, where there is one."""
    return REPLICA if _is_reading.get() and REPLICA in connections else DEFAULT_DB_ALIAS


class Router:
    """Django's question where a model is read and written."""

    def db_for_read(self, model: type[Model], **hints: object) -> str | None:  # noqa: ARG002  # Django's signature
        if alias() == REPLICA:
            return REPLICA
        return DEFAULT_DB_ALIAS if _came_from_replica(hints.get("instance")) else None

    def db_for_write(self, model: type[Model], **hints: object) -> str | None:
        if alias() == REPLICA:
            raise WrittenWhileReading(model.__name__)
        return DEFAULT_DB_ALIAS if _came_from_replica(hints.get("instance")) else None

    def allow_migrate(self, db: str, app_label: str, **hints: object) -> bool | None:  # noqa: ARG002  # Django's signature
        return False if db == REPLICA else None


def _came_from_replica(instance: object) -> bool:
    return isinstance(instance, Model) and instance._state.db == REPLICA  # noqa: SLF001  # a documented name


_END: Final = object()
