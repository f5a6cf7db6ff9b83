"""The receipt: only of what was paid, in the reader's language, and no fapiao."""

from datetime import datetime
from html import unescape
from io import BytesIO

import pytest
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from billing import documents
from billing.models import Order
from tests import builders
from tests.billing import ordering
from wallet.models import Organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now, name="Acme <b>& Söhne</b>")


@pytest.fixture
def paid(acme: Organisation, now: datetime) -> Order:
    return ordering.paid_order(acme, now=now, amount=builders.usd("1234.50"))


@pytest.fixture
def page(client: Client, acme: Organisation) -> Client:
    client.force_login(builders.owner_of(acme))
    return client


def text_of(pdf: bytes) -> str:
    return "\n".join(sheet.extract_text() for sheet in PdfReader(BytesIO(pdf)).pages)


def test_the_receipt_says_what_was_paid_and_credited_and_that_it_is_no_fapiao(page: Client, paid: Order) -> None:
    shown = unescape(page.get(reverse("billing:receipt", args=[paid.number])).content.decode())

    assert paid.number in shown
    assert "USD $1,234.50" in shown
    assert "2026-07-15 12:00:00 (UTC+8)" in shown
    assert "not a tax invoice (fapiao)" in shown


def test_the_pdf_says_the_same_with_the_name_as_it_is_written(page: Client, paid: Order) -> None:
    response = page.get(reverse("billing:receipt_pdf", args=[paid.number]))

    assert response["Content-Type"] == "application/pdf"
    assert f"{paid.number}.pdf" in response["Content-Disposition"]
    text = text_of(response.getvalue())
    for said in (paid.number, "Acme <b>& Söhne</b>", "USD $1,234.50", "Credit card", "fapiao"):
        assert said in text


def test_a_chinese_name_stands_in_the_pdf_with_its_font(now: datetime) -> None:
    organisation = builders.make_organisation(now=now, name="深圳市创新云科技有限公司" * 6)
    receipt = documents.issue_receipt(order_id=ordering.paid_order(organisation, now=now).pk, now=now)

    pdf = PdfReader(BytesIO(bytes(receipt.pdf)))
    assert "创新云科技" in pdf.pages[0].extract_text().replace("\n", "")
    assert len(pdf.pages) == 1
    assert {name for name in pdf.pages[0]._get_fonts()[0] if "NotoSansCJK" not in name} == set()
    assert pdf.pages[0]._get_fonts()[1] == set()  # none that is not in the file


@pytest.mark.parametrize("name", ['#eval("1+1")', "*x* _y_ $a$ `b`", '#import "/etc/passwd"', "\\ ] #[", "<b>&amp;"])
def test_a_name_is_data_and_never_markup(now: datetime, name: str) -> None:
    organisation = builders.make_organisation(now=now, name=name)
    receipt = documents.issue_receipt(order_id=ordering.paid_order(organisation, now=now).pk, now=now)

    assert name in text_of(bytes(receipt.pdf))


def test_the_receipt_is_in_the_language_of_whoever_made_the_order(acme: Organisation, now: datetime) -> None:
    owner = builders.owner_of(acme)
    owner.language = "zh-hans"
    owner.save(update_fields=["language"])
    receipt = documents.issue_receipt(order_id=ordering.paid_order(acme, now=now).pk, now=now)

    assert receipt.language == "zh-hans"
    assert "收据" in text_of(bytes(receipt.pdf))


@pytest.mark.parametrize("what", ["receipt", "receipt_pdf"])
def test_an_order_that_was_not_paid_has_no_receipt(page: Client, acme: Organisation, now: datetime, what: str) -> None:
    order = ordering.open_order(acme, now=now)

    assert page.get(reverse(f"billing:{what}", args=[order.number])).status_code == 404
