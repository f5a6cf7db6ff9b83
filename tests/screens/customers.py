"""What a customer sees, from home to the statement."""

import re
from pathlib import Path

from playwright.sync_api import Browser

from tests.browser import offline
from tests.browser.site import Site
from tests.browser.test_card_top_up import fill_card, order_number, pay
from tests.screens.camera import NARROW, Camera, window

_GOOD = "4242 4242 4242 4242"


def take(browser: Browser, site: Site, folder: Path) -> None:
    with window(browser, site, folder, who="alice") as alice:
        alice.take("home", "/")
        alice.tile("home")
        _take_card(alice)
        alice.take("orders", "/billing/orders/")
        alice.take("product", "/products/whatsapp/")
        alice.tile("product")
        _take_move(alice)
        _take_sheet(alice)
    with window(browser, site, folder, who="alice", scheme="dark") as alice:
        alice.take("home-dark", "/")
    with window(browser, site, folder, who="alice", width=NARROW) as alice:
        alice.take("home-narrow", "/")
        alice.take("topup-narrow", "/topup/")
    with window(browser, site, folder, who="carol") as carol:
        carol.take("statement", "/billing/statement/")


def _take_card(alice: Camera) -> None:
    """A card top-up of $100 and its order, then what asking for a part of it back looks like."""
    page = alice.page
    alice.go("/topup/")
    page.locator("#id_amount").fill("100")
    alice.shoot("topup")
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url(re.compile("/c/pay/"))
    number = order_number(page)
    fill_card(page, _GOOD)
    alice.shoot("stripe")
    pay(page)
    page.get_by_text("Paid and credited").first.wait_for()
    alice.shoot("return")
    alice.take("order", f"/billing/orders/{number}/")
    alice.tile("order")
    alice.go(f"/billing/orders/{number}/refund/")
    page.locator("#id_amount").fill("40")
    page.locator("#id_reason").fill("We bought too much")
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name=re.compile("^Ask for .* back$")).wait_for()
    alice.shoot("refund")


def _take_move(alice: Camera) -> None:
    alice.go("/products/whatsapp/topup/?method=balance&amount=20")
    alice.page.locator("form.topup button.primary").click()
    alice.page.wait_for_load_state()
    alice.shoot("move")


def _take_sheet(alice: Camera) -> None:
    offline.begin(alice.page, alice.site, "7200")
    alice.shoot("sheet")
