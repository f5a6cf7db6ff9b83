"""P15: MT940 is read line by line, and refused whole when a line is in doubt."""

import logging
from datetime import date
from decimal import Decimal

import pytest
from djmoney.money import Money

from payments.statements.lines import Direction, StatementUnreadable
from tests.payments.statements.files import CREDIT, mt940, read_file

IN_AND_OUT = ":61:2607150715C7,00NTRFX\n:61:2607150715D7,00NTRFX"
TELLING = ":86:ACME TRADING CO LTD PAYMENT IN7XK2M\n9QFR4 THANK YOU"


def test_a_statement_says_what_the_bank_booked() -> None:
    (statement,) = read_file(mt940(":61:2607140715C1000,00NTRFCUST1//B001\nEXTRA", TELLING))
    assert (statement.account, statement.currency) == ("4567890123", "USD")
    assert (statement.opening, statement.closing) == (Money("500", "USD"), Money("1500", "USD"))
    assert (statement.first_day, statement.last_day) == (date(2026, 7, 15), date(2026, 7, 15))
    (line,) = statement.lines
    assert line.amount == Money("1000", "USD")
    assert line.direction is Direction.IN
    assert not line.is_reversal
    assert (line.booked_on, line.value_on) == (date(2026, 7, 15), date(2026, 7, 14))
    assert line.bank_reference == "B001"
    assert line.line_number == 5
    assert line.text.endswith("\nCUST1\nEXTRA")


def test_a_reference_broken_over_two_lines_is_whole_without_blanks() -> None:
    (statement,) = read_file(mt940(CREDIT, TELLING))
    assert "IN7XK2M9QFR4" not in statement.lines[0].text
    assert "IN7XK2M9QFR4" in statement.lines[0].text_without_blanks


def test_structured_details_give_payer_and_text_without_codes() -> None:
    told = (
        ":86:166?00GUTSCHRIFT?100004772?20EREF+NONE?21SVWZ+IN7XK2M?229QFR4 AND\n MORE?30COBADEFF"
        "?31DE0212030000?32ACME\n TRADING?33 GMBH"
    )
    (line,) = read_file(mt940(CREDIT, told))[0].lines
    assert line.payer_name == "ACME TRADING GMBH"
    assert line.payer_account == "DE0212030000"
    assert "SVWZ+IN7XK2M9QFR4 AND MORE" in line.text.splitlines()


def test_a_named_party_in_slashes_is_the_payer() -> None:
    (line,) = read_file(mt940(CREDIT, ":86:/EREF/X1/ORDP//NAME/JANE TRAD\nING LTD/REMI/IN7XK2M9QFR4"))[0].lines
    assert line.payer_name == "JANE TRADING LTD"


@pytest.mark.parametrize(
    ("mark", "direction", "is_reversal", "closing"),
    [
        ("C", Direction.IN, False, "C260715USD600,00"),
        ("D", Direction.OUT, False, "C260715USD400,00"),
        ("RC", Direction.OUT, True, "C260715USD400,00"),
        ("RD", Direction.IN, True, "C260715USD600,00"),
        ("CD", Direction.IN, False, "C260715USD600,00"),
    ],
)
def test_each_mark_moves_the_balance_its_way(
    *, mark: str, direction: Direction, is_reversal: bool, closing: str
) -> None:
    (line,) = read_file(mt940(f":61:2607150715{mark}100,00NTRFNONREF", closing=closing))[0].lines
    assert (line.direction, line.is_reversal) == (direction, is_reversal)


def test_two_equal_genuine_lines_are_two_and_numbered() -> None:
    (statement,) = read_file(mt940(CREDIT, CREDIT, closing="C260715USD2500,00"))
    assert [line.occurrence for line in statement.lines] == [1, 2]


def test_lines_without_a_bank_reference_are_numbered_by_amount_and_day() -> None:
    plain = ":61:2607150715C{},00NTRFNONREF"
    fields = [plain.format(amount) for amount in (100, 200, 100, 200, 100)]
    (statement,) = read_file(mt940(*fields, closing="C260715USD1200,00"))
    assert [line.occurrence for line in statement.lines] == [1, 1, 2, 2, 3]


def test_several_statements_a_file_stay_apart_with_their_own_balances() -> None:
    second = mt940(":61:2607150715D1,00NMSCNONREF", opening="D260714CNY2,00", closing="D260715CNY3,00", account="99")
    first, other = read_file("{1:F01X}{2:I940XN}{4:\n" + mt940(CREDIT).replace("\n-\n", "\n-}\n") + second)
    assert (first.account, other.account) == ("4567890123", "99")
    assert (other.opening, other.closing) == (Money("-2", "CNY"), Money("-3", "CNY"))
    assert [line.amount for line in other.lines] == [Money("1", "CNY")]


def test_equal_lines_of_two_statements_of_one_account_are_numbered_through() -> None:
    second = mt940(CREDIT, opening="C260715USD1500,00", closing="C260715USD2500,00")
    first, other = read_file(mt940(CREDIT) + second)
    assert [first.lines[0].occurrence, other.lines[0].occurrence] == [1, 2]


def test_an_entry_of_new_year_with_a_value_in_the_old_one_is_booked_in_the_new() -> None:
    text = mt940(":61:2512310102C1000,00NTRFNONREF", opening="C251231USD0,", closing="C260102USD1000,")
    (line,) = read_file(text)[0].lines
    assert (line.booked_on, line.value_on) == (date(2026, 1, 2), date(2025, 12, 31))


