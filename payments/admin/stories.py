"""The whole story of one order, as tables: what ops need to answer a customer."""

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from billing import targets
from billing.models import Correction, Dispute, Flag, Order, OrderEvent, Refund
from wallet.admin.cells import link_to, say_moment
from wallet.models import Entry
from wallet.money import labelled

Cells = Sequence[object]
Table = dict[str, Any]


def tell(order: Order) -> list[Table]:
    """What happened to an order here: timeline, money with the balances before and after, refunds, disputes, doubts."""
    events = OrderEvent.objects.filter(order=order).order_by("id")
    entries = (
        Entry.objects.filter(posting__organisation_id=order.organisation_id, posting__order_number=order.number)
        .select_related("posting", "account")
        .order_by("id")
    )
    flags = Flag.objects.filter(order=order).select_related("resolved_by").order_by("since")
    return [
        table(_("Timeline"), (_("when"), _("state"), _("why"), _("by")), map(_event_cells, events)),
        table(
            _("Postings"),
            (
                *(_("when"), _("key"), _("account"), _("debit"), _("credit"), _("balance before")),
                _("balance after"),
            ),
            map(_entry_cells, entries),
        ),
        *_tell_refunds(order),
        *_tell_disputes(order),
        *_tell_corrections(order),
        table(_("Flags"), (_("since"), _("reason"), _("detail"), _("resolved"), _("note")), map(_flag_cells, flags)),
    ]


def _tell_refunds(order: Order) -> list[Table]:
    """Only where there are any."""
    headers = (
        *(_("asked for"), _("by"), _("number"), _("taken from the balance"), _("paid back"), _("state")),
        *(_("approved by"), _("refunded"), _("why it did not go")),
    )
    rows = [_refund_cells(refund) for refund in Refund.objects.filter(order=order).order_by("id")]
    return [table(_("Refunds"), headers, rows)] if rows else []


def _tell_disputes(order: Order) -> list[Table]:
    """Only where there are any."""
    headers = (_("opened"), _("dispute at Stripe"), _("state"), _("amount"), _("fee"), _("owed"), _("evidence due"))
    rows = [_dispute_cells(dispute) for dispute in Dispute.objects.filter(order=order).order_by("id")]
    return [table(_("Disputes"), headers, rows)] if rows else []


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


def _entry_cells(entry: Entry) -> Cells:
    amount = labelled(entry.amount)
    is_normal = entry.side == entry.account.normal_side
    before = entry.balance_after - entry.amount if is_normal else entry.balance_after + entry.amount
    return (
        say_moment(entry.posting.posted_at),
        link_to(f"{reverse('show_posting')}?{urlencode({'q': entry.posting_id})}", entry.posting.key),
        entry.account.code,
        amount if entry.side == "DEBIT" else "",
        amount if entry.side == "CREDIT" else "",
        labelled(before),
        labelled(entry.balance_after),
    )


def _refund_cells(refund: Refund) -> Cells:
    return (
        say_moment(refund.asked_at),
        refund.asked_by_name,
        link("billing_refund", refund.pk, refund.number),
        labelled(refund.amount),
        labelled(refund.back),
        refund.get_state_display(),
        refund.approved_by_name,
        say_moment(refund.succeeded_at),
        refund.failure,
    )


def _dispute_cells(dispute: Dispute) -> Cells:
    currency = dispute.amount.currency
    return (
        say_moment(dispute.opened_at),
        link("billing_dispute", dispute.pk, dispute.stripe_id),
        dispute.get_state_display(),
        labelled(dispute.amount),
        labelled(dispute.fee),
        labelled(Money(dispute.debt, currency)),
        say_moment(dispute.evidence_due_at),
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
