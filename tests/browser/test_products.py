"""Products as their customers use them: topped up in three ways, spent, watched and filled, and put right again."""

import contextlib
import hashlib
import hmac
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Error, Page, expect

from tests import people
from tests.browser import offline, products
from tests.browser.conftest import log_in, screenshot
from tests.browser.offline import Open, Sent, at_work, state_of
from tests.browser.products import BackEnd, Call, Cast, Company, Receiver, receiving
from tests.browser.site import Site, wait_until
from tests.browser.test_card_top_up import order_number, pay

Enter = Callable[..., Page]


@pytest.fixture(scope="session")
def _cast(site: Site) -> Cast:
    return products.assemble(site, count=16)


@pytest.fixture
def company(_cast: Cast) -> Company:
    return next(_cast.companies)


@pytest.fixture
def back_end(_cast: Cast) -> BackEnd:
    """WhatsApp's; how Olivia makes a key for it is a story of its own."""
    return _cast.back_end


@pytest.fixture
def enter(site: Site, open_page: Open, company: Company) -> Enter:
    """Log the company's owner in, or whoever else of it is named."""

    def log_somebody_in(email: str = "", **window: object) -> Page:
        page = open_page(**window)
        page.goto(f"{site.base}/accounts/login/")
        log_in(page, email or company.owner, people.PASSWORD)
        return page

    return log_somebody_in


def test_a_product_topped_up_by_card_has_the_money_and_the_wallet_is_left_alone(
    site: Site, enter: Enter, company: Company
) -> None:
    page = enter()
    products.open_top_up(page, site)
    expect(page.get_by_text("it can only be used within WhatsApp")).to_be_visible()
    screenshot(page, "product-topup")
    page.locator("#id_amount").fill("100")
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url(re.compile("/c/pay/"))
    number = order_number(page)
    pay(page)
    expect(page.get_by_text("New balance: USD $100.00")).to_be_visible()
    screenshot(page, "product-return")
    products.expect_product(page, site, "$100.00")
    products.expect_wallet(page, site, "$500.00")
    page.get_by_role("link", name="Order Details").click()
    row = page.locator("tr", has_text=number)
    expect(row).to_contain_text("WhatsApp")
    row.get_by_role("link", name=number).click()
    expect(page.locator(".facts").first).to_contain_text(products.find_number(site, company))
    screenshot(page, "product-order")


def test_a_product_topped_up_in_rmb_is_credited_when_two_of_finance_agree(
    site: Site, enter: Enter, open_page: Open, company: Company
) -> None:
    page = enter()
    products.open_top_up(page, site)
    page.get_by_role("radio", name="Offline transfer").check()
    page.get_by_role("radio", name="RMB (CNY").check()
    page.locator("#id_amount").fill("7200")
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url(re.compile("/transfer/$"))
    sent = offline.read_sheet(page, site)
    number = products.find_number(site, company)
    expect(page.locator("main")).to_contain_text("WhatsApp")
    expect(page.locator("main")).to_contain_text(number)
    screenshot(page, "product-sheet")
    offline.declare(page)
    _approve_by_two(open_page, site, sent)
    products.expect_product(page, site, "$1,000.00")
    products.expect_wallet(page, site, "$500.00")
    page.goto(f"{site.base}/billing/orders/{sent.number}/")
    expect(page.locator(".facts").first).to_contain_text(number)


def _approve_by_two(open_page: Open, site: Site, sent: Sent) -> None:
    fiona = at_work(open_page, site, "fiona")
    offline.open_desk(fiona, site, sent)
    expect(fiona.locator("body")).to_contain_text("WhatsApp")
    offline.act(fiona, "Take")
    offline.type_facts(fiona, "7200.00", number=f"B{sent.reference}")
    offline.act(fiona, "Show what it comes to")
    offline.act(fiona, "Record for others to approve")
    expect(fiona.get_by_text("Recorded:")).to_be_visible()
    felix = at_work(open_page, site, "felix")
    offline.open_desk(felix, site, sent)
    offline.act(felix, "Approve and credit")
    expect(felix.get_by_text("Approved and credited")).to_be_visible()
    assert state_of(site, sent) == "PAID"


