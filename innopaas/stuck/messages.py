"""Stuck messages: what Stripe told us, and what we tell customers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import OuterRef, Q, Subquery
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from billing import mail_retries
from billing.models import Callback, CallbackEndpoint, NoticeMail, OrderMail
from innopaas.stuck.rows import MOST, Act, Stuck
from payments import stripe_api
from payments.models import InboxEvent

HANDLED_WITHIN: Final = timedelta(minutes=5)
SENT_WITHIN: Final = timedelta(minutes=15)


def find_events(now: datetime) -> Sequence[Stuck]:
    """Events that nobody has handled in time, and those put aside because their API version is not ours."""
    aside = Q(outcome=InboxEvent.Outcome.ASIDE, received_at__lt=now)
    late = Q(handled_at__isnull=True, received_at__lt=now - HANDLED_WITHIN)
    events = InboxEvent.objects.filter(aside | late).defer("raw").order_by("received_at")
    return [_tell_event(event) for event in events[: MOST + 1]]


def find_mails(now: datetime) -> Sequence[Stuck]:
    """Mails about orders and notices that a server refused, or that nobody took up."""
    failed = Q(sent_at__isnull=True) & (~Q(error="") | Q(attempts=0, claimed_at__lt=now - SENT_WITHIN))
    about_orders = OrderMail.objects.filter(failed).select_related("event__order").order_by("claimed_at")
    about_notices = NoticeMail.objects.filter(failed).select_related("notice__organisation").order_by("claimed_at")
    mails = [
        *(_tell_mail(mail, mail.event.order.number, "ordermail") for mail in about_orders[: MOST + 1]),
        *(_tell_mail(mail, str(mail.notice.organisation), "noticemail") for mail in about_notices[: MOST + 1]),
    ]
    return sorted(mails, key=lambda mail: mail.since or now)[: MOST + 1]


def find_callbacks(_now: datetime) -> Sequence[Stuck]:
    """Addresses of customers for which a callback was given up, and none was taken since."""
    given_up = Callback.objects.filter(endpoint=OuterRef("pk"), next_at__isnull=True, delivered_at__isnull=True)
    endpoints = CallbackEndpoint.objects.on().filter(given_up_at__isnull=False)
    failing: Any = endpoints.annotate(callback_id=Subquery(given_up.order_by("-id").values("pk")[:1]))
    return [_tell_endpoint(endpoint) for endpoint in failing.order_by("given_up_at")[: MOST + 1]]


def _tell_event(event: InboxEvent) -> Stuck:
    why: Any = event.error or _("No worker has taken it up.")
    if event.outcome == InboxEvent.Outcome.ASIDE:
        why = _(
            "Stripe sent it in version %(theirs)s; set the webhook endpoint at Stripe to %(ours)s, then replay."
        ) % {
            "theirs": event.api_version or "—",
            "ours": stripe_api.API_VERSION,
        }
    return Stuck(
        subject=f"{event.type} {event.event_id}",
        address=reverse("admin:payments_inboxevent_change", args=[event.pk]),
        since=event.received_at,
        why=why,
        act=Act(
            title=_("Replay"),
            address=reverse("admin:payments_inboxevent_replay", args=[event.pk]),
            permission="payments.change_inboxevent",
            is_sent=True,
        ),
    )


def _tell_mail(mail: Any, about: str, model: str) -> Stuck:
    why: Any = mail.error or _("Nobody has tried to send it: see whether a worker runs.")
    if mail.attempts > len(mail_retries.PAUSES):
        why = _("Given up after %(attempts)s attempts: %(error)s") % {"attempts": mail.attempts, "error": mail.error}
    return Stuck(
        subject=f"{about} {mail.subject}".strip(),
        address=reverse(f"admin:billing_{model}_change", args=[mail.pk]),
        since=mail.claimed_at,
        why=why,
        act=Act(
            title=_("Send again"),
            address=reverse(f"admin:billing_{model}_again", args=[mail.pk]),
            permission=f"billing.change_{model}",
            is_sent=True,
        ),
    )


def _tell_endpoint(endpoint: Any) -> Stuck:
    """`endpoint` has the id of the last callback that was given up."""
    page = reverse("admin:billing_callbackendpoint_change", args=[endpoint.pk])
    act = Act(title=_("Look at the address"), address=page, permission="billing.view_callbackendpoint")
    if endpoint.callback_id:
        again = reverse("admin:billing_callback_again", args=[endpoint.callback_id])
        act = Act(title=_("Send again"), address=again, permission="billing.change_callback", is_sent=True)
    return Stuck(
        subject=endpoint.url,
        address=page,
        since=endpoint.given_up_at,
        why=_("It has refused callbacks for two days; its owners were told by mail."),
        act=act,
    )
