"""Finance's pages of statements and bank lines: import with preview, approve, assign, send back, recognise."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from payments import assignments, holding, imports, sweeps
from payments.admin import lines as admin_lines
from payments.models import Allocation, BankAccount, BankLine, DeskAct, Finding, StatementFile
from payments.statements.columns import ColumnMapping, Profile
from tests import builders, people
from tests.payments import bank_files, offline
from tests.payments.bank_files import Row
from wallet.calendar import business_date
from wallet.models import Organisation, User

pytestmark = pytest.mark.django_db
IMPORT = "/admin/payments/statementfile/import/"
EXACT = "/admin/payments/bankline/exact/"


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def account(db: None) -> BankAccount:
    return offline.make_account("USD")


@pytest.fixture
def acme(db: None, now: datetime) -> Organisation:
    return builders.make_organisation(now=now, name="Acme Messaging")


@pytest.fixture
def log_in_as(settings: LazySettings, tmp_path: Path) -> Callable[[User], Client]:
    settings.STAFF_MFA_REQUIRED = False
    slips = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = settings.STORAGES | {"slips": slips}

    def log_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def fiona(db: None) -> User:
    return people.make_staff("fiona", "finance")


@pytest.fixture
def felix(db: None) -> User:
    return people.make_staff("felix", "finance")


@pytest.fixture
def bring(account: BankAccount, fiona: User, now: datetime) -> Callable[..., list[BankLine]]:
    """Lines that fiona imported, in the ledger."""

    def do(*rows: Row) -> list[BankLine]:
        imports.import_statement(bank_files.upload(account, *rows), by=fiona, now=now)
        holding.hold_due(now=now)
        return list(BankLine.objects.filter(account=account).order_by("line_number"))

    return do


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return " ".join(unescape(response.content.decode()).split())


def seen_on(client: Client, address: str) -> str:
    """What the page carries along of the line it showed."""
    found = re.search(r'name="seen" value="([^"]+)"', text_of(client.get(address)))
    assert found
    return found[1]


def sent(account: BankAccount, raw: bytes, **more: Any) -> dict[str, Any]:
    file = SimpleUploadedFile("july.csv", raw)
    return {"account": account.pk, "file": file, "step": "preview"} | more


def stored(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.is_file())


def test_a_statement_is_previewed_and_then_imported_without_sending_it_again(
    log_in_as: Callable[[User], Client], fiona: User, account: BankAccount, acme: Organisation, now: datetime,
    tmp_path: Path,
) -> None:  # fmt: skip
    client, day = log_in_as(fiona), business_date(now)
    transfer = offline.begin(acme, offline.usd(100), account=account, now=now)
    rows = [Row(amount="100.00", text=transfer.reference, day=day), Row(amount="7.00", payer="<b>Who</b>", day=day)]
    raw = bank_files.csv(*rows)

    asked = text_of(client.post(IMPORT, sent(account, raw)))
    assert "Give the opening and the closing balance" in asked
    assert "july.csv is kept" in asked
    seen = text_of(
        client.post(IMPORT, {"account": account.pk, "step": "preview", "opening": "1,000.00", "closing": "1107"})
    )
    assert "2 new lines" in seen
    assert (
        "<b>Who</b>"
        not in client.post(
            IMPORT, {"account": account.pk, "step": "preview", "opening": "1000", "closing": "1107"}
        ).content.decode()
    )
    assert not BankLine.objects.filter(account=account).exists()
    body = {"account": account.pk, "step": "import", "opening": "1,000.00", "closing": "1107"}
    done = client.post(IMPORT, body, follow=True)

    file = StatementFile.objects.get(account=account)
    assert f"/{file.pk}/change/" in done.redirect_chain[0][0]
    assert "New lines: 2" in text_of(done)
    assert "The ledger has every line that came in" in text_of(done)
    assert (file.imported_by, file.name, file.lines_added) == (fiona, "july.csv", 2)
    assert BankLine.objects.filter(account=account, held_by=None).count() == 0
    assert stored(tmp_path) == 0
    again = client.post(IMPORT, sent(account, raw, step="import", opening="1000", closing="1107"), follow=True)
    assert "imported before" in text_of(again)


def test_a_bad_file_says_why_and_keeps_what_was_typed(
    log_in_as: Callable[[User], Client], fiona: User, account: BankAccount, now: datetime, tmp_path: Path
) -> None:
    client, row = log_in_as(fiona), Row(amount="10.00", day=business_date(now))
    said = text_of(client.post(IMPORT, sent(account, bank_files.csv(row), opening="5", closing="16")))
    assert "do not add up" in said
    assert 'value="16"' in said
    assert "do not add up" in text_of(
        client.post(IMPORT, {"account": account.pk, "step": "import", "opening": "5", "closing": "17"})
    )
    assert "Choose a file" in text_of(log_in_as(fiona).post(IMPORT, {"account": account.pk, "step": "preview"}))
    assert "in digits only" in text_of(
        client.post(IMPORT, {"account": account.pk, "step": "import", "opening": "1e3", "closing": "17"})
    )
    client.post(IMPORT, {"step": "forget"})
    assert stored(tmp_path) == 0
    assert not StatementFile.objects.filter(account=account).exists()


def test_the_columns_of_another_bank_are_named_once(
    log_in_as: Callable[[User], Client], fiona: User, account: BankAccount, now: datetime
) -> None:
    client, day = log_in_as(fiona), business_date(now)
    body = {"opening": "0", "closing": "10"}
    raw = f"Tag;Betrag;Zweck;Nummer\n{day};10.00;Rechnung;N1\n".encode()
    assert "no heads of columns that we know" in text_of(client.post(IMPORT, sent(account, raw, **body)))
    named = {"column_booked_on": "Tag", "column_amount": "Betrag", "column_text": "Zweck"}
    named |= {"column_bank_reference": "Nummer", "day_order": "YEAR_FIRST"}
    client.post(IMPORT, body | named | {"account": account.pk, "step": "import"})

    assert BankLine.objects.get(account=account).text == "Rechnung"
    assert 'value="Betrag"' in text_of(client.get(IMPORT, {"bank": account.code}))
    raw = f"Tag;Betrag;Zweck;Nummer\n{day};5.00;Miete;N2\n".encode()
    client.post(IMPORT, sent(account, raw, step="import", opening="10", closing="15"))
    assert BankLine.objects.filter(account=account).count() == 2


def test_finance_approves_the_exact_lines_together(
    log_in_as: Callable[[User], Client], fiona: User, felix: User, acme: Organisation, account: BankAccount,
    bring: Callable[..., list[BankLine]], now: datetime,
) -> None:  # fmt: skip
    transfers = [offline.begin(acme, offline.usd(amount), account=account, now=now) for amount in (100, 200, 30_001)]
    rows = [
        Row(amount=f"{transfer.amount.amount:.2f}", reference=f"B{n}", text=transfer.reference)
        for n, transfer in enumerate(transfers)
    ]
    lines = bring(*rows)
    ids = [str(line.pk) for line in lines]

    own = text_of(log_in_as(fiona).get(EXACT))
    assert "You imported the statement" in own
    assert 'name="line"' not in own
    assert "somebody else has to approve it" in text_of(log_in_as(fiona).post(EXACT, {"line": ids}, follow=True))
    page = text_of(log_in_as(felix).get(EXACT))
    assert page.count('name="line"') == 2
    assert "above the limit of one approver" in page
    done = text_of(log_in_as(felix).post(EXACT, {"line": [*ids, "nonsense"]}, follow=True))

    assert "Approved and credited: 2." in done
    assert builders.balance_of(acme.pk) == offline.usd(300)
    assert not Finding.objects.filter(transfer=transfers[2]).exists()
    assert "Approved and credited" not in text_of(log_in_as(felix).post(EXACT, {"line": ids}, follow=True))


def test_one_wire_is_assigned_and_approved_by_somebody_else(
    log_in_as: Callable[[User], Client], fiona: User, felix: User, acme: Organisation,
    bring: Callable[..., list[BankLine]], now: datetime,
) -> None:  # fmt: skip
    (line,) = bring(Row(amount="100.00", reference="B1"))
    frank = people.make_staff("frank", "finance")
    address = reverse("admin:payments_line_assign", args=[line.pk])
    assert address in text_of(log_in_as(felix).get(f"/admin/payments/bankline/{line.pk}/change/"))
    owner = builders.owner_of(acme).email
    rows = {"form-TOTAL_FORMS": "5", "form-INITIAL_FORMS": "0"}
    body = rows | {"form-0-to": owner, "form-0-amount": "60.00", "reason": "they wrote to us"}
    client = log_in_as(felix)
    body |= {"seen": seen_on(client, address)}

    assert "names no transfer" in text_of(client.post(address, body | {"form-1-to": "x", "form-1-amount": "1"}))
    assert "Only USD $100.00" in text_of(client.post(address, body | {"form-0-amount": "100.01"}))
    assert "in digits only" in text_of(client.post(address, body | {"form-0-amount": "1e2"}))
    assert "leave both empty" in text_of(client.post(address, body | {"form-2-to": owner}))
    assert "This field is required" in text_of(client.post(address, body | {"reason": ""}))
    assert not Finding.objects.filter(organisation=acme).exists()
    client.post(address, body)

    finding = Finding.objects.get(organisation=acme)
    approve = reverse("admin:payments_assignment_approve", args=[finding.pk])
    waiting = text_of(client.get("/admin/payments/finding/"))
    assert "Acme Messaging" in waiting
    assert "You gave these facts" in text_of(client.get(approve))
    client.post(approve)
    log_in_as(fiona).post(approve)  # who imported it
    assert not finding.approvals.exists()
    frank_at = log_in_as(frank)
    assert "they wrote to us" in text_of(frank_at.get(approve))
    frank_at.post(approve, follow=True)
    finding.refresh_from_db()
    assert finding.done_at
    assert builders.balance_of(acme.pk) == offline.usd(60)
    assert "Acme Messaging" not in text_of(client.get("/admin/payments/finding/"))


def test_money_is_sent_back_with_a_note(
    log_in_as: Callable[[User], Client], felix: User, bring: Callable[..., list[BankLine]]
) -> None:
    (line,) = bring(Row(amount="100.00", reference="B1"))
    client, address = log_in_as(felix), reverse("admin:payments_line_return", args=[line.pk])
    assert 'value="100.00"' in text_of(client.get(address))
    seen = {"seen": seen_on(client, address)}
    assert "Only USD $100.00" in text_of(client.post(address, seen | {"amount": "100.01", "note": "x"}))
    assert "This field is required" in text_of(client.post(address, seen | {"amount": "100.00", "note": " "}))
    assert not Allocation.objects.filter(line=line).exists()

    client.post(address, seen | {"amount": "100.00", "note": "payer unknown, TT-77"})

    line.refresh_from_db()
    assert line.pile == BankLine.Pile.BOOKED
    page = text_of(client.get(f"/admin/payments/bankline/{line.pk}/change/"))
    assert "payer unknown, TT-77" in page
    assert address not in page
    assert DeskAct.objects.filter(line=line, by=felix, kind=DeskAct.Kind.LOOKED).count() == 1


def test_a_look_alike_is_recognised_on_its_page(
    log_in_as: Callable[[User], Client], fiona: User, felix: User, acme: Organisation, account: BankAccount,
    bring: Callable[..., list[BankLine]], now: datetime,
) -> None:  # fmt: skip
    transfer = offline.declared(acme, offline.usd(100), account=account, now=now)
    facts = offline.by_hand(account, offline.usd(100), on=bank_files.DAY, number="SLIP-1")
    offline.approve(offline.record(transfer, facts, by=fiona, now=now), by=felix, now=now)
    bring(Row(amount="100.00", reference="BANK-7"))
    line = BankLine.objects.get(account=account, bank_reference="BANK-7")
    typed = BankLine.objects.get(account=account, file=None)
    client, address = log_in_as(felix), reverse("admin:payments_line_same", args=[line.pk])
    assert address in text_of(client.get(f"/admin/payments/bankline/{line.pk}/change/"))
    assert "SLIP-1" in text_of(client.get(address))
    assert "SLIP-1" in text_of(client.get("/admin/payments/bankline/", {"source": "hand"}))

    seen = {"seen": seen_on(client, address)}
    assert "nothing was done" in text_of(client.post(address, seen | {"same_as": str(line.pk)}, follow=True))
    client.post(address, seen | {"same_as": str(typed.pk)})

    assert Allocation.objects.get(line=line).same_as == typed
    assert "SLIP-1" not in text_of(client.get("/admin/payments/bankline/", {"source": "hand"}))


def test_the_list_is_narrowed_and_searched(
    log_in_as: Callable[[User], Client], felix: User, bring: Callable[..., list[BankLine]]
) -> None:
    bring(
        Row(amount="100.25", reference="FINDME1", payer="Zebra Ltd"), Row(amount="-3.00", reference="OUT7", text="rent")
    )
    client, lines = log_in_as(felix), "/admin/payments/bankline/"
    for query in ({"q": "findme1"}, {"q": "zebra"}, {"q": "100.25"}, {"rest": "any"}, {"pile": "NONE"}):
        page = text_of(client.get(lines, query))
        assert ("Zebra Ltd" in page, "−USD $3.00" in page) == (True, False), query
    assert "Zebra Ltd" not in text_of(client.get(lines, {"rest": "1"}))
    assert text_of(client.get(lines, {"q": "\x00"}))


def test_the_list_is_narrowed_to_a_statement_with_as_many_queries_for_one_as_for_many(
    log_in_as: Callable[[User], Client], fiona: User, account: BankAccount, now: datetime
) -> None:
    client, lines, asked = log_in_as(fiona), "/admin/payments/bankline/", []
    for number in range(4):
        line = offline.bring_line(account, offline.usd(10), imported_by=fiona, now=now)
        BankLine.objects.filter(pk=line.pk).update(payer_name=f"Zebra {number}")
        with CaptureQueriesContext(connection) as queries:
            text_of(client.get(lines))
        asked.append(len(queries))
    assert asked[-1] == asked[1]

    first = StatementFile.objects.filter(account=account).order_by("imported_at", "pk").first()
    assert first
    page = text_of(client.get(lines, {"file": str(first.pk)}))
    assert page.count("Zebra ") == 1
    assert f"file={first.pk}" in text_of(client.get(f"/admin/payments/statementfile/{first.pk}/change/"))
    assert "Zebra 3" in text_of(client.get(lines, {"file": "no id"}))


def test_an_older_statement_that_a_page_leads_to_is_named_among_the_newest(
    log_in_as: Callable[[User], Client], fiona: User, account: BankAccount, now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(admin_lines, "_FILES", 1)
    long_ago = now - timedelta(days=400)
    older = offline.bring_line(account, offline.usd(10), imported_by=fiona, now=long_ago)
    offline.bring_line(account, offline.usd(10), imported_by=fiona, now=now)
    client, named = log_in_as(fiona), f"{account.code} {older.booked_on}"

    assert named not in text_of(client.get("/admin/payments/bankline/"))
    assert named in text_of(client.get("/admin/payments/bankline/", {"file": str(older.file_id)}))


def test_one_lines_page_asks_no_more_for_many_proposals(
    log_in_as: Callable[[User], Client], fiona: User, felix: User, acme: Organisation,
    bring: Callable[..., list[BankLine]], now: datetime,
) -> None:  # fmt: skip
    (line,) = bring(Row(amount="100.00", reference="B1"))
    client, asked = log_in_as(felix), []
    for _ in range(3):
        wallet = assignments.find(builders.owner_of(acme).email)
        part = assignments.Part(whose=wallet, amount=offline.usd(10))
        assignments.propose(line_id=line.pk, parts=[part], reason="they wrote", by=felix, now=now)
        with CaptureQueriesContext(connection) as queries:
            text_of(client.get(f"/admin/payments/bankline/{line.pk}/change/"))
        asked.append(len(queries))
    assert asked[-1] == asked[1]


def test_the_exact_lines_are_judged_together(
    log_in_as: Callable[[User], Client], felix: User, account: BankAccount, acme: Organisation,
    bring: Callable[..., list[BankLine]], now: datetime,
) -> None:  # fmt: skip
    client, asked = log_in_as(felix), []
    open_orders = [offline.begin(acme, offline.usd(100), account=account, now=now) for _ in range(8)]
    bring(*[Row(amount="100.00", reference=f"E{n}", text=one.reference) for n, one in enumerate(open_orders)])
    for shown in (2, 8):
        later = BankLine.objects.filter(account=account).order_by("line_number")[shown:]
        BankLine.objects.filter(pk__in=later.values("pk")).update(pile=BankLine.Pile.NEAR)
        with CaptureQueriesContext(connection) as queries:
            page = text_of(client.get(EXACT))
        BankLine.objects.filter(account=account).update(pile=BankLine.Pile.EXACT)
        assert page.count('name="line"') == shown
        asked.append(len(queries))
    assert asked[1] == asked[0]


def test_the_columns_named_once_do_not_stand_in_the_way_of_a_bank_we_know(
    log_in_as: Callable[[User], Client], fiona: User, now: datetime
) -> None:
    account = offline.make_account("CNY", profile=Profile.GENERIC)
    mapping = ColumnMapping(booked_on="Tag", amount="Betrag")
    raw = b"Tag,Betrag\n2026-07-10,5.00\n"
    given = bank_files.upload(account, raw=raw)
    named = replace(given, mapping=mapping, opening=offline.cny(0), closing=offline.cny(5))
    imports.import_statement(named, by=fiona, now=now)
    account.refresh_from_db()
    assert account.columns["amount"] == "Betrag"

    BankAccount.objects.filter(pk=account.pk).update(profile=Profile.BOC)
    account.refresh_from_db()
    theirs = "交易日期,交易金额,交易流水号\n20260711,7.00,S1\n".encode()
    upload = replace(given, account=account, raw=theirs, opening=offline.cny(5), closing=offline.cny(12))
    imports.import_statement(upload, by=fiona, now=now)

    assert BankLine.objects.filter(account=account).count() == 2
    page = text_of(log_in_as(fiona).get(IMPORT, {"bank": account.code}))
    assert "Betrag" not in page


def test_what_was_previewed_and_never_imported_is_swept_away_after_a_day(
    log_in_as: Callable[[User], Client], fiona: User, account: BankAccount, now: datetime, tmp_path: Path
) -> None:
    client = log_in_as(fiona)
    text_of(client.post(IMPORT, sent(account, bank_files.csv(Row(amount="10.00", day=business_date(now))))))

    sweeps.forget_slips(now=now + timedelta(hours=23))
    assert stored(tmp_path) == 1
    sweeps.forget_slips(now=now + timedelta(hours=25))
    assert stored(tmp_path) == 0
    again = client.post(IMPORT, {"account": account.pk, "step": "preview", "opening": "0", "closing": "10"})
    assert "not kept any more" in text_of(again)


def test_staff_without_the_permission_act_on_nothing(
    log_in_as: Callable[[User], Client], account: BankAccount, bring: Callable[..., list[BankLine]], now: datetime,
    acme: Organisation, felix: User,
) -> None:  # fmt: skip
    (line,) = bring(Row(amount="100.00", reference="B1"))
    olivia = log_in_as(people.make_staff("olivia", "ops"))
    acts = [
        EXACT, IMPORT, *(reverse(f"admin:payments_line_{act}", args=[line.pk]) for act in ("assign", "return", "same"))
    ]  # fmt: skip
    for address in acts:
        assert olivia.get(address).status_code == 403, address
        assert olivia.post(address, {"amount": "100.00", "note": "x"}).status_code == 403, address
    page = text_of(olivia.get(f"/admin/payments/bankline/{line.pk}/change/"))
    assert not [address for address in acts if address in page]
    assert text_of(olivia.get("/admin/payments/statementfile/"))
    assert not Allocation.objects.filter(line=line).exists()


def test_the_command_imports_as_the_page_does(
    account: BankAccount, fiona: User, now: datetime, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "july.csv"
    file.write_bytes(bank_files.csv(Row(amount="10.00", day=business_date(now))))
    bank = {"bank": account.code, "by": fiona.email}
    with pytest.raises(CommandError, match="names no balances"):
        call_command("import_statement", str(file), **bank)
    with pytest.raises(CommandError, match="no receiving account"):
        call_command("import_statement", str(file), bank="none", by=fiona.email)
    with pytest.raises(CommandError, match="no active member of staff"):
        call_command("import_statement", str(file), bank=account.code, by=builders.make_person().email)

    call_command("import_statement", str(file), opening="0.00", closing="10", **bank)
    call_command("import_statement", str(file), opening="0.00", closing="10", **bank)

    said = capsys.readouterr().out
    assert "1 lines read, 1 new, 1 lines posted to suspense" in said
    assert "july.csv was imported before; nothing was added." in said
    assert BankLine.objects.filter(account=account).count() == 1
