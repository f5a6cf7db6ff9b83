"""Transfers that wait for finance, and bank lines that wait for their transfer."""

from datetime import datetime

from django.db.models import Count as CountOf
from django.db.models import Min, Q
from django.utils.translation import gettext_lazy as _

from innopaas.dashboard.rows import Count, begin, list_of, number, oldest
from payments.admin.transfer_filters import approved, found
from payments.models import BankLine, Finding, Transfer

_DECIDES = "payments.change_transfer"
_SORTS = "payments.change_bankline"


def count_transfers(now: datetime) -> list[Count]:
    """The queue, and of it what is late and what wants an approval."""
    late = Q(expected_by__lt=now)
    waiting = Transfer.objects.waiting().aggregate(
        number=CountOf("pk"),
        oldest=Min("declared_at"),
        overdue=number(late),
        overdue_since=oldest("expected_by", late),
        found=number(Q(found())),
        approved=number(Q(approved())),
    )
    further = waiting["approved"]
    return [
        Count(
            title=_("Transfers waiting"),
            figure=waiting["number"],
            address=list_of("payments_transfer"),
            by=_DECIDES,
            since=waiting["oldest"],
        ),
        Count(
            title=_("Overdue"),
            figure=waiting["overdue"],
            address=list_of("payments_transfer", due="overdue"),
            is_bad=waiting["overdue"] > 0,
            by=_DECIDES,
            since=waiting["overdue_since"],
        ),
        Count(
            title=_("Waiting for a first approval"),
            figure=waiting["found"] - further,
            address=list_of("payments_transfer", needs="first"),
            by=_DECIDES,
        ),
        Count(
            title=_("Waiting for a further approval"),
            figure=further,
            address=list_of("payments_transfer", needs="further"),
            by=_DECIDES,
        ),
    ]


def count_assignments(_now: datetime) -> list[Count]:
    """Money that fits no order has no transfer to wait with."""
    waiting = Finding.objects.open().filter(transfer=None).aggregate(number=CountOf("pk"), oldest=Min("made_at"))
    return [
        Count(
            title=_("Assignments waiting for approval"),
            figure=waiting["number"],
            address=list_of("payments_finding"),
            by=_SORTS,
            since=waiting["oldest"],
        )
    ]


def count_lines(_now: datetime) -> list[Count]:
    exact, undecided = (BankLine.Pile.EXACT,), (BankLine.Pile.NEAR, BankLine.Pile.NONE)
    lines = BankLine.objects.with_rest().aggregate(
        exact=number(Q(pile__in=exact)),
        exact_since=oldest("booked_on", Q(pile__in=exact)),
        undecided=number(Q(pile__in=undecided)),
        undecided_since=oldest("booked_on", Q(pile__in=undecided)),
    )
    return [
        Count(
            title=_("Exact bank lines ready"),
            figure=lines["exact"],
            address=list_of("payments_bankline", pile__exact=BankLine.Pile.EXACT, rest="any"),
            by=_DECIDES,
            since=begin(lines["exact_since"]),
        ),
        Count(
            title=_("Bank lines to decide"),
            figure=lines["undecided"],
            address=list_of("payments_bankline", pile__in=",".join(undecided), rest="any"),
            by=_SORTS,
            since=begin(lines["undecided_since"]),
        ),
    ]
