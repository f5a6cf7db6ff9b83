"""What was sent about an order, and what staff did with it."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q
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
        table(_("What staff did"), (_("when"), _("by"), _("with"), _("act")), map(_log_cells, _list_log(order))),
    ]


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
