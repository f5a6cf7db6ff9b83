"""P10 and P11: the inbox is the queue. The broker may vanish and workers may die; nothing waits for either for long."""

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings

from billing.models import State
from payments import inbox, stripe_api, sweeps, timekeeper
from payments.models import Heartbeat, InboxEvent, Payment
from payments.standin.client import StandIn
from tests import builders, races
from tests.payments import deliveries
from tests.payments.brokers import use_broker
from wallet.models import Organisation, Posting

AFTER = timedelta(minutes=1)
SILENCE = 3 * max(sweep.every for sweep in sweeps.SWEEPS)
"""After so long without a heartbeat every sweep is overdue, also the one that runs once an hour."""


@pytest.fixture
def broker_away(own_redis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens where the broker was; the bell can still be rung, so somebody tries."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    use_broker(monkeypatch, f"redis://127.0.0.1:{port}/0")


@pytest.fixture
def broker_deaf(own_redis: str, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Something takes the connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        use_broker(monkeypatch, settings.REDIS_URL)
        yield


# --- P10: the broker vanishes ------------------------------------------------------------------------------------


def test_paid_order_is_credited_by_the_sweep_while_the_broker_is_away(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime, broker_away: None
) -> None:
    payments = [open_checkout() for _ in range(races.scaled(4, full=200))]
    for payment in payments:
        stripe.pay(builders.session_of(payment))
        for event in deliveries.told_by(stripe, builders.session_of(payment)):
            begun = time.monotonic()
            assert deliveries.deliver(event).status_code == 200
            assert time.monotonic() - begun < 2
    assert InboxEvent.objects.unhandled().count() >= len(payments)
    sweeps.sweep_inbox(now=now + AFTER)
    assert acme.orders.filter(state=State.PAID).count() == len(payments)
    assert builders.balance_of(acme.pk) == builders.usd(100) * len(payments)


def test_webhook_answers_in_time_while_the_broker_is_deaf(clean: None, broker_deaf: None) -> None:
    """Stripe waits ten seconds at the least; a broker that hangs must not make it send everything again."""
    event = deliveries.event_about("cs_test_of_nobody")
    begun = time.monotonic()
    assert deliveries.deliver(event).status_code == 200
    assert time.monotonic() - begun < 8
    assert InboxEvent.objects.filter(event_id=event["id"]).exists()


def test_timekeeper_runs_the_sweeps_that_nobody_else_runs(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    stripe.pay(builders.session_of(payment))
    deliveries.deliver(deliveries.event_about(builders.session_of(payment)))
    for sweep in sweeps.SWEEPS:
        Heartbeat.objects.update_or_create(name=sweep.name, defaults={"beat_at": now - SILENCE})
    assert set(sweeps.run_overdue(now=now + AFTER)) == {sweep.name for sweep in sweeps.SWEEPS}
    payment.order.refresh_from_db()
    assert payment.order.state == State.PAID
    assert not sweeps.run_overdue(now=now + AFTER)


def test_overdue_sweep_is_run_by_one_of_two_timekeepers(clean: None, now: datetime, stripe: StandIn) -> None:
    for sweep in sweeps.SWEEPS:
        Heartbeat.objects.update_or_create(name=sweep.name, defaults={"beat_at": now - SILENCE})
    done = races.run_at_once([lambda: sweeps.run_overdue(now=now)] * 4)
    races.raise_failures(done)
    assert sorted(name for names in done for name in names) == sorted(sweep.name for sweep in sweeps.SWEEPS)


def test_sweep_that_beat_brings_in_time_is_left_to_it(clean: None, now: datetime, stripe: StandIn) -> None:
    for sweep in sweeps.SWEEPS:
        sweeps.run(sweep, now=now)
    assert not sweeps.run_overdue(now=now + timedelta(seconds=19))
    often = [sweep.name for sweep in sweeps.SWEEPS if sweep.every == timedelta(seconds=10)]
    assert often[0] == "inbox"
    assert sweeps.run_overdue(now=now + timedelta(seconds=21)) == often


def test_sweep_that_fails_does_not_keep_the_others(
    clean: None, now: datetime, stripe: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(inbox, "handle_due", fail)
    Heartbeat.objects.update(beat_at=now - timedelta(hours=1))
    names = sweeps.run_overdue(now=now)
    assert {"open payments", "mails"} <= set(names)


def test_clock_in_the_worker_ticks_without_any_broker(
    open_checkout: Callable[..., Payment],
    acme: Organisation,
    stripe: StandIn,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    broker_away: None,
) -> None:
    payment = open_checkout()
    monkeypatch.setattr(timekeeper, "_TICK_SECONDS", 0.05)
    clock = timekeeper.Timekeeper(None)
    clock.start(None)
    try:
        stripe.pay(builders.session_of(payment))
        deliveries.deliver(deliveries.event_about(builders.session_of(payment)))
        Heartbeat.objects.update(beat_at=now - timedelta(hours=1))
        races.wait_until(lambda: acme.orders.filter(state=State.PAID).exists())
    finally:
        clock.stop(None)
        clock._thread.join(timeout=10)


def test_clock_has_ticked_before_the_worker_meets_its_broker(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime, broker_away: None
) -> None:
    """A broker that refuses ends the worker at once, at every start anew; the sweeps go on all the same."""
    payment = open_checkout()
    stripe.pay(builders.session_of(payment))
    deliveries.deliver(deliveries.event_about(builders.session_of(payment)))
    Heartbeat.objects.update(beat_at=now - timedelta(hours=1))
    clock = timekeeper.Timekeeper(None)
    clock.start(None)
    clock.stop(None)
    assert acme.orders.get().state == State.PAID


# --- P11: a worker dies --------------------------------------------------------------------------------------------


def die(*_: Any, **__: Any) -> None:
    """What kill -9 looks like from here: nothing after it happens."""
    raise SystemExit


def test_event_of_a_dead_worker_is_taken_again_after_the_lease(
    open_checkout: Callable[..., Payment],
    acme: Organisation,
    stripe: StandIn,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    payment = open_checkout()
    stripe.pay(builders.session_of(payment))
    deliveries.deliver(deliveries.event_about(builders.session_of(payment)))
    begun = now + AFTER
    with monkeypatch.context() as patch:
        patch.setattr(stripe_api, "fetch_session", die)
        with pytest.raises(SystemExit):
            inbox.handle_due(now=begun)
    assert inbox.handle_due(now=begun + inbox.LEASE - timedelta(seconds=1)) == 0
    payment.order.refresh_from_db()
    assert payment.order.state == State.PENDING
    assert inbox.handle_due(now=begun + inbox.LEASE + timedelta(seconds=1)) == 1
    payment.order.refresh_from_db()
    assert payment.order.state == State.PAID
    assert InboxEvent.objects.get(object_id=builders.session_of(payment)).attempts == 2


def test_lease_counts_from_when_an_event_is_taken_however_long_the_batch_takes(
    open_checkout: Callable[..., Payment],
    acme: Organisation,
    stripe: StandIn,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, clock, leases = now + AFTER, itertools.count(start=0, step=60), []
    for payment in (open_checkout(), open_checkout()):
        stripe.pay(builders.session_of(payment))
        deliveries.deliver(deliveries.event_about(builders.session_of(payment)))
    fetch = stripe_api.fetch_session

    def note_the_lease(session_id: str) -> stripe_api.CheckoutSession:
        leases.append(InboxEvent.objects.get(object_id=session_id).due_at)
        return fetch(session_id)

    with monkeypatch.context() as patch:
        patch.setattr(stripe_api, "fetch_session", note_the_lease)
        patch.setattr("payments.inbox.monotonic", lambda: next(clock))
        assert inbox.handle_due(now=begun) == 2
    minute = timedelta(minutes=1)
    assert leases == [begun + minute + inbox.LEASE, begun + 2 * minute + inbox.LEASE]


def test_worker_that_dies_before_it_notes_the_end_credits_nothing_twice(
    open_checkout: Callable[..., Payment],
    acme: Organisation,
    stripe: StandIn,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    payment = open_checkout()
    stripe.pay(builders.session_of(payment))
    deliveries.deliver(deliveries.event_about(builders.session_of(payment)))
    follow = inbox._follow

    def follow_and_die(*args: Any, **more: Any) -> None:
        follow(*args, **more)
        die()

    with monkeypatch.context() as patch:
        patch.setattr(inbox, "_follow", follow_and_die)
        with pytest.raises(SystemExit):
            inbox.handle_due(now=now + AFTER)
    assert inbox.handle_due(now=now + AFTER + inbox.LEASE + timedelta(seconds=1)) == 1
    assert Posting.objects.filter(organisation=acme).count() == 1
    assert builders.balance_of(acme.pk) == builders.usd(100)


def test_no_two_workers_handle_one_event(
    clean: None, stripe: StandIn, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"cs_test_{number}_{now.timestamp():.0f}" for number in range(races.scaled(12, full=500))]
    for name in names:
        deliveries.deliver(deliveries.event_about(name))
    handled: list[str] = []
    lock = threading.Lock()

    def note(session_id: str) -> None:
        with lock:
            handled.append(session_id)
        time.sleep(0.01)
        raise stripe_api.StripeRefused("no such session")

    monkeypatch.setattr(stripe_api, "fetch_session", note)
    taken = races.run_at_once([lambda: inbox.handle_due(now=now + AFTER, limit=1_000)] * 6)
    races.raise_failures(taken)
    assert sum(taken) == len(names)
    assert sorted(handled) == sorted(names)


def test_stripe_being_away_puts_the_event_off_and_spares_the_rest(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime, quick_retries: None
) -> None:
    payments = [open_checkout() for _ in range(5)]
    for payment in payments:
        stripe.pay(builders.session_of(payment))
        deliveries.deliver(deliveries.event_about(builders.session_of(payment)))
    stripe.switch(faults=[{"kind": "rate_limit", "calls": 100}])
    assert inbox.handle_due(now=now + AFTER) == 3  # then it is clear that nobody answers
    assert "StripeUnavailable" in InboxEvent.objects.unhandled().order_by("-attempts")[0].error
    stripe.switch(faults=[])
    inbox.handle_due(now=now + AFTER + timedelta(minutes=5))
    assert acme.orders.filter(state=State.PAID).count() == 5


def test_poisoned_event_stays_with_its_error_and_stops_nobody(
    open_checkout: Callable[..., Payment],
    acme: Organisation,
    stripe: StandIn,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    payment = open_checkout()
    stripe.pay(builders.session_of(payment))
    poison = deliveries.event_about("cs_test_poison")
    deliveries.deliver(poison)
    deliveries.deliver(deliveries.event_about(builders.session_of(payment)))
    fetch = stripe_api.fetch_session

    def choke(session_id: str) -> stripe_api.CheckoutSession:
        if session_id == "cs_test_poison":
            raise ZeroDivisionError("of all things")
        return fetch(session_id)

    monkeypatch.setattr(stripe_api, "fetch_session", choke)
    inbox.handle_due(now=now + AFTER)
    payment.order.refresh_from_db()
    assert payment.order.state == State.PAID
    left = InboxEvent.objects.get(event_id=poison["id"])
    assert (left.handled_at, left.error) == (None, "ZeroDivisionError: of all things")
    assert left.due_at > now + AFTER


def test_replay_by_ops_credits_nothing_twice(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    stripe.pay(builders.session_of(payment))
    event = deliveries.event_about(builders.session_of(payment))
    deliveries.deliver(event)
    inbox.handle_due(now=now + AFTER)
    row = InboxEvent.objects.get(event_id=event["id"])
    for _ in range(3):
        assert inbox.replay(event_id=row.pk, by="olivia", now=now + AFTER).outcome == InboxEvent.Outcome.DONE
    assert Posting.objects.filter(organisation=acme).count() == 1
    assert payment.order.events.filter(state=State.PAID).count() == 1


def test_replay_handles_an_event_that_was_put_aside(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    stripe.pay(builders.session_of(payment))
    event = deliveries.event_about(builders.session_of(payment), api_version="2024-06-20")
    deliveries.deliver(event)
    assert inbox.handle_due(now=now + AFTER) == 0
    row = InboxEvent.objects.get(event_id=event["id"])
    assert inbox.replay(event_id=row.pk, by="olivia", now=now + AFTER).outcome == InboxEvent.Outcome.DONE
    payment.order.refresh_from_db()
    assert payment.order.state == State.PAID
