"""Finance's day and month, page by page, as docs/finance.md goes through them; in the language of the window."""

import re
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser

from tests.browser.offline import Bank
from tests.browser.site import Site
from tests.payments.bank_files import Row
from tests.screens.camera import Camera, Language, window

_DESK: Final = "SELECT id::text FROM payments_transfer WHERE amount = 288000"
_UNKNOWN: Final = "SELECT id::text FROM payments_bankline WHERE starts_with(text, 'Pinewood') ORDER BY id LIMIT 1"
_CARD_REFUND: Final = """SELECT r.id::text FROM billing_refund r JOIN billing_order o ON o.id = r.order_id
    WHERE r.state = 'ASKED' AND o.method = 'CARD' ORDER BY r.id LIMIT 1"""
_PREPARED_REFUND: Final = """SELECT r.id::text FROM billing_refund r JOIN payments_bankrefund b ON b.refund_id = r.id
    WHERE r.state = 'ASKED' ORDER BY r.id LIMIT 1"""
_DISPUTE: Final = "SELECT id::text FROM billing_dispute WHERE state = 'OPEN' ORDER BY id LIMIT 1"
_FAPIAO: Final = "SELECT id::text FROM billing_fapiao WHERE state = 'REQUESTED' ORDER BY id LIMIT 1"
_OPEN_DAY: Final = "SELECT id::text FROM payments_dayclose ORDER BY day DESC LIMIT 1"
_POSTED: Final = """SELECT o.number FROM billing_order o JOIN payments_transfer t ON t.order_id = o.id
    WHERE o.state = 'PAID' AND o.paid_currency = 'CNY' ORDER BY o.id DESC LIMIT 1"""
_READ_BALANCE: Final = """
from django.utils import timezone
from payments import sweeps
sweeps.read_balance(now=timezone.now())
"""


def prepare(browser: Browser, site: Site, folder: Path) -> None:
    """Stripe's list is read once more, as within the hour, and the payment at the bank that one of finance prepared is
    approved by another, so that it waits to be paid.
    """
    site.manage("shell", "--no-imports", "-c", _READ_BALANCE)
    with window(browser, site, folder, who="felix") as felix:
        felix.go(f"/admin/billing/refund/{_find(site, _PREPARED_REFUND)}/approve/")
        felix.page.locator("form").get_by_role("button", name="Approve", exact=True).click()
        felix.page.get_by_text("Approved; it is to be paid at the bank now.").wait_for()


def take(browser: Browser, site: Site, folder: Path, *, language: Language) -> None:
    with window(browser, site, folder, who="fiona", language=language) as fiona:
        fiona.take("finance", "/admin/")
        _take_import(fiona)
        fiona.take("queue", "/admin/payments/transfer/")
        fiona.take("desk", f"/admin/payments/transfer/{_find(site, _DESK)}/desk/")
        fiona.take("line", f"/admin/payments/bankline/{_find(site, _UNKNOWN)}/assign/")
        fiona.take("refund-approve", f"/admin/billing/refund/{_find(site, _CARD_REFUND)}/approve/")
        fiona.take("refunds-to-pay", "/admin/billing/refund/to-pay/")
        fiona.take("dispute", f"/admin/billing/dispute/{_find(site, _DISPUTE)}/change/")
        fiona.take("fapiao-issue", f"/admin/billing/fapiao/{_find(site, _FAPIAO)}/issue/")
        fiona.take("payouts", "/admin/payments/payout/")
        day = _find(site, _OPEN_DAY)
        fiona.take("day", f"/admin/payments/dayclose/{day}/change/")
        fiona.take("sign", f"/admin/payments/dayclose/{day}/sign/")
        fiona.take("month", "/admin/payments/dayclose/month/")
        fiona.take("posting", f"/admin/postings/show/?q={_find(site, _POSTED)}")


def take_tiles(browser: Browser, site: Site, folder: Path) -> None:
    with window(browser, site, folder, who="fiona") as fiona:
        fiona.go(f"/admin/payments/transfer/{_find(site, _DESK)}/desk/")
        fiona.tile("desk")
        fiona.go(f"/admin/payments/dayclose/{_find(site, _OPEN_DAY)}/sign/")
        fiona.tile("sign")


def _take_import(fiona: Camera) -> None:
    """The preview of a statement, which stores nothing."""
    page = fiona.page
    fiona.go("/admin/payments/statementfile/import/")
    account = page.locator("#id_account option", has_text=re.compile("demo-cny")).first.get_attribute("value")
    page.locator("#id_account").select_option(value=account)
    page.locator("input[type=file]").set_input_files(Bank(site=fiona.site).save(*_list_rows(fiona.site)))
    page.locator("button[name=step][value=preview]").click()
    page.locator("button[name=step][value=import]").wait_for()
    fiona.shoot("import")


def _list_rows(site: Site) -> tuple[Row, ...]:
    """What came of the transfer that waits to be declared, and money that names nobody."""
    [(reference,)] = site.query(
        "SELECT t.reference FROM payments_transfer t JOIN billing_order o ON o.id = t.order_id "
        "WHERE o.state = 'PENDING' AND o.paid = 7200 ORDER BY o.id DESC LIMIT 1"
    )
    return (
        Row(amount="7200", reference="FT910001", text=f"Acme Messaging Ltd {reference}"),
        Row(amount="7100", reference="FT910002", text=f"Acme Messaging Ltd {reference}"),
        Row(amount="2500", reference="FT910003", text="Willow Trading"),
    )


def _find(site: Site, statement: str) -> str:
    return str(site.query(statement)[0][0])
