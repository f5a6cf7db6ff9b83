"""Cancelling: only after Stripe was asked, so that nobody who has paid is left without his money."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from billing.models import Order, State
from payments import checkout, inbox, stripe_api, sweeps
from payments.models import Payment
from payments.standin.client import StandIn
from tests import builders, races
from tests.payments import deliveries
from wallet.models import Organisation

AFTER = timedelta(minutes=1)


def test_cancelled_order_can_no_longer_be_paid(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    checkout.cancel(order_id=payment.order_id, by="Alice", now=now)
    order = Order.objects.get(pk=payment.order_id)
    assert order.state == State.CANCELLED
    assert order.events.latest("id").by == "Alice"
    assert stripe_api.fetch_session(builders.session_of(payment)).status == "expired"
    with pytest.raises(checkout.CannotBePaid):
        checkout.open_session(payment_id=payment.pk, now=now)
    with pytest.raises(checkout.CannotBePaid):
        checkout.cancel(order_id=payment.order_id, by="Alice", now=now)


def test_order_cancelled_ten_times_at_once_is_cancelled_once(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    cancel = partial(checkout.cancel, order_id=payment.order_id, by="Alice", now=now)
    outcomes = races.run_at_once([cancel] * 10)
    assert all(outcome is None or isinstance(outcome, checkout.CannotBePaid) for outcome in outcomes)
    assert None in outcomes
    assert payment.order.events.filter(state=State.CANCELLED).count() == 1


def test_order_cancelled_after_it_was_paid_at_stripe_is_credited(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    stripe.pay(builders.session_of(payment))
    checkout.cancel(order_id=payment.order_id, by="Alice", now=now)
    payment.order.refresh_from_db()
    assert payment.order.state == State.PAID
    assert not payment.order.flags.exists()
    assert builders.balance_of(acme.pk) == builders.usd(100)


def test_wish_to_cancel_is_kept_while_stripe_is_away(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime, quick_retries: None
) -> None:
    payment = open_checkout()
    stripe.switch(faults=[{"kind": "drop", "when": "before", "calls": 3}])
    with pytest.raises(stripe_api.StripeUnavailable):
        checkout.cancel(order_id=payment.order_id, by="Alice", now=now)
    payment.refresh_from_db()
    assert (payment.order.state, payment.cancel_wished_by) == (State.PENDING, "Alice")
    with pytest.raises(checkout.CannotBePaid):  # nobody is sent to pay what he wants cancelled
        checkout.open_session(payment_id=payment.pk, now=now)

    sweeps.ask_about_open_payments(now=now + AFTER)
    payment.order.refresh_from_db()
    assert payment.order.state == State.CANCELLED
    assert stripe_api.fetch_session(builders.session_of(payment)).status == "expired"


def test_session_made_while_its_order_was_cancelled_is_closed(
    acme: Organisation, stripe: StandIn, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = builders.begin_top_up(acme, now=now)
    create = stripe_api.create_session

    def create_slowly(**request: Any) -> stripe_api.CheckoutSession:
        session = create(**request)
        checkout.cancel(order_id=payment.order_id, by="Alice", now=now)
        return session

    monkeypatch.setattr(stripe_api, "create_session", create_slowly)
    with pytest.raises(checkout.CannotBePaid):
        checkout.open_session(payment_id=payment.pk, now=now)
    [session_id] = deliveries.sessions_of(payment)
    assert stripe_api.fetch_session(session_id).status == "expired"
    payment.order.refresh_from_db()
    assert payment.order.state == State.CANCELLED


@pytest.mark.parametrize("seed", races.rounds(6, full=300))
def test_cancel_at_the_moment_of_paying_ends_paid_or_cancelled(
    seed: int, open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    session_id = builders.session_of(payment)
    event = deliveries.event_about(session_id)

    def pay_and_tell() -> None:
        stripe.pay(session_id)
        deliveries.deliver(event)
        inbox.handle_due(now=now + AFTER)

    cancelled, *_ = races.run_at_once(
        [
            lambda: checkout.cancel(order_id=payment.order_id, by="Alice", now=now),
            pay_and_tell,
            lambda: checkout.ask_about(payment_id=payment.pk, by="Stripe", now=now),
        ]
    )
    assert cancelled is None or isinstance(cancelled, checkout.CannotBePaid)
    payment.order.refresh_from_db()
    is_paid = stripe_api.fetch_session(session_id).payment_status == "paid"
    assert payment.order.state == (State.PAID if is_paid else State.CANCELLED)
    assert builders.balance_of(acme.pk) == builders.usd(100 if is_paid else 0)


def test_cancel_that_loses_against_the_webhook_says_so(
    open_checkout: Callable[..., Payment],
    acme: Organisation,
    stripe: StandIn,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The payment is confirmed after the wish was noted and before Stripe is asked: it is credited, nothing breaks."""
    payment = open_checkout()
    stripe.pay(builders.session_of(payment))
    ask_about = checkout.ask_about

    def ask_late(**about: Any) -> Payment:
        ask_about(payment_id=payment.pk, by="Stripe", now=now)
        return ask_about(**about)

    monkeypatch.setattr(checkout, "ask_about", ask_late)
    checkout.cancel(order_id=payment.order_id, by="Alice", now=now)
    payment.order.refresh_from_db()
    assert payment.order.state == State.PAID
    assert builders.balance_of(acme.pk) == builders.usd(100)
