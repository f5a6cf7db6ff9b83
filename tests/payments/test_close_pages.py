"""Finance's pages of the daily close and the end of a month."""

import csv
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.test import Client
from django.urls import reverse

from payments.admin import close_tables
from payments.closing import days
from payments.models import BalanceTransaction, DayClose, Difference
from tests.payments.closing import DAY, NEXT_MORNING, Outcome, card_order, listed
from tests.people import make_owner, make_staff
from wallet.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def fiona() -> User:
    return make_staff("fiona", "finance")


@pytest.fixture
def browser(fiona: User) -> Client:
    client = Client()
    client.force_login(fiona)
    return client


@pytest.fixture
def unposted() -> BalanceTransaction:
    """A charge of the day that Stripe lists with another amount."""
    payment = card_order(make_owner().organisation)
    return listed(payment, outcome=Outcome.DIFFERENCE, reason=BalanceTransaction.Reason.OTHER_AMOUNT, detail="99.00")


def draw_up(browser: Client, day: date = DAY) -> DayClose:
    answer = browser.post(reverse("admin:payments_close_draw_up"), {"day": day.isoformat()})
    close = DayClose.objects.get(day=day)
    assert answer["Location"] == reverse("admin:payments_dayclose_change", args=[close.pk])
    return close


def test_finance_draws_a_day_up_explains_what_differs_and_signs(
    browser: Client, fiona: User, unposted: BalanceTransaction
) -> None:
    close = draw_up(browser)
    page = browser.get(reverse("admin:payments_dayclose_change", args=[close.pk])).content.decode()
    assert unposted.stripe_id in page
    assert "100.00 USD" in page or "USD 100.00" in page or "$100.00" in page
    sign = reverse("admin:payments_close_sign", args=[close.pk])
    assert "1 differences have no owner with a note yet." in browser.get(sign).content.decode()
    difference = Difference.objects.get()
    browser.post(
        reverse("admin:payments_difference_explain", args=[difference.pk]), {"owner": fiona.pk, "note": "asked Stripe"}
    )
    browser.post(sign)
    close.refresh_from_db()
    assert (close.is_signed, close.signed_by) == (True, fiona)
    assert "asked Stripe" in browser.get(reverse("admin:payments_dayclose_change", args=[close.pk])).content.decode()


def test_a_day_that_is_not_over_is_refused_at_its_field(browser: Client) -> None:
    answer = browser.post(reverse("admin:payments_close_draw_up"), {"day": "2099-01-01"})
    assert "This day is not over yet in Shanghai." in answer.content.decode()
    assert not DayClose.objects.exists()


def test_a_note_of_a_signed_day_is_kept_as_it_is(browser: Client, fiona: User, unposted: BalanceTransaction) -> None:
    close = draw_up(browser)
    found = close.differences.get()
    days.explain(difference_id=found.pk, owner=fiona, note="asked Stripe", now=NEXT_MORNING)
    days.sign(day=DAY, by=fiona, now=NEXT_MORNING)
    address = reverse("admin:payments_difference_explain", args=[found.pk])
    answer = browser.post(address, {"owner": fiona.pk, "note": "other"}, follow=True)
    assert "The day is signed." in answer.content.decode()
    found.refresh_from_db()
    assert found.note == "asked Stripe"


def test_whoever_signed_is_told_that_somebody_else_withdraws(browser: Client, fiona: User) -> None:
    close = days.sign(day=DAY, by=fiona, now=NEXT_MORNING)
    address = reverse("admin:payments_close_withdraw", args=[close.pk])
    assert "You signed the day yourself" in browser.get(address).content.decode()
    felix = Client()
    felix.force_login(make_staff("felix", "finance"))
    felix.post(address, {"note": "a note is missing"})
    close.refresh_from_db()
    assert not close.is_signed


def test_a_note_that_cannot_be_seen_says_nothing(browser: Client, fiona: User, unposted: BalanceTransaction) -> None:
    difference = draw_up(browser).differences.get()
    address = reverse("admin:payments_difference_explain", args=[difference.pk])
    assert browser.post(address, {"owner": fiona.pk, "note": "\u202e"}).status_code == 200
    difference.refresh_from_db()
    assert (difference.owner, difference.note) == (None, "")


