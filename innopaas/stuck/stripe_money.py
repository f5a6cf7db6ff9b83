"""Money that is stuck between Stripe, the bank and us: what is late after five business days."""

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any

from django.db.models import Count, Min, Sum
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from innopaas.stuck.rows import MOST, Act, Stuck
from payments import clearing
from payments.models import SETTLEMENT_CURRENCY, BalanceTransaction, Payout
from wallet.calendar import BOOKS
from wallet.money import labelled

_FINDS = "payments.change_payout"
_SEES = "payments.view_balancetransaction"


def find_payouts(now: datetime) -> Sequence[Stuck]:
    """Payouts that should be at the bank, and failed ones whose money the bank has not taken back."""
    late = clearing.list_late_payouts(now).order_by("arrival_on", "id")[: MOST + 1]
    failed = clearing.list_late_failures(now)[: MOST + 1]
    rows = [*map(_tell_late, late), *map(_tell_failed, failed)]
    return sorted(rows, key=lambda row: row.since or now)[: MOST + 1]


def find_unpaid(now: datetime) -> Sequence[Stuck]:
    """All money together that Stripe might have paid out: it has one cause, a setting or a hold at Stripe."""
    late = clearing.list_late_transactions(now).order_by()
    sums = late.aggregate(since=Min("available_at"), net=Sum("net"), count=Count("pk"))
    if not sums["count"]:
        return []
    page = f"{reverse('admin:payments_balancetransaction_changelist')}?attention=unpaid"
    return [
        Stuck(
            subject=labelled(Money(sums["net"], SETTLEMENT_CURRENCY)),
            address=page,
            since=sums["since"],
            why=_("Stripe could have paid it out 5 business days ago: look at its payout settings, and for a hold."),
            act=Act(title=_("Look at the transactions"), address=page, permission=_SEES),
        )
    ]


def find_differences(now: datetime) -> Sequence[Stuck]:
    """What Stripe lists and nothing here agrees with."""
    late = clearing.list_late_differences(now).order_by("stripe_created_at", "id")
    return [_tell_difference(transaction) for transaction in late[: MOST + 1]]


def _tell_late(payout: Payout) -> Stuck:
    return Stuck(
        subject=_name(payout),
        address=reverse("admin:payments_payout_change", args=[payout.pk]),
        since=datetime.combine(payout.arrival_on, time(0), BOOKS),
        why=_("The bank should have had it by then, and no bank line was found to be it."),
        act=Act(
            title=_("Find the payout at the bank"),
            address=reverse("admin:payments_payout_match", args=[payout.pk]),
            permission=_FINDS,
        ),
    )


def _tell_failed(payout: Payout) -> Stuck:
    return Stuck(
        subject=_name(payout),
        address=reverse("admin:payments_payout_change", args=[payout.pk]),
        since=payout.reversed_at,
        why=_("It failed after it was at the bank, and no bank line shows that the bank sent it back."),
        act=Act(
            title=_("The bank sent it back"),
            address=reverse("admin:payments_payout_back", args=[payout.pk]),
            permission=_FINDS,
        ),
    )


def _tell_difference(transaction: BalanceTransaction) -> Stuck:
    page = reverse("admin:payments_balancetransaction_change", args=[transaction.pk])
    why: Any = " ".join(filter(None, (transaction.get_reason_display(), transaction.detail)))
    return Stuck(
        subject=f"{transaction.type} {transaction.stripe_id} · {labelled(transaction.amount)}",
        address=page,
        since=transaction.stripe_created_at,
        why=why or _("Nothing here agrees with it."),
        act=Act(title=_("Look at the transaction"), address=page, permission=_SEES),
    )


def _name(payout: Payout) -> str:
    return f"{payout.stripe_id} · {labelled(payout.amount)}"
