"""P15: exports of Chinese corporate banking and mapped CSV files, whole or not at all."""

import codecs
from datetime import date

import pytest
from djmoney.money import Money

from payments.statements.cells import DayOrder
from payments.statements.columns import ColumnMapping, MappingUnusable, Profile, read_mapping
from payments.statements.lines import Direction, StatementUnreadable, with_balances
from tests.payments.statements.files import boc, generic, read_file

BOC_IN = '20260715,20260714,CNY,"7,200.00","17,200.00",SN0001,某某科技有限公司,622200001,我司,4563,IN7X K2M9 QFR4'
BOC_OUT = '20260715,,人民币,"-1,000.00","16,200.00",SN0002,我司,456351234567,某供应商,99900001,货款'
ICBC = """\
[HISTORYDETAIL]
凭证号,本方账号,对方账号,交易时间,借/贷,借方发生额,贷方发生额,对方行号,摘要,用途,对方单位名称,余额
0\t,4000012345\t,6222\t,2026-07-15 10:20:30\t,贷,"0.00","7,200.00",102,来账\t,IN7XK2M9QFR4\t,某公司\t,"17,200.00",
0\t,4000012345\t,6222\t,2026-07-14 09:00:00\t,借,"1,000.00","0.00",102,往账\t,,某供应商\t,"10,000.00",
"""
CMB = """\
# 招商银行交易记录
# 账  号: [755912345610101]
# 币  种: [人民币]
交易日,交易时间,起息日,借方金额,贷方金额,余额,摘要,流水号,收(付)方名称,收（付）方帐号
20260714,09:00:00,20260714,,"7,200.00","17,200.00",IN7XK2M9QFR4,S1,某某科技,6222
20260715,10:00:00,20260715,100.00,,"17,100.00",手续费,S2,招商银行,
# 合计: 2 笔
合计,,,100.00,"7,200.00",,,,,
"""


def test_an_export_of_bank_of_china_says_what_was_booked() -> None:
    (statement,) = read_file(boc(BOC_IN, BOC_OUT))
    assert (statement.account, statement.currency) == ("456351234567", "CNY")
    assert (statement.opening, statement.closing) == (Money("10000", "CNY"), Money("16200", "CNY"))
    received, paid = statement.lines
    assert (received.direction, received.amount) == (Direction.IN, Money("7200", "CNY"))
    assert (received.booked_on, received.value_on) == (date(2026, 7, 15), date(2026, 7, 14))
    assert (received.bank_reference, received.line_number) == ("SN0001", 4)
    assert (received.payer_name, received.payer_account) == ("某某科技有限公司", "622200001")
    assert received.text_without_blanks == "IN7XK2M9QFR4"
    assert (paid.direction, paid.amount) == (Direction.OUT, Money("1000", "CNY"))
    assert (paid.payer_name, paid.value_on) == ("某供应商", date(2026, 7, 15))


def test_an_export_of_icbc_has_tabs_in_its_cells_and_begins_with_the_newest() -> None:
    (statement,) = read_file(ICBC, currency="CNY")
    assert statement.account == "4000012345"
    assert (statement.opening, statement.closing) == (Money("11000", "CNY"), Money("17200", "CNY"))
    assert [line.direction for line in statement.lines] == [Direction.IN, Direction.OUT]
    assert statement.lines[0].text_without_blanks == "IN7XK2M9QFR4来账"
    assert (statement.first_day, statement.last_day) == (date(2026, 7, 14), date(2026, 7, 15))


def test_an_export_of_china_merchants_has_remarks_and_totals() -> None:
    (statement,) = read_file(CMB)
    assert (statement.account, statement.currency) == ("755912345610101", "CNY")
    assert (statement.opening, statement.closing) == (Money("10000", "CNY"), Money("17100", "CNY"))
    assert [line.bank_reference for line in statement.lines] == ["S1", "S2"]
    assert statement.lines[0].payer_account == "6222"


