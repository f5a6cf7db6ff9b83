"""The list of orders as CSV and XLSX: columns that stay, nothing that runs, nothing claimed that did not come."""

import csv
import io
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import QuerySet
from django.test import Client
from openpyxl.reader.excel import load_workbook

from billing import csv_files, exports, moves, orders
from billing.models import Order
from tests import builders
from tests.billing import ordering, refunding
from wallet.models import Organisation

pytestmark = pytest.mark.django_db
CSV, XLSX = "/billing/orders.csv", "/billing/orders.xlsx"
EVIL = '=HYPERLINK("http://evil.example")'


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def page(client: Client, acme: Organisation) -> Client:
    client.force_login(builders.owner_of(acme))
    return client


def select(organisation: Organisation) -> QuerySet[Order]:
    return Order.objects.filter(organisation=organisation)


def read_csv(organisation: Organisation) -> list[dict[str, str]]:
    text = "".join(exports.write_csv(exports.read(select(organisation))))
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def read_xlsx(content: bytes) -> list[dict[str, Any]]:
    sheet = load_workbook(io.BytesIO(content)).active
    assert sheet is not None
    head, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(map(str, head), row, strict=True)) for row in rows]


def test_the_file_has_columns_that_stay_and_no_formula(acme: Organisation, now: datetime) -> None:
    order = ordering.paid_order(acme, now=now, amount=builders.usd("1234.50"))
    select(acme).update(created_by_name=EVIL)

    assert read_csv(acme) == [
        {
            "number": order.number,
            "created_at_utc": "2026-07-15T04:00:00Z",
            "state": "PAID",
            "method": "CARD",
            "target": "wallet",
            "paid_amount": "1234.50",
            "paid_currency": "USD",
            "credited_amount": "1234.50",
            "credited_currency": "USD",
            "rate": "",
            "paid_at_utc": "2026-07-15T04:00:00Z",
            "created_by": f"'{EVIL}",
            "amount": "1234.50",
            "currency": "USD",
            "refunded_amount": "",
            "refunded_currency": "",
        }
    ]


def test_the_workbook_has_the_same_columns_with_numbers_times_and_texts(acme: Organisation, now: datetime) -> None:
    ordering.paid_order(acme, now=now, amount=builders.usd("1234.50"))
    select(acme).update(created_by_name=EVIL, paid=Decimal("999999999999.99"))

    with exports.write_xlsx(exports.read(select(acme)), now=now) as file:
        (row,) = read_xlsx(file.read())

    assert tuple(row) == exports.COLUMNS
    assert row["created_by"] == EVIL  # the very text, and it was read as one: a formula would come back as its result
    assert f"{Decimal(str(row['paid_amount'])):.2f}" == "999999999999.99"
    assert row["created_at_utc"] == datetime(2026, 7, 15, 4, 0)  # noqa: DTZ001  # cells know no time zone; its column says UTC
    assert (row["state"], row["paid_currency"], row["rate"], row["refunded_amount"]) == ("PAID", "USD", None, None)


def test_no_text_becomes_a_formula_or_a_link_in_a_workbook(acme: Organisation, now: datetime) -> None:
    ordering.open_order(acme, now=now)
    for text in (EVIL, "+1", "-1", "@SUM(A1)", "{=1+1}", "https://evil.example", "mailto:a@b.example", "internal:A1"):
        select(acme).update(created_by_name=text)
        with exports.write_xlsx(exports.read(select(acme)), now=now) as file:
            sheet = load_workbook(io.BytesIO(file.read())).active
        assert sheet is not None
        cell = sheet.cell(row=2, column=exports.COLUMNS.index("created_by") + 1)
        assert (cell.value, cell.data_type, cell.hyperlink) == (text, "s", None)


def test_the_file_claims_no_money_that_has_not_come(acme: Organisation, now: datetime) -> None:
    ordering.open_order(acme, now=now, amount=builders.usd(77))
    cancelled = ordering.open_order(acme, now=now, amount=builders.usd(88))
    orders.cancel(order=cancelled, by="Alice", now=now)
    ordering.paid_order(acme, now=now, amount=builders.usd(50))

    rows = read_csv(acme)[::-1]

    assert [row["paid_amount"] for row in rows] == ["", "", "50.00"]
    assert [row["credited_amount"] for row in rows] == ["", "", "50.00"]
    assert [row["amount"] for row in rows] == ["77.00", "88.00", "50.00"]


