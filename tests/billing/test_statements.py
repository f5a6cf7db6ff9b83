"""The statement of a balance: opening, entries, closing, over any days, by position and never by adding up."""

import csv
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta
from io import BytesIO, StringIO

import pytest
from django.test import Client
from django.urls import reverse
from djmoney.money import Money
from pypdf import PdfReader

from billing import documents, moves, packs, statement_files, statements
from billing.statements import Balance, Statement
from products import access
from products.models import Product
from tests import builders
from tests.builders import usd
from tests.products import spending
from wallet import chart
from wallet.calendar import business_date
from wallet.models import Member, Organisation, Role

pytestmark = pytest.mark.django_db

JUNE, JULY = (date(2026, 6, 1), date(2026, 6, 30)), (date(2026, 7, 1), date(2026, 7, 31))
TODAY = date(2026, 7, 15)


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now - timedelta(days=60))


@pytest.fixture
def alice(acme: Organisation) -> Member:
    return Member.objects.select_related("organisation", "user").get(organisation=acme, role=Role.OWNER)


@pytest.fixture
def sms(acme: Organisation, now: datetime) -> Product:
    return builders.make_product("SMS")


@pytest.fixture
def page(client: Client, alice: Member) -> Client:
    client.force_login(alice.user)
    return client


@pytest.fixture
def of_july(now: datetime, monkeypatch: pytest.MonkeyPatch) -> datetime:
    """The pages' clock."""
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    return now


def balance_of(member: Member, code: str = chart.WALLET) -> Balance:
    return next(balance for balance in statements.list_balances(member) if balance.code == code)


def read(member: Member, days: tuple[date, date], code: str = chart.WALLET) -> Statement:
    return statements.read(balance_of(member, code), first=days[0], last=days[1], today=TODAY)


def told(member: Member, statement: Statement, kind: str = "") -> list[tuple[str, str, str]]:
    return [
        (
            str(line.what),
            f"{'+' if line.is_in else '-'}{line.entry.amount.amount:.2f}",
            f"{line.entry.balance_after.amount:.2f}",
        )
        for line in statements.walk(statement, member=member, kind=kind)
    ]


def test_opening_entries_and_closing_of_one_month_lead_to_the_next(
    acme: Organisation, alice: Member, sms: Product, now: datetime
) -> None:
    builders.fill_wallet(acme, usd(100), now=now - timedelta(days=40))
    builders.fill_wallet(acme, usd(50), now=now - timedelta(days=20))
    moves.move(builders.move_wish(acme, sms, usd(30)), by=alice.user, now=now)

    june, july = read(alice, JUNE), read(alice, JULY)

    assert (june.opening, june.closing, june.is_running) == (usd(0), usd(150), False)
    assert (july.opening, july.closing, july.is_running) == (usd(150), usd(120), True)
    assert told(alice, june) == [("Top-up", "+100.00", "100.00"), ("Top-up", "+50.00", "150.00")]
    assert told(alice, july) == [("Move between balances", "-30.00", "120.00")]
    assert read(alice, JULY, sms.code).closing == usd(30)


@pytest.mark.parametrize("size", [0, 1, 2, 9, 10, 19])
def test_the_edges_of_days_are_found_among_any_number_of_entries(
    acme: Organisation, alice: Member, now: datetime, size: int
) -> None:
    first = now - timedelta(days=size)
    for number in range(size):
        builders.fill_wallet(acme, usd(5), now=first + timedelta(days=number))

    for number in range(size):
        day = business_date(first + timedelta(days=number))
        one = read(alice, (day, day))
        assert (one.opening, one.closing, one.entry_count) == (usd(5 * number), usd(5 * number + 5), 1)
    assert read(alice, (date(2025, 1, 1), date(2025, 1, 2))).closing == usd(0)
    assert read(alice, (date(2027, 1, 1), date(2027, 1, 2))).opening == usd(5 * size)


def test_what_was_begun_before_midnight_and_booked_after_it_stands_in_one_month_alone(
    acme: Organisation, alice: Member
) -> None:
    midnight = datetime.fromisoformat("2026-07-01T00:00:00+08:00")
    second = timedelta(seconds=1)
    for moment in (midnight - 2 * second, midnight, midnight - second, midnight + second):
        builders.fill_wallet(acme, usd(5), now=moment)

    june, july = read(alice, JUNE), read(alice, JULY)

    assert june.entry_count + july.entry_count == 4
    assert june.closing == july.opening == usd(15)


