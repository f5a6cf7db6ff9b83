"""Finance's day in a real browser: the queue, the statement, what is short, and what is sent back."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser import offline
from tests.browser.conftest import screenshot
from tests.browser.offline import Bank, Open, Sent, at_work, state_of
from tests.browser.site import Site
from tests.payments.bank_files import Row

Owner = Callable[..., Page]


def arriving(sent: Sent, amount: str, *, text: str | None = None) -> Row:
    """A line of the statement; it quotes the reference unless told otherwise."""
    quoted = sent.reference if text is None else text
    return Row(amount=amount, reference=f"N{sent.reference}", text=f"{offline.PAYER} {quoted}")


def import_statement(page: Page, site: Site, *rows: Row) -> None:
    """Choose the account and the file, look at the preview, import."""
    path = Bank(site=site).save(*rows)
    page.goto(f"{site.base}/admin/payments/statementfile/")
    page.get_by_role("link", name="Import a statement").click()
    page.wait_for_url("**/import/")
    options = page.locator("#id_account option").all_inner_texts()
    page.locator("#id_account").select_option(label=next(option for option in options if "demo-cny" in option))
    page.locator("input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("button", name="Import", exact=True)).to_be_visible()
    screenshot(page, "import-preview")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("The ledger has every line that came in.")).to_be_visible()
    screenshot(page, "imported")


@pytest.mark.parametrize("javascript", ["on", "off"])
def test_a_statement_imported_by_felix_is_approved_by_fiona_in_one_step(
    site: Site, owner: Owner, open_page: Open, javascript: str
) -> None:
    page = owner(javascript=javascript)
    sent = offline.declared(page, site, "7200")
    felix = at_work(open_page, site, "felix")
    import_statement(felix, site, arriving(sent, "7200"))
    offline.open_desk(felix, site, sent)
    expect(felix.get_by_text("You imported the statement").first).to_be_visible()
    expect(felix.locator("button[name=then][value=approve]")).to_have_count(0)

    fiona = at_work(open_page, site, "fiona", javascript=javascript)
    offline.open_desk(fiona, site, sent)
    screenshot(fiona, f"desk-exact-{javascript}")
    button = fiona.get_by_role("button", name="Record, approve and credit")
    button.click(click_count=3, no_wait_after=True)
    expect(fiona.get_by_text("Approved and credited")).to_be_visible()
    expect_balance(page, site, "$1,000.00")
    assert count_credits(site, sent) == 1


def test_exact_lines_are_approved_together(site: Site, owner: Owner, open_page: Open) -> None:
    page = owner()
    sent = [offline.declared(page, site, "7200") for _ in range(3)]
    import_statement(at_work(open_page, site, "felix"), site, *(arriving(one, "7200") for one in sent))
    fiona = at_work(open_page, site, "fiona")
    fiona.goto(f"{site.base}/admin/payments/bankline/exact/")
    screenshot(fiona, "exact")
    for box in fiona.locator("input[name=line]").all():
        box.set_checked(any(one.reference in str(box.get_attribute("aria-label")) for one in sent))
    fiona.get_by_role("button", name="Approve those checked").click()
    expect(fiona.get_by_text("Approved and credited: 3.")).to_be_visible()
    expect_balance(page, site, "$3,000.00")


def test_a_rejected_transfer_is_corrected_and_paid(site: Site, owner: Owner, open_page: Open) -> None:
    page = owner()
    sent = offline.declared(page, site, "7200")
    fiona = at_work(open_page, site, "fiona")
    offline.open_desk(fiona, site, sent)
    fiona.get_by_role("link", name=re.compile("^Reject")).click()
    fiona.get_by_label("In your own words").fill("The payer is another company than yours.")
    offline.act(fiona, "Show what the customer reads")
    screenshot(fiona, "reject")
    offline.act(fiona, "Reject")
    expect(fiona.get_by_text(f"Rejected: {sent.reference}")).to_be_visible()

    page.goto(f"{site.base}/payments/orders/{sent.number}/transfer/")
    expect(page.get_by_text("The payer is another company than yours.").first).to_be_visible()
    screenshot(page, "rejected")
    offline.declare(page, payer="Newcomer 1 Ltd", button="Submit again")
    assert state_of(site, sent) == "IN_REVIEW"
    offline.open_desk(fiona, site, sent)
    offline.type_facts(fiona, "7200.00", number=f"C{sent.reference}")
    offline.act(fiona, "Show what it comes to")
    offline.act(fiona, "Record for others to approve")
    felix = at_work(open_page, site, "felix")
    offline.open_desk(felix, site, sent)
    offline.act(felix, "Approve and credit")
    expect_balance(page, site, "$1,000.00")


def test_money_that_came_short_waits_for_its_rest(site: Site, owner: Owner, open_page: Open) -> None:
    page = owner()
    sent = offline.declared(page, site, "14400")
    felix, fiona = at_work(open_page, site, "felix"), at_work(open_page, site, "fiona")
    import_statement(felix, site, arriving(sent, "10000"))
    offline.open_desk(fiona, site, sent)
    fiona.locator("input[name=line]").check()
    screenshot(fiona, "desk-short")
    offline.act(fiona, "Wait for the rest")
    expect(fiona.get_by_text("Kept until the rest arrives")).to_be_visible()
    page.goto(f"{site.base}/payments/orders/{sent.number}/transfer/")
    screenshot(page, "part-arrived")
    import_statement(felix, site, Row(amount="4400", reference=f"M{sent.reference}", text=sent.reference))
    offline.open_desk(fiona, site, sent)
    for line in fiona.locator("input[name=line]").all():
        line.check()
    offline.act(fiona, "Show what it comes to")
    screenshot(fiona, "desk-rest")
    offline.act(fiona, "Record, approve and credit")
    expect(fiona.get_by_text("Approved and credited")).to_be_visible()
    expect_balance(page, site, "$2,000.00")


def test_above_the_limit_two_people_say_yes(site: Site, owner: Owner, open_page: Open) -> None:
    page = owner()
    sent = offline.declared(page, site, "288000")
    import_statement(at_work(open_page, site, "felix"), site, arriving(sent, "288000"))
    fiona = at_work(open_page, site, "fiona")
    offline.open_desk(fiona, site, sent)
    offline.act(fiona, "Record and approve as the first")
    expect(fiona.get_by_text("your approval is recorded")).to_be_visible()
    assert state_of(site, sent) == "IN_REVIEW"
    frank = at_work(open_page, site, "frank")
    offline.open_desk(frank, site, sent)
    frank.get_by_role("button", name="Approve and credit").click(click_count=2, no_wait_after=True)
    expect(frank.get_by_text("Approved and credited")).to_be_visible()
    expect_balance(page, site, "$40,000.00")
    assert count_credits(site, sent) == 1


def test_the_next_one_is_the_longest_waiting_and_nobody_elses(site: Site, owner: Owner, open_page: Open) -> None:
    page = owner()
    for _ in range(2):
        offline.declared(page, site, "500")
    fiona, felix = at_work(open_page, site, "fiona"), at_work(open_page, site, "felix")
    for person in (fiona, felix):
        person.goto(f"{site.base}/admin/payments/transfer/")
        screenshot(person, "queue")
        offline.act(person, "Take the next")
        expect(person.get_by_text("taken by you until")).to_be_visible()
    assert fiona.url != felix.url
    felix.goto(fiona.url)
    expect(felix.get_by_text("Fiona works on it until")).to_be_visible()
    expect(felix.get_by_text("Record for others to approve")).to_have_count(0)
    fiona.keyboard.press("g")
    expect(fiona).to_have_url(f"{site.base}/admin/payments/transfer/")
    felix.reload()
    expect(felix.get_by_role("button", name=re.compile("^Take"))).to_be_visible()


def expect_balance(page: Page, site: Site, figure: str) -> None:
    page.goto(f"{site.base}/")
    expect(page.locator(".balance-figure")).to_contain_text(figure)


def count_credits(site: Site, sent: Sent) -> int:
    statement = "SELECT count(*) FROM wallet_posting WHERE order_number = %s AND kind = 'TOP_UP'"
    return int(site.query(statement, sent.number)[0][0])
