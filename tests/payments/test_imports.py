"""P15: a statement is imported whole or not at all, and twice without harm."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from djmoney.money import Money

from payments import imports, returns
from payments.continuity import ImportRefused
from payments.models import Allocation, BankAccount, BankLine, StatementFile
from payments.statements.lines import StatementUnreadable
from payments.uploads import BalancesNeeded, Upload
from tests import builders, people
from tests.payments import bank_files, offline
from tests.payments.bank_files import DAY, Row
from wallet.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def now() -> datetime:
    return datetime.fromisoformat("2026-07-15T12:00:00+08:00")


@pytest.fixture
def account(db: None) -> BankAccount:
    return offline.make_account("USD", number="6222 0800-1234567")


@pytest.fixture
def fiona(db: None) -> User:
    return people.make_staff("fiona", "finance")


@pytest.fixture
def bring(account: BankAccount, fiona: User, now: datetime) -> Callable[..., imports.Imported]:
    """Imports rows into the account."""

    def do(*rows: Row, opening: str | int = 0, **more: Any) -> imports.Imported:
        return imports.import_statement(
            replace(bank_files.upload(account, *rows, opening=opening), **more), by=fiona, now=now
        )

    return do


def lines_of(account: BankAccount) -> list[tuple[str, str, Any]]:
    lines = BankLine.objects.filter(account=account).order_by("booked_on", "bank_reference", "occurrence")
    return [(line.direction, line.bank_reference, line.amount.amount) for line in lines]


def test_a_statement_becomes_its_lines_and_no_other(
    bring: Callable[..., imports.Imported], account: BankAccount, fiona: User, now: datetime
) -> None:
    imported = bring(
        Row(amount="1,000.00", reference="B1", text="TP 1"), Row(amount="-12.50", reference="B2", text="手续费")
    )

    file = imported.file
    assert imported.is_new
    assert (file.opening, file.closing, file.lines_read, file.lines_added) == (Decimal(0), Decimal("987.50"), 2, 2)
    assert (file.first_day, file.last_day, file.imported_by, file.imported_at) == (DAY, DAY, fiona, now)
    assert lines_of(account) == [("IN", "B1", Decimal(1000)), ("OUT", "B2", Decimal("12.5"))]
    line = BankLine.objects.get(account=account, bank_reference="B1")
    assert (line.file, line.line_number, line.value_on, line.payer_name) == (file, 2, DAY, "Acme Messaging Ltd")
    assert (line.allocated, line.held_by_id) == (Decimal(0), None)


def test_the_same_file_again_adds_nothing_and_says_so(
    bring: Callable[..., imports.Imported], account: BankAccount
) -> None:
    first = bring(Row(amount="10.00", reference="B1"))
    again = bring(Row(amount="10.00", reference="B1"))

    assert (again.is_new, again.file) == (False, first.file)
    assert len(lines_of(account)) == 1


def test_the_same_bytes_with_other_balances_are_not_taken_for_the_same_file(
    bring: Callable[..., imports.Imported], account: BankAccount, now: datetime
) -> None:
    """Two genuine equal transfers on one day, each exported by itself, look alike to the byte."""
    twin = Row(amount="10.00")
    bring(twin)
    with pytest.raises(ImportRefused, match=r"imported before, with the balances USD \$0.00 and USD \$10.00"):
        bring(twin, opening=10)
    with pytest.raises(ImportRefused, match="imported before"):
        imports.preview(bank_files.upload(account, twin, opening=10), now=now)
    bring(twin, twin)

    assert lines_of(account) == [("IN", "", 10), ("IN", "", 10)]


def test_the_same_file_may_be_of_two_accounts(fiona: User, now: datetime) -> None:
    one, other = offline.make_account("USD"), offline.make_account("USD")
    for account in (one, other):
        assert imports.import_statement(
            bank_files.upload(account, Row(amount="10.00", reference="B1")), by=fiona, now=now
        ).is_new


def test_two_genuine_equal_lines_stay_two_in_every_file(
    bring: Callable[..., imports.Imported], account: BankAccount
) -> None:
    twin = Row(amount="10.00", reference="B1")
    bring(twin, twin)
    bring(twin, twin, Row(amount="5.00", reference="B2", day=DAY + timedelta(days=1)))

    assert lines_of(account) == [("IN", "B1", 10), ("IN", "B1", 10), ("IN", "B2", 5)]


def test_an_overlapping_file_adds_only_what_is_new(
    bring: Callable[..., imports.Imported], account: BankAccount
) -> None:
    bring(Row(amount="10.00", reference="B1"), Row(amount="20.00", reference="B2", day=DAY + timedelta(days=1)))
    later = bring(
        Row(amount="20.00", reference="B2", day=DAY + timedelta(days=1)),
        Row(amount="30.00", reference="B3", day=DAY + timedelta(days=2)),
        opening=10,
    )

    assert later.file.lines_added == 1
    assert lines_of(account) == [("IN", "B1", 10), ("IN", "B2", 20), ("IN", "B3", 30)]


def test_an_export_of_the_afternoon_adds_to_that_of_the_morning(
    bring: Callable[..., imports.Imported], account: BankAccount
) -> None:
    bring(Row(amount="10.00"))
    bring(Row(amount="10.00"), Row(amount="10.00"))

    assert lines_of(account) == [("IN", "", 10), ("IN", "", 10)]


def test_a_gap_is_refused_and_its_days_are_named(bring: Callable[..., imports.Imported], account: BankAccount) -> None:
    bring(Row(amount="10.00", reference="B1", day=date(2026, 7, 1)))
    with pytest.raises(ImportRefused, match="statements of 2026-07-02 to 2026-07-04 are missing"):
        bring(Row(amount="10.00", reference="B2", day=date(2026, 7, 5)), opening=30)
    with pytest.raises(ImportRefused, match="statement of 2026-07-02 is missing"):
        bring(Row(amount="10.00", reference="B2", day=date(2026, 7, 3)), opening=30)
    with pytest.raises(ImportRefused, match="statements of 2026-06-26 to 2026-06-30 are missing"):
        bring(Row(amount="10.00", reference="B0", day=date(2026, 6, 25)), opening=-50)

    assert lines_of(account) == [("IN", "B1", 10)]


def test_days_without_movement_are_no_gap_and_may_be_filled_later(
    bring: Callable[..., imports.Imported], account: BankAccount
) -> None:
    bring(Row(amount="10.00", reference="B1", day=date(2026, 7, 1)))
    bring(Row(amount="10.00", reference="B2", day=date(2026, 7, 5)), opening=10)
    there_and_back = (
        Row(amount="5.00", reference="B3", day=date(2026, 7, 3)),
        Row(amount="-5.00", reference="B4", day=date(2026, 7, 3)),
    )
    with pytest.raises(ImportRefused, match="do not fit"):
        bring(*there_and_back[:1], opening=10)
    bring(*there_and_back, opening=10)

    assert len(lines_of(account)) == 4


def test_an_older_file_fits_before_the_first(bring: Callable[..., imports.Imported], account: BankAccount) -> None:
    bring(Row(amount="10.00", reference="B2", day=date(2026, 7, 2)), opening=100)
    bring(Row(amount="40.00", reference="B1", day=date(2026, 7, 1)), opening=60)
    with pytest.raises(ImportRefused):
        bring(Row(amount="40.00", reference="B0", day=date(2026, 6, 30)), opening=21)
    bring(
        Row(amount="20.00", reference="B0", day=date(2026, 6, 30)),
        Row(amount="40.00", reference="B1", day=date(2026, 7, 1)),
        Row(amount="10.00", reference="B2", day=date(2026, 7, 2)),
        Row(amount="1.00", reference="B3", day=date(2026, 7, 3)),
        opening=40,
    )

    assert [reference for _in, reference, _amount in lines_of(account)] == ["B0", "B1", "B2", "B3"]


def test_a_file_that_leaves_out_a_known_line_is_refused(
    bring: Callable[..., imports.Imported], account: BankAccount
) -> None:
    days = [date(2026, 7, 1), date(2026, 7, 2), date(2026, 7, 3)]
    rows = [Row(amount="10.00", reference=f"B{day.day}", day=day) for day in days]
    bring(*rows)
    with pytest.raises(ImportRefused, match=r"not the line of 2026-07-02 over USD \$10.00 .* “B2”"):
        bring(rows[0], rows[2], Row(amount="10.00", reference="B4", day=date(2026, 7, 4)))
    assert len(lines_of(account)) == 3


def test_an_empty_day_inside_is_harmless(bring: Callable[..., imports.Imported], account: BankAccount) -> None:
    rows = [Row(amount="10.00", reference=f"B{day}", day=date(2026, 7, day)) for day in (1, 2, 3)]
    bring(*rows)
    again = bring(rows[1], opening=10)
    assert (again.is_new, again.file.lines_added, len(lines_of(account))) == (True, 0, 3)


def test_a_file_without_balances_needs_both(account: BankAccount, fiona: User, now: datetime) -> None:
    whole = bank_files.upload(account, Row(amount="10.00", reference="B1"))
    for given in (
        replace(whole, opening=None),
        replace(whole, closing=None),
        replace(whole, opening=None, closing=None),
    ):
        with pytest.raises(BalancesNeeded):
            imports.import_statement(given, by=fiona, now=now)
    with pytest.raises(StatementUnreadable, match="do not add up"):
        imports.import_statement(replace(whole, closing=Money("10.01", "USD")), by=fiona, now=now)
    assert not StatementFile.objects.filter(account=account).exists()


@pytest.mark.parametrize(
    "written", ["622208001234567", "6222 0800 1234 567", "BOC/622208001234567", "6222****4567"], ids=str
)
def test_an_account_number_is_ours_however_the_bank_writes_it(
    account: BankAccount, fiona: User, now: datetime, written: str
) -> None:
    raw = bank_files.csv(Row(amount="10.00")).replace(b"Date,", b"Account,Date,", 1)
    raw = raw.replace(f"\n{DAY}".encode(), f"\n{written},{DAY}".encode())
    given = bank_files.upload(account, Row(amount="10.00"), raw=raw)
    assert imports.import_statement(given, by=fiona, now=now).is_new


@pytest.mark.parametrize("written", ["622208001234568", "1234567", "622208001234567/2", "****"], ids=str)
def test_a_statement_of_another_account_is_refused(
    account: BankAccount, fiona: User, now: datetime, written: str
) -> None:
    raw = bank_files.csv(Row(amount="10.00")).replace(b"Date,", b"Account,Date,", 1)
    raw = raw.replace(f"\n{DAY}".encode(), f"\n{written},{DAY}".encode())
    with pytest.raises(ImportRefused, match=re.escape(written)):
        imports.import_statement(bank_files.upload(account, Row(amount="10.00"), raw=raw), by=fiona, now=now)
    assert not BankLine.objects.filter(account=account).exists()


def test_a_statement_in_another_currency_is_refused(fiona: User, now: datetime) -> None:
    account = offline.make_account("CNY", number="622208001234567")
    raw = bank_files.mt940(BankAccount(number=account.number, currency="USD"), [[Row(amount="10", reference="B1")]])
    with pytest.raises(ImportRefused, match="in USD, but"):
        imports.import_statement(Upload(account=account, name="x.sta", raw=raw), by=fiona, now=now)


def test_mt940_of_several_days_is_one_import(account: BankAccount, fiona: User, now: datetime) -> None:
    raw = bank_files.mt940(account, [[Row(amount="10", reference="B1")], [], [Row(amount="5", reference="B2")]])
    file = imports.import_statement(Upload(account=account, name="x.sta", raw=raw), by=fiona, now=now).file
    assert (file.format, file.opening, file.closing, file.lines_added) == ("MT940", Decimal(0), Decimal(15), 2)


def test_days_that_do_not_join_within_the_file_are_refused(account: BankAccount, fiona: User, now: datetime) -> None:
    parts = [
        bank_files.mt940(account, [[Row(amount="10", reference="B1")]]),
        bank_files.mt940(account, [[Row(amount="5", reference="B2")]], opening="11", first=DAY + timedelta(days=1)),
    ]
    with pytest.raises(ImportRefused, match="does not begin where"):
        imports.import_statement(Upload(account=account, name="x.sta", raw=b"\r\n".join(parts)), by=fiona, now=now)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw[:-60],
        lambda raw: raw.replace(b"20.00", b"2O.00"),
        lambda raw: raw.replace(b"20.00", "２０.00".encode()),
        lambda raw: raw.replace(b"20.00", b"NaN"),
        lambda raw: raw.replace(b"20.00", b"2e1"),
        lambda raw: raw.replace(b"20.00", b""),
        lambda raw: raw.replace(b"20.00", b"20.001"),
        lambda raw: raw.replace(str(DAY).encode(), b"2026-07-16"),
        lambda raw: raw.replace(str(DAY).encode(), b"2026-02-30"),
        lambda _raw: (
            b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><Document>&e;</Document>'
        ),
        lambda _raw: b"x" * (50 * 1024 * 1024 + 1),
        lambda _raw: b"",
        lambda raw: raw.replace(b"B2", b"B\x002"),
    ],
    ids=[
        *("truncated", "letter", "full-width", "NaN", "exponent", "no amount", "three decimals", "future"),
        *("impossible day", "XXE", "too large", "empty", "NUL"),
    ],
)
def test_a_file_that_cannot_be_read_leaves_nothing(
    account: BankAccount, fiona: User, now: datetime, spoil: Callable[[bytes], bytes]
) -> None:
    rows = [
        Row(amount="10.00", reference="B1"),
        Row(amount="20.00", reference="B2"),
        Row(amount="30.00", reference="B3"),
    ]
    whole = bank_files.upload(account, *rows)
    with pytest.raises((StatementUnreadable, ImportRefused)):
        imports.import_statement(replace(whole, raw=spoil(whole.raw)), by=fiona, now=now)
    assert not StatementFile.objects.filter(account=account).exists()
    assert not BankLine.objects.filter(account=account).exists()


@pytest.mark.parametrize(
    "encode", [lambda raw: b"\xef\xbb\xbf" + raw, lambda raw: raw.decode().encode("gb18030")], ids=["BOM", "GB18030"]
)
def test_chinese_encodings_are_read(
    account: BankAccount, fiona: User, now: datetime, encode: Callable[[bytes], bytes]
) -> None:
    given = bank_files.upload(account, Row(amount="10.00", reference="B1", payer="上海艾克米信息技术有限公司"))
    imports.import_statement(replace(given, raw=encode(given.raw)), by=fiona, now=now)
    assert BankLine.objects.get(account=account).payer_name == "上海艾克米信息技术有限公司"


def test_numbers_too_long_to_store_still_tell_lines_apart(
    bring: Callable[..., imports.Imported], account: BankAccount
) -> None:
    long = "X" * 120
    bring(Row(amount="10.00", reference=f"{long}1"), Row(amount="10.00", reference=f"{long}2"))
    assert len({reference for _in, reference, _amount in lines_of(account)}) == 2


def test_a_line_approved_by_hand_on_monday_and_imported_on_tuesday_is_booked_once(
    account: BankAccount, fiona: User, now: datetime
) -> None:
    felix = people.make_staff("felix", "finance")
    acme = builders.make_organisation(now=now)
    transfer = offline.declared(acme, offline.usd(1000), account=account, now=now)
    facts = offline.by_hand(account, offline.usd(1000), on=DAY, number="ab 1234")
    offline.approve(offline.record(transfer, facts, by=fiona, now=now), by=felix, now=now)
    typed = BankLine.objects.get(account=account)

    given = bank_files.upload(account, Row(amount="1000.00", reference="AB1234", text=transfer.reference))
    assert imports.preview(given, now=now).confirming == 1
    imported = imports.import_statement(given, by=fiona, now=now)

    line = BankLine.objects.get(account=account)
    assert line.pk == typed.pk
    assert (line.file, line.bank_reference, line.pile) == (imported.file, "AB1234", BankLine.Pile.BOOKED)
    assert imported.file.lines_added == 0
    assert imports.import_statement(
        bank_files.upload(account, Row(amount="1000.00", reference="AB1234"), name="again", raw=given.raw + b"\n"),
        by=fiona, now=now,
    ).file.lines_added == 0  # fmt: skip
    assert Allocation.objects.filter(line=line).count() == 1


def test_what_the_statement_brought_first_is_not_made_again_by_hand(
    bring: Callable[..., imports.Imported], account: BankAccount, fiona: User, now: datetime
) -> None:
    """The number typed with a blank and in small letters is the bank's."""
    felix, frank = people.make_staff("felix", "finance"), people.make_staff("frank", "finance lead")
    transfer = offline.declared(builders.make_organisation(now=now), offline.usd(1000), account=account, now=now)
    facts = offline.by_hand(account, offline.usd(1000), on=DAY, number="ab 1234")
    finding = offline.record(transfer, facts, by=felix, now=now)
    bring(Row(amount="1000.00", reference="AB1234", day=DAY - timedelta(days=1)))
    offline.approve(finding, by=frank, now=now)

    line = BankLine.objects.get(account=account)
    assert (line.is_on_statement, line.allocated) == (True, Decimal(1000))


