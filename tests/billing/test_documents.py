"""Receipts and refund notes: one each, numbered without gaps, kept as issued."""

import hashlib
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connections, transaction
from django.db.models import Q
from django.test import Client
from django.urls import reverse

from billing import document_audit, documents, moves
from billing.documents import NothingToIssue
from billing.models import Document, DocumentKind, DocumentSeries, LegalEntity, Order
from payments.models import BankAccount
from tests import builders, people
from tests.billing import ordering, refunding
from tests.payments import offline
from wallet import details
from wallet.details import Facts
from wallet.models import Organisation, Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def paid(acme: Organisation, now: datetime) -> Order:
    return ordering.paid_order(acme, now=now)


@pytest.fixture
def entity() -> LegalEntity:
    """A series of its own, so that numbers begin at one whatever other tests committed."""
    LegalEntity.objects.filter(issues_by_default=True).update(issues_by_default=False)
    return LegalEntity.objects.create(code="TEST", name_en="Test Ltd", address="1 Road\nTown", issues_by_default=True)


def issue(order: Order, now: datetime) -> Document:
    return documents.issue_receipt(order_id=order.pk, now=now)


def facts_of(document: Document) -> dict[str, str]:
    return dict(document.content["facts"])


def test_the_job_issues_every_paid_order_once_in_a_row(acme: Organisation, entity: LegalEntity, now: datetime) -> None:
    orders = [ordering.paid_order(acme, now=now - timedelta(hours=hours)) for hours in (30, 3, 0)]
    waiting = ordering.open_order(acme, now=now)

    documents.issue_due(now=now)
    documents.issue_due(now=now + timedelta(seconds=15))

    found = Document.objects.filter(organisation=acme).order_by("sequence")
    assert [document.order for document in found] == orders
    assert [document.number for document in found] == [f"RC-TEST-2026-00000{place}" for place in (1, 2, 3)]
    assert not Document.objects.filter(order=waiting).exists()


