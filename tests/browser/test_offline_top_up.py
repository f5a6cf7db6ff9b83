"""The second way to pay as its users go it: TOP UP, bank sheet, “I have paid”, and two people of finance."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import FilePayload, Page, expect

from payments import references
from tests import people
from tests.browser import offline
from tests.browser.conftest import log_in, screenshot
from tests.browser.offline import Open, Sent, at_work, state_of
from tests.browser.site import Site, wait_until

Owner = Callable[..., Page]


@pytest.mark.parametrize(("width", "javascript"), [(1440, "on"), (360, "on"), (1440, "off")])
def test_an_rmb_transfer_is_typed_by_fiona_approved_by_felix_and_in_the_wallet(
    site: Site, owner: Owner, open_page: Open, width: int, javascript: str
) -> None:
    page = owner(width=width, javascript=javascript)
    window = {"width": width, "javascript": javascript}
    offline.fill_form(page, site, "14400")
    if javascript == "on":
        expect(page.locator("#conversion")).to_contain_text("USD $2,000.00")
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url(re.compile("/transfer/$"))
    sent = offline.read_sheet(page, site)
    expect(page.locator(".sheet")).to_contain_text("壹万肆仟肆佰元整")
    expect(page.locator(".sheet")).to_contain_text(references.spaced(sent.reference))
    screenshot(page, f"sheet-{width}-{javascript}")
    offline.fill_declaration(page)
    page.locator("input[type=file]").set_input_files(offline.draw_slip())
    page.get_by_role("button", name="I have paid").click()
    expect(page.locator(".badge").first).to_have_text("In review")
    expect(page.get_by_role("link", name="slip.png")).to_be_visible()
    screenshot(page, f"declared-{width}-{javascript}")

    fiona = at_work(open_page, site, "fiona", **window)
    _record_by_hand(fiona, site, sent, amount="14400.00", javascript=javascript)
    offline.open_desk(fiona, site, sent)
    screenshot(fiona, f"desk-own-{width}-{javascript}")
    expect(fiona.get_by_text("You gave these facts")).to_be_visible()
    expect(fiona.get_by_role("button", name="Approve and credit")).to_have_count(0)
    assert state_of(site, sent) == "IN_REVIEW"

    felix = at_work(open_page, site, "felix", **window)
    offline.open_desk(felix, site, sent)
    felix.locator(".desk-slip").scroll_into_view_if_needed()
    expect(felix.locator(".desk-slip img")).to_be_visible()
    screenshot(felix, f"desk-second-{width}-{javascript}")
    offline.act(felix, "Approve and credit")
    expect(felix.get_by_text("Approved and credited")).to_be_visible()

    page.goto(f"{site.base}/")
    expect(page.locator(".balance-figure")).to_contain_text("$2,000.00")
    page.goto(f"{site.base}/billing/orders/{sent.number}/")
    expect(page.locator(".badge").first).to_have_text("Paid")
    page.get_by_role("link", name="Receipt", exact=True).click()
    expect(page.locator("body")).to_contain_text(sent.number)
    screenshot(page, f"receipt-{width}-{javascript}")
    wait_until(lambda: site.mails().count(sent.number) >= 2, "both mails of the order", seconds=60)


def _record_by_hand(page: Page, site: Site, sent: Sent, *, amount: str, javascript: str) -> None:
    offline.open_desk(page, site, sent)
    offline.act(page, "Take")
    offline.type_facts(page, amount, number=f"B{sent.reference}")
    offline.act(page, "Show what it comes to")
    expect(page.get_by_text("This comes to:")).to_be_visible()
    screenshot(page, f"desk-typed-{javascript}")
    expect(page.get_by_role("button", name="Record, approve and credit")).to_have_count(0)
    offline.act(page, "Record for others to approve")
    expect(page.get_by_text("Recorded:")).to_be_visible()


def test_the_reference_can_be_copied_from_the_sheet(site: Site, owner: Owner) -> None:
    page = owner()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sent = offline.begin(page, site, "7200")
    page.get_by_role("button", name=re.compile("Copy ?: Reference")).click()
    expect(page.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == sent.reference
    with page.expect_download() as download:
        page.get_by_role("link", name="Download PDF").click()
    assert download.value.suggested_filename == f"{sent.number}.pdf"


@pytest.mark.parametrize("javascript", ["on", "off"])
def test_clicking_again_and_again_makes_one_order_and_one_declaration(
    site: Site, owner: Owner, javascript: str
) -> None:
    page = owner(javascript=javascript)
    offline.fill_form(page, site, "7200")
    page.get_by_role("button", name="Submit").click(click_count=3, no_wait_after=True)
    page.wait_for_url(re.compile("/transfer/$"))
    sent = offline.read_sheet(page, site)
    offline.fill_declaration(page)
    page.get_by_role("button", name="I have paid").click(click_count=3, no_wait_after=True)
    expect(page.locator(".badge").first).to_have_text("In review")
    assert _count_orders(site, sent) == 1
    assert _count_events(site, sent, "IN_REVIEW") == 1


def test_going_back_two_tabs_and_refreshing_never_make_a_second_order(site: Site, owner: Owner) -> None:
    page = owner()
    offline.fill_form(page, site, "7200")
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url(re.compile("/transfer/$"))
    sent, sheet = offline.read_sheet(page, site), page.url
    page.go_back()
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("#id_amount_error")).to_be_visible()
    page.goto(sheet)
    other = page.context.new_page()
    other.goto(sheet)
    offline.declare(page)
    page.reload()
    offline.fill_declaration(other)
    other.get_by_role("button", name="I have paid").click()
    expect(other.locator(".badge").first).to_have_text("In review")
    assert _count_orders(site, sent) == 1
    assert _count_events(site, sent, "IN_REVIEW") == 1


def test_a_rate_that_grew_old_while_the_form_was_open_makes_no_order(site: Site, owner: Owner) -> None:
    page = owner()
    offline.fill_form(page, site, "7200")
    site.change(_AGE_RATES.format(sign="-"))
    try:
        page.get_by_role("button", name="Submit").click()
        expect(page.locator("#id_currency_error")).to_be_visible()
        screenshot(page, "rate-stale")
        expect(page.locator("#id_amount")).to_have_value("7200")
    finally:
        site.change(_AGE_RATES.format(sign="+"))
    assert _count_orders(site, offline.begin(page, site, "7200")) == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("large.png", b"\x89PNG\r\n\x1a\n" + bytes(11 * 1024 * 1024), id="11 MB"),
        pytest.param("slip.png", b"<html><script>alert(1)</script></html>", id="a page that says it is a picture"),
        pytest.param("slip.pdf", b"%PDF-1.7\n1 0 obj<</JS(app.alert(1))>>endobj\n%%EOF", id="a script in a PDF"),
    ],
)
def test_a_slip_that_is_refused_takes_nothing_else_away(site: Site, owner: Owner, name: str, content: bytes) -> None:
    page = owner()
    sent = offline.begin(page, site, "7200")
    offline.fill_declaration(page, number="FT-1")
    payload: FilePayload = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    page.locator("input[type=file]").set_input_files([offline.draw_slip(), payload])
    page.get_by_role("button", name="I have paid").click()
    expect(page.locator(".errorlist, .error").first).to_be_visible()
    screenshot(page, f"refused-{name}")
    expect(page.get_by_label("Your bank's number of the transfer")).to_have_value("FT-1")
    expect(page.get_by_role("link", name="slip.png", exact=True)).to_have_count(1)
    assert state_of(site, sent) == "PENDING"
    page.get_by_role("button", name="I have paid").click()
    expect(page.locator(".badge").first).to_have_text("In review")


def test_a_session_lost_in_the_middle_loses_no_order(site: Site, owner: Owner) -> None:
    page = owner()
    sent = offline.begin(page, site, "7200")
    offline.fill_declaration(page)
    [(email,)] = site.query(
        "SELECT u.email FROM wallet_user u JOIN billing_order o ON o.created_by_id = u.id WHERE o.number = %s",
        sent.number,
    )
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="I have paid").click()
    screenshot(page, "session-lost")
    log_in(page, email, people.PASSWORD)
    page.wait_for_url(re.compile(f"{sent.number}/transfer/$"))
    offline.declare(page)
    assert state_of(site, sent) == "IN_REVIEW"
    assert _count_orders(site, sent) == 1


def test_an_order_is_cancelled_before_and_after_it_is_declared(site: Site, owner: Owner) -> None:
    page = owner()
    for is_declared in (False, True):
        sent = offline.begin(page, site, "7200")
        if is_declared:
            offline.declare(page)
        page.get_by_role("link", name="Cancel").first.click()
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_text("The order is cancelled.")).to_be_visible()
        assert state_of(site, sent) == "CANCELLED"


def test_an_order_nobody_paid_expires_and_says_so(site: Site, owner: Owner) -> None:
    page = owner()
    sent = offline.begin(page, site, "7200")
    site.change("UPDATE billing_order SET deadline_at = now() - interval '1 minute' WHERE number = %s", sent.number)
    wait_until(lambda: state_of(site, sent) == "EXPIRED", "the sweep of transfers", seconds=70)
    page.reload()
    expect(page.locator(".badge").first).to_have_text("Expired")
    screenshot(page, "expired")


def test_two_orders_are_paid_with_one_sheet(site: Site, owner: Owner) -> None:
    page = owner()
    first = offline.begin(page, site, "7200")
    second = offline.begin(page, site, "3600")
    page.get_by_role("checkbox", name=first.number).check()
    page.get_by_role("button", name="One sheet for these").click()
    expect(page.locator(".sheet")).to_contain_text(references.spaced(first.reference))
    expect(page.locator(".sheet")).to_contain_text(references.spaced(second.reference))
    expect(page.locator(".sheet")).to_contain_text("壹万零捌佰元整")
    screenshot(page, "sheet-of-two")
    offline.declare(page)
    assert {state_of(site, first), state_of(site, second)} == {"IN_REVIEW"}


_AGE_RATES = """
    ALTER TABLE billing_exchangerate DISABLE TRIGGER USER;
    UPDATE billing_exchangerate SET stated_at = stated_at {sign} interval '30 days';
    ALTER TABLE billing_exchangerate ENABLE TRIGGER USER"""
"""Rates are history, which nobody changes; only time makes them old."""


def _count_orders(site: Site, sent: Sent) -> int:
    statement = """SELECT count(*) FROM billing_order
        WHERE organisation_id = (SELECT organisation_id FROM billing_order WHERE number = %s)"""
    return int(site.query(statement, sent.number)[0][0])


def _count_events(site: Site, sent: Sent, state: str) -> int:
    statement = """SELECT count(*) FROM billing_orderevent e JOIN billing_order o ON o.id = e.order_id
        WHERE o.number = %s AND e.state = %s"""
    return int(site.query(statement, sent.number, state)[0][0])
