"""The admin's first page: what waits for whoever opened it, each count the way to its list."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import admin
from django.db import models
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy as _

from billing import receivables
from billing.models import Correction, Dispute, ExchangeRate, Fapiao, Flag, LegalEntity, Refund
from innopaas import stuck
from payments import card_suspense, clearing, house_moves
from payments.admin.transfer_filters import approved, found
from payments.closing import days
from payments.models import BankLine, BankRefund, DayClose, Difference, Finding, HouseMove, InboxEvent, Payout, Transfer
from wallet.money import shown


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
    return [count for permission, find in _COUNTED if user.has_perm(permission) for count in find(now)]


def _count_stuck(now: datetime) -> list[Count]:
    found = stuck.count(now=now)
    return [Count(title=_("Stuck"), figure=found, address=reverse("stuck"), is_bad=found > 0)]


def _count_transfers(now: datetime) -> list[Count]:
    waiting = Transfer.objects.waiting().aggregate(
        number=models.Count("pk"),
        oldest=models.Min("declared_at"),
        overdue=_number(Q(expected_by__lt=now)),
        found=_number(Q(found())),
        approved=_number(Q(approved())),
    )
    oldest, overdue, further = waiting["oldest"], waiting["overdue"], waiting["approved"]
    first = waiting["found"] - further
    return [
        Count(title=_("Transfers waiting"), figure=waiting["number"], address=_list("payments_transfer")),
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


def _count_assignments(_now: datetime) -> list[Count]:
    """Money that fits no order has no transfer to wait with."""
    waiting = Finding.objects.open().filter(transfer=None).count()
    return [Count(title=_("Assignments waiting for approval"), figure=waiting, address=_list("payments_finding"))]


def _count_lines(_now: datetime) -> list[Count]:
    undecided = (BankLine.Pile.NEAR, BankLine.Pile.NONE)
    lines = BankLine.objects.with_rest().aggregate(
        exact=_number(Q(pile=BankLine.Pile.EXACT)), undecided=_number(Q(pile__in=undecided))
    )
    return [
        Count(
            title=_("Exact bank lines ready"),
            figure=lines["exact"],
            address=_list("payments_bankline", pile__exact=BankLine.Pile.EXACT, rest="any"),
        ),
        Count(
            title=_("Bank lines to decide"),
            figure=lines["undecided"],
            address=_list("payments_bankline", pile__in=",".join(undecided), rest="any"),
        ),
    ]


def _count_corrections(_now: datetime) -> list[Count]:
    waiting = Correction.objects.waiting().count()
    return [Count(title=_("Corrections waiting"), figure=waiting, address=_list("billing_correction"))]


def _count_refunds(_now: datetime) -> list[Count]:
    to_pay = BankRefund.objects.to_pay().count()
    refunds = Refund.objects.aggregate(
        asked=_number(Q(state=Refund.State.ASKED)),
        failed=_number(Q(state__in=[Refund.State.FAILED, Refund.State.RETURNED])),
    )
    return [
        Count(title=_("Refunds waiting"), figure=refunds["asked"], address=_list("billing_refund", needs="decision")),
        Count(title=_("To be paid at the bank"), figure=to_pay, address=reverse("admin:billing_refund_to_pay")),
        Count(title=_("Refunds failed"), figure=refunds["failed"], address=_list("billing_refund", needs="failed")),
    ]


def _count_fapiao(_now: datetime) -> list[Count]:
    address = _list("billing_fapiao", state__exact=Fapiao.State.REQUESTED)
    return [Count(title=_("Fapiao asked for"), figure=Fapiao.objects.waiting().count(), address=address)]


def _count_disputes(now: datetime) -> list[Count]:
    soon = Q(evidence_due_at__lt=now + timedelta(days=2))
    waiting = Dispute.objects.to_answer().aggregate(number=models.Count("pk"), soon=_number(soon))
    owed = receivables.owed_in_all()
    return [
        Count(
            title=_("Disputes to answer"),
            figure=waiting["number"],
            address=_list("billing_dispute", needs="answer"),
            is_bad=waiting["soon"] > 0,
        ),
        Count(title=_("Owed by customers"), figure=shown(owed), address=_list("billing_dispute", needs="money")),
    ]


def _count_rates(_now: datetime) -> list[Count]:
    waiting = ExchangeRate.objects.filter(state=ExchangeRate.State.WAITING).count()
    address = _list("billing_exchangerate", state__exact=ExchangeRate.State.WAITING)
    return [Count(title=_("Rates waiting"), figure=waiting, address=address)]


def _count_payouts(now: datetime) -> list[Count]:
    """What is late between us, Stripe and the bank, and should be nothing."""
    late = clearing.list_late_payouts(now).count()
    unpaid = clearing.list_late_transactions(now).count()
    failed = clearing.list_unmatched_failures().count()
    return [
        Count(
            title=_("Payouts on their way"),
            figure=Payout.objects.on_their_way().count(),
            address=_list("payments_payout", place="way"),
        ),
        Count(
            title=_("Payouts late at the bank"),
            figure=late,
            address=_list("payments_payout", place="late"),
            is_bad=late > 0,
        ),
        Count(
            title=_("Payouts failed, money in suspense"),
            figure=failed,
            address=_list("payments_payout", place="suspense"),
            is_bad=failed > 0,
        ),
        Count(
            title=_("At Stripe, late to be paid out"),
            figure=unpaid,
            address=_list("payments_balancetransaction", attention="unpaid"),
            is_bad=unpaid > 0,
        ),
    ]


def _count_transactions(_now: datetime) -> list[Count]:
    differences = clearing.list_differences().count()
    address = _list("payments_balancetransaction", attention="differences")
    title = _("Differences with Stripe's list")
    return [Count(title=title, figure=differences, address=address, is_bad=differences > 0)]


def _count_closes(now: datetime) -> list[Count]:
    unsigned = days.count_unsigned(now=now)
    newest = DayClose.objects.order_by("-day").first()  # it carries what is still open of the days before
    unowned = Difference.objects.unexplained().filter(close=newest).count()
    return [
        Count(
            title=_("Days waiting for a signature"),
            figure=unsigned,
            address=_list("payments_dayclose", state__exact=DayClose.State.OPEN),
            is_bad=unsigned > 1,
        ),
        Count(
            title=_("Differences without an owner"),
            figure=unowned,
            address=_list("payments_dayclose", state__exact=DayClose.State.OPEN),
            is_bad=unowned > 0,
        ),
    ]


def _count_house_moves(_now: datetime) -> list[Count]:
    """Charges and exchanges that wait for a second person, and money out that nobody has explained."""
    unexplained = house_moves.list_unexplained().count()
    return [
        Count(
            title=_("Charges and exchanges waiting"),
            figure=HouseMove.objects.waiting().count(),
            address=_list("payments_housemove"),
        ),
        Count(
            title=_("Money out, unexplained"),
            figure=unexplained,
            address=_list("payments_bankline", direction__exact="OUT", rest="out"),
            is_bad=unexplained > 0,
        ),
    ]


def _count_card_suspense(_now: datetime) -> list[Count]:
    """Money at Stripe that credited nobody."""
    waiting = card_suspense.count_held()
    address = _list("payments_suspensemove")
    return [Count(title=_("Card money in suspense"), figure=waiting, address=address, is_bad=waiting > 0)]


def _count_entities(_now: datetime) -> list[Count]:
    """Documents are issued in their names all the same, and stay as they were issued."""
    incomplete = LegalEntity.objects.incomplete().count()
    address = _list("billing_legalentity", lacks="any")
    title = _("Legal entities to complete")
    return [Count(title=title, figure=incomplete, address=address, is_bad=incomplete > 0)]


def _count_flags(_now: datetime) -> list[Count]:
    unresolved = Flag.objects.filter(resolved_at__isnull=True).count()
    address = _list("billing_flag", open="open")
    return [Count(title=_("Unresolved flags"), figure=unresolved, address=address, is_bad=unresolved > 0)]


def _count_inbox(_now: datetime) -> list[Count]:
    failing = InboxEvent.objects.filter(handled_at__isnull=True).exclude(error="").count()
    address = _list("payments_inboxevent", handled="failing")
    return [Count(title=_("Events of Stripe failing"), figure=failing, address=address, is_bad=failing > 0)]


def _number(condition: Q) -> models.Count:
    """How many rows meet it, beside other sums of the same rows."""
    return models.Count("pk", filter=condition)


def _list(model: str, **narrowed_to: str) -> str:
    """The list of a model, narrowed to what was counted."""
    address = reverse(f"{admin.site.name}:{model}_changelist")
    return f"{address}?{urlencode(narrowed_to)}" if narrowed_to else address


_COUNTED: Final[tuple[tuple[str, Callable[[datetime], list[Count]]], ...]] = (
    ("billing.view_order", _count_stuck),
    ("payments.view_transfer", _count_transfers),
    ("payments.view_finding", _count_assignments),
    ("payments.view_bankline", _count_lines),
    ("billing.view_correction", _count_corrections),
    ("billing.view_refund", _count_refunds),
    ("billing.view_fapiao", _count_fapiao),
    ("billing.view_dispute", _count_disputes),
    ("payments.view_payout", _count_payouts),
    ("payments.view_balancetransaction", _count_transactions),
    ("payments.view_dayclose", _count_closes),
    ("payments.view_housemove", _count_house_moves),
    ("payments.view_suspensemove", _count_card_suspense),
    ("billing.view_exchangerate", _count_rates),
    ("billing.view_legalentity", _count_entities),
    ("billing.view_flag", _count_flags),
    ("payments.view_inboxevent", _count_inbox),
)
"""Who may see what, in the page's order."""