def test_another_amount_or_number_does_not_confirm_a_line_typed_by_hand(
    bring: Callable[..., imports.Imported], account: BankAccount, fiona: User, now: datetime
) -> None:
    felix = people.make_staff("felix", "finance")
    transfer = offline.declared(builders.make_organisation(now=now), offline.usd(1000), account=account, now=now)
    facts = offline.by_hand(account, offline.usd(1000), on=DAY, number="AB1234")
    offline.approve(offline.record(transfer, facts, by=fiona, now=now), by=felix, now=now)

    bring(
        Row(amount="999.00", reference="AB1234"), Row(amount="1000.00", reference="AB1235"),
        Row(amount="-1000.00", reference="AB1234"),
    )  # fmt: skip

    assert BankLine.objects.filter(account=account).count() == 4
    near = BankLine.objects.get(account=account, bank_reference="AB1235")
    assert (near.pile, near.pile_reason) == (BankLine.Pile.NEAR, BankLine.Why.MAYBE_TYPED)
    assert near.pile_detail == "AB1234 · 2026-07-10"


def approve_by_hand(account: BankAccount, *, number: str, fiona: User, now: datetime) -> None:
    """$1,000 that fiona read at the bank, credited."""
    felix = people.make_staff("felix", "finance")
    transfer = offline.declared(builders.make_organisation(now=now), offline.usd(1000), account=account, now=now)
    facts = offline.by_hand(account, offline.usd(1000), on=DAY, number=number)
    offline.approve(offline.record(transfer, facts, by=fiona, now=now), by=felix, now=now)


