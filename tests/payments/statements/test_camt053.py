"""P15: CAMT.053 is read as the standard means it: booked entries only, the entry's amount, the bank's own sign."""

from datetime import date

import pytest
from djmoney.money import Money

from payments.statements.lines import Direction, StatementUnreadable
from tests.payments.statements.files import (
    balance,
    camt,
    camt_of,
    camt_statement,
    detail,
    details,
    entry,
    read_file,
)

PARTIES = (
    "<RltdPties><Dbtr><Pty><Nm>Acme Trading</Nm></Pty></Dbtr><DbtrAcct><Id><Othr><Id>00123</Id></Othr></Id></DbtrAcct>"
    "<Cdtr><Pty><Nm>InnoPaaS</Nm></Pty></Cdtr></RltdPties>"
)
STRUCTURED = "<RmtInf><Strd><CdtrRefInf><Ref>IN7XK2M9QFR4</Ref></CdtrRefInf></Strd></RmtInf>"


def test_a_statement_says_what_the_bank_booked() -> None:
    told = details([detail(text="INVOICE 7", end_to_end="E2E-1", more=PARTIES + STRUCTURED)])
    (statement,) = read_file(camt(entry(more=told + "<AddtlNtryInf>BY WIRE</AddtlNtryInf>")))
    assert (statement.account, statement.currency) == ("DE02120300000000202051", "USD")
    assert (statement.opening, statement.closing) == (Money("500", "USD"), Money("1500", "USD"))
    (line,) = statement.lines
    assert (line.amount, line.direction, line.is_reversal) == (Money("1000", "USD"), Direction.IN, False)
    assert (line.booked_on, line.value_on) == (date(2026, 7, 15), date(2026, 7, 14))
    assert line.bank_reference == "SVC1"
    assert (line.payer_name, line.payer_account) == ("Acme Trading", "00123")
    assert line.text.splitlines() == ["INVOICE 7", "IN7XK2M9QFR4", "E2E-1", "BY WIRE"]


@pytest.mark.parametrize("version", ["02", "04", "08", "13"])
@pytest.mark.parametrize("status", ["<Sts>BOOK</Sts>", "<Sts><Cd>BOOK</Cd></Sts>"])
def test_every_version_is_read(version: str, status: str) -> None:
    old = PARTIES.replace("<Pty>", "").replace("</Pty>", "")
    text = camt(entry(status=status, more=details([detail(more=old)])), version=version)
    assert read_file(text)[0].lines[0].payer_name == "Acme Trading"


@pytest.mark.parametrize("status", ["PDNG", "INFO", "FUTR"])
def test_an_entry_that_is_not_booked_is_no_line(status: str) -> None:
    pending = entry("9.99", status=f"<Sts><Cd>{status}</Cd></Sts>")
    assert len(read_file(camt(pending, entry()))[0].lines) == 1


def test_a_reversal_has_the_sign_the_bank_gives_it() -> None:
    reversal = "<RvslInd>true</RvslInd>" + details([detail(more=PARTIES)])
    (statement,) = read_file(camt(entry("100.00", mark="DBIT", more=reversal), closing="400.00"))
    (line,) = statement.lines
    assert (line.direction, line.is_reversal) == (Direction.OUT, True)
    assert line.payer_name == "Acme Trading", "who had paid, and is paid back"


def test_details_that_make_up_the_entry_become_lines() -> None:
    batch = details([detail("700.00", text="A"), detail("300.00", text="B")])
    first, second = read_file(camt(entry(more=batch)))[0].lines
    assert [first.amount.amount, second.amount.amount] == [700, 300]
    assert [first.text, second.text] == ["A", "B"]
    assert first.line_number <= second.line_number


def test_a_transaction_amount_divides_an_entry_as_well() -> None:
    told = '<AmtDtls><TxAmt><Amt Ccy="USD">{}</Amt></TxAmt></AmtDtls>'
    batch = details([detail(more=told.format("700.00")), detail(more=told.format("300.00"))])
    assert [line.amount.amount for line in read_file(camt(entry(more=batch)))[0].lines] == [700, 300]


def test_a_detail_may_go_the_other_way() -> None:
    charge = detail("5.00", text="FEE", more="<CdtDbtInd>DBIT</CdtDbtInd>")
    first, fee = read_file(camt(entry(more=details([detail("1005.00"), charge]))))[0].lines
    assert (first.amount, fee.amount, fee.direction) == (Money("1005", "USD"), Money("5", "USD"), Direction.OUT)


@pytest.mark.parametrize(
    "parts",
    [
        [detail("700.00", text="A"), detail("299.99", text="B")],
        [detail("700.00", text="A"), detail(text="B")],
        [detail("700.00", text="A"), detail("300.00", text="B").replace("USD", "EUR")],
        [detail("1000.00", text="A"), detail("0.00", text="B")],
    ],
    ids=["another sum", "an amount missing", "another currency", "nothing"],
)
def test_details_that_do_not_make_up_the_entry_leave_it_whole(parts: list[str]) -> None:
    (line,) = read_file(camt(entry(more=details(parts))))[0].lines
    assert line.amount == Money("1000", "USD")
    assert line.text.splitlines() == ["A", "B"]


