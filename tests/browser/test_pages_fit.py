"""Every page at both widths, in both languages, light and dark: nothing sticks out, no policy refuses."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import log_in, screenshot
from tests.browser.site import Site

PAGES = {
    "home": "/",
    "topup": "/topup/",
    "topup-rmb": "/topup/?method=offline&currency=CNY",
    "billing-details": "/accounts/billing-details/",
    "orders": "/billing/orders/",
    "no-orders": "/billing/orders/?q=nothing-like-it",
    "statement": "/billing/statement/",
    "statement-empty": "/billing/statement/?balance=product:voice&month=x&from=2026-01-01",
    "members": "/accounts/members/",
    "second-factor": "/accounts/2fa/",
    "password": "/accounts/password/change/",
    "sessions": "/accounts/sessions/",
    "time zone": "/accounts/time-zone/",
    "e-mail": "/accounts/email/",
}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_every_page_of_a_customer_fits(
    site: Site, open_page: Callable[..., Page], width: int, scheme: str, language: str
) -> None:
    page = open_page(width=width, scheme=scheme, language={"en": "en", "zh": "zh-CN"}[language])
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None)
    page.goto(f"{site.base}/accounts/login/")
    sticking_out = _look(page, f"login-{width}-{scheme}-{language}")
    page.locator("input[name=login]").fill({"en": "alice@example.com", "zh": "bob@example.com"}[language])
    page.locator("input[name=password]").fill("innopaas-demo")
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url(lambda url: "/accounts/login/" not in url)
    if language == "zh":
        _choose_chinese(page)
    for name, path in PAGES.items():
        page.goto(site.base + path)
        sticking_out += _look(page, f"{name}-{width}-{scheme}-{language}")
    page.goto(f"{site.base}/billing/orders/")
    page.locator("table a[href*='/billing/orders/TU']").first.click()
    page.wait_for_load_state()
    sticking_out += _look(page, f"order-{width}-{scheme}-{language}")
    page.goto(f"{site.base}/billing/orders/?method=OFFLINE")
    address = page.locator("table a[href*='/billing/orders/TU']").last.get_attribute("href")
    page.goto(f"{site.base}{str(address).replace('/billing/', '/payments/')}transfer/")
    sticking_out += _look(page, f"sheet-{width}-{scheme}-{language}")
    assert sticking_out == []
    assert complaints == []


def _choose_chinese(page: Page) -> None:
    """As its reader does, in the bar: what is chosen there is remembered for the person."""
    if page.locator("html").get_attribute("lang") != "zh-hans":
        page.locator("summary", has_text="Language:").click()
        page.get_by_role("button", name="简体中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")


def _look(page: Page, name: str) -> list[str]:
    """Keep a picture and name the page if it scrolls sideways, once its style sheets have come."""
    page.wait_for_load_state()
    screenshot(page, name)
    is_wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return [name] if is_wide else []


PRODUCT_PAGES = {
    "products": "/products/",
    "product": "/products/whatsapp/",
    "product-held": "/products/otp/",
    "product-empty": "/products/voice/",
    "product-topup": "/products/whatsapp/topup/",
    "product-topup-rmb": "/products/whatsapp/topup/?method=offline&currency=CNY",
    "alerts": "/billing/alerts/",
    "alert": "/billing/alerts/?change=wallet",
    "auto-fill": "/billing/auto-fill/whatsapp/",
    "callbacks": "/billing/callbacks/",
    "keys": "/developers/keys/",
}
_TRIED = "?threshold=300&way=amount&size=100&floor=0&daily_cap=300&organisation="


@pytest.mark.parametrize(
    ("width", "scheme", "language"),
    [(360, "light", "en"), (360, "dark", "zh"), (1440, "light", "zh"), (1440, "dark", "en")],
)
def test_every_page_of_products_fits(
    site: Site, open_page: Callable[..., Page], width: int, scheme: str, language: str
) -> None:
    page = open_page(width=width, scheme=scheme, language={"en": "en", "zh": "zh-CN"}[language])
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    email = {"en": "alice@example.com", "zh": "bob@example.com"}[language]
    page.goto(f"{site.base}/accounts/login/")
    page.locator("input[name=login]").fill(email)
    page.locator("input[name=password]").fill("innopaas-demo")
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url(lambda url: "/accounts/login/" not in url)
    if language == "zh":
        _choose_chinese(page)
    [(member, organisation)] = site.query(
        "SELECT m.id, m.organisation_id FROM wallet_member m JOIN wallet_user u ON u.id = m.user_id WHERE u.email = %s",
        email,
    )
    more = {
        "access": f"/products/access/{member}/",
        "auto-fill-tried": f"/billing/auto-fill/whatsapp/{_TRIED}{organisation}",
    }
    sticking_out = []
    for name, path in (PRODUCT_PAGES | more).items():
        response = page.goto(site.base + path)
        assert response is not None
        assert response.ok, path
        sticking_out += _look(page, f"{name}-{width}-{scheme}-{language}")
    for name in _walk_through_moves(page, site):
        sticking_out += _look(page, f"{name}-{width}-{scheme}-{language}")
    assert sticking_out == []
    assert complaints == []


def _walk_through_moves(page: Page, site: Site) -> Iterator[str]:
    """The pages that only a form leads to, up to the last click."""
    address = f"{site.base}/products/whatsapp/topup/?method=balance&amount="
    for name, amount in (("move-too-much", "99999"), ("move", "20")):
        page.goto(address + amount)
        page.locator("form.topup button.primary").click()
        page.wait_for_load_state()
        yield name
    page.goto(f"{site.base}/products/topup/")
    yield "several"
    for field in page.locator("form.card input[inputmode=decimal]").all()[:2]:
        field.fill("10")
    page.locator("form.card button.primary").click()
    page.locator("input[name='product:sms'][type=hidden]").wait_for(state="attached")
    yield "several-review"


@pytest.mark.parametrize("width", [360, 1440])
def test_every_page_of_ops_fits(site: Site, open_page: Callable[..., Page], width: int) -> None:
    page = open_page(width=width)
    page.goto(f"{site.base}/admin/")
    log_in(page, "olivia@example.com")
    page.goto(f"{site.base}/admin/billing/order/")
    screenshot(page, f"admin-orders-{width}")
    page.locator("a[href*='/admin/billing/order/']", has_text="TU").first.click()
    page.wait_for_load_state()
    screenshot(page, f"admin-order-{width}")
    page.goto(f"{site.base}/admin/payments/inboxevent/")
    screenshot(page, f"admin-inbox-{width}")
    assert page.title()


FINANCE_PAGES = {
    "dashboard": "",
    "queue": "payments/transfer/",
    "statements": "payments/statementfile/",
    "import": "payments/statementfile/import/",
    "lines": "payments/bankline/",
    "exact": "payments/bankline/exact/",
    "rates": "billing/exchangerate/",
    "accounts": "payments/bankaccount/",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_every_page_of_finance_fits(site: Site, open_page: Callable[..., Page], width: int, scheme: str) -> None:
    page = open_page(width=width, scheme=scheme)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None)
    page.goto(f"{site.base}/accounts/login/")
    log_in(page, "fiona@example.com")
    sticking_out = []
    for name, path in FINANCE_PAGES.items():
        response = page.goto(f"{site.base}/admin/{path}")
        assert response is not None
        assert response.ok, path
        sticking_out += _look(page, f"admin-{name}-{width}-{scheme}")
    page.goto(f"{site.base}/admin/payments/transfer/")
    page.locator("#result_list a[href$='/desk/']").first.click()
    page.wait_for_load_state()
    sticking_out += _look(page, f"admin-desk-{width}-{scheme}")
    assert sticking_out == []
    assert complaints == []


@pytest.mark.parametrize("width", [360, 1440])
def test_a_list_of_staff_stands_above_its_filters_without_javascript(
    site: Site, open_page: Callable[..., Page], width: int
) -> None:
    page = open_page(width=width, javascript="off")
    page.goto(f"{site.base}/accounts/login/")
    log_in(page, "fiona@example.com")
    page.goto(f"{site.base}/admin/payments/bankline/")
    assert _look(page, f"admin-lines-plain-{width}") == []
    rows, filters = (page.locator(where).bounding_box() for where in ("#result_list", "#changelist-filter"))
    assert rows is not None
    assert filters is not None
    assert rows["y"] + rows["height"] <= filters["y"]
    assert filters["x"] + filters["width"] <= width
    assert page.locator("#changelist-filter a", has_text="By hand").is_visible()
