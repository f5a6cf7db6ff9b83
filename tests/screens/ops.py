"""What ops see: an order with all behind it, an event of Stripe's, and what is stuck."""

from pathlib import Path
from typing import Final

from playwright.sync_api import Browser

from tests.browser.site import Site
from tests.screens.camera import window

_ORDER: Final = "SELECT id::text FROM billing_order WHERE state = 'PAID' AND method = 'CARD' ORDER BY id DESC LIMIT 1"
_TROUBLES: Final = (
    """UPDATE billing_order SET deadline_at = now() - interval '2 hours'
    WHERE id = (SELECT id FROM billing_order WHERE state = 'PENDING' AND method = 'CARD' ORDER BY id DESC LIMIT 1)""",
    """UPDATE payments_transfer SET expected_by = now() - interval '3 hours' WHERE id =
    (SELECT id FROM payments_transfer WHERE declared_at IS NOT NULL AND confirmed_at IS NULL ORDER BY id LIMIT 1)""",
    "UPDATE billing_dispute SET evidence_due_at = now() + interval '30 hours' WHERE state = 'OPEN'",
    """UPDATE billing_ordermail SET sent_at = NULL, attempts = 12, error = '550 5.1.1 mailbox unavailable',
    claimed_at = now() - interval '3 days' WHERE id = (SELECT id FROM billing_ordermail ORDER BY id DESC LIMIT 1)""",
)
"""Nothing of this comes about while workers live, or not for days."""


def take(browser: Browser, site: Site, folder: Path) -> None:
    """Comes last: it stops who would put right what is stuck."""
    with window(browser, site, folder, who="olivia") as olivia:
        olivia.take("ops", "/admin/")
        olivia.take("order-ops", f"/admin/billing/order/{site.query(_ORDER)[0][0]}/change/")
        olivia.take("events", "/admin/payments/inboxevent/", highest=900)
        for name in ("beat", "worker"):
            site.kill(name)
        for trouble in _TROUBLES:
            site.change(trouble)
        olivia.take("stuck", "/admin/stuck/")
    with window(browser, site, folder, who="frank", scheme="dark") as frank:
        frank.take("finance-dark", "/admin/")