def test_an_instructed_amount_is_not_what_arrived() -> None:
    more = '<AmtDtls><InstdAmt><Amt Ccy="USD">1015.00</Amt></InstdAmt></AmtDtls>'
    (line,) = read_file(camt(entry(more=details([detail(more=more)]))))[0].lines
    assert line.amount == Money("1000", "USD")


def test_several_statements_a_file_stay_apart() -> None:
    second = camt_statement(
        entry("1.00", mark="DBIT"), opening="5.00", closing="4.00", account="<Othr><Id>9</Id></Othr>"
    )
    first, other = read_file(camt_of(camt_statement(entry()), second))
    assert [first.account, other.account] == ["DE02120300000000202051", "9"]
    assert (other.opening, len(other.lines)) == (Money("5", "USD"), 1)


def test_two_equal_genuine_entries_are_two_and_numbered() -> None:
    (statement,) = read_file(camt(entry(), entry(), closing="2500.00"))
    assert [line.occurrence for line in statement.lines] == [1, 2]


def test_yesterdays_closing_balance_opens_the_day() -> None:
    text = camt(entry()).replace("OPBD", "PRCD")
    assert read_file(text)[0].opening == Money("500", "USD")


def test_an_overdrawn_balance_is_below_zero() -> None:
    stated = balance("OPBD", "600.00", mark="DBIT") + balance("CLBD", "400.00")
    text = camt(entry()).replace(balance("OPBD", "500.00") + balance("CLBD", "1500.00"), stated)
    assert read_file(text)[0].opening == Money("-600", "USD")


def test_a_statement_without_balances_has_none() -> None:
    text = camt(entry()).replace(balance("OPBD", "500.00"), "").replace(balance("CLBD", "1500.00"), "")
    assert read_file(text)[0].opening is None


def test_zeros_behind_the_cents_are_only_zeros() -> None:
    assert read_file(camt(entry("1000.00000")))[0].lines[0].amount == Money("1000", "USD")
    assert read_file(camt(entry("1000")))[0].lines[0].amount == Money("1000", "USD")


def test_a_day_with_a_time_is_the_day_the_bank_writes() -> None:
    text = camt(entry()).replace("<BookgDt><Dt>2026-07-15</Dt>", "<BookgDt><DtTm>2026-07-14T23:30:00+02:00</DtTm>")
    assert read_file(text)[0].lines[0].booked_on == date(2026, 7, 14)


REFUSED = {
    "a finer amount": camt(entry("1000.005")),
    "a sign": camt(entry("+1000.00")),
    "an exponent": camt(entry("1e3")),
    "not a number": camt(entry("NaN")),
    "full-width digits": camt(entry("１０００.00")),
    "nothing": camt(entry("0.00")),
    "no amount": camt(entry("")),
    "another currency": camt(entry(currency="CNY")),
    "no currency": camt(entry().replace(' Ccy="USD"', "")),
    "no mark": camt(entry(mark="")),
    "an unknown mark": camt(entry(mark="PLUS")),
    "no status": camt(entry(status="")),
    "no day": camt(entry().replace("<BookgDt><Dt>2026-07-15</Dt></BookgDt>", "")),
    "no such day": camt(entry().replace("2026-07-15", "2026-02-30")),
    "a day to come": camt(entry().replace("<BookgDt><Dt>2026-07-15", "<BookgDt><Dt>2026-07-16")),
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_an_entry_in_doubt_refuses_the_file_and_is_named(text: str) -> None:
    with pytest.raises(StatementUnreadable) as refusal:
        read_file(text)
    assert refusal.value.line == 5


@pytest.mark.parametrize(
    "text",
    [
        camt(entry(), closing="1499.99"),
        camt(entry()).replace(balance("CLBD", "1500.00"), ""),
        camt(entry()).replace(balance("CLBD", "1500.00"), balance("CLBD", "1500.00", currency="CNY")),
        camt(entry()).replace("BkToCstmrStmt", "BkToCstmrAcctRpt"),
        camt(entry()).replace("BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn"),
        camt(f"<Wrapped>{entry()}</Wrapped>").replace("Stmt>", "Other>"),
        camt(entry(more=entry()), closing="2500.00"),
        camt(entry(), "<a>" * 100 + "</a>" * 100),
        camt_of(),
        "<html><body>Please log in</body></html>",
    ],
    ids=[
        "another sum",
        "no closing balance",
        "balances in two currencies",
        "a report within the day",
        "a notice",
        "an entry of no statement",
        "an entry in an entry",
        "nested deeply",
        "no statement",
        "a web page",
    ],
)
def test_what_is_no_whole_statement_is_refused(text: str) -> None:
    with pytest.raises(StatementUnreadable):
        read_file(text)


def test_a_file_cut_off_anywhere_is_refused() -> None:
    whole = camt(entry(more=details([detail(text="x")])))
    for length in range(len(whole)):
        with pytest.raises(StatementUnreadable):
            read_file(whole[:length])
