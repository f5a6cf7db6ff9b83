"""The main job as its users do it, TOP UP to Order Details, and what goes wrong on the way."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import log_in, screenshot
from tests.browser.site import Site, wait_until

GOOD, DECLINED, SECURE = "4242 4242 4242 4242", "4000 0000 0000 0002", "4000 0025 0000 3155"


def submit_top_up(page: Page, site: Site, amount: str = "100") -> None:
    page.goto(f"{site.base}/")
    page.get_by_role("link", name="TOP UP").first.click()
    page.locator("#id_amount").fill(amount)
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url(re.compile("/c/pay/"))


def fill_card(page: Page, card: str) -> None:
    page.locator("#card-number").fill(card)
    page.locator("#card-expiry").fill("12 / 34")
    page.locator("#card-cvc").fill("123")


def pay(page: Page, card: str = GOOD) -> None:
    fill_card(page, card)
    page.locator("#pay").click()


def pay_and_never_come_back(page: Page, site: Site) -> None:
    """Pay on Stripe's page and close the browser before its redirect."""
    session_id = page.url.rpartition("/")[2].partition("?")[0]
    page.close()
    site.stand_in.pay(session_id)


def expect_balance(page: Page, site: Site, figure: str) -> None:
    page.goto(f"{site.base}/")
    expect(page.locator(".balance-figure")).to_contain_text(figure)


def order_number(page: Page) -> str:
    """The number of the order whose Stripe page is open."""
    found = re.search(r"TU\d{8}[0-9A-Z]{10}", page.inner_text("body"))
    assert found
    return found[0]


def state_of(site: Site, number: str) -> str:
    return str(site.query("SELECT state FROM billing_order WHERE number = %s", number)[0][0])


def orders_in_organisation_of(site: Site, number: str) -> int:
    statement = """SELECT count(*) FROM billing_order
        WHERE organisation_id = (SELECT organisation_id FROM billing_order WHERE number = %s)"""
    return int(site.query(statement, number)[0][0])


