"""Going on with an order's payment, and cancelling it."""

from datetime import datetime

from django.contrib import messages
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from billing import card_blocks, explanations
from billing.models import Method, Order, State
from payments import checkout, stripe_api, transfers
from payments.models import Payment, Transfer
from payments.views.acting import find_order, refuse
from wallet.access import MemberRequest, member_required, memberships_of


class SeeOther(HttpResponseRedirect):
    """303: whatever was posted, the next page is fetched with GET."""

    status_code = 303


@require_POST
@member_required
def go_on(request: MemberRequest, number: str) -> HttpResponseBase:
    """Continue to payment: back to Stripe's page while it is open, or to the bank sheet."""
    order = find_order(request, number)
    acting = memberships_of(request)[order.organisation_id]
    if order.method == Method.OFFLINE:
        return SeeOther(sheet_address(order))
    if not acting.may_top_up:
        return refuse(request, acting)
    payment = Payment.objects.filter(order=order).order_by("id").last()
    if payment is None:
        messages.warning(request, _("This order is not waiting for a card payment any more."))
        return redirect("billing:order", number)
    return send_to_stripe(request, payment, now=timezone.now())


def send_to_stripe(request: MemberRequest, payment: Payment, *, now: datetime) -> HttpResponseBase:
    """To Stripe's page; to the order, with a sentence, when there is no way there."""
    order = payment.order
    try:
        return SeeOther(checkout.open_session(payment_id=payment.pk, now=now))
    except checkout.CannotBePaid:
        messages.warning(request, _("This order is not waiting for a card payment any more."))
    except card_blocks.CardBlocked as blocked:
        messages.warning(request, str(blocked))
    except stripe_api.StripeUnavailable:
        messages.warning(
            request, _("Stripe cannot be reached at the moment. Nothing was charged. Continue to payment in a minute.")
        )
    return SeeOther(order_address(order))


def order_address(order: Order) -> str:
    return reverse("billing:order", args=[order.number])


def sheet_address(order: Order) -> str:
    """Its bank sheet; an order without a transfer of its own, because it follows another, shows itself."""
    return reverse("payments:transfer", args=[order.number]) if hasattr(order, "transfer") else order_address(order)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def cancel(request: MemberRequest, number: str) -> HttpResponseBase:
    order = find_order(request, number)
    acting = memberships_of(request)[order.organisation_id]
    if not acting.may_top_up:
        return refuse(request, acting)
    now = timezone.now()
    if request.method != "POST":
        if not explanations.explain(order, now=now).may_cancel:
            return redirect("billing:order", number)
        return render(request, "payments/cancel.html", {"order": order})
    if order.method == Method.OFFLINE:
        return _cancel_transfer(request, order, now=now)
    return _cancel_checkout(request, order, now=now)


def _cancel_transfer(request: MemberRequest, order: Order, *, now: datetime) -> HttpResponseBase:
    try:
        transfers.cancel(order_id=order.pk, by=str(request.user), now=now)
    except transfers.AlreadyTaken:
        messages.warning(
            request, _("Our finance team is working on this transfer, so it cannot be cancelled. Contact our team.")
        )
    except (transfers.CannotBeDeclared, Transfer.DoesNotExist):
        messages.warning(request, _("There is nothing to cancel any more."))
    else:
        messages.success(
            request, _("The order is cancelled. Money that still arrives for it is credited all the same.")
        )
    return SeeOther(order_address(order))


def _cancel_checkout(request: MemberRequest, order: Order, *, now: datetime) -> HttpResponseBase:
    try:
        checkout.cancel(order_id=order.pk, by=str(request.user), now=now)
    except checkout.CannotBePaid:
        messages.warning(request, _("There is nothing to cancel any more."))
    except (stripe_api.StripeRefused, stripe_api.SessionUnreadable):
        messages.warning(
            request,
            _("Stripe could not tell us whether anything was paid, so our team looks into it. Contact our team."),
        )
    except stripe_api.StripeUnavailable:
        messages.warning(
            request, _("Stripe cannot be reached at the moment. The order is cancelled as soon as Stripe answers.")
        )
    else:
        _tell_what_became_of_it(request, order)
    return SeeOther(order_address(order))


def _tell_what_became_of_it(request: MemberRequest, order: Order) -> None:
    order.refresh_from_db(fields=["state"])
    if order.state == State.CANCELLED:
        messages.success(request, _("The order is cancelled. Nothing was charged."))
    elif order.state == State.PAID:
        messages.info(request, _("It was paid before it could be cancelled, so the money was credited."))
