"""P2, the other half: what a superuser does to history all the same, the audit finds and names."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connections
from djmoney.money import Money

from wallet import audit, chart, ledger
from wallet.ids import new_id
from wallet.models import AuditResult, AuditRun, Organisation

LEDGER = ("wallet_account", "wallet_posting", "wallet_entry", "wallet_sealedday")

TAMPERING = {
    # history
    "both amounts of a posting": (
        "UPDATE wallet_entry SET amount = amount + 1 WHERE organisation_id = %(organisation)s",
        ["Account stripe_clearing", "Account wallet", "does not say what it said", "Sealed day"],
    ),
    "one amount of a posting": (
        "UPDATE wallet_entry SET amount = amount + 1 WHERE organisation_id = %(organisation)s AND line = 1",
        ["is out by 1.000000 USD", "Account stripe_clearing"],
    ),
    "a posting taken away": (
        (
            "DELETE FROM wallet_entry WHERE organisation_id = %(organisation)s; "
            "DELETE FROM wallet_posting WHERE organisation_id = %(organisation)s"
        ),
        ["Account wallet", "Sealed day"],
    ),
    "a posting and its balances taken away": (
        (
            "DELETE FROM wallet_entry WHERE organisation_id = %(organisation)s; "
            "DELETE FROM wallet_posting WHERE organisation_id = %(organisation)s; "
            "UPDATE wallet_account SET balance = 0, entry_count = 0 WHERE organisation_id = %(organisation)s"
        ),
        ["Sealed day"],
    ),
    "the entries of a posting taken away": (
        "DELETE FROM wallet_entry WHERE organisation_id = %(organisation)s",
        ["has no entries", "Account wallet"],
    ),
    "a balance": (
        "UPDATE wallet_account SET balance = 7 WHERE organisation_id = %(organisation)s AND code = 'wallet'",
        ["Account wallet of"],
    ),
    "a running balance": (
        "UPDATE wallet_entry SET balance_after = 7 WHERE organisation_id = %(organisation)s AND line = 2",
        ["Account wallet of", "first wrong at entry 1"],
    ),
    "the memo of a sealed posting": (
        "UPDATE wallet_posting SET memo = 'x' WHERE organisation_id = %(organisation)s",
        ["Sealed day 2026-07-15 has changed"],
    ),
    "the order a posting names": (
        "UPDATE wallet_posting SET order_number = 'TUX' WHERE organisation_id = %(organisation)s",
        ["does not say what it said", "Sealed day 2026-07-15 has changed"],
    ),
    "a posting moved to another day": (
        (
            "UPDATE wallet_posting SET business_date = '2026-07-16', posted_at = '2026-07-16 12:00+08' "
            "WHERE organisation_id = %(organisation)s"
        ),
        ["Sealed day 2026-07-15 has changed", "Sealed day 2026-07-16 has changed"],
    ),
    "a sealed day taken away": (
        "DELETE FROM wallet_sealedday WHERE day = '2026-07-15'",
        ["Sealed day 2026-07-16 has changed"],
    ),
    "the hash of a sealed day": (
        "UPDATE wallet_sealedday SET hash = sha256('x') WHERE day = '2026-07-15'",
        ["Sealed day 2026-07-15 has changed", "Sealed day 2026-07-16 has changed"],
    ),
    "an account relabelled": (
        "UPDATE wallet_account SET guarded = false WHERE organisation_id = %(organisation)s AND code = 'wallet'",
        ["Account wallet", "not what the chart of accounts says"],
    ),
    # guards
    "a trigger switched off": (
        "ALTER TABLE wallet_entry DISABLE TRIGGER entry_is_append_only",
        ["Trigger entry_is_append_only is switched off"],
    ),
    "a trigger dropped": (
        "DROP TRIGGER posting_has_entries ON wallet_posting",
        ["Trigger posting_has_entries is missing"],
    ),
    "a trigger replaced": (
        (
            "CREATE OR REPLACE TRIGGER entry_is_append_only BEFORE TRUNCATE ON wallet_entry "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()"
        ),
        ["Trigger entry_is_append_only is not the one of this version"],
    ),
    "a constraint dropped": (
        "ALTER TABLE wallet_account DROP CONSTRAINT account_guarded_never_below_zero",
        ["account_guarded_never_below_zero is missing"],
    ),
    "a uniqueness dropped": (
        "ALTER TABLE wallet_posting DROP CONSTRAINT posting_once_per_key",
        ["posting_once_per_key is missing"],
    ),
    "a function replaced": (
        "CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        ["Function ledger_refuse is not the one of this version"],
    ),
    "a function added": (
        "CREATE FUNCTION ledger_gift() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        ["Function ledger_gift is not the one of this version"],
    ),
    "a privilege given": ("GRANT UPDATE ON wallet_account TO APP_ROLE", ["has UPDATE on wallet_account"]),
    "a column's privilege given": (
        "GRANT UPDATE (balance) ON wallet_account TO APP_ROLE",
        ["has UPDATE (balance) on wallet_account"],
    ),
    "ownership given": ("GRANT OWNER_ROLE TO APP_ROLE", ["owns the ledger"]),
    "temporary tables given": (
        "DO $$ BEGIN EXECUTE format('GRANT TEMP ON DATABASE %%I TO APP_ROLE', current_database()); END $$",
        ["may make temporary tables"],
    ),
}


@pytest.mark.parametrize("tampering", TAMPERING.values(), ids=TAMPERING.keys())
def test_the_audit_finds(superuser: str, now: datetime, tampering: tuple[str, list[str]]) -> None:
    statement, expected = tampering
    for word, alias in (("APP_ROLE", "default"), ("OWNER_ROLE", "owner")):
        statement = statement.replace(word, settings.DATABASES[alias]["USER"])
    organisation = _fund_and_seal(superuser, now)
    assert audit.find_problems(checks=audit.CHECKS, now=now, using=superuser) == []
    with connections[superuser].cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        _open_the_tables(cursor)
        cursor.execute(statement, {"organisation": organisation.id})
        _close_the_tables(cursor, statement)
    problems = audit.find_problems(checks=audit.CHECKS, now=now, using=superuser)
    for words in expected:
        assert [p for p in problems if words in p], (words, problems)


def test_the_command_is_quiet_about_a_clean_ledger(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("innopaas.audit.CHECKS", audit.CHECKS)
    call_command("audit_ledger")
    assert AuditRun.objects.latest().result == AuditResult.CLEAN


def test_the_command_fails_and_remembers_when_a_check_finds_something(
    db: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("innopaas.audit.CHECKS", (lambda *_: ["One cent is missing."],))
    with pytest.raises(CommandError) as failure:
        call_command("audit_ledger")
    assert failure.value.returncode == 1
    assert "One cent is missing." in capsys.readouterr().out
    run = AuditRun.objects.latest()
    assert (run.result, run.problems) == (AuditResult.DIFFERENT, ["One cent is missing."])


def test_sealed_days_hold_what_was_posted_on_them(db: None, organisation: Organisation) -> None:
    amount = Money("1", "USD")
    for day in (13, 14, 15):
        moment = datetime(2026, 7, day, 4, 0, tzinfo=UTC)
        lines = (ledger.debit(chart.STRIPE_CLEARING, amount), ledger.credit(chart.WALLET, amount))
        draft = ledger.Draft(key=f"order:TU{day}:credit", kind="EXAMPLE", lines=lines)
        ledger.post(organisation_id=organisation.id, drafts=[draft], now=moment)
    first = datetime(2026, 7, 14, tzinfo=UTC)
    hashes = [
        ledger.seal_day(day=(first + timedelta(days=n)).date(), now=first + timedelta(days=5), by="fiona")
        for n in range(3)
    ]
    assert len(set(hashes)) == 3
    assert list(audit.check_seals("default", first)) == []


def _open_the_tables(cursor: Any) -> None:
    for table in LEDGER:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")


def _close_the_tables(cursor: Any, statement: str) -> None:
    """As before, but for what the statement itself did to the triggers."""
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    if "DISABLE" in statement:
        return
    for table in LEDGER:
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    for table, name in (
        ("wallet_posting", "posting_is_append_only"),
        ("wallet_entry", "entry_is_append_only"),
        ("wallet_sealedday", "sealed_day_is_append_only"),
        ("wallet_account", "account_is_never_removed"),
    ):
        cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def _fund_and_seal(alias: str, now: datetime) -> Organisation:
    organisation = Organisation.objects.using(alias).create(name="Acme Messaging", created_at=now)
    lines = [
        {"code": code, "side": side, "currency": "USD", "amount": "100", "id": str(new_id()), "account": str(new_id())}
        for code, side in ((chart.STRIPE_CLEARING, "DEBIT"), (chart.WALLET, "CREDIT"))
    ]
    draft = {"id": str(new_id()), "key": "order:TU1:credit", "kind": "EXAMPLE", "lines": lines}
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT * FROM ledger_post(%s, %s, %s, %s)", [organisation.id, now, "2026-07-15", json.dumps([draft])]
        )
        for day in ("2026-07-15", "2026-07-16"):
            cursor.execute("SELECT ledger_seal_day(%s, %s, 'fiona')", [day, now + timedelta(days=3)])
    return organisation
