"""What does not go on by itself."""

from datetime import datetime
from itertools import chain

from django.db.models import Count as CountOf
from django.db.models import Min
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from billing.models import Flag
from innopaas import stuck
from innopaas.dashboard.rows import Count, list_of
from payments.models import InboxEvent


def count_stuck(now: datetime) -> list[Count]:
    found = list(chain.from_iterable(group.rows for group in stuck.find(now=now)))
    return [
        Count(
            title=_("Stuck"),
            figure=len(found),
            address=reverse("stuck"),
            is_bad=bool(found),
            by="billing.view_order",
            since=min((row.since for row in found if row.since), default=None),
        )
    ]


def count_flags(_now: datetime) -> list[Count]:
    unresolved = Flag.objects.filter(resolved_at__isnull=True).aggregate(number=CountOf("pk"), oldest=Min("since"))
    return [
        Count(
            title=_("Unresolved flags"),
            figure=unresolved["number"],
            address=list_of("billing_flag", open="open"),
            is_bad=unresolved["number"] > 0,
            by="billing.change_flag",
            since=unresolved["oldest"],
        )
    ]


def count_inbox(_now: datetime) -> list[Count]:
    events = InboxEvent.objects.filter(handled_at__isnull=True).exclude(error="")
    failing = events.aggregate(number=CountOf("pk"), oldest=Min("received_at"))
    return [
        Count(
            title=_("Events of Stripe failing"),
            figure=failing["number"],
            address=list_of("payments_inboxevent", handled="failing"),
            is_bad=failing["number"] > 0,
            by="payments.change_inboxevent",
            since=failing["oldest"],
        )
    ]
