"""Stuck money: orders, payments, transfers and doubts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, Subquery
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from billing.models import Flag, Method, Order, State
from innopaas.stuck.rows import MOST, Act, Stuck
from payments.models import Payment, Transfer
from wallet.money import labelled

GRACE: Final = timedelta(minutes=15)
"""How long after its deadline an order may wait: the sweeps that end it run every minute."""

SLOWEST_METHOD: Final = timedelta(days=7)
"""How long the bank of a delayed card method may take."""

UNRESOLVED: Final = timedelta(days=1)
"""How long a flag may wait for somebody."""

_ASKS = "payments.change_inboxevent"


def find_paid_elsewhere(_now: datetime) -> Sequence[Stuck]:
    """Payments that Stripe has money of and whose customer has none: what does not agree and is not resolved, and what
    Stripe called paid while it is still open here.
    """
    doubted = Flag.objects.filter(resolved_at__isnull=True).values("order_id")
    differing = Payment.objects.filter(state=Payment.State.MISMATCHED, order_id__in=doubted)
    open_here = Payment.objects.filter(state__in=Payment.UNDECIDED, stripe_status__contains="/ paid")
    payments = Payment.objects.filter(pk__in=differing.values("pk").union(open_here.values("pk")))
    return [_tell_paid(payment) for payment in payments.select_related("order").order_by("id")[: MOST + 1]]


def find_orders(now: datetime) -> Sequence[Stuck]:
    """Orders that should have ended by their deadline: by Stripe's answer, or by the sweep of transfers."""
    late = Q(state__in=[State.PENDING, State.REJECTED], deadline_at__lt=now - GRACE)
    late |= Q(state=State.IN_REVIEW, method=Method.CARD, deadline_at__lt=now - SLOWEST_METHOD)
    open_payment = Payment.objects.filter(order=OuterRef("pk"), state__in=Payment.UNDECIDED)
    open_flag = Flag.objects.filter(order=OuterRef("pk"), resolved_at__isnull=True)
    orders = Order.objects.filter(late).annotate(
        payment_id=Subquery(open_payment.values("pk")[:1]), is_doubted=Exists(open_flag)
    )
    return [_tell_order(order) for order in orders.select_related("transfer").order_by("deadline_at")[: MOST + 1]]


def find_transfers(now: datetime) -> Sequence[Stuck]:
    """Transfers whose customers were told they would have been reviewed by now."""
    overdue = Transfer.objects.waiting().filter(expected_by__lt=now).select_related("order", "taken_by")
    return [
        Stuck(
            subject=f"{transfer.order.number} · {labelled(transfer.amount)}",
            address=_order_page(transfer.order_id),
            since=transfer.expected_by,
            why=_("Its customer was told that it would be reviewed by then.")
            if transfer.taken_by is None
            else _("Taken by %(who)s, and not decided.") % {"who": transfer.taken_by},
            act=Act(
                title=_("Review"),
                address=reverse("admin:payments_transfer_desk", args=[transfer.pk]),
                permission="payments.change_transfer",
            ),
        )
        for transfer in overdue.order_by("expected_by")[: MOST + 1]
    ]


def find_flags(now: datetime) -> Sequence[Stuck]:
    """Doubts that are open for more than a day."""
    waiting = Flag.objects.filter(resolved_at__isnull=True, since__lt=now - UNRESOLVED)
    return [
        Stuck(
            subject=flag.order.number,
            address=_order_page(flag.order_id),
            since=flag.since,
            why=f"{flag.get_reason_display()}: {flag.detail}" if flag.detail else flag.get_reason_display(),
            act=Act(
                title=_("Resolve"),
                address=reverse("admin:billing_flag_resolve", args=[flag.pk]),
                permission="billing.change_flag",
            ),
        )
        for flag in waiting.select_related("order").order_by("since")[: MOST + 1]
    ]


def _tell_paid(payment: Payment) -> Stuck:
    why: Any = _("Stripe calls it paid, and it is still open here.")
    if payment.state == Payment.State.MISMATCHED:
        why = _(
            "What Stripe reports does not agree with the order; the money is in suspense until the flag is resolved."
        )
    return Stuck(
        subject=f"{payment.order.number} · {labelled(payment.amount)}",
        address=_order_page(payment.order_id),
        since=payment.created_at,
        why=why,
        act=_ask(payment.pk),
    )


def _tell_order(order: Any) -> Stuck:
    """`order` has the id of its open payment, and whether it is in doubt."""
    why: Any
    transfer = getattr(order, "transfer", None)
    if order.is_doubted:
        why = _("It is in doubt, so nothing ends it by itself.")
        end = reverse("admin:billing_order_end", args=[order.pk])
        act = Act(title=_("End order"), address=end, permission="billing.change_order")
    elif order.payment_id:
        why = _("Stripe's answer should have ended it.")
        act = _ask(order.payment_id)
    elif transfer:
        why = _("It was not declared in time, and money that may be its own seems to have come.")
        desk = reverse("admin:payments_transfer_desk", args=[transfer.pk])
        act = Act(title=_("Review"), address=desk, permission="payments.change_transfer")
    else:
        why = _("Nothing waits for it any more, and still it has not ended.")
        act = Act(title=_("Look at the order"), address=_order_page(order.pk), permission="billing.view_order")
    return Stuck(
        subject=f"{order.number} · {labelled(order.paid)}",
        address=_order_page(order.pk),
        since=order.deadline_at,
        why=why,
        act=act,
    )


def _ask(payment_id: UUID) -> Act:
    return Act(
        title=_("Ask Stripe now"),
        address=reverse("admin:payments_payment_ask", args=[payment_id]),
        permission=_ASKS,
        is_sent=True,
    )


def _order_page(order_id: UUID) -> str:
    return reverse("admin:billing_order_change", args=[order_id])
