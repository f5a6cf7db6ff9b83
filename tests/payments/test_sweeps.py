"""P12: no webhook ever comes. A paid order is never expired or cancelled, and an unpaid one ends."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings

from billing.models import State
from billing.top_ups import PAYABLE_FOR
from payments import stripe_api, sweeps
from payments.models import InboxEvent, Payment
from payments.standin.client import StandIn
from tests import builders, races
from tests.payments import deliveries
from wallet.models import Organisation, Posting

AFTER = timedelta(minutes=1)

Patch = pytest.MonkeyPatch


def test_orders_past_their_deadline_end_as_stripe_says_without_any_webhook(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payments = [open_checkout() for _ in range(races.scaled(20, full=500))]
    paid, unpaid = payments[::2], payments[1::2]
    for payment in paid:
        stripe.pay(builders.session_of(payment))
    for payment in unpaid:
        stripe.expire(builders.session_of(payment))
    moment = now + PAYABLE_FOR + AFTER
    for _ in range(1 + len(payments) // 200):
        sweeps.ask_about_open_payments(now=moment)
    assert set(acme.orders.filter(state=State.PAID)) == {payment.order for payment in paid}
    assert set(acme.orders.filter(state=State.EXPIRED)) == {payment.order for payment in unpaid}
    assert builders.balance_of(acme.pk) == builders.usd(100) * len(paid)
    assert Posting.objects.filter(organisation=acme).count() == len(paid)


def test_order_past_its_deadline_waits_as_long_as_stripe_still_takes_the_money(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    """Our clock may run ahead of Stripe's: the session decides, not the deadline."""
    payment = open_checkout()
    moment = now + PAYABLE_FOR + AFTER
    sweeps.ask_about_open_payments(now=moment)
    payment.order.refresh_from_db()
    assert payment.order.state == State.PENDING
    stripe.pay(builders.session_of(payment))
    sweeps.ask_about_open_payments(now=moment + timedelta(minutes=50))
    payment.order.refresh_from_db()
    assert payment.order.state == State.PAID
    assert not payment.order.flags.exists()


def test_nothing_is_expired_while_stripe_is_away(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime, quick_retries: None
) -> None:
    payments = [open_checkout() for _ in range(3)]
    stripe.pay(builders.session_of(payments[0]))
    stripe.switch(faults=[{"kind": "drop", "when": "before", "calls": 100}])
    moment = now + PAYABLE_FOR + AFTER
    sweeps.ask_about_open_payments(now=moment)
    assert acme.orders.filter(state=State.PENDING).count() == 3
    stripe.switch(faults=[])
    sweeps.ask_about_open_payments(now=moment + timedelta(minutes=15))
    assert acme.orders.filter(state=State.PAID).count() == 1
    assert acme.orders.filter(state=State.PENDING).count() == 2


def test_whatever_has_piled_up_in_the_inbox_is_worked_through_by_one_sweep(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime, monkeypatch: Patch
) -> None:
    """As after an outage: nobody who paid waits for as many sweeps as there are batches."""
    payments = [open_checkout() for _ in range(7)]
    for payment in payments:
        stripe.pay(builders.session_of(payment))
        deliveries.deliver(deliveries.event_about(builders.session_of(payment)))
    monkeypatch.setattr(sweeps, "_BATCH", 3)
    sweeps.sweep_inbox(now=now + AFTER)
    assert acme.orders.filter(state=State.PAID).count() == len(payments)