@pytest.mark.parametrize(("width", "javascript"), [(1440, "on"), (360, "off")])
def test_a_move_from_the_wallet_is_reviewed_made_and_undone(
    site: Site, enter: Enter, width: int, javascript: str
) -> None:
    page = enter(width=width, javascript=javascript)
    products.open_top_up(page, site)
    products.choose_wallet(page, "120")
    screenshot(page, f"move-form-{width}")
    products.review(page)
    assert products.read_changes(page) == {
        "Wallet": ["USD $500.00", "USD $380.00"],
        "WhatsApp": ["USD $0.00", "USD $120.00"],
    }
    screenshot(page, f"move-{width}")
    number = products.move_now(page)
    expect(page.locator(".badge").first).to_have_text("Paid")
    screenshot(page, f"move-order-{width}")
    page.get_by_role("link", name="Receipt", exact=True).click()
    expect(page.locator("main")).to_contain_text("Moved from the wallet")
    expect(page.locator("main")).to_contain_text(number)
    products.expect_product(page, site, "$120.00")
    products.expect_wallet(page, site, "$380.00")

    page.goto(f"{site.base}/billing/orders/{number}/")
    page.get_by_role("link", name="Undo", exact=True).click()
    assert products.read_changes(page)["Wallet"] == ["USD $380.00", "USD $500.00"]
    screenshot(page, f"undo-{width}")
    page.get_by_role("button", name=re.compile(r"^Move .* back$")).click()
    expect(page.get_by_text("USD $120.00 is back in the wallet.")).to_be_visible()
    expect(page.locator(".badge").first).to_have_text("Undone")
    expect(page.get_by_role("link", name="Undo", exact=True)).to_have_count(0)
    products.expect_product(page, site, "$0.00")
    products.expect_wallet(page, site, "$500.00")


def test_the_page_reckons_what_fills_a_product_and_what_all_of_the_wallet_is(site: Site, enter: Enter) -> None:
    page = enter(javascript="off")
    products.open_top_up(page, site)
    products.choose_wallet(page)
    page.get_by_role("radio", name="Fill up to").check()
    page.locator("#id_fill_to").fill("80")
    products.review(page)
    assert products.read_changes(page)["WhatsApp"] == ["USD $0.00", "USD $80.00"]
    products.move_now(page)
    products.open_top_up(page, site)
    products.choose_wallet(page)
    page.get_by_role("radio", name="All of it").check()
    products.review(page)
    assert products.read_changes(page) == {
        "Wallet": ["USD $420.00", "USD $0.00"],
        "WhatsApp": ["USD $80.00", "USD $500.00"],
    }
    products.move_now(page)
    products.expect_wallet(page, site, "$0.00")


def test_a_wallet_that_holds_too_little_offers_just_what_is_missing(site: Site, enter: Enter, company: Company) -> None:
    page = enter()
    products.open_top_up(page, site)
    products.choose_wallet(page, "620")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("USD $120.00 is missing in the wallet")).to_be_visible()
    screenshot(page, "wallet-too-low")
    page.get_by_role("link", name="Top up the wallet by USD $120.00").click()
    expect(page.locator("#id_amount")).to_have_value("120.00")
    assert products.count_moves(site, company) == 0


@pytest.mark.parametrize(("clicks", "javascript"), [(2, "on"), (3, "off")])
def test_clicking_again_and_again_and_going_back_makes_one_move(
    site: Site, enter: Enter, company: Company, clicks: int, javascript: str
) -> None:
    page = enter(javascript=javascript)
    products.open_top_up(page, site)
    products.choose_wallet(page, "50")
    products.review(page)
    button = re.compile(r"^Move .* now$")
    page.get_by_role("button", name=button).click(click_count=clicks, no_wait_after=True)
    number = products.read_number(page)
    with contextlib.suppress(Error):
        page.go_back()  # the browser asks first whether to send the form once more
    with contextlib.suppress(Error):
        page.wait_for_url("chrome-error:**")  # its own page, which may also end the wait as an aborted navigation
    page.reload()
    assert products.read_number(page) == number
    assert products.count_moves(site, company) == 1
    products.expect_wallet(page, site, "$450.00")


