"""P22: a dump taken while money moves is restored to the same money, with the same guards round it."""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psycopg
import pytest
from django.db import DatabaseError, connection, connections
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from billing.models import Order
from innopaas.audit import CHECKS
from innopaas.local.postgres import find_binaries
from innopaas.local.trouble import Trouble
from tests.builders import balance_of, fill_wallet, make_organisation, usd
from tests.races import run_at_once, scaled, wait_until
from wallet import audit
from wallet.models import Organisation

WRITERS: Final = 2
BEFORE: Final = 3


@dataclass
class Writer:
    """A customer who pays one order of $10 after the other; `paid` has those whose commit was answered, in order."""

    organisation: Organisation
    paid: list[str] = field(default_factory=list)

    def run(self, *, until: threading.Event) -> None:
        while not until.is_set():
            self.paid.append(fill_wallet(self.organisation, usd(10), now=datetime.now(UTC)).number)


@pytest.fixture
def dump(superuser_dsn: str, tmp_path: Path) -> Callable[[], Path]:
    """Dumps the worker's database into a file, as docs/running.md says."""

    def run() -> Path:
        file = tmp_path / "innopaas.dump"
        _call(superuser_dsn, "pg_dump", "--format=custom", f"--file={file}")
        return file

    return run


@pytest.fixture
def restore(superuser_dsn: str) -> Iterator[Callable[[Path], str]]:
    """Restores a dump into a database of its own, as docs/running.md says, and returns that one's name."""
    name = f"{conninfo_to_dict(superuser_dsn)['dbname']}_back"
    with psycopg.connect(superuser_dsn, dbname="postgres", autocommit=True) as server:
        drop = SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name))
        server.execute(drop)
        owner = connections["owner"].settings_dict["USER"]
        server.execute(SQL("CREATE DATABASE {} OWNER {}").format(Identifier(name), Identifier(owner)))
        server.execute(SQL("REVOKE TEMPORARY, CREATE ON DATABASE {} FROM PUBLIC").format(Identifier(name)))

        def run(file: Path) -> str:
            _call(make_conninfo(superuser_dsn, dbname=name), "pg_restore", "--exit-on-error", "--jobs=2", str(file))
            return name

        yield run
        server.execute(drop)


def test_a_dump_under_load_is_restored_to_the_same_money_and_goes_on(
    committed: None, dump: Callable[[], Path], restore: Callable[[Path], str], now: datetime
) -> None:
    writers = [Writer(make_organisation(now=now, name=f"Writer {n}")) for n in range(WRITERS)]
    with _writing(writers):
        wait_until(lambda: all(len(writer.paid) >= scaled(BEFORE, full=100) for writer in writers), seconds=60)
        before = [len(writer.paid) for writer in writers]
        file = dump()
        assert sum(len(writer.paid) for writer in writers) > sum(before), "nobody paid while it was dumped"
    today = datetime.now(UTC)
    with _looking_at(restore(file)):
        found = audit.find_problems(checks=CHECKS, now=today)
        for writer, acknowledged in zip(writers, before, strict=True):
            restored = _orders_of(writer)
            assert len(restored) >= acknowledged, "what was acknowledged before the dump began is not in it"
            assert restored == writer.paid[: len(restored)], "the dump is of no one moment"
            assert balance_of(writer.organisation.pk) == usd(10 * len(restored))
        _refuses_to_change(writers[0].organisation)
        held = balance_of(writers[0].organisation.pk)
        fill_wallet(writers[0].organisation, usd(5), now=today)
        assert balance_of(writers[0].organisation.pk) == held + usd(5)
    if found:  # other tests leave things in this database that the audit names
        assert set(found) <= set(audit.find_problems(checks=CHECKS, now=today))


def _refuses_to_change(organisation: Organisation) -> None:
    """Neither the application's role nor the owner changes history in what was restored."""
    with pytest.raises(DatabaseError, match="permission denied"), connection.cursor() as cursor:
        cursor.execute("UPDATE wallet_entry SET amount = amount + 1 WHERE organisation_id = %s", [organisation.pk])
    with pytest.raises(DatabaseError, match="the ledger only grows"), connections["owner"].cursor() as cursor:
        cursor.execute("DELETE FROM wallet_posting WHERE organisation_id = %s", [organisation.pk])


def _orders_of(writer: Writer) -> list[str]:
    """In the order in which they were paid."""
    orders = Order.objects.filter(organisation=writer.organisation).order_by("created_at")
    return list(orders.values_list("number", flat=True))


@contextmanager
def _writing(writers: list[Writer]) -> Iterator[None]:
    """They pay until the end of the block; whatever stopped one of them fails the test."""
    end = threading.Event()
    outcomes: list[object] = []
    calls = [lambda writer=writer: writer.run(until=end) for writer in writers]
    crowd = threading.Thread(target=lambda: outcomes.extend(run_at_once(calls)))
    crowd.start()
    try:
        yield
    finally:
        end.set()
        crowd.join()
    assert outcomes == [None] * len(writers)


@contextmanager
def _looking_at(database: str) -> Iterator[None]:
    connections.close_all()
    used = connections["owner"].settings_dict["NAME"]
    for alias in ("default", "owner"):
        connections[alias].settings_dict["NAME"] = database
    try:
        yield
    finally:
        connections.close_all()
        for alias in ("default", "owner"):
            connections[alias].settings_dict["NAME"] = used


def _call(dsn: str, tool: str, *arguments: str) -> None:
    """The password goes by the environment: everybody on the machine may read a command's arguments."""
    who = conninfo_to_dict(dsn)
    address = make_conninfo(dsn, password=None)
    command = [_find_tool(tool), f"--dbname={address}", *arguments]
    env = {**os.environ, "PGPASSWORD": str(who.get("password") or "")}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def _find_tool(tool: str) -> str:
    try:
        return str(find_binaries() / "bin" / tool)
    except Trouble:
        found = shutil.which(tool)
    if found is None:
        pytest.skip(f"{tool} is not installed")
    return found