def test_a_page_leads_to_older_entries_and_each_is_on_one_of_them(
    acme: Organisation, alice: Member, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "PAGE_SIZE", 2)
    for number in range(5):
        builders.fill_wallet(acme, usd(number + 11), now=now)
    statement, seen, before = read(alice, JULY), [], 0
    while True:
        found = statements.read_page(statement, member=alice, kind="", before=before)
        seen += [line.entry.amount.amount for line in found.lines]
        before = found.older
        if not before:
            break
    assert seen == [15, 14, 13, 12, 11]


@pytest.fixture
def use_of(acme: Organisation, sms: Product, now: datetime) -> Callable[[str], None]:
    def use(amount: str) -> None:
        spending.charge(builders.open_balance(acme, sms, now=now), amount, now=now, description="=1+1")

    return use


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("top-ups", ["+20.00"]),
        ("moves", ["+30.00", "+7.00"]),
        ("use", ["-0.05"]),
        ("taken-back", ["-7.00"]),
        ("refunds", []),
        ("disputes", []),
    ],
)
def test_entries_are_narrowed_to_a_kind(
    acme: Organisation,
    alice: Member,
    sms: Product,
    now: datetime,
    use_of: Callable[[str], None],
    kind: str,
    expected: list[str],
) -> None:
    builders.fill_wallet(acme, usd(100), now=now)
    builders.fill_product(acme, sms, usd(20), now=now)
    moves.move(builders.move_wish(acme, sms, usd(30)), by=alice.user, now=now)
    undone = moves.move(builders.move_wish(acme, sms, usd(7)), by=alice.user, now=now)
    moves.undo(order_id=undone.pk, by="Alice", now=now)
    use_of("0.0525")

    assert [amount for _what, amount, _after in told(alice, read(alice, JULY, sms.code), kind)] == expected


def test_the_csv_holds_opening_entries_and_closing_and_no_formula(
    acme: Organisation, alice: Member, sms: Product, now: datetime, use_of: Callable[[str], None]
) -> None:
    order = builders.fill_product(acme, sms, usd(20), now=now - timedelta(days=30))
    use_of("0.0525")

    rows = list(
        csv.DictReader(
            StringIO("".join(statement_files.write_csv(read(alice, JULY, sms.code), member=alice)).lstrip("\ufeff"))
        )
    )

    assert [(row["kind"], row["amount"], row["balance_after"]) for row in rows] == [
        ("OPENING", "", "20.000000"),
        ("CHARGE", "-0.052500", "19.947500"),
        ("CLOSING", "", "19.947500"),
    ]
    assert rows[1]["description"].startswith("'=")
    assert {row["currency"] for row in rows} == {"USD"}
    assert order.number not in str(rows)


def text_of(pdf: bytes) -> str:
    return "\n".join(sheet.extract_text() for sheet in PdfReader(BytesIO(pdf)).pages)


