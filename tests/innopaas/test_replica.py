"""Files and reports may be read from a replica; what decides about money never is."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any, Final

import psycopg
import pytest
from django.db import connections, transaction
from django.db.utils import ProgrammingError
from django.test import Client
from django.urls import reverse
from psycopg.sql import SQL, Identifier, Literal

from products import charges
from products.charges import Usage
from tests.builders import balance_of, fill_product, fill_wallet, make_organisation, make_product, open_balance, usd
from tests.people import make_staff, make_user
from wallet import replica
from wallet.models import Organisation, User

READER: Final = "innopaas_reader_of_tests"
FILES: Final = ("/billing/orders.csv", "/billing/orders.xlsx", "/billing/statement.csv", "/billing/statement.pdf")
PAGES: Final = ("/", "/billing/orders/", "/billing/statement/", "/products/", "/topup/", "/billing/orders/totals/")
MONEY: Final = ("wallet_entry", "wallet_posting", "billing_order")

Seen = dict[str, list[str]]


@pytest.fixture
def replica_role(committed: None, superuser_dsn: str) -> Iterator[Seen]:
    """A replica: this database, read by a role of its own, as docs/scale.md makes it. What each alias was asked."""
    used = connections["default"].settings_dict
    with psycopg.connect(superuser_dsn, autocommit=True) as server:
        if not server.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [READER]).fetchone():
            server.execute(SQL("CREATE ROLE {} LOGIN").format(Identifier(READER)))
        server.execute(SQL("ALTER ROLE {} PASSWORD {}").format(Identifier(READER), Literal(used["PASSWORD"])))
        server.execute(SQL("GRANT pg_read_all_data TO {}").format(Identifier(READER)))
    owner = connections["owner"].settings_dict
    connections.settings["replica"] = used | {"USER": READER, "HOST": owner["HOST"], "PORT": owner["PORT"]}
    seen: Seen = {"default": [], "replica": []}
    try:
        with _listening(seen):
            yield seen
    finally:
        connections["replica"].close()
        del connections["replica"]
        del connections.settings["replica"]


@pytest.fixture
def acme(replica_role: Seen, now: datetime) -> Organisation:
    return make_organisation(now=now, owner=make_user("alice"))


@pytest.fixture
def alice(acme: Organisation, now: datetime) -> Client:
    fill_wallet(acme, usd(30), now=now)
    return _log_in(acme.members.get().user)


@pytest.mark.parametrize("path", FILES)
def test_a_file_comes_from_the_replica(alice: Client, replica_role: Seen, path: str) -> None:
    replica_role["default"].clear()
    answer = alice.get(path)
    assert answer.status_code == 200
    assert len(answer.getvalue()) > 100
    assert _about_money(replica_role["replica"])
    assert not _about_money(replica_role["default"])


@pytest.mark.parametrize("path", PAGES)
def test_a_page_never_does(alice: Client, replica_role: Seen, path: str) -> None:
    assert alice.get(path).status_code == 200
    assert replica_role["replica"] == []


def test_the_journal_of_a_month_never_does(alice: Client, replica_role: Seen) -> None:
    """It goes into the company's books: one without its last postings would balance, and nobody would notice."""
    fiona = _log_in(make_staff("fiona", "finance"))
    answer = fiona.get(reverse("admin:payments_close_journal"), {"month": "2026-07"})
    assert answer.status_code == 200, answer
    assert answer.getvalue()
    assert replica_role["replica"] == []


def test_paying_and_using_asks_the_replica_nothing(acme: Organisation, replica_role: Seen, now: datetime) -> None:
    whatsapp = make_product()
    balance = open_balance(acme, whatsapp, now=now)
    fill_product(acme, whatsapp, usd(10), now=now)
    charges.charge(balance=balance, usage=Usage(request_id="r", amount=usd(1)), by="a gateway", now=now)
    assert balance_of(acme.pk, whatsapp.code) == usd(9)
    assert replica_role["replica"] == []


def test_nothing_is_written_where_reading_was_announced(acme: Organisation, now: datetime) -> None:
    with replica.reading(), pytest.raises(replica.WrittenWhileReading):
        Organisation.objects.create(name="Acme", created_at=now)
    with replica.reading(), pytest.raises(replica.WrittenWhileReading):
        acme.save()


def test_no_transaction_reads_from_the_replica(acme: Organisation) -> None:
    with transaction.atomic(), pytest.raises(replica.WithinTransaction), replica.reading():
        pass


def test_rows_sent_while_they_are_read_leave_the_rest_of_the_process_alone(acme: Organisation) -> None:
    rows = replica.walk([1, 2])
    assert next(rows) == 1
    assert replica.alias() == "default"
    assert list(rows) == [2]


def test_what_came_from_the_replica_is_looked_after_in_the_primary(acme: Organisation) -> None:
    with replica.reading():
        found = Organisation.objects.get(pk=acme.pk)
    assert found._state.db == "replica"
    found.name = "Acme Messages"
    found.save()
    assert Organisation.objects.using("default").get(pk=acme.pk).name == "Acme Messages"
    assert found.members.get().organisation_id == acme.pk


def test_without_a_replica_everything_is_read_from_the_one_database(committed: None, now: datetime) -> None:
    acme = make_organisation(now=now)
    with transaction.atomic(), replica.reading():
        assert Organisation.objects.get(pk=acme.pk)._state.db == "default"
        assert replica.alias() == "default"


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO wallet_entry SELECT * FROM wallet_entry",
        "UPDATE wallet_account SET balance = 9",
        "DELETE FROM billing_order",
        "SELECT public.ledger_post(gen_random_uuid(), now(), current_date, '[]')",
        "CREATE TABLE mine (a int)",
    ],
)
def test_the_readers_role_only_reads(replica_role: Seen, statement: str) -> None:
    with connections["replica"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM wallet_entry")
        with pytest.raises(ProgrammingError, match="permission denied"):
            cursor.execute(statement)


def _log_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def _about_money(statements: list[str]) -> list[str]:
    return [statement for statement in statements if any(table in statement for table in MONEY)]


@contextmanager
def _listening(seen: Seen) -> Iterator[None]:
    """Keep every statement that is sent, by the alias it went to."""

    def keep(alias: str) -> Callable[..., Any]:
        def run(execute: Callable[..., Any], sql: str, params: object, many: object, context: object) -> object:
            seen[alias].append(sql)
            return execute(sql, params, many, context)

        return run

    with ExitStack() as stack:
        for alias in seen:
            stack.enter_context(connections[alias].execute_wrapper(keep(alias)))
        yield
