"""Mails about orders, sent from event rows: each fact is told once, by whichever sweep comes first."""

import logging
from datetime import datetime, timedelta
from email.utils import parseaddr
from smtplib import SMTPException
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F, Q
from django.template.loader import render_to_string
from django.utils import translation

from billing import explanations
from billing.models import Method, Note, OrderEvent, OrderMail, State
from wallet.models import Member, Role, User

logger = logging.getLogger(__name__)

_BY_STATE = {State.PAID: "billing/mail/paid.txt", State.FAILED: "billing/mail/failed.txt"}
_BY_NOTE = {
    Note.DECLARED: "billing/mail/transfer_received.txt",
    Note.DECLARED_AGAIN: "billing/mail/transfer_received.txt",
    Note.PART_ARRIVED: "billing/mail/transfer_part.txt",
    Note.NOT_ACCEPTED: "billing/mail/transfer_rejected.txt",
    Note.OUT_OF_TIME: "billing/mail/transfer_expired.txt",
}
_OFFLINE_PAID = "billing/mail/transfer_paid.txt"
_TOLD = Q(state__in=list(_BY_STATE)) | Q(note__in=list(_BY_NOTE))
_RETRY_AFTER = timedelta(minutes=5)
_ATTEMPTS = 10
_REACH = timedelta(days=3)


def send_due(*, now: datetime, limit: int = 100) -> int:
    """Send mails of events nobody has told yet, and those whose sender died; returns how many were sent."""
    untold = OrderEvent.objects.filter(_TOLD, mail__isnull=True, at__gte=now - _REACH)
    for event in untold.order_by("id")[:limit]:
        OrderMail.objects.bulk_create(
            [OrderMail(event=event, to="", subject="", claimed_at=now - _RETRY_AFTER, attempts=0)],
            ignore_conflicts=True,
        )
    waiting = OrderMail.objects.filter(sent_at__isnull=True, claimed_at__lte=now - _RETRY_AFTER, attempts__lt=_ATTEMPTS)
    return sum(
        _send(mail, now=now)
        for mail in waiting.select_related("event__order__created_by", "event__order__follows").order_by("event_id")[
            :limit
        ]
        if _claim(mail, now=now)
    )


def _claim(mail: OrderMail, *, now: datetime) -> bool:
    return bool(
        OrderMail.objects.filter(pk=mail.pk, sent_at__isnull=True, claimed_at=mail.claimed_at).update(
            claimed_at=now, attempts=F("attempts") + 1
        )
    )


def _send(mail: OrderMail, *, now: datetime) -> bool:
    order = mail.event.order
    readers = _readers(order.organisation_id, order.created_by)
    with translation.override(readers[0].language if readers else "en"):
        text = render_to_string(
            _template_of(mail.event),
            {
                "order": order,
                "event": mail.event,
                "rate": explanations.explain_rate(order),
                "site_url": settings.SITE_URL.rstrip("/"),
            },
        )
    subject, _, body = text.strip().partition("\n")
    message = EmailMessage(
        subject=" ".join(subject.split()),
        body=body.strip() + "\n",
        to=[reader.email for reader in readers],
        headers={"Message-ID": f"<{mail.pk}@{_mail_domain()}>", "X-Order": order.number},
    )
    try:
        message.send()
    except (OSError, SMTPException) as error:
        logger.warning("the mail about %s could not be sent: %s", order.number, error)
        OrderMail.objects.filter(pk=mail.pk).update(error=str(error)[:500])
        return False
    OrderMail.objects.filter(pk=mail.pk).update(
        sent_at=now, to=", ".join(message.to)[:1000], subject=message.subject[:200], error=""
    )
    return True


def _template_of(event: OrderEvent) -> str:
    if event.note in _BY_NOTE:
        return _BY_NOTE[Note(event.note)]
    is_transfer = event.state == State.PAID and event.order.method == Method.OFFLINE
    return _OFFLINE_PAID if is_transfer else _BY_STATE[State(event.state)]


def _mail_domain() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]


def _readers(organisation_id: UUID, creator: User) -> list[User]:
    """Who opened the order, while he is a member; else the owners."""
    members = Member.objects.filter(organisation_id=organisation_id, user__is_active=True)
    readers = members.filter(Q(user=creator)) or members.filter(role=Role.OWNER)
    return [member.user for member in readers.select_related("user")]
