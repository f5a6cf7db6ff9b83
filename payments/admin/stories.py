"""The whole story of one order, as tables: what ops need to answer a customer."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from billing.models import Flag, Order, OrderEvent, OrderMail
from payments.models import InboxEvent, Payment
from wallet.models import Entry
from wallet.money import labelled

Cells = Sequence[object]
Table = dict[str, Any]


def tell(order: Order) -> list[Table]:
    """Everything that happened to an order: timeline, payments, money, what Stripe told us, flags, mails."""
    payments = list(Payment.objects.filter(Q(order=order) | Q(credited_order=order)).order_by("id"))
    sessions = [payment.session_id for payment in payments if payment.session_id]
    events = OrderEvent.objects.filter(order=order).order_by("id")
    entries = (
        Entry.objects.filter(posting__organisation_id=order.organisation_id, posting__order_number=order.number)
        .select_related("posting", "account")
        .order_by("id")
    )
    told = InboxEvent.objects.filter(object_id__in=sessions).defer("raw").order_by("received_at")
    flags = Flag.objects.filter(order=order).select_related("resolved_by").order_by("since")
    mails = OrderMail.objects.filter(event__order=order).order_by("claimed_at")
    return [
        _table(_("Timeline"), (_("when"), _("state"), _("why"), _("by")), map(_event_cells, events)),
        _table(
            _("Payments"),
            (_("payment"), _("state"), _("amount"), _("payment intent"), _("what Stripe said last"), _("asked")),
            map(_payment_cells, payments),
        ),
        _table(
            _("Postings"),
            (_("when"), _("key"), _("account"), _("debit"), _("credit"), _("balance after")),
            map(_entry_cells, entries),
        ),
        _table(
            _("What Stripe told us"),
            (_("received"), _("event"), _("handled"), _("outcome"), _("last error")),
            map(_inbox_cells, told),
        ),
        _table(_("Flags"), (_("since"), _("reason"), _("detail"), _("resolved"), _("note")), map(_flag_cells, flags)),
        _table(_("Mails"), (_("sent"), _("to"), _("subject"), _("last error")), map(_mail_cells, mails)),
    ]


def _table(title: object, headers: Sequence[object], rows: Iterable[Cells]) -> Table:
    return {"title": title, "headers": headers, "rows": [list(row) for row in rows]}


def _event_cells(event: OrderEvent) -> Cells:
    why = f"{event.get_note_display()}: {event.detail}" if event.detail else event.get_note_display()
    return _moment(event.at), event.get_state_display(), why, event.by


def _payment_cells(payment: Payment) -> Cells:
    return (
        _link("payments_payment", payment.pk, shorten(payment.session_id or "—")),
        payment.get_state_display(),
        labelled(payment.amount),
        payment.payment_intent_id,
        payment.stripe_status,
        _moment(payment.asked_at),
    )


def _entry_cells(entry: Entry) -> Cells:
    amount = labelled(entry.amount)
    return (
        _moment(entry.posting.posted_at),
        _link("wallet_posting", entry.posting_id, entry.posting.key),
        entry.account.code,
        amount if entry.side == "DEBIT" else "",
        amount if entry.side == "CREDIT" else "",
        labelled(entry.balance_after),
    )


def _inbox_cells(event: InboxEvent) -> Cells:
    return (
        _moment(event.received_at),
        _link("payments_inboxevent", event.pk, f"{event.type} {event.event_id}"),
        _moment(event.handled_at),
        event.get_outcome_display(),
        event.error,
    )


def _flag_cells(flag: Flag) -> Cells:
    resolved = f"{_moment(flag.resolved_at)} {flag.resolved_by}" if flag.resolved_at else ""
    since = _link("billing_flag", flag.pk, _moment(flag.since))
    return since, flag.get_reason_display(), flag.detail, resolved, flag.note


def _mail_cells(mail: OrderMail) -> Cells:
    return _link("billing_ordermail", mail.pk, _moment(mail.sent_at) or "—"), mail.to, mail.subject, mail.error


def _link(model: str, pk: UUID, text: str) -> str:
    return format_html(
        '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>',
        reverse(f"admin:{model}_change", args=[pk]),
        text,
    )


def shorten(text: str) -> str:
    """Stripe's session ids are too long for a table; the payment's own page has the whole."""
    return text if len(text) <= 30 else f"{text[:16]}…{text[-8:]}"


def show_verbatim(text: str) -> str:
    """As it is, never as markup, and never wider than the page."""
    return format_html('<pre class="text-xs" style="white-space: pre-wrap; overflow-wrap: anywhere">{}</pre>', text)


def show_id(text: str | None) -> str:
    """A long id whole, which may be broken anywhere."""
    return format_html('<span style="overflow-wrap: anywhere">{}</span>', text or "—")


def show_moment(moment: datetime | None) -> str:
    """For a list: a narrow column breaks it between day and time only."""
    parts = _moment(moment).split()
    return format_html_join(" ", '<span class="whitespace-nowrap">{}</span>', ((part,) for part in parts)) or "—"


def _moment(moment: Any) -> str:
    return date_format(timezone.localtime(moment), "Y-m-d H:i:s") if moment else ""
