"""Answers Stripe should never give: nothing is credited, nobody else waits for them, and a person is told."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from djmoney.money import Money

from billing import flags
from billing.models import Flag, State
from payments import checkout, inbox, stripe_api, sweeps
from payments.models import InboxEvent, Payment
from payments.standin.client import StandIn, StandInRefused
from tests import builders
from tests.payments import deliveries
from wallet.models import HOUSE_ID, Organisation, Posting

AFTER = timedelta(minutes=1)
Reason = Flag.Reason


def open_reasons(payment: Payment) -> list[str]:
    return [flag.reason for flag in payment.order.flags.filter(resolved_at__isnull=True)]


def ask(payment: Payment, *, now: datetime) -> Payment:
    return checkout.ask_about(payment_id=payment.pk, by="Stripe", now=now)


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        ({"amount_received": 0}, Reason.WRONG_AMOUNT),
        ({"amount_received": 0, "status": "canceled"}, Reason.NOTHING_HELD),
        ({"status": "processing"}, Reason.NOTHING_HELD),
    ],
)
def test_paid_session_whose_intent_holds_nothing_is_flagged_and_not_credited(
    lie: dict[str, Any],
    reason: Flag.Reason,
    open_checkout: Callable[..., Payment],
    acme: Organisation,
    stripe: StandIn,
    now: datetime,
) -> None:
    payment = open_checkout()
    stripe.tamper(stripe.pay(builders.session_of(payment))["payment_intent"], **lie)
    payment = ask(payment, now=now)
    assert open_reasons(payment) == [reason]
    assert builders.balance_of(acme.pk) == builders.usd(0)
    assert payment.order.state == State.PENDING


def test_paid_session_without_any_intent_is_flagged_and_books_nothing(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    stripe.pay(builders.session_of(payment))
    stripe.tamper(builders.session_of(payment), payment_intent=None)
    payment = ask(payment, now=now)
    assert open_reasons(payment) == [Reason.NOTHING_HELD]
    assert not Posting.objects.filter(organisation=acme).exists()


@pytest.mark.parametrize(
    "lie", [{"currency": "zzz"}, {"expires_at": 10**20}, {"amount_total": "100"}, {"status": None}]
)
def test_one_unreadable_session_stops_no_sweep(
    lie: dict[str, Any], open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    odd, good = open_checkout(), open_checkout()
    stripe.tamper(builders.session_of(odd), **lie)
    stripe.pay(builders.session_of(good))
    Payment.objects.filter(pk=odd.pk).update(ask_at=now - AFTER)  # the odd one is asked about first
    sweeps.ask_about_open_payments(now=now + AFTER)
    good.order.refresh_from_db()
    assert good.order.state == State.PAID
    assert open_reasons(odd) == [Reason.UNREADABLE]


def test_events_of_unreadable_sessions_keep_nobody_waiting(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    odd, good = open_checkout(), open_checkout()
    stripe.tamper(builders.session_of(odd), currency="zzz")
    for _ in range(6):
        deliveries.deliver(deliveries.event_about(builders.session_of(odd)))
    stripe.pay(builders.session_of(good))
    deliveries.deliver(deliveries.event_about(builders.session_of(good)))
    inbox.handle_due(now=now + AFTER)
    good.order.refresh_from_db()
    assert good.order.state == State.PAID


def test_session_of_another_kind_on_the_same_account_is_put_aside(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    """A setup session has no amount; it carries no mark of ours."""
    session_id = builders.session_of(open_checkout())
    Payment.objects.filter(session_id=session_id).update(session_id=None)
    stripe.tamper(session_id, amount_total=None, currency=None, metadata={})
    deliveries.deliver(deliveries.event_about(session_id))
    inbox.handle_due(now=now + AFTER)
    assert InboxEvent.objects.get(object_id=session_id).outcome == InboxEvent.Outcome.NOT_OURS


def test_session_unknown_to_stripe_is_flagged(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    Payment.objects.filter(pk=payment.pk).update(session_id=f"cs_test_gone_{payment.pk.hex}")
    sweeps.ask_about_open_payments(now=now + AFTER)
    assert open_reasons(payment) == [Reason.NO_SUCH_SESSION]


def test_second_session_with_a_payments_mark_is_held_by_the_house_and_flagged(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    twin = stripe_api.create_session(request=payment.session_request, idempotency_key=f"twin-{payment.pk}")
    stripe.pay(twin.id)
    deliveries.deliver(deliveries.event_about(twin.id))
    inbox.handle_due(now=now + AFTER)
    assert open_reasons(payment) == [Reason.WRONG_ORDER]
    assert Posting.objects.get(key=f"session:{twin.id}:suspense").organisation_id == HOUSE_ID
    assert not Posting.objects.filter(organisation=acme).exists()
    payment.order.refresh_from_db()
    assert payment.order.state == State.PENDING


def test_missed_event_is_followed_whatever_its_api_version(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    stripe.pay(builders.session_of(payment))
    listed = stripe_api.Event(
        id=f"evt_{payment.pk.hex}",
        type=deliveries.COMPLETED,
        object_id=builders.session_of(payment),
        payment_intent_id="",
        api_version="2020-08-27",
        raw=b"{}",
    )
    inbox.store_missed([listed], now=now)
    inbox.handle_due(now=now)
    payment.order.refresh_from_db()
    assert payment.order.state == State.PAID


@pytest.mark.parametrize("version", ["a\u0000b", "\ud800", 7, ["x"], "x" * 101])
def test_event_with_an_impossible_version_is_refused(version: Any, clean: None) -> None:
    event = deliveries.event_about("cs_test_x", api_version=version)
    assert deliveries.deliver(event).status_code == 400
    assert not InboxEvent.objects.filter(event_id=event["id"]).exists()


def test_replay_that_stripe_does_not_answer_counts_as_not_handled(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime, quick_retries: None
) -> None:
    payment = open_checkout()
    stripe.pay(builders.session_of(payment))
    deliveries.deliver(deliveries.event_about(builders.session_of(payment), api_version="2020-08-27"))
    aside = InboxEvent.objects.get(object_id=builders.session_of(payment))
    assert aside.outcome == InboxEvent.Outcome.ASIDE
    stripe.switch(faults=[{"kind": "rate_limit", "calls": 20}])
    replayed = inbox.replay(event_id=aside.pk, by="Olivia", now=now + AFTER)
    assert (replayed.handled_at, replayed.outcome) == (None, "")
    stripe.switch(faults=[])
    inbox.handle_due(now=now + timedelta(hours=1))
    payment.order.refresh_from_db()
    assert payment.order.state == State.PAID


@pytest.mark.parametrize(
    ("units", "currency", "amount"), [(10_000, "usd", "100.00"), (100, "jpy", "100"), (2_000, "kwd", "2.000")]
)
def test_minor_units_are_counted_as_the_currency_has_them(
    units: int, currency: str, amount: str, open_checkout: Callable[..., Payment], stripe: StandIn
) -> None:
    session_id = builders.session_of(open_checkout())
    stripe.tamper(session_id, amount_total=units, currency=currency)
    session = stripe_api.fetch_session(session_id)
    assert session.amount == Money(amount, currency.upper())
    assert stripe_api.minor_units(Money(amount, currency.upper())) == units


def test_payment_opened_after_an_outage_is_asked_about_within_a_minute(
    acme: Organisation, stripe: StandIn, now: datetime, quick_retries: None
) -> None:
    payment = builders.begin_top_up(acme, now=now)
    stripe.switch(faults=[{"kind": "rate_limit", "calls": 20}])
    with pytest.raises(stripe_api.StripeUnavailable):
        checkout.open_session(payment_id=payment.pk, now=now)
    sweeps.ask_about_open_payments(now=now + AFTER)  # nothing to ask about yet
    stripe.switch(faults=[])
    checkout.open_session(payment_id=payment.pk, now=now + 2 * AFTER)
    stripe.pay(builders.session_of(payment))
    sweeps.ask_about_open_payments(now=now + 3 * AFTER)
    payment.order.refresh_from_db()
    assert payment.order.state == State.PAID


def test_flagged_order_is_ended_by_the_team_and_late_money_still_lands(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    session_id = builders.session_of(payment)
    stripe.pay(session_id)
    stripe.tamper(session_id, payment_status="no_payment_required")
    ask(payment, now=now)
    checkout.end_flagged(order_id=payment.order_id, by="Olivia", note="Stripe lost it", now=now)
    payment.refresh_from_db()
    assert (payment.state, payment.order.state) == (Payment.State.FAILED, State.FAILED)
    event = payment.order.events.get(state=State.FAILED)
    assert (event.by, event.note, event.detail) == ("Olivia", "ENDED_BY_TEAM", "Stripe lost it")
    stripe.tamper(session_id, payment_status="paid")
    assert ask(payment, now=now + AFTER).order.state == State.PAID
    assert builders.balance_of(acme.pk) == builders.usd(100)


def test_session_of_an_order_ended_by_the_team_cannot_be_paid_any_more(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    flags.raise_flag(order=payment.order, reason=Reason.UNREADABLE, now=now)
    checkout.end_flagged(order_id=payment.order_id, by="Olivia", note="tidy", now=now)
    with pytest.raises(StandInRefused):
        stripe.pay(builders.session_of(payment))


def test_order_is_not_ended_by_the_team_while_stripe_is_away(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime, quick_retries: None
) -> None:
    payment = open_checkout()
    flags.raise_flag(order=payment.order, reason=Reason.UNREADABLE, now=now)
    stripe.switch(faults=[{"kind": "rate_limit", "calls": 20}])
    with pytest.raises(stripe_api.StripeUnavailable):
        checkout.end_flagged(order_id=payment.order_id, by="Olivia", note="tidy", now=now)
    payment.refresh_from_db()
    assert (payment.state, payment.order.state) == (Payment.State.OPEN, State.PENDING)


def test_session_without_an_address_sends_nobody_anywhere(open_checkout: Callable[..., Payment], now: datetime) -> None:
    payment = open_checkout()
    Payment.objects.filter(pk=payment.pk).update(session_url="")
    with pytest.raises(checkout.CannotBePaid):
        checkout.open_session(payment_id=payment.pk, now=now)


def test_order_without_a_flag_is_not_ended_by_the_team(
    open_checkout: Callable[..., Payment], acme: Organisation, now: datetime
) -> None:
    payment = open_checkout()
    with pytest.raises(checkout.NotFlagged):
        checkout.end_flagged(order_id=payment.order_id, by="Olivia", note="tidy", now=now)
    payment.order.refresh_from_db()
    assert payment.order.state == State.PENDING


def test_paid_order_is_not_ended_by_the_team(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    flags.raise_flag(order=payment.order, reason=Reason.LATE_MONEY, now=now)
    stripe.pay(builders.session_of(payment))
    ask(payment, now=now)
    with pytest.raises(checkout.NotFlagged):
        checkout.end_flagged(order_id=payment.order_id, by="Olivia", note="tidy", now=now)
    payment.order.refresh_from_db()
    assert payment.order.state == State.PAID


def test_hidden_session_that_held_nothing_flags_nobody(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    twin = stripe_api.create_session(request=payment.session_request, idempotency_key=f"twin-{payment.pk}")
    stripe.expire(twin.id)
    deliveries.deliver(deliveries.event_about(twin.id, kind=deliveries.EXPIRED))
    inbox.handle_due(now=now + AFTER)
    assert open_reasons(payment) == []
    payment.order.refresh_from_db()
    assert payment.order.state == State.PENDING


def test_event_put_aside_is_followed_when_it_comes_in_our_version(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    stripe.pay(builders.session_of(payment))
    event = deliveries.event_about(builders.session_of(payment))
    deliveries.deliver({**event, "api_version": "2020-08-27"})
    deliveries.deliver(event)
    inbox.handle_due(now=now + AFTER)
    payment.order.refresh_from_db()
    assert payment.order.state == State.PAID


def test_amount_no_ledger_takes_is_unreadable(
    open_checkout: Callable[..., Payment], stripe: StandIn, now: datetime
) -> None:
    session_id = builders.session_of(open_checkout())
    stripe.tamper(session_id, amount_total=10**15)
    with pytest.raises(stripe_api.SessionUnreadable):
        stripe_api.fetch_session(session_id)