def test_the_pdf_lists_every_entry_or_says_that_it_adds_them_up_by_day(
    acme: Organisation, alice: Member, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [builders.fill_wallet(acme, usd(number), now=now - timedelta(days=number - 10)) for number in (13, 12, 11)]
    text = text_of(statement_files.draw_pdf(read(alice, JULY), member=alice, now=now))
    assert all(order.number in text for order in orders)
    assert "Closing balance so far" in text

    monkeypatch.setattr(statement_files, "MOST_IN_PDF", 2)
    text = text_of(statement_files.draw_pdf(read(alice, JULY), member=alice, now=now))
    assert "The CSV has all 3 entries." in text
    assert orders[0].number not in text
    assert "2026-07-14 1 11.00 0.00 36.00" in text


def test_the_page_shows_balance_figures_and_chart(page: Client, acme: Organisation, of_july: datetime) -> None:
    builders.fill_wallet(acme, usd("1234.50"), now=of_july)
    shown = page.get(reverse("billing:statement")).content.decode()
    for said in (
        "2026-07-01 to 2026-07-31",
        "so far",
        "$1,234.50",
        "polyline",
        "The same as a table",
        "2026-07.zip"[:7],
    ):
        assert said in shown


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from=2026-07-10&to=2026-07-01", "This day lies before the first one."),
        ("to=2026-07-01", "Choose the first day, too."),
        ("from=2024-01-01&to=2026-07-01", "At most 366 days at once."),
        ("month=2019-01", "This is not in the list."),
        ("balance=product:other", "This is not in the list."),
        ("from=2026-08-01", "This day is still to come."),
    ],
)
def test_a_choice_that_cannot_be_is_named_and_gives_no_file(
    page: Client, of_july: datetime, query: str, said: str
) -> None:
    shown = page.get(f"{reverse('billing:statement')}?{query}").content.decode()
    assert said in shown
    for other in ("Opening balance", "Download CSV", "2026-07-01 to 2026-07-31", "Entries</h2>"):
        assert other not in shown
    for file in ("statement_csv", "statement_pdf"):
        answer = page.get(f"{reverse(f'billing:{file}')}?{query}")
        assert (answer.status_code, answer["Location"]) == (
            302,
            f"{reverse('billing:statement')}?{answer['Location'].partition('?')[2]}",
        )


@pytest.mark.parametrize("before", ["0", "-1", "x", "9" * 18, "9" * 40, "１"])
def test_an_odd_place_in_the_address_is_no_error(page: Client, of_july: datetime, before: str) -> None:
    assert page.get(reverse("billing:statement"), {"before": before}).status_code == 200


def test_a_balance_without_entries_says_what_to_do(page: Client, of_july: datetime) -> None:
    shown = page.get(reverse("billing:statement")).content.decode()
    assert "There are no entries yet." in shown
    assert reverse("payments:topup") in shown


def test_a_limited_member_gets_no_statement_document_or_order_of_the_rest(
    acme: Organisation, alice: Member, sms: Product, now: datetime, client: Client, of_july: datetime
) -> None:
    hidden = builders.make_product("Hoopoe")
    builders.fill_wallet(acme, usd(100), now=now)
    secret = moves.move(builders.move_wish(acme, hidden, usd(30)), by=alice.user, now=now)
    receipt = documents.issue_receipt(order_id=secret.pk, now=now)
    lina = builders.make_member(acme, role=Role.BILLING, now=now)
    access.limit(member_id=lina.pk, products=[sms], by=alice.user)
    client.force_login(lina.user)

    for address in (
        reverse("billing:statement"),
        f"{reverse('billing:statement')}?balance={hidden.code}",
        reverse("billing:statement_csv"),
    ):
        answer = client.get(address)
        shown = b"".join(answer).decode()
        assert secret.number not in shown
        assert "Hoopoe" not in shown
    packed = client.get(reverse("billing:statement_pack"), {"month": "2026-07"})
    archive = zipfile.ZipFile(BytesIO(b"".join(packed)))
    assert not [name for name in archive.namelist() if hidden.slug in name or receipt.number in name]
    assert secret.number not in archive.read("orders-2026-07.csv").decode()


def test_the_pack_holds_the_month_and_nothing_else(
    page: Client, acme: Organisation, alice: Member, sms: Product, now: datetime, of_july: datetime
) -> None:
    earlier = builders.fill_wallet(acme, usd(5), now=now - timedelta(days=31))
    order = builders.fill_product(acme, sms, usd(20), now=now)
    receipts = [documents.issue_receipt(order_id=one.pk, now=now) for one in (earlier, order)]

    answer = page.get(reverse("billing:statement_pack"), {"month": "2026-07"})

    archive = zipfile.ZipFile(BytesIO(b"".join(answer)))
    assert archive.testzip() is None
    assert sorted(archive.namelist()) == sorted(
        [
            "README.txt",
            f"documents/{receipts[1].number}.pdf",
            "orders-2026-07.csv",
            *(
                f"statement-{name}-2026-07.{kind}"
                for name in ("wallet", f"product-{sms.slug}")
                for kind in ("csv", "pdf")
            ),
        ]
    )
    assert archive.read(f"documents/{receipts[1].number}.pdf") == bytes(receipts[1].pdf)
    assert order.number in archive.read("orders-2026-07.csv").decode()