def test_what_follows_the_closing_balance_belongs_to_no_line() -> None:
    text = mt940(CREDIT, ":86:ONE").replace("\n-\n", "\n:64:C260715USD1500,00\n:86:OF THE WHOLE STATEMENT\n-\n")
    assert read_file(text)[0].lines[0].text == "ONE"


def test_a_statement_without_lines_is_one() -> None:
    (statement,) = read_file(mt940(closing="C260714USD500,00"))
    assert statement.lines == []
    assert (statement.first_day, statement.last_day) == (date(2026, 7, 14), date(2026, 7, 14))


REFUSED = {
    "a point in the amount": (":61:2607150715C1000.00NTRFNONREF", 5),
    "thousands in the amount": (":61:2607150715C1.000,00NTRFNONREF", 5),
    "too many digits": (":61:2607150715C1000000000000000,00NTRFNONREF", 5),
    "too fine": (":61:2607150715C1000,001NTRFNONREF", 5),
    "full-width digits": (":61:2607150715C１０００,00NTRFNONREF", 5),
    "Arabic digits": (":61:2607150715C١٠٠٠,00NTRFNONREF", 5),
    "nothing": (":61:2607150715C0,00NTRFNONREF", 5),
    "not a number": (":61:2607150715CNaNNTRFNONREF", 5),
    "negative": (":61:2607150715C-1000,00NTRFNONREF", 5),
    "an unknown mark": (":61:2607150715X1000,00NTRFNONREF", 5),
    "the 30th of February": (":61:2602300230C1000,00NTRFNONREF", 5),
    "the 13th month": (":61:2613010101C1000,00NTRFNONREF", 5),
    "another currency": (":61:2607150715CY1000,00NTRFNONREF", 5),
    "a day to come": (":61:2607160716C1000,00NTRFNONREF", 5),
    "a value to come": (":61:2607160715C1000,00NTRFNONREF", 5),
}


@pytest.mark.parametrize(("field", "line"), REFUSED.values(), ids=REFUSED.keys())
def test_a_line_in_doubt_refuses_the_file_and_is_named(field: str, line: int) -> None:
    with pytest.raises(StatementUnreadable) as refusal:
        read_file(mt940(field))
    assert refusal.value.line == line
    assert str(refusal.value).startswith(f"Line {line}: ")


@pytest.mark.parametrize(
    "spoilt",
    [
        mt940(CREDIT).replace(":62F:C260715USD1500,00\n", ""),
        mt940(CREDIT).replace(":60F:C260714USD500,00\n", ""),
        mt940(CREDIT).replace(":25:4567890123\n", ""),
        mt940(CREDIT).replace(":20:STMT1\n", ":20:STMT1\n-\n"),
        mt940(CREDIT, ":60F:C260714USD500,00"),
        mt940(CREDIT, ":62F:C260715USD1500,00"),
        mt940(CREDIT, closing="C260715CNY1500,00"),
        mt940(CREDIT, closing="C260715USD1500.00"),
        mt940(CREDIT, closing="C260715USD1500,00.5"),
        mt940(CREDIT, closing="C260716USD1500,00"),
        mt940(CREDIT).replace(":60F:", f"{IN_AND_OUT}\n:60F:"),
        mt940(CREDIT).replace("\n-\n", f"\n{IN_AND_OUT}\n-\n"),
        mt940(CREDIT) + CREDIT,
    ],
    ids=[
        "no closing balance",
        "no opening balance",
        "no account",
        "fields outside",
        "two opening balances",
        "two closing balances",
        "balances in two currencies",
        "a balance with a point",
        "more behind a balance",
        "ends tomorrow",
        "lines before the opening balance",
        "lines behind the closing balance",
        "a line after the end",
    ],
)
def test_a_statement_that_is_not_whole_is_refused(spoilt: str) -> None:
    with pytest.raises(StatementUnreadable):
        read_file(spoilt)


def test_lines_that_do_not_make_the_closing_balance_are_refused() -> None:
    with pytest.raises(StatementUnreadable, match=r"make USD \$1,500\.00, but the closing balance is USD \$1,499\.99"):
        read_file(mt940(CREDIT, closing="C260715USD1499,99"))


def test_an_interim_report_is_refused_as_such() -> None:
    with pytest.raises(StatementUnreadable, match="MT942"):
        read_file("{1:F01X}{2:O9421200}{4:\n" + mt940(CREDIT))
    with pytest.raises(StatementUnreadable, match="MT942"):
        read_file(
            ":20:X\n:25:4567890123\n:28C:1/1\n:34F:USD0,\n:13D:2607151200+0800\n" + CREDIT + "\n:90C:1USD1000,\n-\n"
        )


def test_a_refused_line_is_not_written_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(StatementUnreadable):
        read_file(mt940(":61:26071507xxSECRET NAME"))
    assert "SECRET" not in caplog.text


def test_a_file_cut_off_anywhere_is_refused() -> None:
    whole = mt940(CREDIT, TELLING)
    end = whole.index(":62F:") + len(":62F:C260715USD1500,")
    for length in range(end):
        with pytest.raises(StatementUnreadable):
            read_file(whole[:length])
    assert read_file(whole[:end])[0].lines[0].amount.amount == Decimal(1000)