def test_ops_read_closes_and_sign_none() -> None:
    close = days.draw_up(day=DAY, now=NEXT_MORNING)
    olivia = Client()
    olivia.force_login(make_staff("olivia", "ops"))
    assert olivia.get(reverse("admin:payments_dayclose_change", args=[close.pk])).status_code == 200
    assert olivia.post(reverse("admin:payments_close_sign", args=[close.pk])).status_code == 403


def test_a_month_is_shown_with_the_day_that_is_missing(browser: Client, unposted: BalanceTransaction) -> None:
    page = browser.get(reverse("admin:payments_close_month"), {"month": "2026-07"}).content.decode()
    assert "2026-07-15 is not signed yet" in page
    assert "stripe_clearing" in page
    assert browser.get(reverse("admin:payments_close_month"), {"month": "July"}).status_code == 200


def test_the_journal_is_downloaded_by_month(browser: Client, unposted: BalanceTransaction) -> None:
    answer = browser.get(reverse("admin:payments_close_journal"), {"month": "2026-07"})
    rows = b"".join(answer).decode().splitlines()
    assert rows[0].startswith("business_date,gl_number")
    assert "2026-07-15,1012,Other monetary assets: Stripe,stripe_clearing,USD,100.000000,0.000000" in rows


def test_the_list_of_days_leads_to_drawing_up_and_to_the_month(browser: Client) -> None:
    days.draw_up(day=DAY - timedelta(days=1), now=NEXT_MORNING)
    page = browser.get(reverse("admin:payments_dayclose_changelist")).content.decode()
    assert reverse("admin:payments_close_draw_up") in page
    assert reverse("admin:payments_close_month") in page


def test_the_report_has_every_figure_difference_and_signature(
    browser: Client, fiona: User, unposted: BalanceTransaction
) -> None:
    close = draw_up(browser)
    days.explain(difference_id=close.differences.get().pk, owner=fiona, note="=asked", now=NEXT_MORNING)
    close = days.sign(day=DAY, by=fiona, now=NEXT_MORNING)
    answer = browser.get(reverse("admin:payments_close_csv", args=[close.pk]))
    rows = list(csv.DictReader(StringIO(b"".join(answer).decode("utf-8-sig"))))
    assert [row["section"] for row in rows[-3:]] == ["DIFFERENCE", "SIGNATURE", "SEAL"]
    assert (rows[-3]["subject"], rows[-3]["note"], rows[-3]["class"]) == (unposted.stripe_id, "'=asked", "OPEN")
    assert rows[-1]["subject"] == close.seal
    card = next(row for row in rows if row["what"] == "CARD")
    assert (card["orders"], card["stripe"], card["ledger"]) == ("100.00", "100.00", "100.00")
    paper = browser.get(reverse("admin:payments_close_pdf", args=[close.pk]))
    assert paper.content.startswith(b"%PDF")
    assert paper["Content-Disposition"] == 'attachment; filename="close-2026-07-15.pdf"'


def test_sides_that_differ_are_marked_in_words(browser: Client) -> None:
    listed(card_order(make_owner().organisation), fee="3.20")
    close = draw_up(browser)
    page = browser.get(reverse("admin:payments_dayclose_change", args=[close.pk])).content.decode()
    assert "≠ USD $3.20 apart" in page
    assert "✓ agree" in page


def test_sums_that_no_single_fact_explains_are_a_difference_of_their_own(browser: Client) -> None:
    listed(card_order(make_owner().organisation), fee="3.20")
    named = draw_up(browser).differences.open().values_list("kind", "subject")
    assert set(named) == {("SUMS", "Stripe's fees"), ("SUMS", "At Stripe and on its way to the bank")}


def test_the_charts_have_a_table_each(browser: Client) -> None:
    card_order(make_owner().organisation, at=datetime.now(UTC) - timedelta(days=2))
    page = browser.get(reverse("admin:payments_close_charts")).content.decode()
    assert page.count("<svg class=") >= 2
    assert "100.0 %" in page
    assert "nine of ten within" in page


def test_more_differences_than_a_page_has_are_said(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(close_tables, "_MOST", 1)
    acme = make_owner().organisation
    for _ in range(2):
        card_order(acme)
    close = draw_up(browser)
    page = browser.get(reverse("admin:payments_dayclose_change", args=[close.pk])).content.decode()
    assert "the first 1 of 2, all in the report" in page
