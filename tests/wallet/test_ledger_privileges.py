"""P2: history never changes: not through Django, not by the owner of the tables."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.core import serializers
from django.db import DatabaseError, ProgrammingError, connections, transaction
from djmoney.money import Money

from wallet import chart, ledger
from wallet.ids import new_id
from wallet.models import Account, Entry, Organisation, Posting, SealedDay


@pytest.fixture
def funded(organisation: Organisation, now: datetime) -> Organisation:
    amount = Money("100", "USD")
    lines = (ledger.debit(chart.STRIPE_CLEARING, amount), ledger.credit(chart.WALLET, amount))
    draft = ledger.Draft(key="order:TU1:credit", kind="EXAMPLE", lines=lines)
    ledger.post(organisation_id=organisation.id, drafts=[draft], now=now)
    return organisation


def _save(row: Any) -> None:
    row.save()


def _load(row: Any) -> None:
    for thing in serializers.deserialize("json", serializers.serialize("json", [row])):
        thing.save()


ORM: dict[str, Callable[[Any], object]] = {
    "save": _save,
    "delete": lambda row: type(row).objects.filter(pk=row.pk)._raw_delete("default"),
    "update": lambda row: type(row).objects.filter(pk=row.pk).update(organisation_id=row.organisation_id),
    "bulk_update": lambda row: type(row).objects.bulk_update([row], ["organisation"]),
    "create": lambda row: type(row).objects.bulk_create([_copy(row)]),
    "loaddata": _load,
}


def _copy(row: Any) -> Any:
    row.pk = new_id()
    return row


@pytest.mark.parametrize("model", [Account, Posting, Entry])
@pytest.mark.parametrize("way", ORM.values(), ids=ORM.keys())
def test_django_cannot_write_the_ledger(
    funded: Organisation, model: type[Account | Posting | Entry], way: Callable[[Any], object]
) -> None:
    row = model.objects.filter(organisation=funded).first()
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        way(row)


def test_django_cannot_seal_a_day(db: None, now: datetime) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        SealedDay.objects.create(day=now.date(), posting_count=0, hash=b"0" * 32, by="x", sealed_at=now)


OWNER = {
    "change an entry": "UPDATE wallet_entry SET amount = 1",
    "change no entry at all": "UPDATE wallet_entry SET amount = 1 WHERE false",
    "delete entries": "DELETE FROM wallet_entry",
    "truncate entries": "TRUNCATE wallet_entry",
    "change a posting": "UPDATE wallet_posting SET memo = ''",
    "delete postings": "DELETE FROM wallet_posting",
    "truncate everything": "TRUNCATE wallet_organisation CASCADE",
    "change a sealed day": "UPDATE wallet_sealedday SET by = ''",
    "delete sealed days": "DELETE FROM wallet_sealedday",
    "truncate sealed days": "TRUNCATE wallet_sealedday",
    "raise a balance": "UPDATE wallet_account SET balance = balance + 1",
    "raise a balance and its count": "UPDATE wallet_account SET balance = balance + 1, entry_count = entry_count + 1",
    "take a guard off": "UPDATE wallet_account SET guarded = false",
    "give an account away": "UPDATE wallet_account SET organisation_id = '00000000-0000-7000-8000-000000000001'",
    "delete accounts": "DELETE FROM wallet_account",
    "truncate accounts": "TRUNCATE wallet_account CASCADE",
    "replay as a replica": "SET LOCAL session_replication_role = replica; DELETE FROM wallet_entry",
}


@pytest.mark.parametrize("statement", OWNER.values(), ids=OWNER.keys())
def test_the_owner_cannot(superuser: str, now: datetime, statement: str) -> None:
    _fund_as(superuser, now)
    with pytest.raises(DatabaseError) as refusal:
        _execute(superuser, statement)
    assert getattr(refusal.value.__cause__, "sqlstate", None) == "IP007"


OPENINGS = {
    "an unguarded wallet": ("wallet", "LIABILITY", "CREDIT", False, 0, "IP005"),
    "a wallet on the other side": ("wallet", "LIABILITY", "DEBIT", True, 0, "IP005"),
    "a code outside the chart": ("pocket", "LIABILITY", "CREDIT", True, 0, "IP005"),
    "a wallet with money in it": ("wallet", "LIABILITY", "CREDIT", True, 5, "IP007"),
}


@pytest.mark.parametrize("opening", OPENINGS.values(), ids=OPENINGS.keys())
def test_the_owner_cannot_open(superuser: str, now: datetime, opening: tuple[Any, ...]) -> None:
    *values, state = opening
    organisation = _fund_as(superuser, now)
    with pytest.raises(DatabaseError) as refusal, connections[superuser].cursor() as cursor:
        cursor.execute(
            "INSERT INTO wallet_account (id, organisation_id, currency, entry_count, opened_at, code, account_class, "
            "normal_side, guarded, balance) VALUES (%s, %s, 'CNY', 0, %s, %s, %s, %s, %s, %s)",
            [new_id(), organisation.id, now, *values],
        )
    assert getattr(refusal.value.__cause__, "sqlstate", None) == state


ENTRIES = {
    "one side only": ("wallet", "USD", "1", "IP003"),
    "an amount of nothing": ("wallet", "USD", "0", "23514"),
    "not a number": ("wallet", "USD", "NaN", "23514"),
    "another currency than the account's": ("wallet", "CNY", "1", "23503"),
}


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES.keys())
def test_the_owner_cannot_add_an_entry(superuser: str, now: datetime, entry: tuple[str, ...]) -> None:
    code, currency, amount, state = entry
    organisation = _fund_as(superuser, now)
    statement = """
        INSERT INTO wallet_entry (id, organisation_id, posting_id, line, account_id, position, side, currency, amount,
                                  balance_after)
        SELECT %s, posting.organisation_id, posting.id, 9, account.id, 9, 'CREDIT', %s, %s, 100
        FROM wallet_posting posting JOIN wallet_account account USING (organisation_id)
        WHERE posting.organisation_id = %s AND account.code = %s
    """
    if state == "23503":  # the sum is checked before the foreign key
        _execute(superuser, "ALTER TABLE wallet_entry DISABLE TRIGGER entries_sum_to_zero")
    with pytest.raises(DatabaseError) as refusal, connections[superuser].cursor() as cursor:
        cursor.execute(statement, [new_id(), currency, amount, organisation.id, code])
    assert getattr(refusal.value.__cause__, "sqlstate", None) == state


def test_a_check_stands_behind_the_guard(superuser: str, now: datetime) -> None:
    _fund_as(superuser, now)
    _execute(superuser, "ALTER TABLE wallet_account DISABLE TRIGGER account_moves_with_its_entries")
    with pytest.raises(DatabaseError, match="account_guarded_never_below_zero"):
        _execute(superuser, "UPDATE wallet_account SET balance = -1 WHERE code = 'wallet'")


def test_the_owner_cannot_write_a_false_reversal(superuser: str, now: datetime) -> None:
    organisation = _fund_as(superuser, now)
    reversal = """
        INSERT INTO wallet_posting (id, organisation_id, key, content_hash, kind, order_number, memo, by, posted_at,
                                    business_date, reverses_id)
        SELECT %s, organisation_id, 'undo', sha256('x'), 'REVERSAL', '', '', '', posted_at, business_date, id
        FROM wallet_posting WHERE organisation_id = %s
    """
    entries = """
        INSERT INTO wallet_entry (id, organisation_id, posting_id, line, account_id, position, side, currency, amount,
                                  balance_after)
        SELECT gen_random_uuid(), organisation_id, %s, line, account_id, 2, side, currency, amount, 200
        FROM wallet_entry WHERE organisation_id = %s
    """
    posting_id = new_id()
    with connections[superuser].cursor() as cursor:
        cursor.execute(reversal, [posting_id, organisation.id])
        with pytest.raises(DatabaseError) as refusal:
            cursor.execute(entries, [posting_id, organisation.id])
    assert getattr(refusal.value.__cause__, "sqlstate", None) == "IP011"


def test_a_posting_without_entries_does_not_survive(superuser: str, now: datetime) -> None:
    organisation = _fund_as(superuser, now)
    with connections[superuser].cursor() as cursor:
        cursor.execute(
            "INSERT INTO wallet_posting (id, organisation_id, key, content_hash, kind, order_number, memo, by, "
            "posted_at, business_date) VALUES (%s, %s, 'bare', sha256('x'), 'TEST', '', '', '', %s, %s)",
            [new_id(), organisation.id, now, "2026-07-15"],
        )
        with pytest.raises(DatabaseError) as refusal:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert getattr(refusal.value.__cause__, "sqlstate", None) == "IP003"


def _fund_as(alias: str, now: datetime) -> Organisation:
    """Posts inside the superuser's own transaction, so that nothing is left of what he does."""
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
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    return organisation


def _execute(alias: str, statement: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(statement)
