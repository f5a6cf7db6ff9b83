"""Card checkouts: an order and its payment first, then Stripe's page; and cancelling them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from billing import card_blocks, flags, orders, targets, top_ups
from billing.models import Flag, Method, Order
from payments import confirmation, stripe_api
from payments.models import Payment
from wallet import chart, kill_points
from wallet.ids import new_id, read_id
from wallet.models import User

_SHORTEST_SESSION = timedelta(minutes=31)
"""Stripe wants a new session to stay open for 30 minutes at least."""


class CannotBePaid(Exception):
    """The order is not waiting for a card payment any more."""


class NotFlagged(Exception):
    """The order is not waiting, or nothing about it is in doubt: it ends by itself."""


def begin(
    wish: top_ups.TopUp, *, by: User, now: datetime, language: str, return_url: Callable[[Order], str]
) -> Payment:
    """Commit the order and its first payment. The same wish again returns the payment made then.

    Raises `top_ups.FormTokenReused`, `limits.OutsideLimits` and `card_blocks.CardBlocked`. Nothing is asked of Stripe
    yet.
    """
    with transaction.atomic(durable=True):
        order = top_ups.open_order(wish, by=by, now=now)
        existing = order.payments.order_by("id").last()
        if existing:
            return existing
        return Payment.objects.create(**_first_payment(order, now=now, language=language, return_url=return_url(order)))


def open_session(*, payment_id: UUID, now: datetime) -> str:
    """The address of Stripe's page for this payment; an open session is used again.

    Raises `stripe_api.StripeUnavailable` (nothing was charged; call again later), `CannotBePaid` and
    `card_blocks.CardBlocked`.
    """
    payment = Payment.objects.select_related("order").get(pk=payment_id)
    if payment.state != Payment.State.OPEN or payment.cancel_wished_by or now >= payment.session_expires_at:
        raise CannotBePaid(payment.order.number)
    card_blocks.check(payment.organisation_id)
    if payment.session_id and payment.session_url:
        return payment.session_url
    if payment.session_id or now > payment.session_expires_at - _SHORTEST_SESSION:
        raise CannotBePaid(payment.order.number)
    kill_points.reach("before-session-made")
    try:
        session = _create_session(payment)
    except (stripe_api.StripeRefused, stripe_api.SessionUnreadable) as error:
        flags.raise_flag(order=payment.order, reason=Flag.Reason.REFUSED_BY_STRIPE, detail=str(error), now=now)
        raise stripe_api.StripeUnavailable(str(error)) from error
    kill_points.reach("after-session-made")
    return _keep(payment, session, now=now)


def adopt(session: stripe_api.CheckoutSession, *, now: datetime) -> Payment | None:
    """The payment a session belongs to; one that lost its session (killed between answer and store) gets it back."""
    payment = Payment.objects.filter(session_id=session.id).first()
    if payment is None and read_id(session.payment_id):
        Payment.objects.filter(pk=session.payment_id, session_id__isnull=True).update(
            session_id=session.id, session_url=session.url, session_expires_at=session.expires_at, ask_at=now
        )
        payment = Payment.objects.filter(pk=session.payment_id, session_id=session.id).first()
    return payment


def find_claimed(payment_id: str) -> Payment | None:
    """The payment that something at Stripe names in our mark, whichever session that payment has."""
    if read_id(payment_id) is None:
        return None
    return Payment.objects.select_related("order").filter(pk=payment_id).first()


def cancel(*, order_id: UUID, by: str, now: datetime) -> None:
    """Note the wish to cancel, close the session at Stripe, and end the order as Stripe answers.

    A session that was paid meanwhile is credited instead. Raises `CannotBePaid` when there is nothing to cancel and
    `stripe_api.StripeUnavailable` when Stripe has not answered: the wish stays, and the sweep carries it out.
    """
    opened = Payment.objects.filter(order_id=order_id, state=Payment.State.OPEN)
    payment_id = opened.values_list("pk", flat=True).first()
    if payment_id is None or not opened.filter(pk=payment_id).update(cancel_wished_by=by, ask_at=now):
        raise CannotBePaid(str(order_id))
    ask_about(payment_id=payment_id, by=by, now=now)


def end_flagged(*, order_id: UUID, by: str, note: str, now: datetime) -> None:
    """End an order that waits under a flag, when a person has found out that nobody else ever will.

    Its open session is closed at Stripe first, so that nobody pays what has ended here. Its payment is asked about no
    more, but what an event still tells of it is followed: money that arrives is credited and flagged. Raises
    `NotFlagged` when the order does not wait or nothing is in doubt, `stripe_api.StripeUnavailable` when Stripe has
    not answered; then nothing has changed.
    """
    _check_flagged(Order.objects.get(pk=order_id))
    opened = Payment.objects.filter(order_id=order_id, state__in=Payment.UNDECIDED, session_id__isnull=False)
    for session_id in opened.values_list("session_id", flat=True):
        stripe_api.expire_session(str(session_id))
    with transaction.atomic(durable=True):
        payments = list(Payment.objects.select_for_update().filter(order_id=order_id).order_by("pk"))
        order = orders.lock(order_id)
        _check_flagged(order)
        for payment in payments:
            if payment.is_open:
                payment.state = Payment.State.FAILED
                payment.save(update_fields=["state"])
        orders.end_by_team(order=order, by=by, note=note, now=now)


def ask_about(*, payment_id: UUID, by: str, now: datetime) -> Payment:
    """Ask Stripe what became of a payment and let it become that. Raises `stripe_api.StripeUnavailable`."""
    payment = Payment.objects.get(pk=payment_id)
    if not payment.session_id:
        return _end_unstarted(payment_id, by=by, now=now)
    if payment.cancel_wished_by and payment.is_open:
        stripe_api.expire_session(payment.session_id)
    session = stripe_api.fetch_session(payment.session_id)
    return confirmation.confirm_payment(payment_id=payment_id, session=session, by=by, now=now)


def _check_flagged(order: Order) -> None:
    if not order.is_on_its_way or not order.flags.filter(resolved_at__isnull=True).exists():
        raise NotFlagged(order.number)


def _first_payment(order: Order, *, now: datetime, language: str, return_url: str) -> dict[str, Any]:
    payment_id = new_id()
    return {
        "pk": payment_id,
        "organisation_id": order.organisation_id,
        "order": order,
        "method": Method.CARD,
        "amount": order.paid,
        "idempotency_key": f"checkout:{payment_id}",
        "session_expires_at": order.deadline_at,
        "created_at": now,
        "ask_at": now,
        "session_request": {
            "mode": "payment",
            "client_reference_id": order.number,
            "customer_email": order.created_by.email,
            "expires_at": int(order.deadline_at.timestamp()),
            "locale": "zh" if language.startswith("zh") else "en",
            "success_url": f"{return_url}?session_id={{CHECKOUT_SESSION_ID}}",
            "cancel_url": return_url,
            "metadata": {"order": order.number, "payment": str(payment_id)},
            "payment_intent_data": {"metadata": {"order": order.number, "payment": str(payment_id)}},
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": order.paid.currency.code.lower(),
                        "unit_amount": stripe_api.minor_units(order.paid),
                        "product_data": _describe(order),
                    },
                }
            ],
        },
    }


def _describe(order: Order) -> dict[str, str]:
    """What Stripe's page says is paid for: at the moment of paying, too, that a product's money stays in it."""
    if order.target == chart.WALLET:
        return {"name": f"InnoPaaS {order.number}"}
    product = targets.name(order.target)
    return {
        "name": f"InnoPaaS {product} {order.number}",
        "description": _("Can only be used within %(product)s.") % {"product": product},
    }


def _create_session(payment: Payment) -> stripe_api.CheckoutSession:
    """Make the payment's session or find it again. A failure that Stripe remembers needs another key: whatever stood
    behind it was shown to nobody, so nobody can pay it.
    """
    try:
        return stripe_api.create_session(request=payment.session_request, idempotency_key=payment.idempotency_key)
    except stripe_api.FailureRemembered:
        old = payment.idempotency_key
        payment.idempotency_key = _next_key(old)
        Payment.objects.filter(pk=payment.pk, idempotency_key=old).update(idempotency_key=payment.idempotency_key)
        return stripe_api.create_session(request=payment.session_request, idempotency_key=payment.idempotency_key)


def _next_key(key: str) -> str:
    """`checkout:<payment>`, then `checkout:<payment>:2` and on: two clicks at once find the same one."""
    base, _, count = key.removeprefix("checkout:").partition(":")
    return f"checkout:{base}:{int(count or 1) + 1}"


def _keep(payment: Payment, session: stripe_api.CheckoutSession, *, now: datetime) -> str:
    kept = Payment.objects.filter(
        Q(session_id__isnull=True) | Q(session_id=session.id),
        pk=payment.pk,
        state=Payment.State.OPEN,
        cancel_wished_by="",
    ).update(session_id=session.id, session_url=session.url, session_expires_at=session.expires_at, ask_at=now)
    if not kept:  # cancelled while Stripe was making it: nobody shall pay it
        stripe_api.expire_session(session.id)
        raise CannotBePaid(payment.order.number)
    return session.url


def _end_unstarted(payment_id: UUID, *, by: str, now: datetime) -> Payment:
    """End a payment whose session nobody was ever shown, when it is cancelled or over; else leave it waiting."""
    with transaction.atomic(durable=True):
        payment = Payment.objects.select_for_update().get(pk=payment_id)
        order = orders.lock(payment.order_id)
        if payment.is_open and not payment.session_id:
            if payment.cancel_wished_by:
                payment.state = Payment.State.EXPIRED
                orders.cancel(order=order, by=payment.cancel_wished_by, now=now)
            elif now >= payment.session_expires_at:
                payment.state = Payment.State.EXPIRED
                orders.expire(order=order, by=by, now=now)
            payment.ask_at = payment.session_expires_at
            payment.save()
        return payment
