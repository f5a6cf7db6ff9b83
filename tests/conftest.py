"""Fixtures for every test: the two roles of the database, and organisations made by the site's own verbs."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from django.conf import settings
from django.db import connections, transaction
from django.test.utils import setup_databases, teardown_databases
from django.utils import translation
from psycopg.sql import SQL, Identifier
from pytest_django.plugin import DjangoDbBlocker

from tests import databases
from wallet.models import Organisation


@pytest.fixture(scope="session")
def django_db_setup(
    *,
    request: pytest.FixtureRequest,
    django_test_environment: None,
    django_db_blocker: DjangoDbBlocker,
    django_db_modify_db_settings: None,
    django_db_keepdb: bool,
    django_db_createdb: bool,
) -> Iterator[None]:
    """One database a worker, made and migrated by the owner; `default` looks at it as the application's role.

    It is copied, unless an option keeps it or wants it made anew. pytest-django's own fixture makes only the databases
    that tests name, and no test names `owner`.
    """
    verbosity = request.config.option.verbose
    is_copied = not django_db_keepdb and not django_db_createdb
    with django_db_blocker.unblock():
        if is_copied:
            databases.copy(_name_database())
        keepdb = is_copied or (django_db_keepdb and not django_db_createdb)
        made = setup_databases(verbosity, interactive=False, keepdb=keepdb)
    yield
    with django_db_blocker.unblock():
        connections.close_all()
        if not django_db_keepdb:
            teardown_databases(made, verbosity)


def _name_database() -> str:
    """As Django names the owner's."""
    named = connections["owner"].settings_dict
    return str(named["TEST"]["NAME"] or f"test_{named['NAME']}")


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Whatever language a request of an earlier test chose, a test begins in English."""
    with translation.override("en"):
        yield


@pytest.fixture
def now() -> datetime:
    """The moment of the story: noon of an ordinary day in Shanghai."""
    return datetime(2026, 7, 15, 4, 0, tzinfo=UTC)


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The database without a transaction around the test, and never flushed: the ledger cannot be.

    Each test makes its own organisation and looks only within it.
    """
    with django_db_blocker.unblock():
        yield
        connections.close_all()


@pytest.fixture
def make_organisation(now: datetime) -> Callable[..., Organisation]:
    """Makes organisations; needs a database that is open (`db` or `committed`)."""

    def make(name: str = "Acme Messaging") -> Organisation:
        return Organisation.objects.create(name=name, created_at=now)

    return make


@pytest.fixture
def organisation(db: None, make_organisation: Callable[..., Organisation]) -> Organisation:
    return make_organisation()


@pytest.fixture
def superuser_dsn(django_db_setup: None) -> str:
    """A superuser's address of this worker's test database, for tests that tamper."""
    base = os.environ.get("DATABASE_SUPERUSER_URL")
    if not base:
        pytest.skip("DATABASE_SUPERUSER_URL is not set")
    return psycopg.conninfo.make_conninfo(base, dbname=settings.DATABASES["default"]["NAME"])


@pytest.fixture
def fresh_database(committed: None, superuser_dsn: str) -> Iterator[None]:
    """A copy of the worker's database as it is now, thrown away after the test: for what cannot be taken back."""
    connections.close_all()
    used = connections["owner"].settings_dict["NAME"]
    copy = f"{used}_copy"
    with psycopg.connect(superuser_dsn, dbname="postgres", autocommit=True) as server:
        server.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(copy)))
        # A thread of an earlier test may have left its session open; a template must have none.
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND state = 'idle'", [used]
        )
        server.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(copy), Identifier(used)))
        for alias in ("default", "owner"):
            connections[alias].settings_dict["NAME"] = copy
        try:
            yield
        finally:
            connections.close_all()
            for alias in ("default", "owner"):
                connections[alias].settings_dict["NAME"] = used
            server.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(copy)))


@pytest.fixture
def superuser(committed: None, superuser_dsn: str) -> Iterator[str]:
    """The alias of a superuser's connection, inside a transaction that is rolled back at the end of the test."""
    who = psycopg.conninfo.conninfo_to_dict(superuser_dsn)
    connections.settings["superuser"] = connections["owner"].settings_dict | {
        "USER": who["user"],
        "PASSWORD": who["password"],
    }
    try:
        with transaction.atomic(using="superuser"):
            yield "superuser"
            transaction.set_rollback(True, using="superuser")
    finally:
        connections["superuser"].close()
        del connections["superuser"]
        del connections.settings["superuser"]
