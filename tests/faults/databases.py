"""One migrated database, copied for every fault: PostgreSQL copies it faster than migrations make it."""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager

import django
import psycopg
from django.db import connections
from django.test.utils import setup_databases, teardown_databases
from psycopg.sql import SQL, Composed, Identifier

from tests import databases

_numbers = itertools.count()


def name_one() -> str:
    """A suffix nobody else uses; pytest-django adds it to the names of the test databases."""
    return f"fault{os.getpid()}_{next(_numbers)}"


@contextmanager
def template() -> Iterator[None]:
    """Makes the database that the others are copied from; nobody may be connected to it while they are."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "innopaas.settings")
    django.setup()
    made = setup_databases(0, interactive=False, serialized_aliases=[])
    connections.close_all()
    try:
        yield
    finally:
        teardown_databases(made, 0)


@contextmanager
def cloned() -> Iterator[str]:
    """A copy of the template; yields its suffix."""
    suffix = name_one()
    original = str(connections["owner"].settings_dict["NAME"])
    copy = f"{original}_{suffix}"
    _execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(copy), Identifier(original)))
    # What a database as such allows is not copied with it.
    _execute(SQL("REVOKE TEMPORARY, CREATE ON DATABASE {} FROM PUBLIC").format(Identifier(copy)))
    try:
        yield suffix
    finally:
        databases.drop(copy)


def _execute(statement: Composed) -> None:
    connection = connections["owner"]
    with psycopg.connect(**{**connection.get_connection_params(), "dbname": "postgres"}, autocommit=True) as server:
        server.execute(statement)
