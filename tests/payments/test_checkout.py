"""Card checkouts when somebody dies in between, Stripe misbehaves, or money comes late."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models import Q

from billing.models import Flag, Note, Order, State
from billing.top_ups import PAYABLE_FOR
from payments import checkout, inbox, stripe_api, sweeps
from payments.models import InboxEvent, Payment
from payments.standin.client import StandIn
from tests import builders, races
from tests.payments import deliveries
from wallet import chart
from wallet.ids import new_id
from wallet.models import Organisation, Posting

CREATE = "/v1/checkout/sessions"
AFTER = timedelta(minutes=1)


def lose_session(payment: Payment) -> str:
    """Stripe made the session, and we were killed before we could store it."""
    session = stripe_api.create_session(request=payment.session_request, idempotency_key=payment.idempotency_key)
    payment.refresh_from_db()
    assert payment.session_id is None
    return session.id


def tell(stripe: StandIn, session_id: str, *, now: datetime) -> None:
    for event in deliveries.told_by(stripe, session_id):
        assert deliveries.deliver(event).status_code == 200
    inbox.handle_due(now=now + AFTER)


# --- opening ------------------------------------------------------------------------------------------------


def test_session_carries_the_order_and_its_amount(acme: Organisation, stripe: StandIn, now: datetime) -> None:
    payment = builders.open_checkout(acme, now=now, amount=builders.usd("1234.56"))
    session = stripe_api.fetch_session(builders.session_of(payment))
    assert session.amount == builders.usd("1234.56")
    assert (session.order_number, session.payment_id) == (payment.order.number, str(payment.pk))
    intent = stripe.pay(session.id)["payment_intent"]
    mark = stripe_api.connect().v1.payment_intents.retrieve(intent).to_dict()["metadata"]
    assert mark == {"order": payment.order.number, "payment": str(payment.pk)}


def test_second_click_reuses_the_open_session(acme: Organisation, stripe: StandIn, now: datetime) -> None:
    payment = builders.begin_top_up(acme, now=now)
    first = checkout.open_session(payment_id=payment.pk, now=now)
    assert checkout.open_session(payment_id=payment.pk, now=now + AFTER) == first
    assert deliveries.sessions_of(payment) == [builders.session_of(payment)]


def test_ten_clicks_at_once_make_one_session(acme: Organisation, stripe: StandIn, now: datetime) -> None:
    payment = builders.begin_top_up(acme, now=now)
    clicks = races.run_at_once([lambda: checkout.open_session(payment_id=payment.pk, now=now)] * 10)
    addresses = {each for each in clicks if isinstance(each, str)}
    assert len(addresses) == 1
    assert all(isinstance(each, str | stripe_api.StripeUnavailable) for each in clicks)
    assert len(deliveries.sessions_of(payment)) == 1
    assert {checkout.open_session(payment_id=payment.pk, now=now)} == addresses


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop", "when": "before"},
        {"kind": "drop", "when": "after"},
        {"kind": "rate_limit"},
        {"kind": "html", "when": "before"},
        {"kind": "html", "when": "after"},
        {"kind": "error", "when": "before"},
        {"kind": "error", "when": "after"},
    ],
    ids=lambda fault: "-".join(fault.values()),
)
def test_order_waits_while_stripe_misbehaves_and_continue_makes_one_session(
    fault: dict[str, Any], acme: Organisation, stripe: StandIn, now: datetime, quick_retries: None
) -> None:
    payment = builders.begin_top_up(acme, now=now)
    stripe.switch(faults=[{**fault, "path": CREATE, "method": "POST", "calls": 3}])
    with pytest.raises(stripe_api.StripeUnavailable):
        checkout.open_session(payment_id=payment.pk, now=now)
    payment.refresh_from_db()
    assert (payment.state, payment.order.state) == (Payment.State.OPEN, State.PENDING)
    assert not payment.order.flags.exists()

    stripe.switch(faults=[])
    checkout.open_session(payment_id=payment.pk, now=now)
    shown = builders.session_of(payment)
    assert checkout.open_session(payment_id=payment.pk, now=now).endswith(shown)
    made = deliveries.sessions_of(payment)
    assert shown in made
    # A 500 that Stripe remembers may hide a session; nobody was shown it, and nobody can pay it.
    assert len(made) == (2 if fault == {"kind": "error", "when": "after"} else 1)


def test_order_whose_hidden_session_ends_unpaid_is_none_the_worse(
    acme: Organisation, stripe: StandIn, now: datetime, quick_retries: None
) -> None:
    payment = builders.begin_top_up(acme, now=now)
    stripe.switch(faults=[{"kind": "error", "when": "after", "path": CREATE, "method": "POST"}])
    with pytest.raises(stripe_api.StripeUnavailable):
        checkout.open_session(payment_id=payment.pk, now=now)
    [hidden] = deliveries.sessions_of(payment)
    checkout.open_session(payment_id=payment.pk, now=now)
    stripe.expire(hidden)
    tell(stripe, hidden, now=now)
    payment.order.refresh_from_db()
    assert payment.order.state == State.PENDING
    stripe.pay(builders.session_of(payment))
    tell(stripe, builders.session_of(payment), now=now)
    payment.order.refresh_from_db()
    assert payment.order.state == State.PAID
    assert builders.balance_of(acme.pk) == builders.usd(100)


def test_slow_stripe_ends_in_a_sentence_and_continue_finds_the_same_session(
    acme: Organisation, stripe: StandIn, now: datetime, quick_retries: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payments.stripe_api.client._TIMEOUT_SECONDS", 0.3)
    stripe_api.connect.cache_clear()
    payment = builders.begin_top_up(acme, now=now)
    stripe.switch(faults=[{"kind": "slow", "path": CREATE, "method": "POST", "seconds": 1}])
    with pytest.raises(stripe_api.StripeUnavailable):
        checkout.open_session(payment_id=payment.pk, now=now)
    monkeypatch.undo()
    stripe_api.connect.cache_clear()
    races.wait_until(lambda: _opens(payment, now=now))
    assert deliveries.sessions_of(payment) == [builders.session_of(payment)]


def _opens(payment: Payment, *, now: datetime) -> bool:
    try:
        return bool(checkout.open_session(payment_id=payment.pk, now=now))
    except stripe_api.StripeUnavailable:
        return False


def test_session_that_stripe_refuses_flags_the_order(acme: Organisation, stripe: StandIn, now: datetime) -> None:
    payment = builders.begin_top_up(acme, now=now)
    Payment.objects.filter(pk=payment.pk).update(session_request={**payment.session_request, "mode": "subscription"})
    with pytest.raises(stripe_api.StripeUnavailable):
        checkout.open_session(payment_id=payment.pk, now=now)
    assert [flag.reason for flag in payment.order.flags.all()] == [Flag.Reason.REFUSED_BY_STRIPE]


def test_nothing_is_opened_after_the_deadline(acme: Organisation, stripe: StandIn, now: datetime) -> None:
    payment = builders.begin_top_up(acme, now=now)
    with pytest.raises(checkout.CannotBePaid):
        checkout.open_session(payment_id=payment.pk, now=now + PAYABLE_FOR)
    assert deliveries.sessions_of(payment) == []


def test_first_visit_shortly_before_the_deadline_is_too_late(
    acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    """Stripe makes no session that ends within half an hour: that is nobody's fault and flags nothing."""
    payment = builders.begin_top_up(acme, now=now - PAYABLE_FOR + timedelta(minutes=29))
    with pytest.raises(checkout.CannotBePaid):
        checkout.open_session(payment_id=payment.pk, now=now)
    assert not payment.order.flags.exists()


