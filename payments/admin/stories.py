"""The whole story of one order, as tables: what ops need to answer a customer."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from billing import targets
from billing.models import Correction, Flag, Method, Order, OrderEvent, OrderMail
from payments.models import InboxEvent, Payment
from wallet.admin.cells import link_to, say_moment
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
    by_card = table(
        _("Payments"),
        (_("payment"), _("state"), _("amount"), _("payment intent"), _("what Stripe said last"), _("asked")),
        map(_payment_cells, payments),
    )
    by_stripe = table(
        _("What Stripe told us"),
        (_("received"), _("event"), _("handled"), _("outcome"), _("last error")),
        map(_inbox_cells, told),
    )
    is_by_card = order.method == Method.CARD
    return [
        table(_("Timeline"), (_("when"), _("state"), _("why"), _("by")), map(_event_cells, events)),
        *([by_card] if is_by_card else []),
        table(
            _("Postings"),
            (_("when"), _("key"), _("account"), _("debit"), _("credit"), _("balance after")),
            map(_entry_cells, entries),
        ),
        *([by_stripe] if is_by_card else []),
        *_tell_corrections(order),
        table(_("Flags"), (_("since"), _("reason"), _("detail"), _("resolved"), _("note")), map(_flag_cells, flags)),
        table(_("Mails"), (_("sent"), _("to"), _("subject"), _("last error")), map(_mail_cells, mails)),
    ]


def _tell_corrections(order: Order) -> list[Table]:
    """Only where there are any: most orders go where they should."""
    found = Correction.objects.filter(Q(order=order) | Q(credited_order=order)).order_by("id")
    headers = (
        _("proposed"),
        _("order"),
        _("right balance"),
        _("proposed by"),
        _("approved by"),
        _("credited as order"),
    )
    rows = [_correction_cells(correction) for correction in found.select_related("order", "credited_order")]
    return [table(_("Corrections"), headers, rows)] if rows else []


def table(title: object, headers: Sequence[object], rows: Iterable[Cells]) -> Table:
    return {"title": title, "headers": headers, "rows": [list(row) for row in rows]}


def _event_cells(event: OrderEvent) -> Cells:
    why = f"{event.get_note_display()}: {event.detail}" if event.detail else event.get_note_display()
    return say_moment(event.at), event.get_state_display(), why, event.by


def _payment_cells(payment: Payment) -> Cells:
    return (
        link("payments_payment", payment.pk, shorten(payment.session_id or "—")),
        payment.get_state_display(),
        labelled(payment.amount),
        payment.payment_intent_id,
        payment.stripe_status,
        say_moment(payment.asked_at),
    )


def _entry_cells(entry: Entry) -> Cells:
    amount = labelled(entry.amount)
    return (
        say_moment(entry.posting.posted_at),
        link("wallet_posting", entry.posting_id, entry.posting.key),
        entry.account.code,
        amount if entry.side == "DEBIT" else "",
        amount if entry.side == "CREDIT" else "",
        labelled(entry.balance_after),
    )


def _inbox_cells(event: InboxEvent) -> Cells:
    return (
        say_moment(event.received_at),
        link("payments_inboxevent", event.pk, f"{event.type} {event.event_id}"),
        say_moment(event.handled_at),
        event.get_outcome_display(),
        event.error,
    )


def _correction_cells(correction: Correction) -> Cells:
    credited = correction.credited_order
    return (
        link("billing_correction", correction.pk, say_moment(correction.made_at)),
        link("billing_order", correction.order_id, correction.order.number),
        targets.name(correction.target),
        correction.made_by_name,
        correction.approved_by_name or (_("withdrawn") if correction.withdrawn_at else ""),
        link("billing_order", credited.pk, credited.number) if credited else "",
    )


def _flag_cells(flag: Flag) -> Cells:
    resolved = f"{say_moment(flag.resolved_at)} {flag.resolved_by}" if flag.resolved_at else ""
    since = link("billing_flag", flag.pk, say_moment(flag.since))
    return since, flag.get_reason_display(), flag.detail, resolved, flag.note


def _mail_cells(mail: OrderMail) -> Cells:
    return link("billing_ordermail", mail.pk, say_moment(mail.sent_at) or "—"), mail.to, mail.subject, mail.error


def link(model: str, pk: UUID, text: str) -> str:
    """To the page of one row."""
    return link_to(reverse(f"admin:{model}_change", args=[pk]), text)


def shorten(text: str) -> str:
    """Stripe's session ids are too long for a table; the payment's own page has the whole."""
    return text if len(text) <= 30 else f"{text[:16]}…{text[-8:]}"


def show_verbatim(text: str) -> str:
    """As it is, never as markup, and never wider than the page."""
    return format_html('<pre class="text-xs" style="white-space: pre-wrap; overflow-wrap: anywhere">{}</pre>', text)


def show_id(text: str | None) -> str:
    """A long id whole, which may be broken anywhere."""
    return format_html('<span style="overflow-wrap: anywhere">{}</span>', text or "—")