def test_one_session_that_stripe_does_not_know_does_not_stop_the_others(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    lost, paid = open_checkout(), open_checkout()
    Payment.objects.filter(pk=lost.pk).update(session_id=f"cs_test_gone_{lost.pk.hex}")
    stripe.pay(builders.session_of(paid))
    sweeps.ask_about_open_payments(now=now + AFTER)
    assert set(acme.orders.filter(state=State.PAID)) == {paid.order}
    lost.refresh_from_db()
    assert (lost.state, lost.order.state) == (Payment.State.OPEN, State.PENDING)
    assert lost.ask_at > now + AFTER


def test_order_whose_customer_never_reached_stripe_expires(acme: Organisation, stripe: StandIn, now: datetime) -> None:
    payment = builders.begin_top_up(acme, now=now)
    sweeps.ask_about_open_payments(now=now + AFTER)
    payment.order.refresh_from_db()
    assert payment.order.state == State.PENDING
    sweeps.ask_about_open_payments(now=now + PAYABLE_FOR)
    payment.order.refresh_from_db()
    assert payment.order.state == State.EXPIRED


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
def test_delayed_method_is_asked_about_until_the_bank_has_decided(
    outcome: str, open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    stripe.pay_by_bank_debit(builders.session_of(payment))
    sweeps.ask_about_open_payments(now=now + AFTER)
    payment.order.refresh_from_db()
    assert payment.order.state == State.IN_REVIEW
    sweeps.ask_about_open_payments(now=now + timedelta(hours=12))
    payment.order.refresh_from_db()
    assert payment.order.state == State.IN_REVIEW
    stripe.settle(builders.session_of(payment), outcome=outcome)
    sweeps.ask_about_open_payments(now=now + timedelta(hours=23))
    payment.order.refresh_from_db()
    assert payment.order.state == (State.PAID if outcome == "succeeded" else State.FAILED)
    assert builders.balance_of(acme.pk) == builders.usd(100 if outcome == "succeeded" else 0)


def test_events_that_could_not_be_delivered_are_found_and_handled(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    stripe.switch(webhook_url="http://127.0.0.1:9/", deliveries="drop")
    payment = open_checkout()
    stripe.pay(builders.session_of(payment))
    races.wait_until(lambda: bool(stripe_api.undelivered_events(since=now - AFTER, now=now + AFTER)))
    sweeps.find_missed_events(now=now + AFTER)
    payment.order.refresh_from_db()
    assert payment.order.state == State.PAID
    assert InboxEvent.objects.get(object_id=builders.session_of(payment)).outcome == InboxEvent.Outcome.DONE
    sweeps.find_missed_events(now=now + 2 * AFTER)
    assert Posting.objects.filter(organisation=acme).count() == 1


def test_missed_events_wait_while_stripe_is_away(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime, quick_retries: None
) -> None:
    stripe.switch(webhook_url="http://127.0.0.1:9/", deliveries="drop")
    payment = open_checkout()
    stripe.pay(builders.session_of(payment))
    races.wait_until(lambda: bool(stripe_api.undelivered_events(since=now - AFTER, now=now + AFTER)))
    stripe.switch(faults=[{"kind": "error", "when": "before", "path": "/v1/events", "calls": 10}])
    sweeps.find_missed_events(now=now + AFTER)
    assert not InboxEvent.objects.filter(object_id=builders.session_of(payment)).exists()
    stripe.switch(faults=[])
    sweeps.find_missed_events(now=now + AFTER)
    payment.order.refresh_from_db()
    assert payment.order.state == State.PAID


def test_beat_sends_every_sweep_as_often_as_it_is_due(settings: LazySettings) -> None:
    schedule: dict[str, dict[str, Any]] = settings.CELERY_BEAT_SCHEDULE
    sent = {job["args"][0]: job["schedule"] for job in schedule.values() if job["task"] == "payments.tasks.sweep"}
    assert sent == {sweep.name: sweep.every.total_seconds() for sweep in sweeps.SWEEPS}


def test_payment_just_asked_about_is_left_alone(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    sweeps.ask_about_open_payments(now=now)
    stripe.pay(builders.session_of(payment))
    sweeps.ask_about_open_payments(now=now + timedelta(seconds=54))
    payment.order.refresh_from_db()
    assert payment.order.state == State.PENDING
    sweeps.ask_about_open_payments(now=now + timedelta(seconds=56))
    payment.order.refresh_from_db()
    assert payment.order.state == State.PAID
