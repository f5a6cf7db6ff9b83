"""Imports, holders and finance at the same time: every line once, every line in the ledger once."""

import os
from datetime import UTC, datetime
from functools import partial

import pytest
from django.db import OperationalError, connection, transaction

from payments import allocations, holding, imports, keeping
from payments.models import BankAccount, BankLine, StatementFile
from payments.uploads import Upload
from tests import builders, people, races
from tests.payments import bank_files, offline
from tests.payments.bank_files import Row
from wallet.calendar import business_date
from wallet.models import Account, Posting


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def account(committed: None) -> BankAccount:
    return offline.make_account("USD")


def lines_of(account: BankAccount) -> int:
    return BankLine.objects.filter(account=account).count()


def test_two_imports_of_one_file_at_once_are_one(account: BankAccount, now: datetime) -> None:
    fiona, day = people.make_staff("fiona", "finance"), business_date(now)
    given = bank_files.upload(account, *[Row(amount="10.00", reference=f"B{n}", day=day) for n in range(40)])

    outcomes = races.run_at_once([partial(imports.import_statement, given, by=fiona, now=now)] * 4)
    races.raise_failures(outcomes)

    assert sorted(outcome.is_new for outcome in outcomes) == [False, False, False, True]
    assert (StatementFile.objects.filter(account=account).count(), lines_of(account)) == (1, 40)
    holding.hold_due(now=now)


def test_overlapping_files_at_once_add_each_line_once(account: BankAccount, now: datetime) -> None:
    fiona, day = people.make_staff("fiona", "finance"), business_date(now)
    rows = [Row(amount="10.00", reference=f"B{n}", day=day) for n in range(30)]
    files = [bank_files.upload(account, *rows[: 10 * n], name=f"{n}.csv") for n in (1, 2, 3)]

    outcomes = races.run_at_once([partial(imports.import_statement, file, by=fiona, now=now) for file in files])
    races.raise_failures(outcomes)

    assert lines_of(account) == 30
    holding.hold_due(now=now)


def test_a_line_typed_and_imported_at_the_same_moment_is_one(account: BankAccount, now: datetime) -> None:
    """Its booking day differs from its value day, so that no unique key alone could tell."""
    fiona, felix, day = people.make_staff("fiona", "finance"), people.make_staff("felix", "finance"), business_date(now)
    frank = people.make_staff("frank", "finance lead")
    acme = builders.make_organisation(now=now)
    for number in range(races.scaled(6, full=64)):
        own = offline.make_account("USD")
        transfer = offline.declared(acme, offline.usd(100), account=own, now=now)
        facts = offline.by_hand(own, offline.usd(100), on=day, number=f"b {number}")
        finding = offline.record(transfer, facts, by=felix, now=now)
        before = day.replace(day=1) if day.day > 1 else day
        given = bank_files.upload(own, Row(amount="100.00", reference=f"B{number}", day=before, value_day=day))
        outcomes = races.run_at_once(
            [
                partial(imports.import_statement, given, by=fiona, now=now),
                partial(offline.approve, finding, by=frank, now=now),
            ]
        )
        races.raise_failures(outcomes)
        assert lines_of(own) == 1
        holding.hold_due(now=now)
        assert sum(found.balance.amount for found in Account.objects.filter(code=own.ledger_code)) == 100


def test_a_part_kept_and_its_line_imported_at_the_same_moment_are_one(account: BankAccount, now: datetime) -> None:
    fiona, felix, day = people.make_staff("fiona", "finance"), people.make_staff("felix", "finance"), business_date(now)
    acme = builders.make_organisation(now=now)
    for number in range(races.scaled(6, full=64)):
        own = offline.make_account("USD")
        transfer = offline.declared(acme, offline.usd(100), account=own, now=now)
        facts = offline.by_hand(own, offline.usd(60), on=day, number=f"b {number}")
        before = day.replace(day=1) if day.day > 1 else day
        given = bank_files.upload(own, Row(amount="60.00", reference=f"B{number}", day=before, value_day=day))
        outcomes = races.run_at_once(
            [
                partial(imports.import_statement, given, by=fiona, now=now),
                partial(keeping.keep_part, transfer_id=transfer.pk, claims=facts.claims, by=felix, now=now),
            ]
        )
        races.raise_failures(outcomes)
        assert lines_of(own) == 1
        holding.hold_due(now=now)
        assert sum(found.balance.amount for found in Account.objects.filter(code=own.ledger_code)) == 60


