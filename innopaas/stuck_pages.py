"""The page of what is stuck, for ops and finance, and the buttons of it that stand nowhere else."""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from kombu.exceptions import OperationalError

from billing import documents
from billing.models import Order
from innopaas import staff, stuck, tasks
from payments import refunding, stripe_api, sweeps
from payments.models import CardRefund, Heartbeat
from wallet.admin.people import find_person
from wallet.models import AuditRun, User

logger = logging.getLogger(__name__)

SEES = "billing.view_order"
AUDITS = "wallet.add_auditrun"
ASKS = "payments.change_inboxevent"
ISSUES = "billing.change_order"

_GROUPS: Final[dict[str, Promise]] = {
    "finance": _("finance"),
    "finance lead": _("finance lead"),
    "ops": _("ops"),
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One thing that is stuck, and whether its reader may do what helps."""

    stuck: stuck.Stuck
    may_act: bool
    who: str
    """The groups whose members may."""


@never_cache
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Everything that is stuck, by kind; and when the work that would free it was last done, also when nothing is."""
    by, now = find_person(request, permission=SEES), timezone.now()
    groups: list[dict[str, Any]] = [
        {"group": group, "rows": [_row(one, by=by) for one in group.shown]} for group in stuck.find(now=now)
    ]
    context = admin.site.each_context(request) | {
        "title": _("What is stuck"),
        "groups": groups,
        "most": stuck.MOST,
        "now": now,
        "swept_at": Heartbeat.objects.filter(name=sweeps.INBOX).values_list("beat_at", flat=True).first(),
        "audit": AuditRun.objects.order_by("-started_at").first(),
    }
    return render(request, "staff/stuck.html", context)


def _row(one: stuck.Stuck, *, by: User) -> Row:
    who = [str(_GROUPS[name]) for name, granted in staff.GROUPS.items() if one.act.permission in granted]
    return Row(stuck=one, may_act=by.has_perm(one.act.permission), who=" / ".join(who) or str(_("administrators")))


@require_POST
def run_audit(request: HttpRequest) -> HttpResponse:
    """Have a worker run the audit; its result is the next row of the list of audits."""
    by = find_person(request, permission=AUDITS)
    try:
        tasks.audit_ledger.apply_async(retry=False, ignore_result=True)
    except (OperationalError, OSError):
        messages.warning(request, _("No worker can be reached. Run it on the server: manage.py audit_ledger"))
    else:
        _log(by, AuditRun, "", str(_("Started by hand")))
        messages.success(request, _("The audit runs; its result stands here as soon as it has ended."))
    return redirect("stuck")


@require_POST
def ask_about_refund(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Have Stripe asked about a refund to a card at once; one that it was not sent yet is sent by the next sweep."""
    by, now = find_person(request, permission=ASKS), timezone.now()
    card = get_object_or_404(CardRefund.objects.select_related("refund"), pk=pk)
    try:
        said = _ask(card, by=str(by), now=now)
    except stripe_api.StripeUnavailable:
        messages.warning(request, _("Stripe cannot be reached at the moment. Nothing was done; try again later."))
    else:
        _log(by, CardRefund, str(card.pk), f"{card.refund.number}: {said}")
        messages.success(request, said)
    return redirect("stuck")


@require_POST
def issue_receipt(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Issue the receipt of a paid order that has none."""
    by = find_person(request, permission=ISSUES)
    order = get_object_or_404(Order, pk=pk)
    try:
        issued = documents.issue_receipt(order_id=order.pk, now=timezone.now())
    except documents.NothingToIssue:
        messages.warning(request, _("The order was not paid, so there is nothing to issue."))
    except Exception as error:  # what holds the sweep up is what ops want to read
        logger.exception("the receipt of %s could not be issued", order.number)
        messages.error(request, _("It cannot be issued: %(error)s") % {"error": f"{type(error).__name__}: {error}"})
    else:
        _log(by, Order, str(order.pk), str(_("Receipt %(number)s issued") % {"number": issued.number}))
        messages.success(request, _("Receipt %(number)s is issued.") % {"number": issued.number})
    return redirect("stuck")


def _ask(card: CardRefund, *, by: str, now: datetime) -> str:
    if card.stripe_id is None:
        CardRefund.objects.filter(pk=card.pk, stripe_id__isnull=True).update(ask_at=now)
        return str(_("It is sent to Stripe within a minute."))
    refunding.follow(object_id=card.stripe_id, by=by, now=now)
    card.refresh_from_db()
    return str(_("Stripe said: %(said)s") % {"said": card.stripe_status})


def _log(by: User, model: type[Any], object_id: str, message: str) -> None:
    LogEntry.objects.create(
        user=by,
        content_type=ContentType.objects.get_for_model(model),
        object_id=object_id,
        object_repr=object_id,
        action_flag=CHANGE,
        change_message=message,
    )
