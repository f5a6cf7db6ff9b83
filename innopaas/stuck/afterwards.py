"""What is stuck after an order was paid: refunds, disputes, documents."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from billing import documents
from billing.models import Dispute, Document, DocumentKind, IssuingMark, Method, Order, Refund
from innopaas.stuck.rows import MOST, Act, Stuck
from payments.admin.stripe_pages import find_page
from wallet.money import labelled

SENT_WITHIN: Final = timedelta(minutes=15)
AT_STRIPE: Final = timedelta(days=7)
"""How long a refund to a card may be pending there."""

AT_THE_BANK: Final = timedelta(days=3)
"""How long an approved refund may wait for its payment at the bank."""

EVIDENCE_AHEAD: Final = timedelta(days=3)
ISSUED_WITHIN: Final = timedelta(minutes=10)


def find_card_refunds(now: datetime) -> Sequence[Stuck]:
    """Approved refunds that Stripe was not sent, and those it has had for more than a week."""
    unsent = Q(at_stripe__isnull=True) | Q(at_stripe__stripe_id__isnull=True)
    late = Q(asked_at__lt=now - AT_STRIPE) | (unsent & Q(asked_at__lt=now - SENT_WITHIN, approved_at=None))
    late |= unsent & Q(approved_at__lt=now - SENT_WITHIN)
    refunds = Refund.objects.filter(late, state=Refund.State.APPROVED, order__method=Method.CARD)
    return [_tell_card(one) for one in refunds.select_related("order", "at_stripe").order_by("asked_at")[: MOST + 1]]


def find_bank_refunds(now: datetime) -> Sequence[Stuck]:
    """Approved refunds of transfers that nobody has paid at the bank."""
    approved = Refund.objects.filter(state=Refund.State.APPROVED, order__method=Method.OFFLINE)
    waiting = approved.filter(approved_at__lt=now - AT_THE_BANK).select_related("order").order_by("approved_at")
    return [
        Stuck(
            subject=f"{refund.number} · {labelled(refund.back)}",
            address=_refund_page(refund),
            since=refund.approved_at,
            why=_("It is approved, and not recorded as paid at the bank."),
            act=Act(title=_("Go to the refund"), address=_refund_page(refund), permission="billing.view_refund"),
        )
        for refund in waiting[: MOST + 1]
    ]


def find_disputes(now: datetime) -> Sequence[Stuck]:
    """Disputes that are lost without evidence, which Stripe takes for a few more days."""
    due = Dispute.objects.to_answer().filter(evidence_due_at__lt=now + EVIDENCE_AHEAD).select_related("order")
    return [
        Stuck(
            subject=f"{dispute.order.number} · {labelled(dispute.amount)}",
            address=reverse("admin:billing_dispute_change", args=[dispute.pk]),
            since=dispute.opened_at,
            why=_("Stripe takes evidence until %(until)s; without any it is lost.")
            % {"until": f"{dispute.evidence_due_at:%Y-%m-%d %H:%M} UTC"},
            act=Act(
                title=_("Send evidence at Stripe"),
                address=find_page(dispute.stripe_id),
                permission="billing.view_dispute",
            ),
        )
        for dispute in due.order_by("evidence_due_at")[: MOST + 1]
    ]


def find_documents(now: datetime) -> Sequence[Stuck]:
    """Paid orders without a receipt, of those that its sweep has not done with."""
    issued = Document.objects.filter(kind=DocumentKind.RECEIPT, order=OuterRef("pk"))
    mark = IssuingMark.objects.filter(kind=DocumentKind.RECEIPT).values("at")
    since = Coalesce(Subquery(mark), Value(now - documents.LOOKED_BACK))
    orders = Order.objects.filter(~Exists(issued), paid_at__gte=since, paid_at__lt=now - ISSUED_WITHIN)
    return [
        Stuck(
            subject=f"{order.number} · {labelled(order.paid)}",
            address=reverse("admin:billing_order_change", args=[order.pk]),
            since=order.paid_at,
            why=_("It is paid, and has no receipt."),
            act=Act(
                title=_("Issue the receipt"),
                address=reverse("issue_receipt", args=[order.pk]),
                permission="billing.change_order",
                is_sent=True,
            ),
        )
        for order in orders.order_by("paid_at")[: MOST + 1]
    ]


def _tell_card(refund: Refund) -> Stuck:
    card = getattr(refund, "at_stripe", None)
    why: Any = _("It is approved, and no worker has taken it up.")
    act = Act(title=_("Go to the refund"), address=_refund_page(refund), permission="billing.view_refund")
    if card:
        said = " · ".join(filter(None, (card.stripe_status, card.failure, card.error)))
        why = said or (_("Stripe has not ended it.") if card.stripe_id else _("Stripe was not sent it."))
        ask = reverse("ask_about_refund", args=[card.pk])
        act = Act(title=_("Ask Stripe now"), address=ask, permission="payments.change_inboxevent", is_sent=True)
    return Stuck(
        subject=f"{refund.number} · {labelled(refund.back)}",
        address=_refund_page(refund),
        since=refund.approved_at or refund.asked_at,
        why=why,
        act=act,
    )


def _refund_page(refund: Refund) -> str:
    return reverse("admin:billing_refund_change", args=[refund.pk])
