"""P1, P2: what the application's role may not do, whatever SQL it writes: each is refused and changes nothing."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from djmoney.money import Money

from wallet import chart, ledger
from wallet.ids import new_id
from wallet.models import Account, Entry, Organisation, Posting, SealedDay

pytestmark = pytest.mark.django_db

STATEMENTS = {
    "insert a posting": "INSERT INTO wallet_posting SELECT * FROM wallet_posting",
    "insert an entry": "INSERT INTO wallet_entry SELECT * FROM wallet_entry",
    "insert an account": "INSERT INTO wallet_account SELECT * FROM wallet_account",
    "insert a sealed day": "INSERT INTO wallet_sealedday SELECT * FROM wallet_sealedday",
    "raise a balance": "UPDATE wallet_account SET balance = balance + 1",
    "take the guard off": "UPDATE wallet_account SET guarded = false",
    "change an amount": "UPDATE wallet_entry SET amount = amount * 2",
    "move a posting to another day": "UPDATE wallet_posting SET business_date = '2020-01-01'",
    "delete entries": "DELETE FROM wallet_entry",
    "delete postings": "DELETE FROM wallet_posting",
    "delete accounts": "DELETE FROM wallet_account",
    "truncate": "TRUNCATE wallet_entry, wallet_posting CASCADE",
    "copy in": "COPY wallet_entry FROM STDIN",
    "merge": "MERGE INTO wallet_account a USING (SELECT 1) s ON true WHEN MATCHED THEN UPDATE SET balance = 9",
    "upsert": "INSERT INTO wallet_account SELECT * FROM wallet_account ON CONFLICT (id) DO UPDATE SET balance = 9",
    "lock accounts outside the functions": "SELECT * FROM wallet_account FOR UPDATE",
    "lock the table": "LOCK TABLE wallet_account IN EXCLUSIVE MODE",
    "switch the triggers off": "ALTER TABLE wallet_entry DISABLE TRIGGER ALL",
    "play a replica": "SET session_replication_role = replica",
    "drop a table": "DROP TABLE wallet_entry CASCADE",
    "drop a function": "DROP FUNCTION ledger_post",
    "drop a constraint": "ALTER TABLE wallet_account DROP CONSTRAINT account_guarded_never_below_zero",
    "replace a function": "CREATE OR REPLACE FUNCTION public.ledger_chart(code text) RETURNS TABLE (account_class "
    "text, normal_side text, guarded boolean) LANGUAGE sql AS $$ SELECT 'ASSET', 'DEBIT', false $$",
    "add a function": "CREATE FUNCTION public.harmless() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$",
    "add a trigger": "CREATE TRIGGER t AFTER INSERT ON wallet_entry EXECUTE FUNCTION ledger_refuse()",
    "a temporary table of the same name": "CREATE TEMP TABLE wallet_account (balance int)",
    "a schema of one's own": "CREATE SCHEMA mine",
    "become the owner": "SET ROLE OWNER_ROLE",
    "become a superuser": "SET SESSION AUTHORIZATION postgres",
    "join the owner": "GRANT OWNER_ROLE TO CURRENT_USER",
    "anonymous block": "DO $$ BEGIN UPDATE public.wallet_account SET balance = 9; END $$",
    "the catalogue": "UPDATE pg_catalog.pg_proc SET prosecdef = false",
    "write entries without a check": "SELECT ledger_write_entries(NULL, NULL, NULL)",
    "hold accounts without a posting": "SELECT ledger_lock_accounts(NULL, NULL)",
    "write postings without entries": "SELECT ledger_write_postings(NULL, NULL, NULL, '[]', NULL)",
    "open an account without money": "SELECT ledger_open_accounts(NULL, NULL, NULL)",
    "say that the session may go on": "SELECT ledger_check_isolation()",
    "say that a moment is good": "SELECT ledger_check_moment(now())",
    "read a server file": "SELECT pg_read_file('PG_VERSION')",
}


@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS.keys())
def test_the_application_cannot(organisation: Organisation, now: datetime, statement: str) -> None:
    _fund(organisation, now)
    before = _picture(organisation)
    with pytest.raises(DatabaseError) as refusal, transaction.atomic():
        _execute(statement.replace("OWNER_ROLE", settings.DATABASES["owner"]["USER"]))
    assert getattr(refusal.value.__cause__, "sqlstate", None) == "42501"  # insufficient privilege, nothing else
    assert _picture(organisation) == before


LINES = (("stripe_clearing", "DEBIT", "1"), ("wallet", "CREDIT", "1"))
NOON = "2026-07-15 12:00+08"

DRAFTS: dict[str, dict[str, Any]] = {
    "a negative amount": {"lines": (("stripe_clearing", "DEBIT", "-1"), ("wallet", "CREDIT", "-1"))},
    "not a number": {"lines": (("stripe_clearing", "DEBIT", "NaN"), ("wallet", "CREDIT", "NaN"))},
    "infinity": {"lines": (("stripe_clearing", "DEBIT", "Infinity"), ("wallet", "CREDIT", "Infinity"))},
    "an exponent": {"lines": (("stripe_clearing", "DEBIT", "1e3"), ("wallet", "CREDIT", "1e3"))},
    "a JSON number with an exponent": {"lines": (("stripe_clearing", "DEBIT", 1e300), ("wallet", "CREDIT", 1e300))},
    "seven decimals": {"lines": (("stripe_clearing", "DEBIT", "0.0000001"), ("wallet", "CREDIT", "0.0000001"))},
    "zero": {"lines": (("stripe_clearing", "DEBIT", "0"), ("wallet", "CREDIT", "0"))},
    "no amount": {"lines": (("stripe_clearing", "DEBIT", None), ("wallet", "CREDIT", None))},
    "an unknown side": {"lines": (("stripe_clearing", "debit", "1"), ("wallet", "credit", "1"))},
    "no side": {"lines": (("stripe_clearing", None, "1"), ("wallet", None, "1"))},
    "no code": {"lines": ((None, "DEBIT", "1"), (None, "CREDIT", "1"))},
    "more on one side": {"lines": (("stripe_clearing", "DEBIT", "1"), ("wallet", "CREDIT", "2"))},
    "one line": {"lines": (("wallet", "CREDIT", "1"),)},
    "no lines": {"lines": ()},
    "a lower-case currency": {"currency": "usd"},
    "no currency": {"currency": None},
    "no key": {"key": None},
    "an empty key": {"key": ""},
    "a key with a line break": {"key": "a\nb"},
    "no kind": {"kind": None},
    "another day than the moment's": {"day": "2026-07-14"},
    "no day": {"day": None},
    "no moment": {"posted_at": None},
    "a moment without end": {"posted_at": "infinity", "day": "infinity"},
    "a moment before all others": {"posted_at": "-infinity", "day": "-infinity"},
    "a day of another century": {"posted_at": "2999-01-01 12:00+08", "day": "2999-01-01"},
    "a reversal of nothing": {"reverses": "00000000-0000-7000-8000-00000000dead"},
}


@pytest.mark.parametrize("changes", DRAFTS.values(), ids=DRAFTS.keys())
def test_the_posting_function_refuses(organisation: Organisation, now: datetime, changes: dict[str, Any]) -> None:
    _fund(organisation, now)
    before = _picture(organisation)
    with pytest.raises(DatabaseError), transaction.atomic():
        _call(organisation.id, changes)
    assert _picture(organisation) == before


def test_the_same_call_as_it_should_be_is_taken(organisation: Organisation, now: datetime) -> None:
    _fund(organisation, now)
    _call(organisation.id, {})
    assert _picture(organisation)[0] == Money("101", "USD")


@pytest.mark.parametrize("sealed_at", ["9999-12-31 12:00+08", "infinity", "now"])
def test_the_first_seal_cannot_freeze_the_ledger(organisation: Organisation, now: datetime, sealed_at: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        _execute(f"SELECT ledger_seal_day('9999-12-30', '{sealed_at}', 'mallory')")
    _fund(organisation, now)
    assert not SealedDay.objects.exists()


def test_a_posting_cannot_be_written_into_another_ones_row(organisation: Organisation, now: datetime) -> None:
    posting_id = _fund(organisation, now)
    before = _picture(organisation)
    with pytest.raises(DatabaseError), transaction.atomic():
        _call(organisation.id, {"id": str(posting_id)})
    assert _picture(organisation) == before


def _call(organisation_id: UUID, changes: dict[str, Any]) -> None:
    draft = {"id": str(new_id()), "key": "attack", "kind": "ATTACK"} | {
        name: value for name, value in changes.items() if name in {"id", "key", "kind", "reverses"}
    }
    draft["lines"] = [
        {
            "id": str(new_id()),
            "account": str(new_id()),
            "code": code,
            "currency": changes.get("currency", "USD"),
            "side": side,
            "amount": amount,
        }
        for code, side, amount in changes.get("lines", LINES)
    ]
    moment, day = changes.get("posted_at", NOON), changes.get("day", "2026-07-15")
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM ledger_post(%s, %s, %s, %s)", [organisation_id, moment, day, json.dumps([draft])])


def _fund(organisation: Organisation, now: datetime) -> UUID:
    amount = Money("100", "USD")
    lines = (ledger.debit(chart.STRIPE_CLEARING, amount), ledger.credit(chart.WALLET, amount))
    draft = ledger.Draft(key="order:TU1:credit", kind="EXAMPLE", lines=lines)
    return ledger.post(organisation_id=organisation.id, drafts=[draft], now=now)[0].id


def _picture(organisation: Organisation) -> tuple[Any, ...]:
    return (
        Account.objects.balance(organisation_id=organisation.id, code=chart.WALLET, currency="USD"),
        list(Account.objects.of(organisation.id).order_by("id").values()),
        list(Posting.objects.filter(organisation=organisation).order_by("id").values()),
        list(Entry.objects.filter(organisation=organisation).order_by("id").values()),
        SealedDay.objects.count(),
    )


def _execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
