"""P7 with money that goes back: whatever happens at Stripe and in whatever order we hear of it, orders and balances
end as Stripe's own books say.
"""

import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from billing import refunds
from billing.models import Flag, Order, Refund, State
from innopaas.audit import CHECKS
from payments import inbox, stripe_api, sweeps
from payments.models import InboxEvent, Payment
from payments.standin.client import StandIn, StandInRefused
from tests import builders, races
from tests.payments import deliveries, refund_stories
from wallet import chart
from wallet.audit import find_problems
from wallet.models import User

CARDS = ("4242424242424242", "4000000000007726", "4000000000005126", "4000000000000259")
REFUSALS = (refunds.NotRefundable, refunds.TooMuch, refunds.NotWaiting, refunds.MayNotRefund)


@dataclass
class Story:
    """One order's life: what its customer, his bank, Stripe, finance and we do, in a drawn order."""

    stripe: StandIn
    payment: Payment
    fiona: User
    now: datetime
    random: random.Random
    told: list[dict[str, Any]] = field(default_factory=list)

    @property
    def session_id(self) -> str:
        return self.payment.session_id or ""

    @property
    def order(self) -> Order:
        return Order.objects.get(pk=self.payment.order_id)

    # What others do

    def pay(self) -> None:
        self.stripe.pay(self.session_id, card=self.random.choice(CARDS))

    def pay_by_bank(self) -> None:
        self.stripe.pay_by_bank_debit(self.session_id)

    def bank_decides(self) -> None:
        self.stripe.settle(self.session_id, outcome=self.random.choice(["succeeded", "succeeded", "failed"]))

    def time_runs_out(self) -> None:
        self.stripe.expire(self.session_id)

    def customer_asks_for_a_refund(self) -> None:
        with contextlib.suppress(*REFUSALS):
            amount = builders.usd(self.random.choice([10, 25, 40, 100]))
            refund_stories.ask(self.order, amount, now=self.now)

    def finance_approves(self) -> None:
        for refund in Refund.objects.filter(order=self.payment.order_id, state=Refund.State.ASKED)[:1]:
            with contextlib.suppress(*REFUSALS):
                refunds.approve(refund_id=refund.pk, by=self.fiona, now=self.now)

    def somebody_refunds_in_the_dashboard(self) -> None:
        self.stripe.refund(self.session_id, amount=self.random.choice([500, 3_000, None]))

    def refund_ends(self) -> None:
        for refund in self.random.sample(found := self.refunds_at_stripe(), k=min(1, len(found))):
            self.stripe.settle_refund(refund["id"], outcome=self.random.choice(["succeeded", "failed", "canceled"]))

    def bank_disputes(self) -> None:
        kind = self.random.choice(["inquiry", "chargeback"])
        self.stripe.dispute(self.session_id, kind=kind, amount=self.random.choice([None, 6_000]))

    def bank_decides_a_dispute(self) -> None:
        outcome = self.random.choice(["withdraw", "win", "lose", "reinstate", "close"])
        for dispute in self.disputes_at_stripe()[:1]:
            self.stripe.decide(dispute["id"], outcome=outcome)

    # What we do

    def event_comes(self) -> None:
        """One that Stripe has sent, maybe again."""
        event = self.random.choice([*self.true_events(), *self.told, {}])
        if event:
            self.told.append(event)
            assert deliveries.deliver(event).status_code == 200

    def worker_works(self) -> None:
        inbox.handle_due(now=self.now)

    def sweep_asks(self) -> None:
        sweeps.ask_about_open_payments(now=self.now)

    def refunds_are_carried_out(self) -> None:
        sweeps.carry_out_refunds(now=self.now)

    def ops_replays(self) -> None:
        events = list(InboxEvent.objects.filter(event_id__in=[each["id"] for each in self.told])[:20])
        for event in self.random.sample(events, k=min(1, len(events))):
            with contextlib.suppress(stripe_api.StripeUnavailable):
                inbox.replay(event_id=event.pk, by="olivia", now=self.now)

    def take_steps(self, count: int) -> None:
        before = [self.pay, self.pay, self.pay_by_bank, self.bank_decides, self.time_runs_out]
        after = [
            self.customer_asks_for_a_refund, self.customer_asks_for_a_refund, self.finance_approves,
            self.finance_approves, self.somebody_refunds_in_the_dashboard, self.refund_ends, self.refund_ends,
            self.bank_disputes, self.bank_decides_a_dispute, self.bank_decides_a_dispute,
        ]  # fmt: skip
        ours = [
            self.event_comes, self.event_comes, self.event_comes, self.worker_works, self.sweep_asks,
            self.refunds_are_carried_out, self.ops_replays,
        ]  # fmt: skip
        for _ in range(count):
            self.now += timedelta(seconds=self.random.choice([1, 20, 70, 700]))
            with contextlib.suppress(StandInRefused):  # what Stripe does not allow did not happen
                theirs = after if self.charge() else before
                self.random.choice(theirs if self.random.random() < 0.5 else ours)()

    def tell_everything(self) -> None:
        rest = self.true_events()
        self.random.shuffle(rest)
        for event in rest:
            assert deliveries.deliver(event).status_code == 200
        for _ in range(3):  # what came too early is taken up again
            self.now += timedelta(minutes=20)
            sweeps.ask_about_open_payments(now=self.now)
            inbox.handle_due(now=self.now, limit=1000)
            sweeps.carry_out_refunds(now=self.now)

    # What Stripe has

    def charge(self) -> dict[str, Any]:
        session = self.stripe.ask(f"/v1/checkout/sessions/{self.session_id}?expand[]=payment_intent.latest_charge")
        return session["payment_intent"]["latest_charge"] if session["payment_status"] == "paid" else {}

    def refunds_at_stripe(self) -> list[dict[str, Any]]:
        return self.list_of_charge("refunds")

    def disputes_at_stripe(self) -> list[dict[str, Any]]:
        return self.list_of_charge("disputes")

    def true_events(self) -> list[dict[str, Any]]:
        mine = {self.session_id, *(each["id"] for each in [*self.refunds_at_stripe(), *self.disputes_at_stripe()])}
        return [each for each in reversed(self.stripe.events()) if each["data"]["object"]["id"] in mine]

    def list_of_charge(self, kind: str) -> list[dict[str, Any]]:
        charge = self.charge()
        return self.stripe.ask(f"/v1/{kind}?charge={charge['id']}&limit=100")["data"] if charge else []


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """The model: what our books have to say follows from Stripe's, in cents, and from what is asked for here."""

    state: State
    clearing: int
    held: int
    spendable: int
    """What the wallet holds less what is owed; which of the two it is depends on the order of events."""