def test_the_same_review_confirmed_in_two_tabs_moves_once(site: Site, enter: Enter, company: Company) -> None:
    page = enter()
    products.open_top_up(page, site)
    products.choose_wallet(page, "50")
    token = page.locator("input[name=form_token]").first.input_value()
    other = page.context.new_page()
    other.goto(page.url)
    products.choose_wallet(other, "50")
    other.locator("form.topup input[name=form_token]").evaluate("(field, value) => { field.value = value }", token)
    for tab in (page, other):
        products.review(tab)
    number = products.move_now(page)
    assert products.move_now(other) == number
    assert products.count_moves(site, company) == 1


def test_several_products_are_topped_up_in_one_step(site: Site, enter: Enter, company: Company) -> None:
    page = enter()
    page.goto(f"{site.base}/products/")
    page.get_by_role("link", name="Move money to several").click()
    page.get_by_label("WhatsApp").fill("100")
    page.get_by_label("SMS").fill("60.50")
    screenshot(page, "several")
    page.get_by_role("button", name="Review").click()
    assert products.read_changes(page) == {
        "Wallet": ["USD $500.00", "USD $339.50"],
        "WhatsApp": ["USD $0.00", "USD $100.00"],
        "SMS": ["USD $0.00", "USD $60.50"],
    }
    screenshot(page, "several-review")
    page.get_by_role("button", name="Move $160.50 now").click(click_count=2, no_wait_after=True)
    expect(page.get_by_role("heading", name="What was moved")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(2)
    screenshot(page, "several-done")
    assert products.count_moves(site, company) == 2
    products.expect_product(page, site, "$60.50", slug="sms")
    products.expect_wallet(page, site, "$339.50")


def test_a_key_made_by_olivia_charges_until_the_balance_is_used_up(
    site: Site, enter: Enter, open_page: Open, company: Company
) -> None:
    olivia = at_work(open_page, site, "olivia")
    olivia.goto(f"{site.base}/admin/products/apikey/")
    olivia.get_by_role("link", name="Make a key for a product's back end").click()
    olivia.locator("#id_product").select_option(label="WhatsApp")
    olivia.locator("#id_name").fill("WhatsApp back end")
    olivia.get_by_role("button", name="Make the key").dblclick(no_wait_after=True)
    expect(olivia.get_by_text("it is shown this once")).to_be_visible()
    screenshot(olivia, "admin-key-made")
    secret = olivia.locator("pre").inner_text().strip()
    olivia.goto(f"{site.base}/admin/products/apikey/")
    assert secret not in olivia.content()

    page = enter()
    _move(page, site, "100")
    number = products.find_number(site, company)
    back_end = BackEnd(base=site.base, key=secret)
    first = back_end.charge(number, "0.0525", request_id="message-1", description="Verification to +44")
    again = back_end.charge(number, "0.0525", request_id="message-1", description="Verification to +44")
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert first.json()["balance_after"] == "99.947500"
    refused = back_end.charge(number, "99.95", request_id="message-2")
    assert refused.json()["error"]["code"] == 110
    assert refused.json()["error"]["message"] == "Account balance is insufficient"

    products.expect_product(page, site, "$99.94")
    entry = page.locator("#entries tbody tr").first
    expect(entry).to_contain_text("Verification to +44")
    expect(entry).to_contain_text("0.0525")
    expect(page.locator("#entries tbody tr")).to_have_count(2)
    screenshot(page, "product-used")
    products.expect_wallet(page, site, "$400.00")

    page.goto(f"{site.base}/billing/orders/?method=BALANCE")
    page.locator("table a[href*='/billing/orders/TU']").first.click()
    page.get_by_role("link", name="Undo", exact=True).click()
    screenshot(page, "undo-spent")
    if page.get_by_role("button", name=re.compile("^Move .* back$")).count():
        page.get_by_role("button", name=re.compile("^Move .* back$")).click()
    expect(page.get_by_role("heading", name="A part of it is spent")).to_be_visible()
    screenshot(page, "undo-refused")


def test_a_balance_that_runs_low_is_told_by_mail_and_callback_and_filled_from_the_wallet(
    site: Site, enter: Enter, back_end: BackEnd, company: Company
) -> None:
    page = enter()
    _move(page, site, "160")
    number = products.find_number(site, company)
    with receiving(site.receiver_url) as receiver:
        secret = _add_callback(page, site, receiver.url)
        _set_auto_fill(page, site)
        _watch(page, site)
        assert back_end.charge(number, "25", request_id="messages").status_code == 201
        wait_until(lambda: products.count_moves(site, company) == 2, "auto-fill to fill WhatsApp")
        products.expect_product(page, site, "$145.00")
        products.expect_wallet(page, site, "$330.00")
        filled = _open_latest_order(page, site)
        expect(page.locator("main")).to_contain_text("by auto-fill")
        screenshot(page, "auto-fill-order")
        wait_until(lambda: bool(receiver.told("balance.low")), "the callback of the low balance")
        wait_until(lambda: _count_told(receiver, filled) == 1, "the callback of the order")
        _send_again(page, site, filled)
        wait_until(lambda: _count_told(receiver, filled) == 2, "the callback once more")
        assert all(_is_signed(call, secret) for call in receiver.calls)
    wait_until(lambda: _was_told_by_mail(site, company), "the mail of the low balance")


def _move(page: Page, site: Site, amount: str) -> str:
    products.open_top_up(page, site)
    products.choose_wallet(page, amount)
    products.review(page)
    return products.move_now(page)


def _set_auto_fill(page: Page, site: Site) -> None:
    """Below $140, by $10 at a time; tried out first."""
    page.goto(f"{site.base}/billing/auto-fill/whatsapp/")
    page.get_by_label("Fill it when the balance falls below").fill("140")
    page.get_by_role("radio", name="Always the same amount").check()
    page.get_by_label("This amount, or up to this balance").fill("10")
    page.get_by_label("Always leave in the wallet").fill("50")
    page.get_by_label("Move at most a day").fill("200")
    page.get_by_role("button", name="Try it on the last 30 days").click()
    expect(page.get_by_text("It would have moved USD $140.00 in 14 moves.")).to_be_visible()
    screenshot(page, "auto-fill-tried")
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_text("Auto-fill of WhatsApp is on.")).to_be_visible()
    screenshot(page, "auto-fill")


