"""Finance's pages of the daily close and the end of a month."""

import csv
import re
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from payments import sightings
from payments.admin import close_filters, close_tables
from payments.closing import days, report
from payments.models import BalanceTransaction, DayClose, Difference
from tests.builders import usd
from tests.payments.closing import DAY, NEXT_MORNING, Outcome, card_order, listed
from tests.people import make_owner, make_staff
from wallet.models import SealedDay, User

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
    send(browser, sign, note="all asked for")
    close.refresh_from_db()
    assert (close.is_signed, close.signed_by, close.acts.get().note) == (True, fiona, "all asked for")
    assert "asked Stripe" in browser.get(reverse("admin:payments_dayclose_change", args=[close.pk])).content.decode()


def send(browser: Client, address: str, **fields: str) -> str:
    """The form of an act as the page shows it; the answer, or nothing where it leads on."""
    (seen,) = re.findall(r'name="seen" value="([^"]+)"', browser.get(address).content.decode())
    return browser.post(address, {"seen": seen, **fields}).content.decode()


def look(browser: Client, close: DayClose, **filters: str | int) -> str:
    return browser.get(reverse("admin:payments_dayclose_change", args=[close.pk]), filters).content.decode()


def test_what_was_found_after_the_page_was_shown_is_not_signed(browser: Client) -> None:
    acme = make_owner().organisation
    listed(card_order(acme))
    close = draw_up(browser)
    sign = reverse("admin:payments_close_sign", args=[close.pk])
    (seen,) = re.findall(r'name="seen" value="([^"]+)"', browser.get(sign).content.decode())
    late = card_order(acme).order.number
    page = browser.post(sign, {"seen": seen, "note": "every line was looked at"}).content.decode()
    assert "Nothing was signed." in page
    assert "Found since then" in page
    assert late in page
    assert "every line was looked at" in page
    assert not SealedDay.objects.exists()
    (now_seen,) = re.findall(r'name="seen" value="([^"]+)"', page)
    browser.post(sign, {"seen": now_seen, "note": "every line was looked at"})
    close.refresh_from_db()
    assert (close.is_signed, close.acts.get().note) == (True, "every line was looked at")


def test_a_note_that_was_changed_after_the_page_was_shown_is_not_signed(
    browser: Client, fiona: User, unposted: BalanceTransaction
) -> None:
    close = draw_up(browser)
    found = close.differences.get()
    days.explain(difference_id=found.pk, owner=fiona, note="asked Stripe", now=NEXT_MORNING)
    seen = sightings.of_close(close)
    days.explain(difference_id=found.pk, owner=fiona, note="let it be", now=NEXT_MORNING)
    page = browser.post(reverse("admin:payments_close_sign", args=[close.pk]), {"seen": seen, "note": ""})
    assert "Nothing was signed." in page.content.decode()
    assert not SealedDay.objects.exists()


def test_each_reader_has_differences_in_his_own_language(browser: Client, fiona: User) -> None:
    acme = make_owner().organisation
    payment = card_order(acme)
    listed(payment, outcome=Outcome.DIFFERENCE, reason=BalanceTransaction.Reason.OTHER_AMOUNT, detail="99.00")
    with translation.override("zh-hans"):
        close = days.draw_up(day=DAY, now=NEXT_MORNING)
    found = close.differences.get()
    assert "Another amount than the one posted here 99.00" in found.detail
    assert "Another amount than the one posted here 99.00" in look(browser, close)
    with translation.override("zh-hans"):
        chinese = str(BalanceTransaction.Reason.OTHER_AMOUNT.label)
    assert chinese != "Another amount than the one posted here"
    rows = list(report.write_csv(close, language="zh-hans"))
    assert f"{chinese} 99.00" in rows[-1]
    fiona.language = "zh-hans"
    fiona.save()
    browser.cookies["django_language"] = "zh-hans"
    assert f"{chinese} 99.00" in look(browser, close)