def what_stripe_means(story: Story) -> Meaning:
    if not story.charge():
        return Meaning(state=what_the_session_means(story.session_id), clearing=0, held=0, spendable=0)
    moved = [each for dispute in story.disputes_at_stripe() for each in dispute["balance_transactions"]]
    taken, fees = -sum(each["amount"] for each in moved), sum(each["fee"] for each in moved)
    gone = sum(each["amount"] for each in story.refunds_at_stripe() if each["status"] == "succeeded")
    on_its_way = sum(each["amount"] for each in story.refunds_at_stripe() if each["status"] == "pending")
    withdrawn = {each["status"] for each in story.disputes_at_stripe() if is_withdrawn(each)}
    asked = Refund.objects.filter(order=story.payment.order_id, state=Refund.State.ASKED)
    waiting = 0 if withdrawn else sum(int(refund.amount.amount * 100) for refund in asked)
    held = on_its_way + waiting  # what only waits for approval gives way to a dispute
    if withdrawn:
        state = State.CHARGED_BACK if withdrawn == {"lost"} else State.DISPUTED
    else:
        state = State.REFUNDED if gone == 10_000 else State.PARTIALLY_REFUNDED if gone else State.PAID
    return Meaning(
        state=state, clearing=10_000 - gone - taken - fees, held=held, spendable=10_000 - gone - held - taken
    )


def is_withdrawn(dispute: dict[str, Any]) -> bool:
    return bool(sum(each["amount"] for each in dispute["balance_transactions"]) < 0)


def what_the_session_means(session_id: str) -> State:
    session = stripe_api.fetch_session(session_id)
    if session.status == "expired":
        return State.EXPIRED
    if session.status == "complete":
        return State.IN_REVIEW if session.payment_intent_status == "processing" else State.FAILED
    return State.PENDING


def what_we_have(story: Story) -> Meaning:
    def cents(code: str) -> int:
        return int(builders.balance_of(story.payment.organisation_id, code).amount * 100)

    return Meaning(
        state=State(story.order.state),
        clearing=cents(chart.STRIPE_CLEARING),
        held=cents(f"{chart.WALLET}:held"),
        spendable=cents(chart.WALLET) - cents(chart.RECEIVABLE),
    )


@pytest.fixture
def tell(clean: None, stripe: StandIn, now: datetime) -> Callable[[int], Story]:
    """A whole story, told to its end."""

    def begin(seed: int) -> Story:
        luck = random.Random(seed)
        payment = builders.open_checkout(builders.make_organisation(now=now), now=now)
        story = Story(stripe=stripe, payment=payment, fiona=refund_stories.make_finance(), now=now, random=luck)
        story.take_steps(luck.randint(4, 20))
        story.tell_everything()
        return story

    return begin


@pytest.mark.parametrize("seed", races.rounds(14, full=20_000))
def test_any_order_of_refunds_and_disputes_ends_as_stripe_means_it(seed: int, tell: Callable[[int], Story]) -> None:
    story = tell(seed)
    assert what_we_have(story) == what_stripe_means(story)
    known = {each["id"] for each in story.true_events()}
    assert not InboxEvent.objects.unhandled().filter(event_id__in=known).exists()
    assert not Flag.objects.filter(order=story.order, reason=Flag.Reason.REFUND_MISMATCH).exists()


def test_audit_finds_nothing_in_all_that_happened(tell: Callable[[int], Story], now: datetime) -> None:
    later = now + timedelta(hours=8)
    before = set(find_problems(checks=CHECKS, now=later))
    for seed in range(races.scaled(4, full=200)):
        tell(1_000_000 + seed)
    assert set(find_problems(checks=CHECKS, now=later)) - before == set()
