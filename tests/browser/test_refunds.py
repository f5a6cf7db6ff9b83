"""Money on its way back as its people see it: to the card through Stripe, and by a payment at the bank."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser import offline
from tests.browser.conftest import screenshot
from tests.browser.offline import Open, at_work
from tests.browser.site import Site, wait_until
from tests.browser.test_card_top_up import order_number, pay, state_of, submit_top_up

Owner = Callable[..., Page]


def ask_for_refund(page: Page, site: Site, number: str, amount: str) -> str:
    """The refund's number."""
    page.goto(f"{site.base}/billing/orders/{number}/refund/")
    page.locator("#id_amount").fill(amount)
    page.locator("#id_reason").fill("We bought too much")
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name=re.compile("^Ask for .* back$")).click()
    page.wait_for_url(re.compile(f"/{number}/"))
    return str(refund_of(site, number)[0])


def refund_of(site: Site, number: str) -> tuple[str, str, str]:
    """Number, state and key of the order's refund."""
    statement = """SELECT r.number, r.state, r.id::text FROM billing_refund r
        JOIN billing_order o ON o.id = r.order_id WHERE o.number = %s"""
    found = site.query(statement, number)[0]
    return found[0], found[1], found[2]


def open_refund(page: Page, site: Site, refund: str) -> None:
    """Search the list for its number, and open its page."""
    page.goto(f"{site.base}/admin/billing/refund/?q={refund}")
    found = page.locator("#result_list").get_by_role("link", name=refund).get_attribute("href")
    page.goto(f"{site.base}{found}")  # without JavaScript the theme's filters lie over the list


def act(page: Page, name: str) -> None:
    """Go to the page of an act, from the refund's own."""
    page.get_by_role("link", name=name, exact=True).click()


def send(page: Page, name: str) -> None:
    page.locator("form").get_by_role("button", name=name, exact=True).click()


@pytest.mark.parametrize(("width", "javascript"), [(1440, "on"), (360, "off")])
def test_a_card_top_up_goes_back_to_the_card(
    site: Site, owner: Owner, open_page: Open, width: int, javascript: str
) -> None:
    page = owner(width=width)
    submit_top_up(page, site, "100")
    number = order_number(page)
    pay(page)
    expect(page.get_by_text("New balance: USD $100.00")).to_be_visible()
    refund = ask_for_refund(page, site, number, "40")
    expect(page.locator("#refunds")).to_contain_text(refund)
    frank = at_work(open_page, site, "frank", width=width, javascript=javascript)
    open_refund(frank, site, refund)
    screenshot(frank, f"refund-{width}")
    act(frank, "Approve")
    expect(frank.get_by_text("It goes to the card through Stripe.")).to_be_visible()
    screenshot(frank, f"refund-approve-{width}")
    send(frank, "Approve")
    expect(frank.get_by_text("Approved; it goes to the card through Stripe.")).to_be_visible()
    wait_until(lambda: refund_of(site, number)[1] == "SUCCEEDED", "Stripe to carry it out")
    assert state_of(site, number) == "PARTIALLY_REFUNDED"
    page.goto(f"{site.base}/billing/orders/{number}/")
    expect(page.locator(".badge").first).to_have_text("Partially refunded")
    screenshot(page, f"refunded-{width}")
    page.goto(f"{site.base}/")
    expect(page.locator(".balance-figure")).to_contain_text("$60.00")


def test_a_transfer_goes_back_by_a_payment_that_two_of_finance_make(site: Site, owner: Owner, open_page: Open) -> None:
    page = owner()
    sent = offline.declared(page, site, "7200")
    fiona, felix = at_work(open_page, site, "fiona"), at_work(open_page, site, "felix")
    offline.open_desk(fiona, site, sent)
    offline.act(fiona, "Take")
    offline.type_facts(fiona, "7200.00", number=f"B{sent.reference}")
    offline.act(fiona, "Show what it comes to")
    offline.act(fiona, "Record for others to approve")
    offline.open_desk(felix, site, sent)
    offline.act(felix, "Approve and credit")
    expect(felix.get_by_text("Approved and credited")).to_be_visible()
    refund = ask_for_refund(page, site, sent.number, "500")

    open_refund(fiona, site, refund)
    act(fiona, "Prepare the payment")
    fiona.locator("#id_payee_name").fill("Newcomer Ltd")
    fiona.locator("#id_payee_account").fill("6222 0012 3456")
    fiona.locator("#id_payee_bank").fill("ICBC Shanghai, CNAPS 102290000017")
    screenshot(fiona, "refund-prepare")
    send(fiona, "Prepare")
    expect(fiona.get_by_text("Prepared. Somebody else has to approve it.")).to_be_visible()
    expect(fiona.get_by_text("You prepared this payment: somebody else has to approve it.")).to_be_visible()
    expect(fiona.get_by_role("link", name="Prepare the payment anew", exact=True)).to_be_visible()
    expect(fiona.get_by_role("link", name="Approve", exact=True)).to_have_count(0)

    open_refund(felix, site, refund)
    act(felix, "Approve")
    expect(felix.locator("dl")).to_contain_text("6222 0012 3456")
    screenshot(felix, "refund-approve-bank")
    send(felix, "Approve")
    expect(felix.get_by_text("Approved; it is to be paid at the bank now.")).to_be_visible()
    felix.goto(f"{site.base}/admin/billing/refund/to-pay/")
    paper = felix.locator("article", has_text=refund)
    expect(paper).to_contain_text("CNY ¥3,600.00")
    screenshot(felix, "refunds-to-pay")
    paper.get_by_role("link", name="Record as paid").click()
    felix.locator("#id_bank_reference").fill(f"OUT{sent.reference}")
    send(felix, "Record as paid")
    expect(felix.get_by_text("Recorded as paid; the statement confirms it.")).to_be_visible()
    screenshot(felix, "refund-paid")

    page.goto(f"{site.base}/billing/orders/{sent.number}/")
    expect(page.locator(".badge").first).to_have_text("Partially refunded")
    expect(page.locator("#refunds")).to_contain_text("¥3,600.00")
    page.goto(f"{site.base}/")
    expect(page.locator(".balance-figure")).to_contain_text("$500.00")