def _watch(page: Page, site: Site) -> None:
    """Set the threshold of WhatsApp's alert to $150, as soon as the sweep has begun to watch it."""
    change = page.locator("a[href*='change=product']")

    def is_watched() -> bool:
        page.goto(f"{site.base}/billing/alerts/")
        return change.count() > 0

    wait_until(is_watched, "the sweep to watch WhatsApp")
    change.click()
    page.get_by_label("Threshold in US dollars").fill("150")
    screenshot(page, "alert-form")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("is saved.")).to_be_visible()
    screenshot(page, "alerts")


def _open_latest_order(page: Page, site: Site) -> str:
    page.goto(f"{site.base}/billing/orders/")
    page.locator("table a[href*='/billing/orders/TU']").first.click()
    return products.read_number(page)


def _add_callback(page: Page, site: Site, url: str) -> str:
    """The secret of the new address."""
    page.goto(f"{site.base}/billing/callbacks/")
    page.get_by_label("Address").fill(url)
    for box in page.locator("input[type=checkbox]").all():
        box.check()
    page.get_by_role("button", name="Add the address").click()
    expect(page.locator(".card", has_text=url).first).to_be_visible()
    screenshot(page, "callback-added")
    return page.locator("[data-copy]").first.get_attribute("data-copy") or ""


def _send_again(page: Page, site: Site, number: str) -> None:
    """The callback about this order, from the page, once it is known to be delivered."""
    row = page.locator("tbody tr", has=page.locator("pre", has_text=number))

    def is_delivered() -> bool:
        page.goto(f"{site.base}/billing/callbacks/")
        return row.get_by_role("button", name=re.compile("Send again")).count() == 1

    wait_until(is_delivered, "the callback to be known as delivered")
    screenshot(page, "callbacks")
    row.get_by_role("button", name=re.compile("Send again")).click()