def test_the_job_comes_back_for_what_failed(acme: Organisation, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    paid = ordering.paid_order(acme, now=now - timedelta(days=3))
    with monkeypatch.context() as broken:
        broken.setattr("billing.papers.drawing.typst.compile", _fail)
        documents.issue_due(now=now)
    assert not Document.objects.filter(order=paid).exists()

    documents.issue_due(now=now + timedelta(days=1))

    assert Document.objects.filter(order=paid).exists()


def test_a_number_that_could_not_be_used_goes_to_the_next(
    acme: Organisation, entity: LegalEntity, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (ordering.paid_order(acme, now=now) for _ in range(2))
    with monkeypatch.context() as broken:
        broken.setattr("billing.papers.drawing.typst.compile", _fail)
        with pytest.raises(RuntimeError):
            issue(first, now)

    assert issue(second, now).number == "RC-TEST-2026-000001"
    assert issue(first, now).number == "RC-TEST-2026-000002"


def _fail(*args: object, **kwargs: object) -> bytes:
    raise RuntimeError("no paper")


def test_issuing_again_gives_the_first_document(paid: Order, now: datetime) -> None:
    first = issue(paid, now)
    again = issue(paid, now + timedelta(days=400))

    assert again.pk == first.pk
    assert Document.objects.filter(order=paid).count() == 1


def test_each_year_and_kind_begins_at_one(acme: Organisation, entity: LegalEntity, now: datetime) -> None:
    orders = [ordering.paid_order(acme, now=now) for _ in range(2)]
    new_year = datetime.fromisoformat("2027-01-01T00:00:00+08:00")

    assert issue(orders[0], new_year - timedelta(microseconds=1)).number == "RC-TEST-2026-000001"
    assert issue(orders[1], new_year).number == "RC-TEST-2027-000001"


def test_an_order_that_was_not_paid_has_nothing_to_issue(acme: Organisation, now: datetime) -> None:
    with pytest.raises(NothingToIssue):
        issue(ordering.open_order(acme, now=now), now)


def test_a_receipt_keeps_name_address_language_and_issuer_of_its_day(
    acme: Organisation, entity: LegalEntity, paid: Order, now: datetime, client: Client
) -> None:
    owner = builders.owner_of(acme)
    facts = Facts(legal_name_en="Acme GmbH", address="Old Street 1\nBerlin", tax_number="DE1")
    details.record(facts, organisation_id=acme.pk, seen_version=0, by=owner, now=now)
    first = issue(paid, now)
    assert first.content["reader"]["name"] == "Acme GmbH"
    assert "Old Street 1" in first.content["reader"]["details"]

    moved = Facts(legal_name_en="Acme AG", address="New Street 2", tax_number="DE1")
    details.record(moved, organisation_id=acme.pk, seen_version=1, by=owner, now=now)
    acme.name = "Other"
    acme.save()
    owner.language = "zh-hans"
    owner.save()
    LegalEntity.objects.filter(pk=entity.pk).update(name_en="New Issuer", address="")

    client.force_login(owner)
    page = client.get(reverse("billing:receipt", args=[paid.number])).content.decode()
    assert "Old Street 1" in page
    assert "New Street 2" not in page
    assert "Test Ltd" in page
    pdf = client.get(reverse("billing:receipt_pdf", args=[paid.number])).content
    assert pdf == bytes(first.pdf)
    assert hashlib.sha256(pdf).hexdigest() == first.sha256
    assert issue(ordering.paid_order(acme, now=now), now).content["reader"]["name"] == "Acme AG"


def test_a_transfer_is_documented_by_whose_account_received_it(
    acme: Organisation, entity: LegalEntity, now: datetime
) -> None:
    felix = people.make_staff("felix", "finance")
    credited: list[Order] = []
    for name in ("深圳市测试有限公司", "Elsewhere Ltd", "深圳市测试有限公司"):
        account = offline.make_account("USD")
        BankAccount.objects.filter(pk=account.pk).update(legal_entity=name)
        transfer = offline.begin(acme, offline.usd(1000), account=account, now=now)
        line = offline.bring_line(account, offline.usd(1100), imported_by=felix, now=now)
        facts = offline.by_line(line, reason="All of it is theirs.")
        finding = offline.record(transfer, facts, by=people.make_staff("fiona", "finance"), now=now)
        offline.approve(finding, by=people.make_staff("ivan", "finance"), now=now)
        credited += Order.objects.filter(Q(pk=transfer.order_id) | Q(follows=transfer.order_id)).order_by("id")

    issued = [issue(order, now) for order in credited]

    zh, en = LegalEntity.objects.get(name_zh="深圳市测试有限公司"), LegalEntity.objects.get(name_en="Elsewhere Ltd")
    assert [document.entity for document in issued] == [zh, zh, en, en, zh, zh]
    assert [document.sequence for document in issued] == [1, 2, 1, 2, 3, 4]
    assert documents.find_issuer(ordering.paid_order(acme, now=now)) == entity


def test_a_move_has_its_receipt_and_says_afterwards_that_it_was_undone(
    acme: Organisation, now: datetime, client: Client
) -> None:
    whatsapp = builders.make_product()
    builders.fill_wallet(acme, builders.usd(100), now=now)
    owner = builders.owner_of(acme)
    moved = moves.move(builders.move_wish(acme, whatsapp, builders.usd(40)), by=owner, now=now)
    first = issue(moved, now)
    assert "Undone at" not in facts_of(first)

    moves.undo(order_id=moved.pk, by=str(owner), now=now)

    client.force_login(owner)
    page = client.get(reverse("billing:receipt", args=[moved.number])).content.decode()
    assert "Undone at" in page
    assert "2026-07-15 12:00:00" in page
    assert bytes(Document.objects.get(pk=first.pk).pdf) == bytes(first.pdf)


def test_each_refund_that_succeeded_has_one_note_and_the_receipt_stays(
    acme: Organisation, entity: LegalEntity, paid: Order, now: datetime, client: Client
) -> None:
    receipt = issue(paid, now)
    refund = refunding.succeeded_refund(paid, now=now, amount=builders.usd(40))
    refunding.ask_refund(paid, now=now, amount=builders.usd(10))

    documents.issue_due(now=now)
    documents.issue_due(now=now)

    (note,) = Document.objects.filter(order=paid, kind=DocumentKind.REFUND_NOTE)
    assert (note.number, note.refund_number) == ("RN-TEST-2026-000001", refund.number)
    said = facts_of(note)
    assert (said["Refunded"], said["Receipt number"]) == ("USD $40.00", receipt.number)
    client.force_login(builders.owner_of(acme))
    for page in ("receipt", "order"):
        shown = client.get(reverse(f"billing:{page}", args=[paid.number])).content.decode()
        assert reverse("billing:document", args=[note.number]) in shown
    assert issue(paid, now).pk == receipt.pk


def test_a_note_that_is_not_there_yet_is_said_to_come(paid: Order, now: datetime, client: Client) -> None:
    refunding.succeeded_refund(paid, now=now, amount=builders.usd(40))
    client.force_login(builders.owner_of(paid.organisation))
    assert "A refund note is being made" in client.get(reverse("billing:order", args=[paid.number])).content.decode()


def test_a_refund_that_has_not_succeeded_has_no_note(paid: Order, now: datetime) -> None:
    asked = refunding.ask_refund(paid, now=now, amount=builders.usd(40))
    with pytest.raises(NothingToIssue):
        documents.issue_note(refund_id=asked.pk, now=now)


def test_the_audit_finds_what_the_job_left_out(acme: Organisation, now: datetime) -> None:
    documents.issue_due(now=now)
    left_out = ordering.paid_order(acme, now=now - timedelta(days=2))

    found = [said for check in document_audit.CHECKS for said in check("default", now) if left_out.number in said]

    assert found == [f"The order {left_out.number} has no receipt, though the job has passed it."]
    issue(left_out, now)
    assert not [said for said in document_audit.check_issued("default", now) if left_out.number in said]


def test_the_audit_finds_a_gap(acme: Organisation, entity: LegalEntity, paid: Order, now: datetime) -> None:
    issue(paid, now)
    assert not [said for said in document_audit.check_numbers("default", now) if "TEST" in said]
    DocumentSeries.objects.filter(entity=entity).update(last=2)
    assert list(document_audit.check_numbers("default", now)) == [
        "Series RECEIPT of TEST in 2026 is at 2, with 1 documents up to number 1."
    ]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("UPDATE billing_document SET number = 'RC-X-2026-000001'", "never changed"),
        ("UPDATE billing_document SET pdf = ''", "never changed"),
        ("DELETE FROM billing_document", "never changed"),
        ("TRUNCATE billing_document", "never changed"),
        ("UPDATE billing_legalentity SET code = 'NEW'", "never changes"),
    ],
)
@pytest.mark.django_db(databases=["default", "owner"])
def test_nothing_of_a_document_is_changed_by_the_owner_either(change: str, what: str) -> None:
    with pytest.raises(DatabaseError, match=what), transaction.atomic("owner"):
        connections["owner"].cursor().execute(change)


