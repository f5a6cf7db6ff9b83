"""Mails about orders, sent from event rows: each fact is told once, by whichever sweep comes first."""

import logging
from datetime import datetime, timedelta
from smtplib import SMTPException

from django.db.models import F, Q
from django.utils import translation
from django.utils.translation import gettext as _

from billing import explanations, mail_retries, moves, search, targets
from billing.models import CREDITING, Method, Note, Order, OrderEvent, OrderMail, State
from wallet import kill_points, letters
from wallet.models import Member, Role, User

logger = logging.getLogger(__name__)

_BY_STATE = {State.PAID: "billing/mail/paid.txt", State.FAILED: "billing/mail/failed.txt"}
_BY_NOTE = {
    Note.DECLARED: "billing/mail/transfer_received.txt",
    Note.DECLARED_AGAIN: "billing/mail/transfer_received.txt",
    Note.PART_ARRIVED: "billing/mail/transfer_part.txt",
    Note.NOT_ACCEPTED: "billing/mail/transfer_rejected.txt",
    Note.OUT_OF_TIME: "billing/mail/transfer_expired.txt",
    Note.MOVED: "billing/mail/moved.txt",
    Note.CORRECTED: "billing/mail/corrected.txt",
    Note.REFUND_ASKED: "billing/mail/refund_asked.txt",
    Note.REFUND_SUCCEEDED: "billing/mail/refund_succeeded.txt",
    Note.REFUND_FAILED: "billing/mail/refund_failed.txt",
    Note.REFUND_RETURNED: "billing/mail/refund_returned.txt",
    Note.REFUND_DECLINED: "billing/mail/refund_declined.txt",
    Note.REFUND_GAVE_WAY: "billing/mail/refund_gave_way.txt",
    Note.DISPUTED: "billing/mail/dispute_opened.txt",
    Note.REINSTATED: "billing/mail/dispute_won.txt",
    Note.DISPUTE_LOST: "billing/mail/dispute_lost.txt",
    Note.FAPIAO_ISSUED: "billing/mail/fapiao_issued.txt",
    Note.FAPIAO_REJECTED: "billing/mail/fapiao_rejected.txt",
    Note.FAPIAO_REVERSED: "billing/mail/fapiao_reversed.txt",
}
_OFFLINE_PAID = "billing/mail/transfer_paid.txt"
_TOLD = Q(state=State.PAID, note__in=CREDITING) | Q(state=State.FAILED) | Q(note__in=list(_BY_NOTE))
_SEEN = Q(note=Note.MOVED, order__auto_fill__isnull=True)
"""Whoever moves money on the page sees it there; only what a rule moved is told by mail."""

_REACH = timedelta(days=3)
_TOLD_OF = ("event__order__created_by", "event__order__follows", "event__order__organisation", "event__refund")


def send_due(*, now: datetime, limit: int = 100) -> int:
    """Send mails of events nobody has told yet, and those whose sender died; returns how many were sent."""
    untold = OrderEvent.objects.filter(_TOLD & ~_SEEN, mail__isnull=True, at__gte=now - _REACH)
    for event in untold.order_by("id")[:limit]:
        OrderMail.objects.bulk_create(
            [OrderMail(event=event, to="", subject="", claimed_at=now - mail_retries.PAUSES[0], attempts=0)],
            ignore_conflicts=True,
        )
    waiting = OrderMail.objects.filter(mail_retries.due(now))
    return sum(
        _send(mail, now=now)
        for mail in waiting.select_related(*_TOLD_OF).order_by("event_id")[:limit]
        if _claim(mail, now=now)
    )


def write(event: OrderEvent) -> letters.Letter:
    """The mail about an event, in the language of the moment."""
    order = event.order
    context = {
        "order": order,
        "event": event,
        "refund": event.refund,
        "rate": explanations.explain_rate(order),
        "target": targets.full_name(organisation_id=order.organisation_id, code=order.target),
        "undo_until": order.paid_at + moves.UNDOABLE_FOR if order.paid_at else None,
    }
    why = _("You get this mail because you act for %(name)s on InnoPaaS.") % {"name": order.organisation.name}
    return letters.write(template=_template_of(event), context=context, why=why)


def _claim(mail: OrderMail, *, now: datetime) -> bool:
    return bool(
        OrderMail.objects.filter(pk=mail.pk, sent_at__isnull=True, claimed_at=mail.claimed_at).update(
            claimed_at=now, attempts=F("attempts") + 1
        )
    )


def _send(mail: OrderMail, *, now: datetime) -> bool:
    order = mail.event.order
    readers = _readers(order)
    with translation.override(readers[0].language if readers else "en"):
        letter = write(mail.event)
    message = letters.make_message(
        letter, to=[reader.email for reader in readers], mail_id=mail.pk, headers={"X-Order": order.number}
    )
    try:
        message.send()
    except (OSError, SMTPException) as error:
        logger.warning("the mail about %s could not be sent: %s", order.number, error)
        OrderMail.objects.filter(pk=mail.pk).update(error=str(error)[:500])
        return False
    kill_points.reach("after-mail-sent")
    OrderMail.objects.filter(pk=mail.pk).update(
        sent_at=now, to=", ".join(message.to)[:1000], subject=message.subject[:200], error=""
    )
    return True


def _template_of(event: OrderEvent) -> str:
    if event.note in _BY_NOTE:
        return _BY_NOTE[Note(event.note)]
    is_transfer = event.state == State.PAID and event.order.method == Method.OFFLINE
    return _OFFLINE_PAID if is_transfer else _BY_STATE[State(event.state)]


def _readers(order: Order) -> list[User]:
    """Who opened the order, while he is a member who may see it and what it follows; else the owners."""
    members = Member.objects.filter(organisation_id=order.organisation_id, user__is_active=True).select_related("user")
    creator = members.filter(user=order.created_by).first()
    if creator and _may_see(creator, order) and (order.follows is None or _may_see(creator, order.follows)):
        return [creator.user]
    return [member.user for member in members.filter(role=Role.OWNER)]


def _may_see(member: Member, order: Order) -> bool:
    return search.own([member]).filter(pk=order.pk).exists()
