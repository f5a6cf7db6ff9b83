"""Disputes at Stripe, followed to the end: events are hints, in any order and number, and Stripe's answer is booked."""

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client

from billing import card_blocks
from billing.models import CardBlock, Dispute, DisputeMovement, Order, State
from innopaas.audit import CHECKS
from payments import checkout, disputing, inbox, stripe_api
from payments.models import InboxEvent, Payment
from payments.standin.client import StandIn
from tests import builders
from tests.payments import deliveries
from tests.payments.refund_stories import pay
from wallet import audit, chart
from wallet.models import Organisation, Posting

DISPUTED = "4000000000000259"
RETRIEVE = {"kind": "drop", "when": "before", "calls": 9, "method": "GET", "path": "/v1/disputes/"}


@pytest.fixture
def paid(acme: Organisation, stripe: StandIn, now: datetime) -> Payment:
    return pay(acme, stripe, now=now)


def order_of(payment: Payment) -> Order:
    return Order.objects.get(pk=payment.order_id)


def balance(payment: Payment, code: str = chart.WALLET) -> int:
    return int(builders.balance_of(payment.organisation_id, code).amount)


def follow(dispute_id: str, *, now: datetime) -> InboxEvent.Outcome:
    return disputing.follow(object_id=dispute_id, by="Stripe", now=now)


def test_a_dispute_comes_by_its_events(paid: Payment, stripe: StandIn, now: datetime) -> None:
    dispute = stripe.dispute(builders.session_of(paid))
    for event in stripe.events(session_id=dispute["id"]):
        assert deliveries.deliver(event).status_code == 200
    inbox.handle_due(now=now + timedelta(minutes=1))
    assert order_of(paid).state == State.DISPUTED
    assert (balance(paid), balance(paid, chart.CHARGEBACKS), balance(paid, chart.STRIPE_CLEARING)) == (0, 15, -15)
    stored = Dispute.objects.get(stripe_id=dispute["id"])
    assert stored.evidence_due_at is not None
    assert (stored.reason, stored.has_evidence, stored.amount) == ("fraudulent", False, builders.usd(100))
    assert not InboxEvent.objects.unhandled().filter(object_id=dispute["id"]).exists()


@pytest.mark.parametrize("place", range(0, 24, 5))
def test_every_order_of_events_ends_the_same(paid: Payment, stripe: StandIn, place: int, now: datetime) -> None:
    dispute = stripe.dispute(builders.session_of(paid))
    stripe.decide(dispute["id"], outcome="lose")
    stripe.decide(dispute["id"], outcome="reinstate")
    events = stripe.events(session_id=dispute["id"])
    order = list(itertools.permutations(events[:4]))[place % 24]
    for event in (*order, *order):
        deliveries.deliver(event)
        inbox.handle_due(now=now + timedelta(minutes=1))
    assert (order_of(paid).state, balance(paid), balance(paid, chart.RECEIVABLE)) == (State.PAID, 100, 0)
    assert DisputeMovement.objects.filter(dispute__stripe_id=dispute["id"]).count() == 2
    assert audit.find_problems(checks=CHECKS, now=now) == [] or not _about(paid, now=now)


def _about(payment: Payment, *, now: datetime) -> list[str]:
    """What the audit says of this organisation; rows of other tests stay in the database."""
    number = order_of(payment).number
    problems = audit.find_problems(checks=CHECKS, now=now)
    return [text for text in problems if number in text or str(payment.organisation_id) in text]


def test_an_inquiry_that_becomes_a_chargeback_is_withdrawn_then(paid: Payment, stripe: StandIn, now: datetime) -> None:
    dispute = stripe.dispute(builders.session_of(paid), kind="inquiry")
    follow(dispute["id"], now=now)
    assert (order_of(paid).state, balance(paid)) == (State.PAID, 100)
    stripe.decide(dispute["id"], outcome="withdraw")
    follow(dispute["id"], now=now)
    assert (order_of(paid).state, balance(paid)) == (State.DISPUTED, 0)


def test_an_inquiry_that_is_closed_leaves_everything(paid: Payment, stripe: StandIn, now: datetime) -> None:
    dispute = stripe.dispute(builders.session_of(paid), kind="inquiry")
    follow(dispute["id"], now=now)
    stripe.decide(dispute["id"], outcome="close")
    follow(dispute["id"], now=now)
    assert Dispute.objects.get(stripe_id=dispute["id"]).state == Dispute.State.CLOSED
    assert (order_of(paid).state, balance(paid)) == (State.PAID, 100)