def test_a_difference_that_was_kept_without_facts_stays_in_its_words(browser: Client, fiona: User) -> None:
    close = draw_up(browser)
    kept = {"kind": Difference.Kind.PAYOUT_LATE, "subject": "po_1", "detail": "erwartet am 1. Mai", "facts": {}}
    Difference.objects.create(close=close, key="po_1", amount=usd(5), since=DAY, found_at=NEXT_MORNING, **kept)
    assert "erwartet am 1. Mai" in look(browser, close)


def test_the_differences_of_a_day_are_filtered_in_the_address(browser: Client, fiona: User) -> None:
    acme = make_owner().organisation
    unlisted = card_order(acme).order.number
    strange = listed(card_order(acme), outcome=Outcome.DIFFERENCE, reason=BalanceTransaction.Reason.OTHER_AMOUNT)
    close = draw_up(browser)
    found = close.differences.get(subject=strange.stripe_id)
    for filters, shown in (
        ({}, {unlisted, strange.stripe_id}),
        ({"kind": "NAMED_TRANSACTION"}, {strange.stripe_id}),
        ({"standing": "TIMING"}, {unlisted}),
        ({"standing": "UNEXPLAINED"}, {strange.stripe_id}),
        ({"standing": "EXPLAINED"}, set()),
        ({"standing": "GONE"}, set()),
        ({"method": "CARD"}, {unlisted, strange.stripe_id}),
        ({"method": "OFFLINE"}, set()),
        ({"currency": "USD"}, {unlisted, strange.stripe_id}),
        ({"owner": "nobody"}, {unlisted, strange.stripe_id}),
        ({"q": strange.stripe_id[-8:]}, {strange.stripe_id}),
        ({"q": "nothing like it"}, set()),
        ({"kind": "NONSENSE"}, {unlisted, strange.stripe_id}),
    ):
        page = look(browser, close, **filters)
        assert {one for one in (unlisted, strange.stripe_id) if f">{one}<" in page or f"\n{one}" in page} <= shown
        assert {one for one in (unlisted, strange.stripe_id) if one in page.replace(f'value="{one}"', "")} == shown
    days.explain(difference_id=found.pk, owner=fiona, note="asked Stripe", now=NEXT_MORNING)
    assert strange.stripe_id in look(browser, close, owner=str(fiona.pk), standing="EXPLAINED", q="asked")
    assert unlisted not in look(browser, close, owner=str(fiona.pk))


def test_explaining_leads_back_to_the_filters_it_came_from(
    browser: Client, fiona: User, unposted: BalanceTransaction
) -> None:
    close = draw_up(browser)
    address = reverse("admin:payments_difference_explain", args=[close.differences.get().pk])
    page = look(browser, close, standing="UNEXPLAINED")
    assert f"{address}?standing=UNEXPLAINED" in page
    answer = browser.post(f"{address}?standing=UNEXPLAINED", {"owner": fiona.pk, "note": "asked Stripe"})
    assert answer["Location"].endswith(f"{close.pk}/change/?standing=UNEXPLAINED")


def test_every_figure_leads_to_what_it_is_the_sum_of(browser: Client) -> None:
    acme = make_owner().organisation
    numbers = []
    for amount in ("100", "60"):
        payment = card_order(acme, amount)
        listed(payment, fee="3.20")
        numbers.append(payment.order.number)
    close = draw_up(browser)
    page = look(browser, close)
    for side in ("orders", "stripe", "ledger"):
        address = reverse("admin:payments_close_figure", args=[close.pk, "CARD", "USD", side])
        assert address in page
        shown = browser.get(address).content.decode()
        assert "USD $160.00" in shown
        assert "2 rows" in shown
    orders = browser.get(reverse("admin:payments_close_figure", args=[close.pk, "CARD", "USD", "orders"]))
    assert all(number in orders.content.decode() for number in numbers)