def test_the_number_of_a_line_recognised_in_another_one_may_come_after_all(
    bring: Callable[..., imports.Imported], account: BankAccount, fiona: User, now: datetime
) -> None:
    approve_by_hand(account, number="N1", fiona=fiona, now=now)
    typed = BankLine.objects.get(account=account)
    bring(Row(amount="1000.00", reference="X1"))
    mistaken = BankLine.objects.get(account=account, bank_reference="X1")
    returns.mark_same(line_id=mistaken.pk, same_as_id=typed.pk, by=fiona, now=now)

    rows = Row(amount="1000.00", reference="X1"), Row(amount="1000.00", reference="N1")
    assert bring(*rows).file.lines_added == 1
    assert bring(*rows, Row(amount="1.00", reference="N2")).file.lines_added == 1
    assert BankLine.objects.filter(account=account, bank_reference="N1", file__isnull=False).count() == 1


def test_a_reversal_does_not_confirm_a_line_typed_by_hand(account: BankAccount, fiona: User, now: datetime) -> None:
    approve_by_hand(account, number="N1", fiona=fiona, now=now)
    raw = bank_files.mt940(account, [[Row(amount="1000", reference="N1")]]).replace(b"0710C1000", b"0710RD1000")
    imported = imports.import_statement(Upload(account=account, name="x.sta", raw=raw), by=fiona, now=now)

    assert imported.file.lines_added == 1
    reversal = BankLine.objects.get(account=account, file=imported.file)
    assert (reversal.is_reversal, reversal.pile_reason) == (True, BankLine.Why.REVERSAL)


