"""The admin's first page: what waits for whoever opened it, each count the way to its list."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy as _

from billing.models import Correction, ExchangeRate, Flag
from payments.admin.transfer_filters import approved, found
from payments.models import BankLine, Finding, InboxEvent, Transfer


@dataclass(frozen=True, kw_only=True)
class Count:
    """A figure, its list, and whether it is one that should be nothing."""

    title: str | Promise
    figure: int | str
    address: str
    is_bad: bool = False


def fill(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds the counts that this person may see."""
    return context | {"counts": list_counts(request.user, now=timezone.now())}


def list_counts(user: Any, *, now: datetime) -> list[Count]:
    counts: list[Count] = []
    if user.has_perm("payments.view_transfer"):
        counts += _count_transfers(now=now)
    if user.has_perm("payments.view_finding"):
        counts += _count_assignments()
    if user.has_perm("payments.view_bankline"):
        counts += _count_lines()
    if user.has_perm("billing.view_correction"):
        counts += _count_corrections()
    if user.has_perm("billing.view_exchangerate"):
        counts += _count_rates()
    if user.has_perm("billing.view_flag"):
        counts += _count_flags()
    if user.has_perm("payments.view_inboxevent"):
        counts += _count_inbox()
    return counts


def _count_transfers(*, now: datetime) -> list[Count]:
    waiting = Transfer.objects.waiting()
    oldest = waiting.values_list("declared_at", flat=True).first()
    overdue = waiting.filter(expected_by__lt=now).count()
    further = waiting.filter(approved()).count()
    first = waiting.filter(found()).count() - further
    return [
        Count(title=_("Transfers waiting"), figure=waiting.count(), address=_list("payments_transfer")),
        Count(
            title=_("Longest waiting"),
            figure=timesince(oldest, now, depth=1) if oldest else "—",
            address=_list("payments_transfer"),
        ),
        Count(
            title=_("Overdue"),
            figure=overdue,
            address=_list("payments_transfer", due="overdue"),
            is_bad=overdue > 0,
        ),
        Count(title=_("Waiting for a first approval"), figure=first, address=_list("payments_transfer", needs="first")),
        Count(
            title=_("Waiting for a further approval"),
            figure=further,
            address=_list("payments_transfer", needs="further"),
        ),
    ]


def _count_assignments() -> list[Count]:
    """Money that fits no order has no transfer to wait with."""
    waiting = Finding.objects.open().filter(transfer=None).count()
    return [Count(title=_("Assignments waiting for approval"), figure=waiting, address=_list("payments_finding"))]


def _count_lines() -> list[Count]:
    lines = BankLine.objects.with_rest()
    undecided = (BankLine.Pile.NEAR, BankLine.Pile.NONE)
    return [
        Count(
            title=_("Exact bank lines ready"),
            figure=lines.filter(pile=BankLine.Pile.EXACT).count(),
            address=_list("payments_bankline", pile__exact=BankLine.Pile.EXACT, rest="any"),
        ),
        Count(
            title=_("Bank lines to decide"),
            figure=lines.filter(pile__in=undecided).count(),
            address=_list("payments_bankline", pile__in=",".join(undecided), rest="any"),
        ),
    ]


def _count_corrections() -> list[Count]:
    waiting = Correction.objects.waiting().count()
    return [Count(title=_("Corrections waiting"), figure=waiting, address=_list("billing_correction"))]


def _count_rates() -> list[Count]:
    waiting = ExchangeRate.objects.filter(state=ExchangeRate.State.WAITING).count()
    address = _list("billing_exchangerate", state__exact=ExchangeRate.State.WAITING)
    return [Count(title=_("Rates waiting"), figure=waiting, address=address)]


def _count_flags() -> list[Count]:
    unresolved = Flag.objects.filter(resolved_at__isnull=True).count()
    address = _list("billing_flag", open="open")
    return [Count(title=_("Unresolved flags"), figure=unresolved, address=address, is_bad=unresolved > 0)]


def _count_inbox() -> list[Count]:
    failing = InboxEvent.objects.filter(handled_at__isnull=True).exclude(error="").count()
    address = _list("payments_inboxevent", handled="failing")
    return [Count(title=_("Events of Stripe failing"), figure=failing, address=address, is_bad=failing > 0)]


def _list(model: str, **narrowed_to: str) -> str:
    """The list of a model, narrowed to what was counted."""
    address = reverse(f"{admin.site.name}:{model}_changelist")
    return f"{address}?{urlencode(narrowed_to)}" if narrowed_to else address