def test_a_figure_that_has_moved_since_says_what_it_was(browser: Client) -> None:
    acme = make_owner().organisation
    listed(card_order(acme))
    close = draw_up(browser)
    card_order(acme, "60")
    page = browser.get(reverse("admin:payments_close_figure", args=[close.pk, "CARD", "USD", "orders"]))
    assert "When the day was drawn up it was USD $100.00" in page.content.decode()


@pytest.mark.parametrize(
    ("measure", "currency", "side"),
    [("CARD", "USD", "bank"), ("AT_STRIPE", "USD", "ledger"), ("NONE", "USD", "orders"), ("CARD", "XYZ", "orders")],
)
def test_a_figure_that_is_none_is_not_found(browser: Client, measure: str, currency: str, side: str) -> None:
    close = draw_up(browser)
    address = reverse("admin:payments_close_figure", args=[close.pk, measure, currency, side])
    assert browser.get(address).status_code == 404


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


def test_a_month_ends_with_its_sums_and_says_with_which_day_its_first_ones_were_sealed(
    browser: Client, fiona: User
) -> None:
    listed(card_order(make_owner().organisation))
    days.sign(day=DAY, by=fiona, now=NEXT_MORNING)
    page = browser.get(reverse("admin:payments_close_month"), {"month": "2026-07"}).content.decode()
    trial = re.sub(r"<[^>]+>|\s+", " ", page[page.index("Trial balance") : page.index("Prepaid balances")])
    assert re.search(r" Sum +USD +100\.00 +100\.00 +0\.00 ", trial)
    assert 'type="month"' in page
    june = browser.get(reverse("admin:payments_close_month"), {"month": "2026-06"}).content.decode()
    assert "The whole month was sealed with 2026-07-15" in june
    assert "Every day of this month is signed" not in june


def test_a_day_sealed_with_a_later_one_is_refused_at_its_field_and_offers_no_signature(
    browser: Client, fiona: User
) -> None:
    early = days.draw_up(day=DAY - timedelta(days=2), now=NEXT_MORNING)
    days.sign(day=DAY, by=fiona, now=NEXT_MORNING)
    answer = browser.post(reverse("admin:payments_close_draw_up"), {"day": "2026-07-14"}).content.decode()
    assert "2026-07-14 was sealed with 2026-07-15" in answer
    page = look(browser, early)
    assert "Sealed with 2026-07-15" in page
    assert reverse("admin:payments_close_sign", args=[early.pk]) not in page
    assert "Sealed with 2026-07-15" in browser.get(reverse("admin:payments_dayclose_changelist")).content.decode()


def test_a_hash_that_outlived_its_signature_is_explained(browser: Client, fiona: User) -> None:
    close = days.sign(day=DAY, by=make_staff("felix", "finance"), now=NEXT_MORNING)
    assert "The signature was withdrawn" not in look(browser, close)
    days.withdraw(day=DAY, by=fiona, note="a note is missing", now=NEXT_MORNING)
    page = look(browser, close)
    assert close.seal in page
    assert "The signature was withdrawn, so owners and notes can be changed; the day stays sealed" in page


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
    assert page.count("<svg class=") >= 1
    assert "100.0 %" in page
    assert "ine of ten within" in page


def test_more_differences_than_a_page_has_stand_on_the_next(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(close_filters, "PAGE", 1)
    monkeypatch.setattr(close_tables, "MOST", 1)
    acme = make_owner().organisation
    numbers = sorted(card_order(acme).order.number for _ in range(2))
    close = draw_up(browser)
    first, second = look(browser, close, method="CARD"), look(browser, close, method="CARD", page=2)
    assert "?method=CARD&amp;page=2#differences" in first
    assert "Page 2 of 2" in second
    assert [number in first for number in numbers] == [True, False]
    assert [number in second for number in numbers] == [False, True]
    sign = browser.get(reverse("admin:payments_close_sign", args=[close.pk])).content.decode()
    assert "the first 1 of 2, all in the report" in sign
