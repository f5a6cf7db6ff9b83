"""P6: one paid session credits once, whoever tells of it, in whatever order, all at once."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from billing.models import OrderEvent, State
from payments import checkout, inbox, sweeps
from payments.models import InboxEvent, Payment
from payments.standin.client import StandIn
from tests import builders, races
from tests.payments import deliveries
from wallet import chart
from wallet.models import Organisation, Posting

Call = Callable[[], Any]


def tell_and_handle(event: dict[str, Any], *, now: datetime) -> None:
    """A delivery, and the worker it wakes."""
    assert deliveries.deliver(event).status_code == 200
    inbox.handle_due(now=now)


def replay_any(session_id: str, *, now: datetime) -> None:
    """What ops does with an event that looks stuck."""
    for event in InboxEvent.objects.filter(object_id=session_id)[:2]:
        inbox.replay(event_id=event.pk, by="olivia", now=now)


def racers(payment: Payment, *, now: datetime, deliveries_at_once: int, random_: random.Random) -> list[Call]:
    session_id = builders.session_of(payment)
    later = now + timedelta(minutes=2)
    one = deliveries.event_about(session_id)
    told = [
        one if random_.random() < 0.5 else deliveries.event_about(session_id, kind=random_.choice(KINDS))
        for _ in range(deliveries_at_once)
    ]
    calls: list[Call] = [partial(tell_and_handle, event, now=later) for event in told]
    calls += [partial(checkout.ask_about, payment_id=payment.pk, by="Stripe", now=later) for _ in range(2)]
    calls += [partial(sweeps.ask_about_open_payments, now=later), partial(sweeps.sweep_inbox, now=later)]
    calls += [partial(replay_any, session_id, now=later)]
    random_.shuffle(calls)
    return calls


KINDS = (deliveries.COMPLETED, deliveries.ASYNC_OK, deliveries.EXPIRED)


def assert_credited_once(payment: Payment, organisation: Organisation) -> None:
    payment.refresh_from_db()
    assert payment.state == Payment.State.CONFIRMED
    assert payment.order.state == State.PAID
    assert OrderEvent.objects.filter(order=payment.order, state=State.PAID).count() == 1
    assert Posting.objects.filter(organisation=organisation).count() == 1
    assert builders.balance_of(organisation.pk) == payment.amount
    assert builders.balance_of(organisation.pk, chart.STRIPE_CLEARING) == payment.amount
    assert not organisation.orders.filter(follows__isnull=False).exists()
    assert not payment.order.flags.exists()


def test_paid_session_told_many_times_at_once_credits_once(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    stripe.pay(builders.session_of(payment))
    crowd = racers(payment, now=now, deliveries_at_once=races.scaled(16, full=64), random_=random.Random(6))
    races.raise_failures(races.run_at_once(crowd))
    assert_credited_once(payment, acme)


@pytest.mark.parametrize("seed", races.rounds(8, full=1000))
def test_paid_session_is_credited_once_in_any_schedule(
    seed: int, open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    """Some deliveries come before the customer pays, the rest and everybody else while he does."""
    random_ = random.Random(seed)
    payment = open_checkout()
    crowd = racers(payment, now=now, deliveries_at_once=random_.randint(1, 5), random_=random_)
    early = random_.randint(0, len(crowd) // 2)
    races.raise_failures(races.run_at_once(crowd[:early])) if early else None
    races.raise_failures(
        races.run_at_once([partial(stripe.pay, builders.session_of(payment)), *crowd[early:]]),
    )
    final = deliveries.event_about(builders.session_of(payment))
    races.raise_failures(races.run_at_once([partial(tell_and_handle, final, now=now + timedelta(hours=1))] * 2))
    assert_credited_once(payment, acme)
