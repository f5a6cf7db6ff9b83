"""What of an order stands at Stripe, and what Stripe told us of it, word for word."""

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from billing.models import Dispute, Method, Order
from payments.admin.stories import Cells, Table, link, shorten, show_id, show_verbatim, table
from payments.admin.stripe_pages import find_page
from payments.models import CardRefund, InboxEvent, Payment
from wallet.admin.cells import link_to, say_moment
from wallet.money import labelled

ASKS: Final = "payments.change_inboxevent"
MOST_EVENTS: Final = 50
SHOWN_BYTES: Final = 64 * 1024

_CHARGES: Final = ("ch_", "py_")
_AtStripe = tuple[object, str, str]
"""What it is, its id, and what Stripe said of it last."""


def tell(order: Order, *, by: Any) -> list[Table]:
    """Payments, everything of theirs at Stripe with the way to it, and Stripe's events with their bodies; with the acts
    that the reader may do.
    """
    if order.method != Method.CARD:
        return []
    payments = list(Payment.objects.filter(Q(order=order) | Q(credited_order=order)).order_by("id"))
    refunds = CardRefund.objects.filter(payment__in=payments).select_related("refund").order_by("id")
    disputes = Dispute.objects.filter(order=order).order_by("id")
    at_stripe = [*_list_sessions(payments), *_list_refunds(refunds), *_list_disputes(disputes)]
    events = list(_select_events(payments, at_stripe).order_by("-received_at")[:MOST_EVENTS])
    at_stripe += _list_charges(events)
    may_ask = by.has_perm(ASKS)
    return [
        table(
            _("Payments"),
            (
                _("payment"),
                _("state"),
                _("amount"),
                _("what Stripe said last"),
                _("asked"),
                _("act") if may_ask else "",
            ),
            ([*_payment_cells(payment), _ask(payment) if may_ask else ""] for payment in payments),
        ),
        table(
            _("At Stripe"),
            (_("what"), _("id, as in Stripe's dashboard"), _("what Stripe said last")),
            ((what, _link_to_stripe(stripe_id), said) for what, stripe_id, said in at_stripe),
        ),
        table(
            _("What Stripe told us"),
            (_("received"), _("event"), _("handled"), _("outcome"), _("last error"), _("act") if may_ask else ""),
            ([*_event_cells(event), _replay(event) if may_ask else ""] for event in events),
        )
        | {"details": [(f"{event.type} {event.event_id}", show_body(event)) for event in events]},
    ]


def show_body(event: InboxEvent) -> str:
    """The body laid out, where it is JSON that Python can read; else as it came. Never as markup."""
    raw = bytes(event.raw)
    text = raw[:SHOWN_BYTES].decode("utf-8", errors="backslashreplace")
    if len(raw) <= SHOWN_BYTES:
        with suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
    return show_verbatim(text)


def _list_sessions(payments: Iterable[Payment]) -> list[_AtStripe]:
    found: list[_AtStripe] = []
    for payment in payments:
        if payment.session_id:
            found.append((_("Checkout Session"), payment.session_id, payment.stripe_status))
        if payment.payment_intent_id:
            found.append((_("Payment Intent"), payment.payment_intent_id, ""))
    return found


def _select_events(payments: Iterable[Payment], at_stripe: Iterable[_AtStripe]) -> QuerySet[InboxEvent]:
    """About one of these objects, or about what belongs to a payment's intent, as a charge does."""
    about = Q(object_id__in=[stripe_id for _what, stripe_id, _said in at_stripe])
    intents = [payment.payment_intent_id for payment in payments if payment.payment_intent_id]
    return InboxEvent.objects.filter(about | Q(payment_intent_id__in=intents))


def _list_charges(events: Iterable[InboxEvent]) -> list[_AtStripe]:
    """Those that Stripe told us of: each attempt at a card is one, also where it was declined."""
    told = reversed([event for event in events if event.object_id.startswith(_CHARGES)])
    last = {event.object_id: event.type for event in told}
    return [(_("Charge"), stripe_id, said) for stripe_id, said in last.items()]


def _list_refunds(refunds: Iterable[CardRefund]) -> list[_AtStripe]:
    return [
        (_("Refund"), one.stripe_id, " · ".join(filter(None, (one.stripe_status, one.failure, one.error))))
        for one in refunds
        if one.stripe_id
    ]


def _list_disputes(disputes: Iterable[Dispute]) -> list[_AtStripe]:
    return [(_("Dispute"), one.stripe_id, f"{one.get_state_display()} {one.reason}".strip()) for one in disputes]


def _link_to_stripe(stripe_id: str) -> str:
    return format_html(
        '<a class="text-primary-600 dark:text-primary-500" href="{}" rel="noreferrer">{}</a>',
        find_page(stripe_id),
        show_id(stripe_id),
    )


def _payment_cells(payment: Payment) -> Cells:
    return (
        link("payments_payment", payment.pk, shorten(payment.session_id or "—")),
        payment.get_state_display(),
        labelled(payment.amount),
        payment.stripe_status,
        say_moment(payment.asked_at),
    )


def _ask(payment: Payment) -> str:
    return link_to(reverse("admin:payments_payment_ask", args=[payment.pk]), _("Ask Stripe now"))


def _event_cells(event: InboxEvent) -> Cells:
    return (
        say_moment(event.received_at),
        link("payments_inboxevent", event.pk, f"{event.type} {event.event_id}"),
        say_moment(event.handled_at),
        event.get_outcome_display(),
        event.error,
    )


def _replay(event: InboxEvent) -> str:
    """What nobody needs is not handled at all."""
    if event.outcome == InboxEvent.Outcome.IGNORED:
        return ""
    return link_to(reverse("admin:payments_inboxevent_replay", args=[event.pk]), _("Replay"))
