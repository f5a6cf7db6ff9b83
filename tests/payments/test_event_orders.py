"""P7: events in any order, twice or never, end in the state that Stripe's own truth asks for."""

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from billing.models import Flag, State
from payments import checkout, inbox, stripe_api, sweeps
from payments.models import InboxEvent, Payment
from payments.standin.client import StandIn, StandInRefused
from tests import builders, races
from tests.payments import deliveries
from wallet.models import Organisation, Posting


@dataclass
class Story:
    """One order's life: what the customer, Stripe and we do to it, in a drawn order."""

    stripe: StandIn
    payment: Payment
    now: datetime
    random: random.Random
    told: list[dict[str, Any]] = field(default_factory=list)

    @property
    def session_id(self) -> str:
        return self.payment.session_id or ""

    def pay(self) -> None:
        self.stripe.pay(self.session_id)

    def try_a_bad_card(self) -> None:
        self.stripe.pay(self.session_id, card="4000000000000002")

    def pay_by_bank(self) -> None:
        self.stripe.pay_by_bank_debit(self.session_id)

    def bank_pays(self) -> None:
        self.stripe.settle(self.session_id)

    def bank_refuses(self) -> None:
        self.stripe.settle(self.session_id, outcome="failed")

    def time_runs_out(self) -> None:
        self.stripe.expire(self.session_id)

    def customer_cancels(self) -> None:
        with contextlib.suppress(checkout.CannotBePaid):
            checkout.cancel(order_id=self.payment.order_id, by="alice", now=self.now)

    def customer_returns(self) -> None:
        checkout.ask_about(payment_id=self.payment.pk, by="Stripe", now=self.now)

    def event_comes(self) -> None:
        """One that Stripe has sent, maybe again; or one that claims what is not so (yet)."""
        true = deliveries.told_by(self.stripe, self.session_id)
        kinds = (deliveries.COMPLETED, deliveries.ASYNC_OK, deliveries.ASYNC_FAILED, deliveries.EXPIRED)
        made_up = deliveries.event_about(self.session_id, kind=self.random.choice(kinds))
        event = self.random.choice([*true, *self.told, made_up])
        self.told.append(event)
        assert deliveries.deliver(event).status_code == 200

    def worker_works(self) -> None:
        inbox.handle_due(now=self.now)

    def sweep_asks(self) -> None:
        sweeps.ask_about_open_payments(now=self.now)

    def ops_replays(self) -> None:
        for event in InboxEvent.objects.filter(object_id=self.session_id)[:1]:
            inbox.replay(event_id=event.pk, by="olivia", now=self.now)

    def take_steps(self, count: int) -> None:
        theirs = [
            self.pay, self.try_a_bad_card, self.pay_by_bank, self.bank_pays, self.bank_refuses,
            self.time_runs_out, self.customer_cancels,
        ]  # fmt: skip
        ours = [self.customer_returns, self.event_comes, self.worker_works, self.sweep_asks, self.ops_replays]
        for _ in range(count):
            self.now += timedelta(seconds=self.random.choice([1, 20, 70, 700]))
            with contextlib.suppress(StandInRefused):  # what Stripe does not allow did not happen
                self.random.choice(theirs if self.random.random() < 0.35 else ours)()

    def tell_everything(self) -> None:
        rest = deliveries.told_by(self.stripe, self.session_id)
        self.random.shuffle(rest)
        for event in rest:
            assert deliveries.deliver(event).status_code == 200
        self.now += timedelta(hours=1)
        inbox.handle_due(now=self.now)
        sweeps.ask_about_open_payments(now=self.now)


def what_stripe_means(session: stripe_api.CheckoutSession, *, was_cancelled: bool) -> State:
    """The model: the end of an order follows from the end of its session alone."""
    if session.payment_status == "paid":
        return State.PAID
    if session.status == "expired":
        return State.CANCELLED if was_cancelled else State.EXPIRED
    if session.status == "complete":
        return State.IN_REVIEW if session.payment_intent_status == "processing" else State.FAILED
    return State.PENDING


@pytest.mark.parametrize("seed", races.rounds(40, full=20_000))
def test_any_order_of_events_ends_as_stripe_means_it(
    seed: int, open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    story = Story(stripe=stripe, payment=open_checkout(), now=now, random=random.Random(seed))
    story.take_steps(story.random.randint(2, 14))
    story.tell_everything()

    session = stripe_api.fetch_session(story.session_id)
    payment = Payment.objects.select_related("order").get(pk=story.payment.pk)
    assert payment.order.state == what_stripe_means(session, was_cancelled=bool(payment.cancel_wished_by))
    is_paid = payment.order.state == State.PAID
    assert builders.balance_of(acme.pk) == builders.usd(100 if is_paid else 0)
    assert Posting.objects.filter(organisation=acme).count() == is_paid
    assert list(payment.order.events.order_by("id").values_list("state", flat=True)).count(payment.order.state) == 1
    assert not InboxEvent.objects.unhandled().filter(object_id=story.session_id).exists()
    assert not Flag.objects.filter(organisation=acme).exists()
