"""P6 for money that goes back: approved, sent and followed by many at once, a refund leaves once and is booked once."""

import contextlib
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError

from billing import refunds
from billing.models import Flag, OrderEvent, Refund, State
from payments import card_refunds, inbox, refunding, stripe_api
from payments.models import InboxEvent
from payments.standin.client import StandIn
from tests import builders, races
from tests.payments import deliveries
from tests.payments.refund_stories import FAILS_LATER, ask, at_stripe, make_finance, pay, send
from wallet import chart
from wallet.models import Organisation, Posting

Call = Callable[[], Any]
ALLOWED = (refunds.NotWaiting, refunds.MayNotRefund, stripe_api.StripeUnavailable)


def race(calls: list[Call]) -> None:
    outcomes = races.run_at_once(calls)
    assert not [each for each in outcomes if isinstance(each, OperationalError)]
    races.raise_failures([each for each in outcomes if not isinstance(each, ALLOWED)])


def kinds(organisation: Organisation) -> list[str]:
    return list(Posting.objects.filter(organisation=organisation).order_by("pk").values_list("kind", flat=True))[1:]


def replay_any(object_id: str, *, now: datetime) -> None:
    for event in InboxEvent.objects.filter(object_id=object_id)[:2]:
        inbox.replay(event_id=event.pk, by="olivia", now=now)


def tell_and_handle(event: dict[str, Any], *, now: datetime) -> None:
    assert deliveries.deliver(event).status_code == 200
    inbox.handle_due(now=now)


@pytest.mark.parametrize("turn", races.rounds(1, full=50))
def test_refund_approved_and_sent_by_64_at_once_leaves_once(
    turn: int, acme: Organisation, stripe: StandIn, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    sent, create = [], stripe_api.create_refund

    def count(*, request: Any, idempotency_key: str) -> Any:
        sent.append(idempotency_key)
        return create(request=request, idempotency_key=idempotency_key)

    monkeypatch.setattr(stripe_api, "create_refund", count)
    payment = pay(acme, stripe, now=now)
    refund = ask(payment.order, builders.usd(40), now=now)
    people = [make_finance() for _ in range(8)]
    later = now + timedelta(minutes=turn)
    calls: list[Call] = [partial(refunds.approve, refund_id=refund.pk, by=each, now=later) for each in people]
    calls += [partial(card_refunds.send_due, now=later) for _ in range(40)]
    calls += [partial(card_refunds.ask_due, now=later + timedelta(days=1)) for _ in range(16)]
    race(calls)
    card_refunds.send_due(now=later + card_refunds.LEASE)
    assert ([each.amount for each in at_stripe(payment)], len(sent)) == ([builders.usd(40)], 1)
    refund.refresh_from_db()
    assert refund.state == Refund.State.SUCCEEDED
    assert kinds(acme) == ["REFUND_HOLD", "REFUND"]
    assert builders.balance_of(acme.pk, chart.STRIPE_CLEARING) == builders.usd(60)
    assert not Flag.objects.filter(organisation=acme).exists()


def test_two_who_have_one_refund_on_their_lists_send_it_once(
    acme: Organisation, stripe: StandIn, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    sent, create = [], stripe_api.create_refund
    listed = threading.Barrier(2)

    def wait_for_the_other() -> float:
        with contextlib.suppress(threading.BrokenBarrierError):
            listed.wait(timeout=5)
        return time.monotonic()

    def count(*, request: Any, idempotency_key: str) -> Any:
        sent.append(request["metadata"]["refund"])
        return create(request=request, idempotency_key=idempotency_key)

    refund = ask(pay(acme, stripe, now=now).order, builders.usd(40), now=now)
    refunds.approve(refund_id=refund.pk, by=make_finance(), now=now)
    monkeypatch.setattr(stripe_api, "create_refund", count)
    monkeypatch.setattr(card_refunds, "monotonic", wait_for_the_other)
    race([partial(card_refunds.send_due, now=now)] * 2)
    assert sent.count(refund.number) == 1


@pytest.mark.parametrize("turn", races.rounds(1, full=50))
def test_refund_that_failed_after_success_followed_by_64_at_once_comes_back_once(
    turn: int, acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = pay(acme, stripe, now=now, card=FAILS_LATER)
    card = send(payment.order, builders.usd(40), now=now)
    refund_id = str(card.stripe_id)
    stripe.settle_refund(refund_id, outcome="failed")
    later = now + timedelta(minutes=1 + turn)
    told = stripe.events(session_id=refund_id)
    calls: list[Call] = [partial(tell_and_handle, told[place % len(told)], now=later) for place in range(32)]
    calls += [partial(refunding.follow, object_id=refund_id, by="Stripe", now=later) for _ in range(24)]
    calls += [partial(card_refunds.ask_due, now=later) for _ in range(4)]
    calls += [partial(replay_any, refund_id, now=later) for _ in range(4)]
    race(calls)
    inbox.handle_due(now=later + timedelta(hours=1))
    assert kinds(acme) == ["REFUND_HOLD", "REFUND", "REFUND_RETURN"]
    assert OrderEvent.objects.filter(order=payment.order, state=State.PAID).count() == 4
    assert builders.balance_of(acme.pk) == builders.usd(100)


@pytest.mark.parametrize("turn", races.rounds(1, full=50))
def test_refund_of_the_dashboard_followed_by_32_at_once_is_booked_once(
    turn: int, acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = pay(acme, stripe, now=now)
    made = stripe.refund(builders.session_of(payment), amount=3_000)
    later = now + timedelta(minutes=turn)
    race([partial(refunding.follow, object_id=made["id"], by="Stripe", now=later)] * 32)
    assert Refund.objects.filter(order=payment.order).count() == 1
    assert kinds(acme) == ["REFUND_HOLD", "REFUND"]
    assert builders.balance_of(acme.pk) == builders.usd(70)
