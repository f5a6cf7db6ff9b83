"""The way back from Stripe: asks Stripe itself and tells the truth until it is final."""

from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, prefetch_related_objects
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from billing import explanations
from billing.models import Method, Order
from payments import checkout, stripe_api
from payments.models import Payment
from payments.views.acting import find_order
from payments.views.orders import sheet_address
from wallet.access import MemberRequest, member_required, memberships_of
from wallet.models import Account, Member

_ASK_EVERY = timedelta(seconds=5)
_CERTAIN = (Payment.State.CONFIRMED, Payment.State.MISMATCHED)
_STOP_POLLING = 286
"""htmx: show this answer and ask no more."""


class Asked(Enum):
    """What came of asking Stripe for this page."""

    NOT_NOW = auto()
    ANSWERED = auto()
    AWAY = auto()


@never_cache
@require_safe
@member_required
def show(request: MemberRequest, number: str) -> HttpResponseBase:
    """The page, and for htmx its fragment; 204 while nothing has changed since the fragment shown."""
    now = timezone.now()
    order = _find(request, number)
    if order.method == Method.OFFLINE:
        return redirect(sheet_address(order))
    if _newest_payment(order) is None:  # an order that follows another has none of its own
        return redirect("billing:order", number)
    asked = _ask_stripe(order, now=now)
    if asked is Asked.ANSWERED:
        order = _find(request, number)
    context = _describe(request, order, asked=asked, now=now)
    payment, explanation = context["payment"], context["explanation"]
    seen = f"{order.state} {payment.state if payment else ''} {asked is Asked.AWAY} {explanation.title}"
    context |= _polling(request, context, seen)
    if not request.htmx:  # type: ignore[attr-defined]  # set by django_htmx's middleware
        return render(request, "payments/return.html", context)
    if request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    return render(request, "payments/_status.html", context, status=200 if context["is_open"] else _STOP_POLLING)


def _find(request: MemberRequest, number: str) -> Order:
    order = find_order(request, number)
    prefetch_related_objects([order], "flags", "payments")
    return order


def _ask_stripe(order: Order, *, now: datetime) -> Asked:
    """Let the payment become what Stripe says. Not at every refresh: one statement decides whose turn it is."""
    payment = _newest_payment(order)
    if payment is None or payment.state in _CERTAIN or not _take_turn(payment, now=now):
        return Asked.NOT_NOW
    try:
        checkout.ask_about(payment_id=payment.pk, by="Stripe", now=now)
    except (stripe_api.StripeUnavailable, stripe_api.StripeRefused, stripe_api.SessionUnreadable):
        return Asked.AWAY
    return Asked.ANSWERED


def _take_turn(payment: Payment, *, now: datetime) -> bool:
    long_ago = Q(asked_at__isnull=True) | Q(asked_at__lte=now - _ASK_EVERY)
    return bool(Payment.objects.filter(long_ago, pk=payment.pk).update(asked_at=now))


def _newest_payment(order: Order) -> Payment | None:
    return max(order.payments.all(), key=lambda payment: payment.pk, default=None)


def _describe(request: MemberRequest, order: Order, *, asked: Asked, now: datetime) -> dict[str, Any]:
    payment = _newest_payment(order)
    came_back_paid = "session_id" in request.GET  # Stripe adds it to the address for those who paid
    acting = memberships_of(request)[order.organisation_id]
    explanation = explanations.explain(order, now=now)
    if explanation is explanations.WAITING:
        explanation = explanations.CONFIRMING if came_back_paid else _explain_unpaid(payment)
        if asked is Asked.AWAY:
            explanation = explanations.explain_silence(explanation)
    return {
        "order": order,
        "payment": payment,
        "explanation": explanation,
        "came_back_paid": came_back_paid,
        "is_away": asked is Asked.AWAY,
        "is_open": bool(payment and payment.is_open),
        "may_top_up": acting.may_top_up,
        "able": () if acting.may_top_up else Member.objects.able_to_top_up(order.organisation_id),
        "balance": Account.objects.balance(
            organisation_id=order.organisation_id, code=order.target, currency=order.credited.currency.code
        ),
    }


def _explain_unpaid(payment: Payment | None) -> explanations.Explanation:
    """`stripe_status` ends with what Stripe said of the last card that was tried, if any was."""
    failure = payment.stripe_status.partition(" / ")[2].partition(" ")[2] if payment else ""
    return explanations.explain_declined(failure) if failure else explanations.CAME_BACK_UNPAID


def _polling(request: MemberRequest, context: dict[str, Any], seen: str) -> dict[str, Any]:
    """How often the page asks again: soon while the customer waits for his payment, seldom otherwise."""
    query = {"seen": seen} | ({"session_id": "returned"} if context["came_back_paid"] else {})
    seconds = 3 if context["came_back_paid"] else 15
    if context["is_away"]:
        seconds = 6
    elif context["payment"] and context["payment"].state == Payment.State.PROCESSING:
        seconds = 30
    return {"poll_address": f"{request.path}?{urlencode(query)}", "poll_seconds": seconds}