@pytest.mark.skipif("POOLED" in os.environ, reason="tells its session how long to wait for a lock")
def test_a_part_kept_waits_for_the_import_that_brings_its_line(account: BankAccount, now: datetime) -> None:
    felix, day = people.make_staff("felix", "finance"), business_date(now)
    transfer = offline.declared(builders.make_organisation(now=now), offline.usd(100), account=account, now=now)
    claims = offline.by_hand(account, offline.usd(60), on=day, number="B1").claims

    def keep() -> object:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '1s'")
        return keeping.keep_part(transfer_id=transfer.pk, claims=claims, by=felix, now=now)

    with transaction.atomic():
        imports.lock_account(account.pk)
        (outcome,) = races.run_at_once([keep])

    assert isinstance(outcome, OperationalError)
    assert lines_of(account) == 0


def test_holders_at_once_post_every_line_once(account: BankAccount, now: datetime) -> None:
    fiona, day = people.make_staff("fiona", "finance"), business_date(now)
    acme = builders.make_organisation(now=now)
    transfer = offline.begin(acme, offline.usd(100), account=account, now=now)
    size = races.scaled(300, full=5000)
    rows = [Row(amount="10.00", reference=f"B{n}", day=day) for n in range(size)]
    rows.append(Row(amount="100.00", reference="T", text=transfer.reference, day=day))
    imports.import_statement(bank_files.upload(account, *rows), by=fiona, now=now)

    outcomes = races.run_at_once([partial(holding.hold_due, now=now)] * 4)
    races.raise_failures(outcomes)
    holding.hold_due(now=now)

    ids = BankLine.objects.filter(account=account).values_list("pk", flat=True)
    assert Posting.objects.filter(key__in=[f"bankline:{pk}:suspense" for pk in ids]).count() == size + 1
    booked = sum(found.balance.amount for found in Account.objects.filter(code=account.ledger_code))
    assert booked == 10 * size + 100


@pytest.mark.skipif("POOLED" in os.environ, reason="tells its session how long to wait for a lock")
def test_a_line_that_finance_works_on_is_not_held_meanwhile(account: BankAccount, now: datetime) -> None:
    fiona, day = people.make_staff("fiona", "finance"), business_date(now)
    imports.import_statement(bank_files.upload(account, Row(amount="10.00", day=day)), by=fiona, now=now)
    line = BankLine.objects.get(account=account)

    def hold() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")
        return holding.hold_due(now=now)

    with transaction.atomic():
        allocations.lock([line.pk])
        outcomes = races.run_at_once([hold])
    races.raise_failures(outcomes)
    line.refresh_from_db()
    assert line.held_by_id is None
    assert holding.hold_due(now=now) == 1


def test_an_import_that_dies_in_the_middle_leaves_nothing(
    account: BankAccount, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    fiona, day = people.make_staff("fiona", "finance"), business_date(now)
    given = bank_files.upload(account, *[Row(amount="10.00", reference=f"B{n}", day=day) for n in range(9)])
    monkeypatch.setattr(imports, "_AT_ONCE", 3)
    copy = imports._copy
    calls = iter(range(3))

    def die(lines: list[BankLine]) -> None:
        copy(lines)
        if next(calls) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(imports, "_copy", die)
    with pytest.raises(KeyboardInterrupt):
        imports.import_statement(given, by=fiona, now=now)
    assert (StatementFile.objects.filter(account=account).count(), lines_of(account)) == (0, 0)

    monkeypatch.setattr(imports, "_copy", copy)
    upload = Upload(account=account, name="again", raw=given.raw, opening=given.opening, closing=given.closing)
    assert imports.import_statement(upload, by=fiona, now=now).file.lines_added == 9
    holding.hold_due(now=now)
