"""Each role's way with the keyboard alone; what has the focus is always seen to have it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import offline
from tests.browser.offline import Open
from tests.browser.site import Site

Owner = Callable[..., Page]

_FARTHEST = 120  # a staff page has some 70 places before its content

_IS_SEEN = """element => {
    const outlined = one => {
        const look = getComputedStyle(one);
        return look.outlineStyle !== 'none' && parseFloat(look.outlineWidth) > 0;
    };
    return outlined(element) || getComputedStyle(element).boxShadow !== 'none'
        || outlined(element.parentElement) || outlined(element.parentElement.parentElement);
}"""
"""Some fields are outlined with the frame they stand in."""


def reach(page: Page, wanted: Locator) -> None:
    """Press Tab until it has the focus, and see that it has."""
    target = wanted.first.element_handle()
    assert target is not None
    for _ in range(_FARTHEST):
        page.keyboard.press("Tab")
        here = page.evaluate_handle("document.activeElement").as_element()
        assert here is not None
        if here.evaluate("(element, target) => element === target", target):
            assert here.evaluate(_IS_SEEN), f"the focus is not seen on {here.evaluate('e => e.outerHTML')[:200]}"
            return
    raise AssertionError(f"no Tab leads to {wanted}")


def press(page: Page, wanted: Locator) -> None:
    reach(page, wanted)
    page.keyboard.press("Enter")


def search(page: Page, address: str, text: str) -> None:
    page.goto(address)
    reach(page, page.locator("#searchbar"))
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q="))


def log_in_by_keys(page: Page, site: Site, email: str, password: str) -> None:
    page.goto(f"{site.base}/accounts/login/")
    if not page.get_by_label("E-mail address").evaluate("element => element === document.activeElement"):
        reach(page, page.get_by_label("E-mail address"))
    page.keyboard.type(email)
    reach(page, page.locator("input[type=password]"))
    page.keyboard.type(password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/accounts/login/" not in url)


@pytest.mark.parametrize("width", [1440, 360])
def test_a_transfer_is_ordered_and_declared_without_a_mouse(site: Site, owner: Owner, width: int) -> None:
    page = owner(width=width)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    press(page, page.get_by_role("link", name="TOP UP"))
    page.wait_for_url(re.compile("/topup/"))
    reach(page, page.get_by_role("radio", name="Credit card"))
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="Offline transfer")).to_be_checked()
    reach(page, page.locator("input[name=currency]:checked"))
    while not page.get_by_role("radio", name="RMB (CNY").is_checked():
        page.keyboard.press("ArrowDown")
    reach(page, page.locator("#id_amount"))
    page.keyboard.type("0.001")
    page.keyboard.press("Enter")
    expect(page.locator("#id_amount_error")).to_be_visible()
    expect(page.locator("#id_amount")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("7200")
    press(page, page.get_by_role("button", name="Submit"))
    page.wait_for_url(re.compile("/transfer/$"))
    sent = offline.read_sheet(page, site)
    reach(page, page.get_by_label("Name of the payer"))
    page.keyboard.press("Control+A")
    page.keyboard.type(offline.PAYER)
    reach(page, page.get_by_label("Paid on"))
    page.keyboard.type(f"{offline.today():%m%d%Y}")
    press(page, page.get_by_role("button", name="I have paid", exact=True))
    expect(page.locator(".badge").first).to_have_text("In review")
    assert offline.state_of(site, sent) == "IN_REVIEW"


def test_finance_finds_and_rejects_a_transfer_without_a_mouse(site: Site, owner: Owner, open_page: Open) -> None:
    customer = owner()
    sent = offline.declared(customer, site, "7200")
    page = open_page()
    log_in_by_keys(page, site, "fiona@example.com", "innopaas-demo")
    search(page, f"{site.base}/admin/payments/transfer/", sent.reference)
    press(page, page.locator("#result_list a[href$='/desk/']"))
    page.get_by_role("heading", name="Declared, and what the bank says").wait_for()
    press(page, page.get_by_role("link", name=re.compile("^Reject")))
    reach(page, page.get_by_label("In your own words"))
    page.keyboard.type("The payer is another company than yours.")
    press(page, page.get_by_role("button", name="Show what the customer reads"))
    press(page, page.locator("button.desk-button", has_text=re.compile(r"^\s*Reject\b")))
    expect(page.get_by_text(f"Rejected: {sent.reference}")).to_be_visible()


def test_ops_finds_an_order_and_its_story_without_a_mouse(site: Site, owner: Owner, open_page: Open) -> None:
    customer = owner()
    sent = offline.declared(customer, site, "500")
    page = open_page()
    log_in_by_keys(page, site, "olivia@example.com", "innopaas-demo")
    search(page, f"{site.base}/admin/billing/order/", sent.number)
    press(page, page.locator("#result_list tbody th a"))
    expect(page.get_by_text("Declared as paid").first).to_be_visible()
