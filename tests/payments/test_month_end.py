"""The end of a month, read from what was posted: everything adds up, or the command says what does not."""

import csv
import re
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from billing import moves
from payments.closing import days, journal, months, open_money, prepaid, trials
from payments.closing.months import Month
from payments.closing.prepaid import Flow
from payments.management.commands import close_month
from payments.models import GlNumber
from tests import builders
from tests.builders import usd
from tests.payments.closing import DAY, NEXT_MORNING, NOON, card_order, listed
from tests.people import make_owner, make_staff
from tests.products.spending import charge
from wallet.models import Organisation, User

pytestmark = pytest.mark.django_db
JULY = Month.read("2026-07")
A_DAY = timedelta(days=1)


@pytest.fixture
def acme() -> Organisation:
    return make_owner().organisation


@pytest.fixture
def fiona() -> User:
    return make_staff("fiona", "finance")


@pytest.fixture
def sms_of_acme(acme: Organisation) -> str:
    """100 paid into the wallet by card, 40 moved on to SMS, 5.25 of that used; its account code."""
    payment = card_order(acme)
    listed(payment)
    sms = builders.make_product("SMS")
    moves.move(builders.move_wish(acme, sms, usd(40)), by=builders.owner_of(acme), now=NOON)
    charge(builders.open_balance(acme, sms, now=NOON), "5.25", now=NOON)
    return sms.code


def sign_july(*, by: User) -> None:
    day, now = DAY, NEXT_MORNING
    while day <= JULY.last:
        days.sign(day=day, by=by, now=now)
        day, now = day + A_DAY, now + A_DAY


def test_a_month_reads_from_its_name_alone() -> None:
    assert (str(JULY), JULY.last.day) == ("2026-07", 31)
    with pytest.raises(ValueError, match="remains"):
        Month.read("2026-13")
    for odd in ("0001-01", "9999-12", "٢٠٢٦-07", "2026-7", "2026-07\n"):
        with pytest.raises(ValueError, match=r"\d"):
            Month.read(odd)


def test_prepaid_balances_roll_forward_from_opening_to_closing(acme: Organisation, sms_of_acme: str) -> None:
    rows = {row.code: row for row in prepaid.roll_forward(JULY)}
    wallet, sms = rows["wallet"], rows[sms_of_acme]
    assert (wallet.opening, wallet.flows, wallet.closing) == (
        Decimal(0),
        {Flow.TOP_UPS.value: Decimal(100), Flow.MOVES.value: Decimal(-40)},
        Decimal(60),
    )
    assert (sms.opening, sms.flows, sms.closing) == (
        Decimal(0),
        {Flow.MOVES.value: Decimal(40), Flow.USAGE.value: Decimal("-5.25")},
        Decimal("34.75"),
    )
    assert wallet.adds_up
    assert sms.adds_up


def test_the_next_month_opens_with_what_the_last_one_closed_with(acme: Organisation, sms_of_acme: str) -> None:
    rows = {row.code: row for row in prepaid.roll_forward(Month.read("2026-08"))}
    assert (rows[sms_of_acme].opening, rows[sms_of_acme].closing) == (Decimal("34.75"), Decimal("34.75"))


def test_the_trial_balance_comes_to_nothing_in_every_currency(acme: Organisation, sms_of_acme: str) -> None:
    lines = trials.balance_trial(JULY)
    balances = {line.code: line.balance for line in lines}
    assert (balances["stripe_clearing"], balances["wallet"], balances[sms_of_acme]) == (
        Decimal(100),
        Decimal(-60),
        Decimal("-34.75"),
    )
    assert trials.find_imbalance(lines) == {}


def test_a_month_with_an_unsigned_day_is_refused(acme: Organisation, sms_of_acme: str) -> None:
    with pytest.raises(CommandError, match="2026-07-15 is not signed"):
        call_command("close_month", "2026-07")