def test_the_preview_says_what_the_import_does_and_stores_nothing(
    account: BankAccount, fiona: User, now: datetime
) -> None:
    acme = builders.make_organisation(now=now)
    transfer = offline.declared(acme, offline.usd(100), account=account, now=now)
    rows = [
        Row(amount="100.00", reference="B1", text=f"for {transfer.reference}"),
        Row(amount="7.00", reference="B2", payer="Nobody"),
        Row(amount="-3.00", reference="B3"),
    ]
    given = bank_files.upload(account, *rows)

    seen = imports.preview(given, now=now)

    assert not BankLine.objects.filter(account=account).exists()
    counts = {pile: found.count for pile, found in seen.piles.items()}
    assert counts == {"BOOKED": 0, "EXACT": 1, "NEAR": 0, "NONE": 1, "OTHER": 1}
    assert seen.piles[BankLine.Pile.EXACT].total == offline.usd(100)
    imports.import_statement(given, by=fiona, now=now)
    stored = BankLine.objects.filter(account=account).order_by("id")
    assert [line.pile for line in stored] == [line.pile for line in seen.first]
    assert imports.preview(given, now=now).imported is not None
    with pytest.raises(BalancesNeeded):
        imports.preview(replace(given, raw=given.raw + b"\n", opening=None), now=now)