def _count_told(receiver: Receiver, number: str) -> int:
    return sum(number in call.body for call in receiver.calls)


def _was_told_by_mail(site: Site, company: Company) -> bool:
    mails = site.mails().split("Content-Type: text/plain")
    return any(f"To: {company.owner}" in before for before in mails) and "WhatsApp is low" in site.mails()


def _is_signed(call: Call, secret: str) -> bool:
    parts = dict(part.split("=", 1) for part in call.headers["X-CALLBACK-ID"].split(";"))
    stamp = parts["timestamp"] + parts["nonce"]

    def digest(text: str) -> str:
        return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()

    return (
        parts["signature"] == digest(stamp + parts["username"])
        and call.headers["X-CALLBACK-BODY"] == f"sha256={digest(stamp + call.body)}"
    )


def test_money_in_the_wrong_product_is_put_right_by_two_of_finance(
    site: Site, enter: Enter, open_page: Open, company: Company
) -> None:
    page = enter()
    products.open_top_up(page, site)
    page.locator("#id_amount").fill("100")
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url(re.compile("/c/pay/"))
    number = order_number(page)
    pay(page)
    page.wait_for_url(re.compile("/return/"))
    fiona = at_work(open_page, site, "fiona")
    fiona.goto(f"{site.base}/admin/billing/order/?q={number}")
    fiona.locator("#result_list a", has_text=number).first.click()
    fiona.get_by_role("link", name="Correct the balance").click()
    fiona.locator("input[name=target][value='product:sms']").check()
    fiona.locator("#id_reason").fill("Paid into WhatsApp, meant for SMS")
    screenshot(fiona, "correction-propose")
    fiona.get_by_role("button", name="Propose").click()
    expect(fiona.get_by_text("Somebody else has to approve it")).to_be_visible()
    screenshot(fiona, "correction-proposed")
    products.expect_product(page, site, "$100.00")
    felix = at_work(open_page, site, "felix")
    felix.goto(f"{site.base}/admin/billing/correction/")
    felix.locator("#result_list a", has_text=number).first.click()
    felix.get_by_role("link", name="Approve").click()
    screenshot(felix, "correction-approve")
    felix.get_by_role("button", name="Approve").click()
    expect(felix.get_by_text("Corrected: credited as order")).to_be_visible()
    screenshot(felix, "correction-approved")
    products.expect_product(page, site, "$0.00")
    products.expect_product(page, site, "$100.00", slug="sms")
    page.goto(f"{site.base}/billing/orders/{number}/")
    screenshot(page, "corrected")
    page.locator("dt", has_text="Followed by").locator("xpath=following-sibling::dd[1]").get_by_role("link").click()
    expect(page.locator("main")).to_contain_text("SMS")
    expect(page.locator("main")).to_contain_text(number)


def test_a_member_limited_to_one_product_sees_only_this_one(site: Site, enter: Enter, company: Company) -> None:
    page = enter()
    _move(page, site, "50")
    page.goto(f"{site.base}/accounts/members/")
    page.locator("summary", has_text="Manage: Victor").click()
    page.locator("main").get_by_role("link", name="Products", exact=True).click()
    page.get_by_role("radio", name="Only these:").check()
    page.get_by_role("checkbox", name="SMS").check()
    screenshot(page, "access")
    page.get_by_role("button", name="Save").click()
    victor = enter(company.colleague)
    victor.goto(f"{site.base}/products/")
    expect(victor.locator(".product")).to_have_count(1)
    expect(victor.locator(".product")).to_contain_text("SMS")
    for address in ("/products/whatsapp/", "/products/whatsapp/topup/", "/billing/auto-fill/whatsapp/"):
        answer = victor.goto(f"{site.base}{address}")
        assert answer is not None
        assert answer.status == 404
    victor.goto(f"{site.base}/billing/orders/")
    expect(victor.locator("main")).not_to_contain_text("WhatsApp")
    victor.goto(f"{site.base}/")
    expect(victor.locator("main")).not_to_contain_text("WhatsApp")
    screenshot(victor, "limited-home")