def test_a_large_month_comes_in_parts_that_hold_each_document_once(
    page: Client, acme: Organisation, now: datetime, of_july: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "MOST_DOCUMENTS", 2)
    orders = [builders.fill_wallet(acme, usd(5), now=now) for _ in range(3)]
    numbers = {f"documents/{documents.issue_receipt(order_id=one.pk, now=now).number}.pdf" for one in orders}
    assert "Part 2 of 2" in page.get(reverse("billing:statement")).content.decode()

    address = reverse("billing:statement_pack")
    names = [
        zipfile.ZipFile(BytesIO(b"".join(page.get(address, {"month": "2026-07", "part": part})))).namelist()
        for part in (1, 2)
    ]

    assert sorted(name for part in names for name in part if name.startswith("documents")) == sorted(numbers)
    assert not [name for name in names[1] if name.startswith(("statement", "orders"))]
    for part in ("0", "3", "x", ""):
        assert page.get(address, {"month": "2026-07", "part": part}).status_code == 404
    assert page.get(address, {"month": "2019-07"}).status_code == 404


def test_what_a_statement_costs_does_not_grow_with_its_entries(
    acme: Organisation,
    alice: Member,
    now: datetime,
    django_assert_max_num_queries: Callable[..., AbstractContextManager[object]],
) -> None:
    for number in range(30):
        builders.fill_wallet(acme, usd(5), now=now - timedelta(hours=30 - number))
    balance = balance_of(alice)
    with django_assert_max_num_queries(8):
        statements.read(balance, first=JULY[0], last=JULY[1], today=TODAY)


def test_day_ends_are_the_balances_of_the_ledger(acme: Organisation, alice: Member, now: datetime) -> None:
    for days in (10, 10, 4):
        builders.fill_wallet(acme, usd(20), now=now - timedelta(days=days))
    ends = {one.day: one.closing for one in statements.read_days(read(alice, JULY), today=TODAY)}
    assert (ends[date(2026, 7, 4)], ends[date(2026, 7, 5)], ends[date(2026, 7, 11)]) == (usd(0), usd(40), usd(60))
    assert max(ends) == TODAY
    assert all(isinstance(one, Money) for one in ends.values())


def test_a_move_is_called_so_in_the_csv_on_both_sides_and_a_top_up_is_not(
    acme: Organisation, alice: Member, sms: Product, now: datetime
) -> None:
    builders.fill_wallet(acme, usd(100), now=now)
    moves.move(builders.move_wish(acme, sms, usd(50)), by=alice.user, now=now)

    def kinds(code: str) -> list[tuple[str, str]]:
        file = "".join(statement_files.write_csv(read(alice, JULY, code), member=alice)).lstrip("\ufeff")
        return [(row["kind"], row["amount"]) for row in csv.DictReader(StringIO(file)) if row["amount"]]

    assert kinds(chart.WALLET) == [("TOP_UP", "100.000000"), ("MOVE", "-50.000000")]
    assert kinds(sms.code) == [("MOVE", "50.000000")]


@pytest.mark.parametrize("most", [2000, 1])
def test_the_figures_of_a_pdf_have_as_many_decimals_as_the_finest_of_them(
    acme: Organisation,
    alice: Member,
    sms: Product,
    now: datetime,
    use_of: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    most: int,
) -> None:
    monkeypatch.setattr(statement_files, "MOST_IN_PDF", most)
    builders.fill_product(acme, sms, usd(20), now=now)
    use_of("0.0525")

    table = statement_files.compose(read(alice, JULY, sms.code), member=alice, now=now).table

    assert table is not None
    numbers = [cell for row in table.rows for cell in row[2 if most == 1 else 3 :]]
    assert {len(number.rpartition(".")[2]) for number in numbers} == {4}


def test_whole_cents_have_two_decimals_in_a_pdf(acme: Organisation, alice: Member, now: datetime) -> None:
    builders.fill_wallet(acme, usd(1200), now=now)

    paper = statement_files.compose(read(alice, JULY), member=alice, now=now)

    assert paper.table is not None
    assert paper.table.rows[0][3:] == ["+1,200.00", "1,200.00"]
    assert dict(paper.facts)["Closing balance so far"] == "1,200.00"