def test_a_withdrawn_day_counts_as_unsigned(acme: Organisation, sms_of_acme: str, fiona: User) -> None:
    sign_july(by=fiona)
    assert months.find_unsigned(JULY) is None
    days.withdraw(day=JULY.last, by=make_staff("felix", "finance"), note="a note is missing", now=NEXT_MORNING)
    assert months.find_unsigned(JULY) == JULY.last


def test_a_signed_month_is_shown_and_its_journal_written(
    acme: Organisation, sms_of_acme: str, fiona: User, tmp_path: Path
) -> None:
    sign_july(by=fiona)
    out, file = StringIO(), tmp_path / "journal.csv"
    call_command("close_month", "2026-07", journal=file, stdout=out)
    assert "Trial balance" in out.getvalue()
    rows = list(csv.DictReader(file.read_text("utf-8").splitlines()))
    assert sum(Decimal(row["debit"]) - Decimal(row["credit"]) for row in rows) == 0
    (wallet,) = [row for row in rows if row["code"] == "wallet"]
    assert (wallet["gl_number"], wallet["debit"], wallet["credit"]) == ("2205.01", "40.000000", "100.000000")


def test_days_before_the_first_signed_one_are_said_to_be_sealed_with_it(
    acme: Organisation, sms_of_acme: str, fiona: User
) -> None:
    assert months.find_sealed_together(JULY) is None
    sign_july(by=fiona)
    together = months.find_sealed_together(JULY)
    assert together == months.SealedTogether(until=DAY - A_DAY, day=DAY)
    june = months.find_sealed_together(Month.read("2026-06"))
    assert june == months.SealedTogether(until=date(2026, 6, 30), day=DAY)
    assert months.find_sealed_together(Month.read("2026-08")) is None


def test_the_command_has_sums_that_come_to_nothing_and_parts_thousands(
    acme: Organisation, sms_of_acme: str, fiona: User
) -> None:
    listed(card_order(acme, "9345"))
    sign_july(by=fiona)
    out = StringIO()
    call_command("close_month", "2026-07", stdout=out)
    said = out.getvalue()
    assert re.search(r"\n  Sum +USD +([0-9,.]+) +\1 +0\.00\n", said)
    assert "9,445.00" in said
    assert "The days until 2026-07-14 were sealed with 2026-07-15, the first one signed." in said


def test_a_position_without_a_rate_says_so_and_what_to_do(acme: Organisation) -> None:
    position = open_money.Position(
        currency="CNY",
        last=JULY.last,
        amount=Decimal(14400),
        booked_at=Decimal(2000),
        rate=None,
        rate_on=None,
    )
    said = close_month.tell_position(position)
    assert said.startswith("14,400.00 CNY booked at 2,000.00 USD. No exchange rate counted at the end of 2026-07-31")
    assert "None" not in said


def test_a_code_without_a_general_ledger_number_is_named(acme: Organisation, sms_of_acme: str) -> None:
    GlNumber.objects.filter(code="product:*").delete()
    assert journal.find_unmapped([sms_of_acme, "wallet", "wallet:held"]) == [sms_of_acme]


def test_the_longest_mapping_that_fits_counts(acme: Organisation, sms_of_acme: str) -> None:
    GlNumber.objects.create(code=sms_of_acme, number="2205.77")
    (row,) = [row for row in csv.DictReader(journal.write_csv(JULY)) if row["code"] == sms_of_acme]
    assert row["gl_number"] == "2205.77"


def test_a_general_ledger_name_is_no_formula(acme: Organisation, sms_of_acme: str) -> None:
    GlNumber.objects.create(code=sms_of_acme, number="+1", name='=HYPERLINK("https://x")')
    (row,) = [row for row in csv.DictReader(journal.write_csv(JULY)) if row["code"] == sms_of_acme]
    assert (row["gl_number"], row["gl_name"]) == ("'+1", """'=HYPERLINK("https://x")""")