@pytest.mark.parametrize(
    "raw",
    [
        boc(BOC_IN, BOC_OUT).encode(),
        codecs.BOM_UTF8 + boc(BOC_IN, BOC_OUT).encode(),
        boc(BOC_IN, BOC_OUT).encode("gb18030"),
        codecs.BOM_UTF16_LE + boc(BOC_IN, BOC_OUT).encode("utf-16-le"),
        boc(BOC_IN, BOC_OUT).replace("\r\n", "\n").encode(),
        boc(BOC_IN, BOC_OUT).replace("7,200.00", "7200.00").replace(",", ";").replace('"-1;000.00"', "-1000.00")
        .replace('"17;200.00"', "17200.00").replace('"16;200.00"', "16200.00").encode(),
    ],
    ids=["UTF-8", "byte order mark", "GB18030", "UTF-16", "Unix lines", "semicolons"],
)  # fmt: skip
def test_encoding_and_separator_change_nothing(raw: bytes) -> None:
    (statement,) = read_file(raw)
    assert statement == read_file(boc(BOC_IN, BOC_OUT))[0]


def test_newest_first_and_oldest_first_give_the_same_balances() -> None:
    rows = [
        "2026-07-13,100,CNY,A,,200",
        "2026-07-14,-50,CNY,B,,150",
        "2026-07-14,25,CNY,C,,175",
        "2026-07-15,25,CNY,D,,200",
    ]
    head = "Date,Amount,Currency,Bank reference,Text,Balance"
    days_turned = [rows[3], rows[1], rows[2], rows[0]]
    late_entry = [rows[3], rows[2], rows[1].replace("07-14", "07-12"), rows[0]]
    for written in (rows, rows[::-1], days_turned, late_entry, late_entry[::-1]):
        (statement,) = read_file(generic(*written, head=head))
        assert (statement.opening, statement.closing) == (Money("100", "CNY"), Money("200", "CNY"))


def test_a_line_taken_out_breaks_the_balances_and_is_named() -> None:
    rows = ["2026-07-13,100,CNY,A,,200", "2026-07-14,25,CNY,C,,175", "2026-07-15,25,CNY,D,,200"]
    with pytest.raises(StatementUnreadable) as refusal:
        read_file(generic(*rows, head="Date,Amount,Currency,Bank reference,Text,Balance"))
    assert refusal.value.line == 3


def test_a_file_without_balances_has_none_until_somebody_gives_both() -> None:
    (statement,) = read_file(generic("2026-07-15,100,USD,A,x", "2026-07-15,-30,USD,B,y"))
    assert (statement.opening, statement.closing) == (None, None)
    whole = with_balances(statement, opening=Money("5", "USD"), closing=Money("75", "USD"))
    assert whole.lines == statement.lines
    for opening, closing in (("5", "75.01"), ("6", "75")):
        with pytest.raises(StatementUnreadable, match="do not add up"):
            with_balances(statement, opening=Money(opening, "USD"), closing=Money(closing, "USD"))
    with pytest.raises(StatementUnreadable, match="not in USD"):
        with_balances(statement, opening=Money("5", "CNY"), closing=Money("75", "CNY"))


def test_balances_that_are_not_complete_count_as_none() -> None:
    rows = ["2026-07-13,100,CNY,A,,200", "2026-07-14,25,CNY,C,,"]
    (statement,) = read_file(generic(*rows, head="Date,Amount,Currency,Bank reference,Text,Balance"))
    assert statement.opening is None


def test_two_equal_genuine_lines_are_two_and_numbered() -> None:
    row = "2026-07-15,100,USD,,same"
    (statement,) = read_file(generic(row, "2026-07-14,100,USD,,same", row))
    assert [line.occurrence for line in statement.lines] == [1, 1, 2]


def test_lines_of_other_accounts_or_the_other_way_are_no_equals() -> None:
    rows = ("2026-07-15,1,USD,A1", "2026-07-15,1,USD,A2", "2026-07-15,-1,USD,A1")
    statements = read_file(generic(*rows, head="Date,Amount,Currency,Account"))
    assert [line.occurrence for statement in statements for line in statement.lines] == [1, 1, 1]