def test_a_day_that_sums_to_nothing_is_not_imported_again_under_other_numbers(
    bring: Callable[..., imports.Imported], account: BankAccount
) -> None:
    """Only the lines' numbers differ between two formats of a bank: no balance can tell."""
    bring(Row(amount="100.00", reference="B1"), Row(amount="-100.00", reference="B2"))
    others = Row(amount="100.00", reference="0B1"), Row(amount="-100.00", reference="0B2")
    for more in ((), (Row(amount="70.00", reference="0B3", day=DAY + timedelta(days=1)),)):
        with pytest.raises(ImportRefused, match=f"lines of {DAY} are not those that an earlier statement has"):
            bring(*others, *more)

    assert lines_of(account) == [("IN", "B1", 100), ("OUT", "B2", 100)]


def test_days_that_sum_to_nothing_together_are_not_imported_again(
    bring: Callable[..., imports.Imported], account: BankAccount
) -> None:
    following = DAY + timedelta(days=1)
    bring(Row(amount="100.00", reference="B1"))
    bring(Row(amount="-100.00", reference="B2", day=following), opening=100)
    with pytest.raises(ImportRefused, match=f"lines of {DAY} are not those"):
        bring(Row(amount="100.00", reference="0B1"), Row(amount="-100.00", reference="0B2", day=following))
    with pytest.raises(ImportRefused, match=f"lines of {DAY} are not those"):
        bring(
            Row(amount="5.00", reference="B0", day=DAY - timedelta(days=1)),
            Row(amount="100.00", reference="0B1"),
            Row(amount="-100.00", reference="0B2", day=following),
            opening=-5,
        )

    assert len(lines_of(account)) == 2