def test_a_lost_dispute_charges_back(paid: Payment, stripe: StandIn, now: datetime) -> None:
    dispute = stripe.dispute(builders.session_of(paid))
    stripe.decide(dispute["id"], outcome="lose")
    follow(dispute["id"], now=now)
    assert (order_of(paid).state, balance(paid)) == (State.CHARGED_BACK, 0)
    assert CardBlock.objects.filter(organisation=paid.organisation_id, lifted_at=None).count() == 1


def test_a_part_is_disputed_and_no_more_is_taken(paid: Payment, stripe: StandIn, now: datetime) -> None:
    dispute = stripe.dispute(builders.session_of(paid), amount=6_000)
    follow(dispute["id"], now=now)
    assert (order_of(paid).state, balance(paid)) == (State.DISPUTED, 40)


def test_a_dispute_that_comes_before_the_payment_is_known_credits_it_first(
    open_checkout: Callable[..., Payment], stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    stripe.pay(builders.session_of(payment), card=DISPUTED)
    [told] = stripe_api.connect().v1.disputes.list({"limit": 1}).data
    assert follow(told.id, now=now) == InboxEvent.Outcome.DONE
    assert (order_of(payment).state, balance(payment)) == (State.DISPUTED, 0)
    kinds = (
        Posting.objects.filter(organisation_id=payment.organisation_id).order_by("id").values_list("kind", flat=True)
    )
    assert list(kinds)[:2] == ["TOP_UP", "DISPUTE"]


def test_a_dispute_of_money_that_credited_nobody_is_taken_from_where_it_waits(
    open_checkout: Callable[..., Payment], stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    stripe.tamper(builders.session_of(payment), amount_total=9_000)
    stripe.pay(builders.session_of(payment))
    checkout.ask_about(payment_id=payment.pk, by="Stripe", now=now)
    disputed = stripe.dispute(builders.session_of(payment))["id"]
    follow(disputed, now=now)
    assert (balance(payment, chart.SUSPENSE), balance(payment, chart.RECEIVABLE)) == (0, 0)
    assert _about(payment, now=now) == []
    stripe.decide(disputed, outcome="win")
    follow(disputed, now=now)
    assert balance(payment, chart.SUSPENSE) == 90
    assert _about(payment, now=now) == []


def test_a_dispute_of_no_payment_of_ours_is_put_aside(stripe: StandIn, now: datetime) -> None:
    assert follow("du_nobodys", now=now) == InboxEvent.Outcome.NOT_OURS


def test_while_stripe_is_away_nothing_is_booked_and_the_event_waits(
    paid: Payment, stripe: StandIn, now: datetime, quick_retries: None
) -> None:
    dispute = stripe.dispute(builders.session_of(paid))
    deliveries.deliver(stripe.events(session_id=dispute["id"])[0])
    stripe.switch(faults=[RETRIEVE])
    inbox.handle_due(now=now + timedelta(minutes=1))
    assert (order_of(paid).state, balance(paid)) == (State.PAID, 100)
    stripe.switch(faults=[])
    inbox.handle_due(now=now + timedelta(hours=1))
    assert (order_of(paid).state, balance(paid)) == (State.DISPUTED, 0)


def test_the_sweep_asks_about_disputes_nobody_told_of_for_an_hour(
    paid: Payment, stripe: StandIn, now: datetime
) -> None:
    dispute = stripe.dispute(builders.session_of(paid))
    follow(dispute["id"], now=now)
    stripe.decide(dispute["id"], outcome="win")
    disputing.ask_about_open(now=now + timedelta(minutes=59))
    assert order_of(paid).state == State.DISPUTED
    disputing.ask_about_open(now=now + timedelta(minutes=61))
    assert (order_of(paid).state, balance(paid)) == (State.PAID, 100)
    assert card_blocks.why_blocked(paid.organisation_id) == ""


def test_a_blocked_organisation_opens_no_checkout(paid: Payment, stripe: StandIn, now: datetime) -> None:
    organisation = Organisation.objects.get(pk=paid.organisation_id)
    before = builders.begin_top_up(organisation, now=now)
    follow(stripe.dispute(builders.session_of(paid))["id"], now=now)
    with pytest.raises(card_blocks.CardBlocked):
        checkout.open_session(payment_id=before.pk, now=now)
    with pytest.raises(card_blocks.CardBlocked):
        builders.begin_top_up(organisation, now=now)


def test_the_top_up_page_says_why_and_offers_transfers(
    paid: Payment, stripe: StandIn, now: datetime, client: Client
) -> None:
    follow(stripe.dispute(builders.session_of(paid))["id"], now=now)
    client.force_login(builders.owner_of(Organisation.objects.get(pk=paid.organisation_id)))
    page = client.get("/topup/").content.decode()
    assert "is disputed at the card&#x27;s bank" in page
    assert 'value="card" disabled' in page
    assert 'value="offline"' in page
