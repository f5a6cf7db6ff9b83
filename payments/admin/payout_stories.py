"""Payouts as tables: what is at Stripe or on its way, and what one payout holds."""

from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from payments import clearing
from payments.admin import balance_transactions
from payments.admin.balance_transactions import show
from payments.models import BalanceTransaction, Payout
from wallet.admin import cells

_MOST = 500
"""So many transactions stand on a payout's page; the list has them all."""


def tell(payout: Payout) -> list[dict[str, Any]]:
    """What one payout holds, by type and one by one."""
    return [_tell_sums(payout), _tell_items(payout)]


def tell_clearing() -> dict[str, Any]:
    """What of the ledger's clearing account is where, for the top of the list."""
    found = clearing.clearing_open(timezone.now())
    rows = [
        (_("In the ledger, as at Stripe"), show(found.ledger)),
        (_("In payouts on their way"), show(found.on_the_way)),
        (_("At Stripe, in no payout yet"), show(found.at_stripe)),
        (_("In the ledger, and not on Stripe's list"), show(found.unlisted)),
        (_("On Stripe's list, and agreeing with nothing here"), show(found.differences)),
    ]
    return {"title": _("What is at Stripe or on its way"), "headers": ("", ""), "rows": rows}


def say_place(payout: Payout) -> Any:
    """Where its money is."""
    if payout.reversed_at and payout.back_line_id is None:
        return _("Failed; the bank has not taken it back yet")
    if payout.state in Payout.ENDED_IN_NOTHING:
        return _("At Stripe again")
    if payout.amount.amount <= 0:
        return _("Stripe takes it from our bank account: book the bank line by hand")
    return pgettext_lazy("payout", "At the bank") if payout.line_id else pgettext_lazy("payout", "On its way")


def _tell_sums(payout: Payout) -> dict[str, Any]:
    sums = clearing.sum_types(payout.transactions.besides_payouts())
    return {
        "title": _("Sums by type"),
        "headers": (_("type"), _("count"), _("amount"), _("fee"), _("net")),
        "rows": [(one.type, one.count, show(one.amount), show(one.fee), show(one.net)) for one in sums],
    }


def _tell_items(payout: Payout) -> dict[str, Any]:
    items = BalanceTransaction.objects.filter(payout=payout).order_by("stripe_created_at", "id")[:_MOST]
    return {
        "title": _("Transactions"),
        "headers": (_("made at Stripe"), _("transaction"), _("type"), _("amount"), _("fee"), _("what became of it")),
        "rows": [
            (
                cells.show_moment(item.stripe_created_at),
                cells.link_to(reverse("admin:payments_balancetransaction_change", args=[item.pk]), item.stripe_id),
                item.type,
                show(item.amount),
                f"{item.fee:.2f}",
                balance_transactions.explain(item) or item.get_outcome_display(),
            )
            for item in items
        ],
    }