def test_a_day_within_an_earlier_statement_gets_no_new_line(
    bring: Callable[..., imports.Imported], account: BankAccount
) -> None:
    days = [date(2026, 7, day) for day in (1, 2, 3)]
    whole = [Row(amount="10.00", reference=f"B{day.day}", day=day) for day in days]
    bring(*whole)
    there_and_back = [
        Row(amount="5.00", reference="B8", day=days[1]), Row(amount="-5.00", reference="B9", day=days[1]),
    ]  # fmt: skip
    for rows, opening in ((there_and_back, 20), ([*whole, *there_and_back], 0)):
        with pytest.raises(ImportRefused, match=f"lines of {days[1]} are not those"):
            bring(*rows, opening=opening)

    assert len(lines_of(account)) == 3


def test_an_afternoon_that_begins_where_the_morning_ends_needs_no_line_of_it(
    bring: Callable[..., imports.Imported], account: BankAccount
) -> None:
    bring(Row(amount="10.00", reference="B1"))
    bring(Row(amount="5.00", reference="B2"), Row(amount="-5.00", reference="B3"), opening=10)
    before = Row(amount="7.00", reference="A0", day=DAY - timedelta(days=1))
    bring(before, Row(amount="3.00", reference="B0"), opening=-10)

    assert len(lines_of(account)) == 5
