"""What people do on the way of an offline transfer, click by click, and the bank beside them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import FilePayload, Page

from tests.browser.conftest import log_in
from tests.browser.site import Site
from tests.payments.bank_files import Row, mt940
from wallet.calendar import business_date

PAYER = "Newcomer Ltd"
Open = Callable[..., Page]


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A transfer as its customer has its sheet before him."""

    number: str
    reference: str


@dataclass(frozen=True, kw_only=True)
class Account:
    """What a statement says of a receiving account of the demo."""

    code: str = "demo-cny"
    number: str = "1000200030004000500"
    currency: str = "CNY"


RMB = Account()
DOLLARS = Account(code="demo-usd", number="1000200030004000600", currency="USD")


@dataclass(kw_only=True)
class Bank:
    """The bank, which knows nothing of us and writes what arrived into statements that follow each other."""

    site: Site
    account: Account = field(default_factory=Account)

    def write(self, *rows: Row) -> bytes:
        opening = str(self._last_closing())
        return mt940(self.account, [list(rows)], opening=opening, first=today())  # type: ignore[arg-type]  # all it reads

    def save(self, *rows: Row) -> Path:
        """The statement as a file; every time another name."""
        number = len(list(self.site.folder.glob("*.sta")))
        path = self.site.folder / f"statement-{number}.sta"
        path.write_bytes(self.write(*rows))
        return path

    def _last_closing(self) -> object:
        statement = """SELECT f.opening FROM payments_statementfile f JOIN payments_bankaccount a ON a.id = f.account_id
            WHERE a.code = %s ORDER BY f.first_day, f.imported_at LIMIT 1"""
        changes = """SELECT coalesce(sum(CASE WHEN l.direction = 'IN' THEN l.amount ELSE -l.amount END), 0)
            FROM payments_bankline l JOIN payments_bankaccount a ON a.id = l.account_id
            WHERE a.code = %s AND l.file_id IS NOT NULL"""
        first = self.site.query(statement, self.account.code)
        return (first[0][0] if first else 0) + self.site.query(changes, self.account.code)[0][0]


def today() -> date:
    return business_date(datetime.now(UTC))


def draw_slip() -> FilePayload:
    """A picture, as a file input takes it."""
    kept = BytesIO()
    Image.new("RGB", (600, 400), "#dde").save(kept, "PNG")
    return {"name": "slip.png", "mimeType": "image/png", "buffer": kept.getvalue()}


def fill_form(page: Page, site: Site, amount: str, *, currency: str = "RMB (CNY") -> None:
    page.goto(f"{site.base}/")
    page.get_by_role("link", name="TOP UP").first.click()
    page.get_by_role("radio", name="Offline transfer").check()
    page.get_by_role("radio", name=currency).check()
    page.locator("#id_amount").fill(amount)


def begin(page: Page, site: Site, amount: str, *, currency: str = "RMB (CNY") -> Sent:
    fill_form(page, site, amount, currency=currency)
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url(re.compile("/transfer/$"))
    return read_sheet(page, site)


def read_sheet(page: Page, site: Site) -> Sent:
    found = re.search(r"TU\d{8}[0-9A-Z]{10}", page.url)
    assert found
    statement = (
        "SELECT t.reference FROM payments_transfer t JOIN billing_order o ON o.id = t.order_id WHERE o.number = %s"
    )
    return Sent(number=found[0], reference=str(site.query(statement, found[0])[0][0]))


def fill_declaration(page: Page, *, payer: str = PAYER, number: str = "") -> None:
    page.get_by_label("Name of the payer").fill(payer)
    page.get_by_label("Paid on").fill(f"{today():%Y-%m-%d}")
    page.get_by_label("Your bank's number of the transfer").fill(number)


def declare(page: Page, *, payer: str = PAYER, number: str = "", button: str = "I have paid") -> None:
    fill_declaration(page, payer=payer, number=number)
    page.get_by_role("button", name=button, exact=True).click()
    page.get_by_text("Thank you. Our finance team").wait_for()


def declared(page: Page, site: Site, amount: str, *, currency: str = "RMB (CNY") -> Sent:
    sent = begin(page, site, amount, currency=currency)
    declare(page)
    return sent


def state_of(site: Site, sent: Sent) -> str:
    return str(site.query("SELECT state FROM billing_order WHERE number = %s", sent.number)[0][0])


def at_work(open_page: Open, site: Site, name: str, **window: object) -> Page:
    """Somebody of the staff at his own browser, logged in."""
    page = open_page(**window)
    page.goto(f"{site.base}/accounts/login/")
    log_in(page, f"{name}@example.com")
    return page


def open_desk(page: Page, site: Site, sent: Sent) -> None:
    """Search the queue for the reference, and open its page."""
    page.goto(f"{site.base}/admin/payments/transfer/?state=all&q={sent.reference}")
    page.locator("#result_list a[href$='/desk/']").click()
    page.get_by_role("heading", name="Declared, and what the bank says").wait_for()


def type_facts(page: Page, amount: str, *, account: str = "demo-cny", number: str) -> None:
    """What the bank received, by hand."""
    page.get_by_text("Type what the bank received by hand").click()
    options = page.locator("#id_account option").all_inner_texts()
    page.locator("#id_account").select_option(label=next(option for option in options if account in option))
    page.locator("#id_line_amount").fill(amount)
    page.locator("#id_value_on").fill(f"{today():%Y-%m-%d}")
    page.locator("#id_bank_reference").fill(number)


def act(page: Page, name: str) -> None:
    """Press a button of the desk."""
    page.locator("button.desk-button", has_text=re.compile(rf"^\s*{re.escape(name)}\b")).first.click()