def test_the_account_above_the_table_is_found_only_where_it_is_one() -> None:
    row = "2026-07-15,1,USD"
    for above, account in {
        "Account no.: 0012-3456-78": "0012-3456-78",
        '"Account","DE02120300000000202051"': "DE02120300000000202051",
        "账号,户名": "",
        "Account,Statement period 2026": "",
        "Account statement: 2026-07-15": "",
    }.items():
        (statement,) = read_file(generic(row, head=f"{above}\nDate,Amount,Currency"))
        assert statement.account == account


def test_a_red_figure_goes_the_other_way_and_is_a_reversal() -> None:
    head = "Date,Credit,Debit,Currency"
    (statement,) = read_file(generic("2026-07-15,-100,,USD", "2026-07-15,,-30,USD", "2026-07-15,-,5,USD", head=head))
    assert [(line.direction, line.is_reversal) for line in statement.lines] == [
        (Direction.OUT, True),
        (Direction.IN, True),
        (Direction.OUT, False),
    ]


def test_a_direction_beside_the_amount_decides() -> None:
    rows = ("2026-07-15,100,贷,USD", "2026-07-15,100,D,USD", "2026-07-15,-100,C,USD")
    (statement,) = read_file(generic(*rows, head="Date,Amount,Direction,Currency"))
    assert [line.direction for line in statement.lines] == [Direction.IN, Direction.OUT, Direction.OUT]
    with pytest.raises(StatementUnreadable, match="neither money in nor money out"):
        read_file(generic("2026-07-15,100,maybe,USD", head="Date,Amount,Direction,Currency"))


def test_several_accounts_in_one_file_are_several_statements() -> None:
    rows = ("2026-07-15,1,USD,A1", "2026-07-15,2,CNY,A2", "2026-07-15,3,USD,A1")
    first, other = read_file(generic(*rows, head="Date,Amount,Currency,Account"))
    assert [line.line_number for line in first.lines] == [2, 4]
    assert (other.account, other.currency) == ("A2", "CNY")


def test_the_columns_somebody_names_are_read() -> None:
    mapping = ColumnMapping(
        booked_on="Day", credit="In", debit="Out", text=("Why", "Note"), day_order=DayOrder.DAY_FIRST
    )
    text = "My bank\nDay|In|Out|Why|Note\n05/07/2026|10.50||a|b\n"
    (statement,) = read_file(text, mapping=mapping, currency="USD")
    (line,) = statement.lines
    assert (line.booked_on, line.amount, line.text) == (date(2026, 7, 5), Money("10.50", "USD"), "a\nb")
    with pytest.raises(StatementUnreadable, match="called Why, Note") as refusal:
        read_file(text.replace("Note", "Remark"), mapping=mapping, currency="USD")
    assert refusal.value.line == 2


def test_a_blank_name_is_no_column() -> None:
    mapping = ColumnMapping(booked_on="Date", amount=" ")
    with pytest.raises(StatementUnreadable, match="no heads"):
        read_file("Date,Sum,\n2026-07-15,1,\n", mapping=mapping, currency="USD")


def test_a_mapping_written_as_json_is_the_mapping() -> None:
    assert read_mapping(
        '{"booked_on": "D", "amount": "A", "text": ["T"], "day_order": "MONTH_FIRST"}'
    ) == ColumnMapping(booked_on="D", amount="A", text=("T",), day_order=DayOrder.MONTH_FIRST)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"booked_on": "D"}',
        '{"booked_on": "D", "credit": "C"}',
        '{"booked_on": 1, "amount": "A"}',
        '{"booked_on": "D", "amount": "A", "text": "T"}',
        '{"booked_on": "D", "amount": "A", "day_order": "WEEK"}',
        '{"booked_on": "D", "amount": "A", "day_order": []}',
        '{"booked_on": "D", "amount": "A", "colour": "red"}',
        "[" * 100_000,
    ],
)
def test_a_mapping_that_leaves_something_out_is_refused(text: str) -> None:
    with pytest.raises(MappingUnusable):
        read_mapping(text)