def test_what_went_back_is_summed_and_what_is_only_on_its_way_is_not(
    acme: Organisation, now: datetime, django_assert_num_queries: Any
) -> None:
    order, other = ordering.paid_order(acme, now=now), ordering.paid_order(acme, now=now)
    for amount in (30, 12):
        refunding.succeeded_refund(order, amount=builders.usd(amount), now=now)
    refunding.approved_refund(order, amount=builders.usd(8), now=now)

    with django_assert_num_queries(1):
        rows = read_csv(acme)

    assert [row["number"] for row in rows] == [other.number, order.number]
    assert [(row["refunded_amount"], row["refunded_currency"]) for row in rows] == [("", ""), ("42.00", "USD")]
    assert [row["state"] for row in rows] == ["PAID", "PARTIALLY_REFUNDED"]


def test_a_move_that_was_undone_and_a_top_up_put_right_are_called_so(acme: Organisation, now: datetime) -> None:
    builders.fill_wallet(acme, builders.usd(100), now=now)
    sms = builders.make_product("SMS")
    builders.open_balance(acme, sms, now=now)
    alice = builders.owner_of(acme)
    move = moves.move(builders.move_wish(acme, sms, builders.usd(10)), by=alice, now=now)
    moves.undo(order_id=move.pk, by=str(alice), now=now)

    assert [row["state"] for row in read_csv(acme)] == ["UNDONE", "PAID"]


def test_both_files_are_the_filtered_list_whole(page: Client, acme: Organisation, now: datetime) -> None:
    waiting = [ordering.open_order(acme, now=now).number for _ in range(27)][::-1]
    ordering.paid_order(acme, now=now)

    as_csv = page.get(CSV, {"state": "PENDING"})
    as_xlsx = page.get(XLSX, {"state": "PENDING"})

    assert [line.split(",")[0] for line in as_csv.getvalue().decode().splitlines()[1:]] == waiting
    assert [row["number"] for row in read_xlsx(as_xlsx.getvalue())] == waiting
    assert as_xlsx["Content-Type"] == exports.XLSX_TYPE
    assert as_xlsx["Content-Disposition"] == 'attachment; filename="orders.xlsx"'
    assert "no-store" in as_xlsx["Cache-Control"]


def test_a_list_too_long_for_a_workbook_is_told_so_and_offered_as_csv(
    page: Client, acme: Organisation, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "XLSX_MOST", 2)
    for _ in range(2):
        ordering.open_order(acme, now=now)
    assert len(read_xlsx(page.get(XLSX).getvalue())) == 2

    ordering.open_order(acme, now=now)
    answer = page.get(XLSX, {"state": "PENDING"})

    assert answer.status_code == 422
    assert "An XLSX file holds at most 2 orders" in answer.content.decode()
    assert "/billing/orders.csv?state=PENDING" in answer.content.decode()


@pytest.mark.parametrize("path", [CSV, XLSX])
@pytest.mark.parametrize("query", ["state=NONSENSE", "from=yesterday", "target=product:nobodys"])
def test_a_filter_nobody_understands_leads_to_the_page_that_says_so_and_not_to_a_file_of_everything(
    *, page: Client, acme: Organisation, now: datetime, path: str, query: str
) -> None:
    ordering.open_order(acme, now=now)

    answer = page.get(f"{path}?{query}", follow=True)

    assert answer.redirect_chain[0][0].startswith("/billing/orders/?")
    assert 'class="error"' in answer.content.decode()


def test_nobody_gets_another_organisations_orders_as_a_file(page: Client, acme: Organisation, now: datetime) -> None:
    bright = builders.make_organisation(now=now, owner=builders.make_person("bob"), name="Bright")
    ordering.paid_order(bright, now=now)

    assert len(page.get(CSV).getvalue().decode().splitlines()) == 1
    assert read_xlsx(page.get(XLSX).getvalue()) == []


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n"])
def test_what_a_spreadsheet_would_run_is_disarmed(start: str) -> None:
    assert csv_files.disarm(f"{start}1+1") == f"'{start}1+1"
    assert csv_files.disarm(f"1{start}1") == f"1{start}1"
