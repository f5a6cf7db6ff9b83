"""Finance's pages of fapiao: what waits first, and each act by its own page."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from pytest_django import Settings

from billing import fapiao
from billing.models import Fapiao, Order
from innopaas.dashboard import list_counts
from innopaas.step_up import GUARDED
from tests import people
from tests.billing.fapiaos import ask_fapiao, issue_fapiao, make_number, make_ofd, reverse_fapiao, special
from tests.billing.refunding import Counter, ask_refund, usd
from tests.payments import slip_samples
from tests.payments.desk_people import Desk, said, text_of
from wallet.calendar import business_date
from wallet.models import Member, Role

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_factors(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def counter(db: None, now: datetime) -> Counter:
    return Counter(now)


@pytest.fixture
def order(counter: Counter) -> Order:
    return counter.in_rmb("7200")


@pytest.fixture
def fiona(counter: Counter) -> Desk:
    return Desk(counter.fiona)


def issue(desk: Desk, asked: Fapiao, *, content: bytes = b"", **form: str) -> Any:
    given = {
        "number": make_number(),
        "issued_on": business_date(asked.asked_at).isoformat(),
        "file": SimpleUploadedFile("f.ofd", content or make_ofd()),
    }
    return desk.post("billing_fapiao_issue", asked.pk, **given | form)


def text_at(desk: Desk, name: str, *ids: Any) -> str:
    return text_of(desk.client.get(reverse(f"admin:{name}", args=ids)))


def test_what_waits_longest_stands_first_and_is_counted(
    order: Order, counter: Counter, fiona: Desk, now: datetime
) -> None:
    done = issue_fapiao(ask_fapiao(order, 10, now=now), now=now)
    late = ask_fapiao(order, 20, now=now + timedelta(hours=1))
    early = ask_fapiao(order, 30, now=now - timedelta(hours=1))
    page = fiona.client.get(reverse("admin:billing_fapiao_changelist"), {"q": order.number})
    assert list(page.context["cl"].queryset) == [early, late, done]
    before = Fapiao.objects.waiting().count()
    assert {str(one.title): one.figure for one in list_counts(counter.fiona, now=now)}["Fapiao asked for"] == before


def test_it_is_recorded_with_its_file(order: Order, counter: Counter, fiona: Desk, now: datetime) -> None:
    asked = fapiao.ask(order_id=order.pk, wish=special(100), by=counter.alice, form_token="special", now=now)
    text = text_at(fiona, "billing_fapiao_issue", asked.pk)
    for fact in (asked.title, asked.tax_number, asked.bank_account, "Special VAT fapiao", "CNY ¥100.00"):
        assert fact in text
    number = make_number()
    answer = issue(fiona, asked, number=f" {number[:10]} {number[10:]} ")
    assert said(answer) == "Recorded; the customer is told by mail and can save the file."
    asked.refresh_from_db()
    assert (asked.number, asked.file_kind, bytes(asked.file or b"")) == (number, "OFD", make_ofd())
    saved = fiona.client.get(reverse("admin:billing_fapiao_download", args=[asked.pk]))
    assert saved.content == make_ofd()
    assert saved.headers["Content-Disposition"] == f'attachment; filename="fapiao-{number}.ofd"'
    assert saved.headers["Content-Security-Policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"


def test_a_pdf_is_kept_as_it_was_written_anew(order: Order, fiona: Desk, now: datetime) -> None:
    asked = ask_fapiao(order, 100, now=now)
    issue(fiona, asked, content=slip_samples.pdf())
    asked.refresh_from_db()
    assert (asked.state, asked.file_kind) == ("ISSUED", "PDF")


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"number": "123"}, "20 digits, or the 8"),
        ({"issued_on": "2999-01-01"}, "The date lies between"),
        ({"issued_on": "2026-01-01"}, "The date lies between"),
        ({"content": b"no fapiao"}, "neither a PDF nor an OFD"),
        ({"content": slip_samples.pdf_with_hidden_script()}, "active content"),
        ({"file": ""}, "This field is required"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_recorded(
    form: dict[str, Any], told: str, order: Order, fiona: Desk, now: datetime
) -> None:
    asked = ask_fapiao(order, 100, now=now)
    assert told in text_of(issue(fiona, asked, **form))
    asked.refresh_from_db()
    assert asked.state == Fapiao.State.REQUESTED


def test_a_request_that_no_longer_fits_is_said_to_finance(order: Order, fiona: Desk, now: datetime) -> None:
    asked = ask_fapiao(order, 7200, now=now)
    ask_refund(order, amount=usd(100), now=now)
    for name, ids in (
        ("billing_fapiao_changelist", ()),
        ("billing_fapiao_change", (asked.pk,)),
        ("billing_fapiao_issue", (asked.pk,)),
    ):
        assert "only ¥6,480.00 is paid" in text_at(fiona, name, *ids)
    assert "only ¥6,480.00 is paid" in text_of(issue(fiona, asked))
    asked.refresh_from_db()
    assert asked.state == Fapiao.State.REQUESTED


def test_it_is_rejected_with_a_reason_and_reversed_by_a_red_letter(order: Order, fiona: Desk, now: datetime) -> None:
    asked = ask_fapiao(order, 100, now=now)
    fiona.post("billing_fapiao_reject", asked.pk, reason=" ")
    answer = fiona.post("billing_fapiao_reject", asked.pk, reason="The title is not registered")
    assert said(answer) == "Rejected; the customer is told why by mail."
    asked.refresh_from_db()
    assert (asked.state, asked.reason) == ("REJECTED", "The title is not registered")
    issued = issue_fapiao(ask_fapiao(order, 100, now=now), now=now)
    red = {"number": make_number(), "dated_on": business_date(now).isoformat(), "reason": "Refunded"}
    answer = fiona.post("billing_fapiao_reverse", issued.pk, **red | {"number": str(issued.number)})
    assert "of the fapiao itself" in text_of(answer)
    assert said(fiona.post("billing_fapiao_reverse", issued.pk, **red)) == "Recorded; the customer is told by mail."
    issued.refresh_from_db()
    assert (issued.state, issued.red_number) == ("REVERSED", red["number"])


def test_what_was_decided_is_not_decided_again(order: Order, fiona: Desk, now: datetime) -> None:
    issued = issue_fapiao(ask_fapiao(order, 100, now=now), now=now)
    for name in ("billing_fapiao_issue", "billing_fapiao_reject"):
        assert "before; nothing was done" in text_at(fiona, name, issued.pk)
    reverse_fapiao(issued, now=now)
    assert "before; nothing was done" in text_at(fiona, "billing_fapiao_reverse", issued.pk)


def test_a_refund_that_a_fapiao_holds_up_says_so_on_its_page(order: Order, counter: Counter, now: datetime) -> None:
    issued = issue_fapiao(ask_fapiao(order, 7200, now=now), now=now)
    refund = ask_refund(order, amount=usd(100), now=now)
    text = text_at(Desk(counter.frank), "billing_refund_approve", refund.pk)
    assert f"({issued.number})" in text
    assert "reversed by a red-letter fapiao first" in text


def test_nobody_handles_them_without_the_right_or_for_his_own(
    order: Order, counter: Counter, fiona: Desk, now: datetime
) -> None:
    asked = ask_fapiao(order, 100, now=now)
    olivia = Desk(people.make_staff("olivia", "ops"))
    for act in ("issue", "reject", "reverse"):
        assert f"admin:billing_fapiao_{act}" in GUARDED
        assert olivia.client.get(reverse(f"admin:billing_fapiao_{act}", args=[asked.pk])).status_code == 403
    assert olivia.client.get(reverse("admin:billing_fapiao_change", args=[asked.pk])).status_code == 200
    Member.objects.create(organisation=counter.acme, user=counter.fiona, role=Role.VIEWER, joined_at=now)
    assert "You belong to this organisation." in text_of(issue(fiona, asked))
    asked.refresh_from_db()
    assert asked.state == Fapiao.State.REQUESTED