# --- killed between Stripe's answer and the store --------------------------------------------------------------


def test_lost_session_is_found_by_continue(acme: Organisation, stripe: StandIn, now: datetime) -> None:
    payment = builders.begin_top_up(acme, now=now)
    session_id = lose_session(payment)
    checkout.open_session(payment_id=payment.pk, now=now)
    assert builders.session_of(payment) == session_id
    assert deliveries.sessions_of(payment) == [session_id]


def test_lost_session_that_was_paid_is_adopted_and_credited(acme: Organisation, stripe: StandIn, now: datetime) -> None:
    payment = builders.begin_top_up(acme, now=now)
    session_id = lose_session(payment)
    stripe.pay(session_id)
    tell(stripe, session_id, now=now)
    payment.refresh_from_db()
    assert (payment.session_id, payment.state) == (session_id, Payment.State.CONFIRMED)
    assert payment.order.state == State.PAID
    assert not payment.order.flags.exists()
    assert builders.balance_of(acme.pk) == builders.usd(100)


@pytest.mark.parametrize("end", ["cancelled", "expired"])
def test_late_money_of_a_lost_session_is_credited_and_flagged(
    end: str, acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = builders.begin_top_up(acme, now=now)
    session_id = lose_session(payment)
    if end == "cancelled":
        checkout.cancel(order_id=payment.order_id, by="Alice", now=now)
    else:
        sweeps.ask_about_open_payments(now=now)
        sweeps.ask_about_open_payments(now=now + PAYABLE_FOR)
    payment.order.refresh_from_db()
    assert payment.order.state == end.upper()

    stripe.pay(session_id)
    tell(stripe, session_id, now=now)
    tell(stripe, session_id, now=now)
    order = Order.objects.get(pk=payment.order_id)
    assert order.state == State.PAID
    assert order.events.latest("id").note == Note.PAID_LATE
    assert [flag.reason for flag in order.flags.all()] == [Flag.Reason.LATE_MONEY]
    assert builders.balance_of(acme.pk) == builders.usd(100)
    assert Posting.objects.filter(organisation=acme).count() == 1


def test_delayed_money_that_failed_and_came_all_the_same_is_credited_and_flagged(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    session_id = builders.session_of(payment)
    intent = stripe.pay_by_bank_debit(session_id)["payment_intent"]
    stripe.settle(session_id, outcome="failed")
    tell(stripe, session_id, now=now)
    payment.order.refresh_from_db()
    assert payment.order.state == State.FAILED
    stripe.tamper(intent, status="succeeded", amount_received=10_000)
    stripe.tamper(session_id, payment_status="paid")
    assert deliveries.deliver(deliveries.event_about(session_id, kind=deliveries.ASYNC_OK)).status_code == 200
    inbox.handle_due(now=now + AFTER)
    payment.order.refresh_from_db()
    assert payment.order.state == State.PAID
    assert [flag.reason for flag in payment.order.flags.all()] == [Flag.Reason.LATE_MONEY]
    assert builders.balance_of(acme.pk) == builders.usd(100)


def test_second_paid_session_of_an_order_becomes_an_order_that_follows(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    """However it came about: money that arrived is booked, and every credit has one order."""
    first = open_checkout()
    stripe.pay(builders.session_of(first))
    checkout.ask_about(payment_id=first.pk, by="Stripe", now=now)
    pk = new_id()
    mark = {"order": first.order.number, "payment": str(pk)}
    second = Payment.objects.create(
        pk=pk,
        organisation=acme,
        order=first.order,
        amount=first.amount,
        idempotency_key=f"checkout:{pk}",
        session_request={**first.session_request, "metadata": mark},
        session_expires_at=first.session_expires_at,
        created_at=now,
        ask_at=now,
    )
    checkout.open_session(payment_id=second.pk, now=now)
    stripe.pay(builders.session_of(second))
    tell(stripe, builders.session_of(second), now=now)
    tell(stripe, builders.session_of(second), now=now)

    follower = Order.objects.get(follows=first.order)
    second.refresh_from_db()
    assert second.credited_order == follower
    assert follower.state == State.PAID
    assert follower.events.latest("id").note == Note.EXTRA_MONEY
    assert [flag.reason for flag in follower.flags.all()] == [Flag.Reason.EXTRA_PAYMENT]
    assert first.order.events.filter(state=State.PAID).count() == 1
    assert builders.balance_of(acme.pk) == builders.usd(200)
    assert builders.balance_of(acme.pk, chart.STRIPE_CLEARING) == builders.usd(200)


# --- declines ----------------------------------------------------------------------------------------------------


def test_declined_card_leaves_the_order_waiting_and_another_card_pays_it(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    with pytest.raises(Exception, match="declined"):
        stripe.pay(builders.session_of(payment), card="4000000000000002")
    checkout.ask_about(payment_id=payment.pk, by="Stripe", now=now)
    payment.refresh_from_db()
    assert payment.order.state == State.PENDING
    stripe.pay(builders.session_of(payment))
    tell(stripe, builders.session_of(payment), now=now)
    payment.order.refresh_from_db()
    assert payment.order.state == State.PAID
    assert not InboxEvent.objects.unhandled().filter(object_id=builders.session_of(payment)).exists()


def test_database_and_python_agree_which_payments_are_undecided() -> None:
    rules = {rule.name: rule for rule in [*Payment._meta.constraints, *Payment._meta.indexes]}
    for name in ("payment_open_once_per_order", "payment_to_ask_about"):
        assert rules[name].condition == Q(state__in=[state.value for state in Payment.UNDECIDED])