REFUSED = {
    "a spoilt account": ("2026-07-15,100,USD,A,x,1.09E+11", "rounded"),
    "a day that is none": ("2026-02-30,100,USD,A,x,1", "calendar"),
    "a day in two ways": ("05/07/2026,100,USD,A,x,1", "not a day"),
    "a day without marks or zeros": ("2026115,100,USD,A,x,1", "not a day"),
    "a day in full-width digits": ("２０２６-07-15,100,USD,A,x,1", "not a day"),
    "no day": (",100,USD,A,x,1", "not a day"),
    "a day to come": ("2026-07-16,100,USD,A,x,1", "still to come"),
    "no amount": ("2026-07-15,,USD,A,x,1", "digits only"),
    "an unknown currency": ("2026-07-15,100,XQQ,A,x,1", "not a currency"),
    "another currency": ("2026-07-15,100,CNY,A,x,1", "This line is in CNY"),
    "no currency": ("2026-07-15,100,,A,x,1", "names no currency"),
    "a row cut off": ("2026-07-15,100,USD,A", "4 cells below 6 heads"),
    "a row too wide": ("2026-07-15,1,000,USD,A,x,1", "7 cells below 6 heads"),
    "a broken quotation": ('2026-07-15,"100,USD,A,x,1', "broken"),
    "text behind a quotation": ('2026-07-15,"10"0,USD,A,x,1', "broken"),
}


@pytest.mark.parametrize(("row", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_row_in_doubt_refuses_the_file_and_is_named(row: str, reason: str) -> None:
    good = "2026-07-15,100,USD,A,x,1"
    with pytest.raises(StatementUnreadable, match=reason) as refusal:
        read_file(generic(good, row, head="Date,Amount,Currency,Bank reference,Text,Payer account"))
    assert refusal.value.line == 3


def test_a_spoilt_reference_is_refused() -> None:
    with pytest.raises(StatementUnreadable, match="without opening it in a spreadsheet"):
        read_file(generic("2026-07-15,100,USD,1.23457E+15,x"))


def test_cells_that_spreadsheets_keep_as_text_lose_only_the_mark() -> None:
    rows = ('2026-07-15,100,USD,"=""00123""",x', "2026-07-15,100,USD,'00124,x", "2026-07-15,100,USD,12E4,x")
    (statement,) = read_file(generic(*rows))
    assert [line.bank_reference for line in statement.lines] == ["00123", "00124", "12E4"]


def test_a_row_with_a_day_is_never_taken_for_a_total_or_remark() -> None:
    head = "Text,Date,Amount,Currency"
    rows = ("Total refund,2026-07-15,100,USD", "# 7,2026-07-15,50,USD", "Total,,150,", "# end,,,")
    (statement,) = read_file(generic(*rows, head=head))
    assert [line.amount.amount for line in statement.lines] == [100, 50]


def test_a_row_that_is_neither_line_nor_total_is_refused() -> None:
    with pytest.raises(StatementUnreadable) as refusal:
        read_file(generic("2026-07-15,100,USD,A,x", "page 1 of 2,,,,"))
    assert refusal.value.line == 3


def test_both_sides_filled_are_refused() -> None:
    with pytest.raises(StatementUnreadable, match="Both credit and debit"):
        read_file(generic("2026-07-15,100,30,USD", head="Date,Credit,Debit,Currency"))


@pytest.mark.parametrize(
    "head", ["When,How much", "Date,Credit", "Date,Amount,Amount,Currency", ",,,", "\n" * 31 + "Date,Amount,Currency"]
)
def test_a_file_without_heads_we_know_is_refused(head: str) -> None:
    with pytest.raises(StatementUnreadable, match="no heads of columns that we know"):
        read_file(generic("2026-07-15,100,100,USD", head=head))


def test_heads_without_lines_are_refused() -> None:
    with pytest.raises(StatementUnreadable, match="no line"):
        read_file(generic())


def test_a_profile_is_asked_for_its_own_heads_only() -> None:
    with pytest.raises(StatementUnreadable):
        read_file(CMB, profile=Profile.BOC)
    assert read_file(CMB, profile=Profile.CMB) == read_file(CMB)


def test_a_masked_balance_refuses_the_file() -> None:
    with pytest.raises(StatementUnreadable, match="is no balance"):
        read_file(generic('2026-07-15,100,USD,"xx,yyyy.zz"', head="Date,Amount,Currency,Balance"))