@pytest.mark.parametrize("change", ["UPDATE billing_document SET number = ''", "DELETE FROM billing_document"])
def test_the_application_may_not_even_try(paid: Order, now: datetime, change: str) -> None:
    issue(paid, now)
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        connections["default"].cursor().execute(change)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"sequence": 3, "number": "RC-TEST-2026-000003"}, "does not follow"),
        ({"sequence": 2, "number": "RC-TEST-2026-000009"}, "is not called"),
        ({"sequence": 2, "number": "RC-TEST-2026-000002", "pdf": b"other"}, "another file"),
        ({"sequence": 1, "number": "RC-TEST-2026-000001"}, "document_once_per_number|billing_document_number"),
    ],
)
def test_a_document_out_of_its_row_is_refused(
    acme: Organisation, entity: LegalEntity, paid: Order, now: datetime, wrong: dict[str, Any], error: str
) -> None:
    first = issue(paid, now)
    wanted = {
        "organisation": acme,
        "order": ordering.paid_order(acme, now=now),
        "kind": DocumentKind.RECEIPT,
        "entity": entity,
        "year": 2026,
        "dated_on": first.dated_on,
        "language": "en",
        "content": {},
        "pdf": b"x",
        "sha256": hashlib.sha256(b"x").hexdigest(),
        "issued_at": now,
    }
    with pytest.raises((DatabaseError, IntegrityError), match=error), transaction.atomic():
        Document.objects.create(**(wanted | wrong))


def test_a_counter_moved_by_hand_leaves_no_gap(
    acme: Organisation, entity: LegalEntity, paid: Order, now: datetime
) -> None:
    issue(paid, now)
    DocumentSeries.objects.filter(entity=entity).update(last=7)

    another = ordering.paid_order(acme, now=now)
    with pytest.raises(DatabaseError, match="does not follow"), transaction.atomic():
        issue(another, now)


@pytest.mark.parametrize("what", ["receipt", "receipt_pdf", "document"])
def test_nobody_else_sees_a_receipt(paid: Order, acme: Organisation, now: datetime, client: Client, what: str) -> None:
    document = issue(paid, now)
    number = document.number if what == "document" else paid.number
    address = reverse(f"billing:{what}", args=[number])
    client.force_login(builders.make_member(acme, role=Role.VIEWER, now=now).user)
    assert client.get(address).status_code == 200
    client.force_login(builders.owner_of(builders.make_organisation(now=now, name="Bob's")))
    assert client.get(address).status_code == 404


def test_an_amount_is_told_exactly(acme: Organisation, now: datetime) -> None:
    order = ordering.paid_order(acme, now=now, amount=builders.usd("1234.50"))
    assert order.paid.amount == Decimal("1234.50")
    assert facts_of(issue(order, now))["Amount paid"] == "USD $1,234.50"


def test_a_legal_entity_without_a_name_yet_is_called_by_its_code() -> None:
    """As in a form that is refused for it."""
    assert str(LegalEntity(code="NEW")) == "NEW · "
