"""The admin's first page: what waits for whoever opened it, where the money is, and everything else in reach."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from innopaas.dashboard import afterwards, board, glance, house, transfers, work
from innopaas.dashboard.rows import Count
from payments.closing import charts
from wallet.calendar import business_date
from wallet.models import AuditRun

__all__ = ["Count", "fill", "list_counts"]

_SUBJECTS: Final[dict[Promise, tuple[tuple[str, Callable[[datetime], list[Count]]], ...]]] = {
    _("Transfers and bank lines"): (
        ("payments.view_transfer", transfers.count_transfers),
        ("payments.view_finding", transfers.count_assignments),
        ("payments.view_bankline", transfers.count_lines),
    ),
    _("Refunds, disputes, documents"): (
        ("billing.view_refund", afterwards.count_refunds),
        ("billing.view_dispute", afterwards.count_disputes),
        ("billing.view_fapiao", afterwards.count_fapiao),
        ("billing.view_correction", afterwards.count_corrections),
    ),
    _("Stripe, banks and closing"): (
        ("payments.view_dayclose", house.count_closes),
        ("payments.view_payout", house.count_payouts),
        ("payments.view_balancetransaction", house.count_transactions),
        ("payments.view_suspensemove", house.count_card_suspense),
        ("payments.view_housemove", house.count_house_moves),
    ),
    _("Orders and rules"): (
        ("billing.view_order", work.count_stuck),
        ("billing.view_flag", work.count_flags),
        ("payments.view_inboxevent", work.count_inbox),
        ("billing.view_exchangerate", house.count_rates),
        ("billing.view_legalentity", house.count_entities),
    ),
}
"""Who may see what, in the page's order."""


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds what this person may see."""
    user: Any = request.user
    now = timezone.now()
    found = list(_find(user, now=now))
    return context | {
        "title": _("Overview"),
        "counts": [count for _subject, counts in found for count in counts],
        "board": board.lay_out(found, user=user, now=now),
        "places": glance.list_places() if user.has_perm("wallet.view_account") else [],
        "audit": _find_audit(user),
        "volume": charts.draw_fortnight(business_date(now)) if user.has_perm("payments.view_dayclose") else None,
    }


def list_counts(user: Any, *, now: datetime) -> list[Count]:
    return [count for _subject, counts in _find(user, now=now) for count in counts]


def _find(user: Any, *, now: datetime) -> Iterator[tuple[Promise, list[Count]]]:
    for subject, finders in _SUBJECTS.items():
        yield subject, [count for permission, find in finders if user.has_perm(permission) for count in find(now)]


def _find_audit(user: Any) -> AuditRun | None:
    """The last one, where this person may see it."""
    return AuditRun.objects.order_by("-started_at").first() if user.has_perm("wallet.view_auditrun") else None
