"""PgBouncer in transaction mode: each transaction may meet another session, so nothing is ever left in one."""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from django.conf import settings
from django.db import connection, connections
from psycopg.conninfo import make_conninfo

from innopaas.local.pgbouncer import PgBouncer, find_binary
from innopaas.local.trouble import Trouble
from products import charges
from products.charges import Usage
from tests.builders import (
    balance_of,
    fill_product,
    fill_wallet,
    make_organisation,
    make_product,
    open_balance,
    usd,
)
from tests.races import raise_failures, run_at_once
from wallet.models import Entry, Posting

SIZE: Final = 2
CUSTOMERS: Final = 16
APPS: Final = ("wallet", "products", "billing", "payments", "innopaas")
LEFT_IN_A_SESSION: Final = re.compile(
    r"""["'\s](UN)?LISTEN\s+\w | pg_(try_)?advisory_(un)?lock | \bCREATE\s+TEMP | \bDECLARE\s+\w+\s+CURSOR
    | ["']PREPARE\s | ["']SET\s+(?!LOCAL|TRANSACTION|CONSTRAINTS)\w | set_config\([^)]*false\s*\)""",
    re.VERBOSE,
)
"""What PostgreSQL keeps for a session; what it keeps for a transaction (SET LOCAL, …_xact_lock) is not meant."""


@pytest.fixture
def pool(committed: None, tmp_path: Path) -> Iterator[None]:
    """The application's role comes through a pool of two connections."""
    try:
        find_binary()
    except Trouble as trouble:
        pytest.skip(str(trouble))
    used = connections["default"].settings_dict
    direct = connections["owner"].settings_dict
    before = make_conninfo(
        host=direct["HOST"], port=direct["PORT"], user=used["USER"], password=used["PASSWORD"], dbname=used["NAME"]
    )
    pgbouncer = PgBouncer(folder=tmp_path / "pool", before=before, size=SIZE)
    pgbouncer.start()
    kept = {name: used[name] for name in ("HOST", "PORT")}
    connections.close_all()
    used.update({"HOST": "127.0.0.1", "PORT": pgbouncer.port})
    try:
        yield
    finally:
        connections.close_all()
        used.update(kept)
        pgbouncer.stop()


def test_many_customers_pay_and_use_their_product_through_a_pool_of_two_connections(pool: None, now: datetime) -> None:
    acme = make_organisation(now=now)
    whatsapp = make_product()
    balance = open_balance(acme, whatsapp, now=now)
    fill_product(acme, whatsapp, usd(CUSTOMERS), now=now)

    def pay(number: int) -> int:
        fill_wallet(acme, usd(10), now=now)
        usage = Usage(request_id=f"r{number}", amount=usd(1))
        charges.charge(balance=balance, usage=usage, by="a gateway", now=now)
        return _session()

    sessions = run_at_once([partial(pay, number) for number in range(CUSTOMERS)])
    raise_failures(sessions)
    assert len(set(sessions)) <= SIZE
    assert balance_of(acme.pk) == usd(10 * CUSTOMERS)
    assert balance_of(acme.pk, whatsapp.code) == usd(0)
    assert Posting.objects.filter(organisation=acme).count() == 2 * CUSTOMERS + 1


def test_a_long_list_is_read_through_the_pool_although_every_statement_meets_another_session(
    pool: None, now: datetime
) -> None:
    acme = make_organisation(now=now)
    for _order in range(3):
        fill_wallet(acme, usd(10), now=now)
    run_at_once([_session] * CUSTOMERS)
    for _time in range(2 * SIZE):
        assert len(list(Entry.objects.filter(organisation=acme).iterator(chunk_size=2))) == 6
    assert len({_session() for _turn in range(2 * SIZE)}) == SIZE, "the pool is not in transaction mode"


def test_nothing_of_ours_is_left_in_a_session() -> None:
    found = [
        f"{path.relative_to(settings.BASE_DIR)}: {match.group(0)}"
        for app in APPS
        for path in sorted((settings.BASE_DIR / app).rglob("*"))
        if path.suffix in {".py", ".sql"} and "migrations" not in path.parts
        for match in LEFT_IN_A_SESSION.finditer(path.read_text("utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "statement",
    [
        "SET lock_timeout = '1s'",
        "SET SESSION statement_timeout TO 0",
        "SELECT set_config('a.b', 'c', false)",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_try_advisory_lock(1)",
        "CREATE TEMP TABLE t (a int)",
        "LISTEN orders",
        "PREPARE p AS SELECT 1",
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    ],
)
def test_what_a_session_would_keep_is_recognised(statement: str) -> None:
    assert LEFT_IN_A_SESSION.search(f'cursor.execute("{statement}")')


@pytest.mark.parametrize("statement", ["SET LOCAL lock_timeout = '1s'", "SELECT pg_advisory_xact_lock_shared(1)"])
def test_what_ends_with_its_transaction_is_let_be(statement: str) -> None:
    assert not LEFT_IN_A_SESSION.search(f'cursor.execute("{statement}")')


def _session() -> int:
    """Which session of PostgreSQL the next transaction meets."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])
