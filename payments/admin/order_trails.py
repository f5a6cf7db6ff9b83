"""What was sent about an order, and what staff did with it."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.models import Callback, Correction, Dispute, Document, Flag, Order, OrderEvent, OrderMail, Refund
from payments.admin.stories import Cells, Table, link, table
from payments.models import BankRefund, CardRefund, Finding, Payment, Transfer
from wallet.admin.cells import say_moment


def tell(order: Order) -> list[Table]:
    """Documents, mails, callbacks, and every act of staff that the admin's log has of the order and what is its own."""
    documents = Document.objects.filter(order=order).select_related("entity").defer("pdf", "content").order_by("id")
    mails = OrderMail.objects.filter(event__order=order).select_related("event").order_by("claimed_at")
    events = OrderEvent.objects.filter(order=order).values("pk")
    callbacks = Callback.objects.filter(organisation=order.organisation_id, fact_id__in=events)
    return [
        table(
            _("Documents"),
            (_("issued"), _("kind"), _("number"), _("issued by")),
            map(_document_cells, documents),
        ),
        table(
            _("Mails"),
            (_("sent"), _("about"), _("to"), _("subject"), _("attempts"), _("last error")),
            map(_mail_cells, mails),
        ),
        table(
            _("Callbacks"),
            (_("created"), _("event"), _("address"), _("delivered"), _("attempts"), _("last error")),
            map(_callback_cells, callbacks.select_related("endpoint").order_by("id")),
        ),
        table(_("What staff did"), (_("when"), _("by"), _("with"), _("act")), _list_acts(order)),
    ]


def _list_acts(order: Order) -> list[Cells]:
    """What the admin's log has, and what refunds keep of themselves, in the order it was done."""
    logged = [(entry.action_time, _log_cells(entry)) for entry in _list_log(order)]
    return [cells for _at, cells in sorted([*logged, *_list_refunding(order)], key=itemgetter(0))]


def _list_refunding(order: Order) -> Iterator[tuple[datetime, Cells]]:
    for refund in Refund.objects.filter(order=order):
        if refund.origin == Refund.Origin.FINANCE:
            yield _act(refund.asked_at, refund.asked_by_name, refund, _("Refund asked for"))
        if refund.approved_at:
            yield _act(refund.approved_at, refund.approved_by_name, refund, _("Refund approved"))
    for paid in BankRefund.objects.filter(refund__order=order).select_related("refund"):
        yield _act(paid.prepared_at, paid.prepared_by_name, paid.refund, _("Payment at the bank prepared"))
        if paid.approved_at:
            yield _act(paid.approved_at, paid.approved_by_name, paid.refund, _("Payment at the bank approved"))
        if paid.paid_at:
            yield _act(paid.paid_at, paid.paid_by_name, paid.refund, _("Payment at the bank recorded"))


def _act(at: datetime, by: str, refund: Refund, act: Promise) -> tuple[datetime, Cells]:
    return at, (say_moment(at), by, link("billing_refund", refund.pk, refund.number), act)


def _list_log(order: Order) -> Iterable[LogEntry]:
    whose = Q(order=order)
    mine: Mapping[type[Model], Q] = {
        Payment: whose,
        Flag: whose,
        Correction: whose,
        Refund: whose,
        Dispute: whose,
        Transfer: whose,
        Finding: Q(transfer__order=order) | Q(credited_order=order),
        CardRefund: Q(refund__order=order),
        BankRefund: Q(refund__order=order),
        OrderMail: Q(event__order=order),
    }
    types: Mapping[Any, ContentType] = ContentType.objects.get_for_models(Order, *mine)
    about = Q(content_type=types[Order], object_id=str(order.pk))
    for model, condition in mine.items():
        ids: Iterable[UUID] = model._default_manager.filter(condition).values_list("pk", flat=True)  # noqa: SLF001  # public API
        about |= Q(content_type=types[model], object_id__in=[str(pk) for pk in ids])
    return LogEntry.objects.filter(about).select_related("user", "content_type").order_by("action_time")


def _document_cells(document: Document) -> Cells:
    return say_moment(document.issued_at), document.get_kind_display(), document.number, str(document.entity)


def _mail_cells(mail: OrderMail) -> Cells:
    sent = link("billing_ordermail", mail.pk, say_moment(mail.sent_at) or "—")
    return sent, mail.event.get_note_display(), mail.to, mail.subject, mail.attempts, mail.error


def _callback_cells(callback: Callback) -> Cells:
    return (
        link("billing_callback", callback.pk, say_moment(callback.created_at)),
        callback.get_event_display(),
        str(callback.endpoint),
        say_moment(callback.delivered_at) or "—",
        callback.attempts,
        callback.get_last_error_display(),
    )


def _log_cells(entry: LogEntry) -> Cells:
    what = entry.content_type.name if entry.content_type else ""
    return say_moment(entry.action_time), str(entry.user), f"{what} {entry.object_repr}", entry.get_change_message()
