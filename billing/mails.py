"""Mails about orders, one to each reader in his language: each event is told once, by whichever sweep comes first."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils.translation import gettext as _

from billing import explanations, mail_retries, mailing, moves, search, targets
from billing.models import CREDITING, Method, Note, Order, OrderEvent, OrderMail, State
from wallet import letters
from wallet.models import Member, Role, User

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
_READ_BY = ("order__created_by", "order__follows")
_TOLD_OF = ("event__order__created_by", "event__order__follows", "event__order__organisation", "event__refund")


def send_due(*, now: datetime, limit: int = 100) -> int:
    """Send mails of events nobody has told yet, and those whose sender died; returns how many were sent."""
    untold = OrderEvent.objects.filter(_TOLD & ~_SEEN, mails__isnull=True, at__gte=now - _REACH)
    for event in untold.select_related(*_READ_BY).order_by("id")[:limit]:
        _address(event, to=_readers(event.order), now=now)
    waiting = OrderMail.objects.filter(mail_retries.due(now)).select_related("reader", *_TOLD_OF)
    return sum(
        _send(mail, now=now) for mail in waiting.order_by("event_id", "pk")[:limit] if mailing.claim(mail, now=now)
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


def _address(event: OrderEvent, *, to: Sequence[User], now: datetime) -> None:
    """Make out a mail to everybody who is to read of the event; where there is nobody, the row says so."""
    written_at = now - mail_retries.PAUSES[0]
    mails = [OrderMail(event=event, reader=reader, to=reader.email, claimed_at=written_at) for reader in to]
    OrderMail.objects.bulk_create(
        mails or [OrderMail(event=event, reader=None, claimed_at=now, sent_at=now)], ignore_conflicts=True
    )


def _send(mail: OrderMail, *, now: datetime) -> bool:
    event, reader = mail.event, mail.reader
    readers = _readers(event.order)
    if reader is None or reader not in readers:  # it was made out to nobody yet, or he left since
        _address(event, to=readers, now=now)
        mailing.drop(mail, now=now)
        return False
    headers = {"X-Order": event.order.number}
    return mailing.send(mail, reader=reader, write=lambda: write(event), headers=headers, now=now)


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