def test_alice_tops_up_100_dollars_and_finds_balance_and_order(site: Site, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(f"{site.base}/")
    log_in(page, "alice@example.com")
    screenshot(page, "home")
    expect(page.locator(".balance-figure")).to_contain_text("$1,650.00")
    page.get_by_role("link", name="TOP UP").first.click()
    page.locator("#id_amount").fill("100")
    screenshot(page, "topup")
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url(re.compile("/c/pay/"))
    number = order_number(page)
    fill_card(page, GOOD)
    screenshot(page, "stripe")
    page.locator("#pay").click()
    expect(
        page.get_by_role("heading", name="Paid and credited").or_(page.get_by_text("Paid and credited"))
    ).to_be_visible()
    screenshot(page, "return")
    expect_balance(page, site, "$1,750.00")
    page.get_by_role("link", name="Order Details").click()
    page.get_by_role("link", name=number).click()
    expect(page.locator(".badge").first).to_have_text("Paid")
    expect(page.locator(".timeline")).to_contain_text("Top-up started")
    screenshot(page, "order")


@pytest.mark.parametrize("javascript", ["on", "off"])
def test_somebody_new_signs_up_and_tops_up(site: Site, newcomer: Callable[..., Page], javascript: str) -> None:
    page = newcomer(javascript=javascript)
    expect(page.locator(".balance-figure")).to_contain_text("$0.00")
    submit_top_up(page, site)
    pay(page)
    page.wait_for_url(re.compile("/return/"))
    expect_balance(page, site, "$100.00")


def test_a_declined_card_can_be_followed_by_a_good_one(site: Site, newcomer: Callable[..., Page]) -> None:
    page = newcomer()
    submit_top_up(page, site)
    number = order_number(page)
    pay(page, DECLINED)
    expect(page.locator("#error")).to_contain_text("declined")
    assert state_of(site, number) == "PENDING"
    pay(page, GOOD)
    page.wait_for_url(re.compile("/return/"))
    expect_balance(page, site, "$100.00")
    assert orders_in_organisation_of(site, number) == 1


def test_a_card_with_3d_secure_is_asked_once_more(site: Site, newcomer: Callable[..., Page]) -> None:
    page = newcomer()
    submit_top_up(page, site)
    pay(page, SECURE)
    page.locator("#fail").click()
    expect(page.locator("#error")).to_be_visible()
    pay(page, SECURE)
    page.locator("#complete").click()
    page.wait_for_url(re.compile("/return/"))
    expect_balance(page, site, "$100.00")


@pytest.mark.parametrize("javascript", ["on", "off"])
@pytest.mark.parametrize("clicks", [2, 3])
def test_clicking_again_and_again_makes_one_order_and_one_charge(
    site: Site, newcomer: Callable[..., Page], javascript: str, clicks: int
) -> None:
    page = newcomer(javascript=javascript)
    page.goto(f"{site.base}/topup/")
    page.locator("#id_amount").fill("100")
    page.get_by_role("button", name="Submit").click(click_count=clicks, no_wait_after=True)
    page.wait_for_url(re.compile("/c/pay/"))
    number = order_number(page)
    fill_card(page, GOOD)
    page.locator("#pay").click(click_count=clicks, no_wait_after=True)
    page.wait_for_url(re.compile("/return/"))
    expect_balance(page, site, "$100.00")
    assert orders_in_organisation_of(site, number) == 1
    sessions = "SELECT count(*) FROM payments_payment p JOIN billing_order o ON o.id = p.order_id WHERE o.number = %s"
    assert site.query(sessions, number) == [(1,)]


def test_going_back_two_tabs_and_refreshing_never_pay_twice(site: Site, newcomer: Callable[..., Page]) -> None:
    page = newcomer()
    submit_top_up(page, site)
    number, stripe = order_number(page), page.url
    other = page.context.new_page()
    other.goto(stripe)
    pay(page)
    page.wait_for_url(re.compile("/return/"))
    page.reload()
    page.goto(stripe)
    other.reload()
    expect(other.locator("#pay")).to_have_count(0)
    expect_balance(page, site, "$100.00")
    assert orders_in_organisation_of(site, number) == 1


def test_closing_the_browser_after_paying_loses_nothing(site: Site, newcomer: Callable[..., Page]) -> None:
    page = newcomer()
    submit_top_up(page, site)
    number = order_number(page)
    pay_and_never_come_back(page, site)
    wait_until(lambda: state_of(site, number) == "PAID", "the webhook to credit the order")


def test_a_worker_that_was_stopped_credits_when_it_is_back(site: Site, newcomer: Callable[..., Page]) -> None:
    page = newcomer()
    submit_top_up(page, site)
    number = order_number(page)
    site.kill("worker")
    pay_and_never_come_back(page, site)
    site.stand_in.wait_for_deliveries()
    assert state_of(site, number) == "PENDING"
    site.start("worker")
    wait_until(lambda: state_of(site, number) == "PAID", "the worker to find the event", seconds=60)


def test_paying_while_valkey_is_away_is_credited(site: Site, newcomer: Callable[..., Page]) -> None:
    page = newcomer()
    submit_top_up(page, site)
    number = order_number(page)
    site.valkey.stop()
    try:
        pay_and_never_come_back(page, site)
        wait_until(lambda: state_of(site, number) == "PAID", "the worker's own clock", seconds=60)
    finally:
        site.valkey.start()


def test_the_web_process_killed_while_paying_loses_nothing(site: Site, newcomer: Callable[..., Page]) -> None:
    page = newcomer()
    submit_top_up(page, site)
    site.kill("web")
    fill_card(page, GOOD)
    page.locator("#pay").click(no_wait_after=True)
    site.start("web")
    expect_balance_soon(page, site, "$100.00")


def expect_balance_soon(page: Page, site: Site, figure: str) -> None:
    def is_there() -> bool:
        page.goto(f"{site.base}/")
        return figure in page.locator(".balance-figure").inner_text()

    wait_until(is_there, f"a balance of {figure}", seconds=90)
