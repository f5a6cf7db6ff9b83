"""P8: unpaid or mismatching never credits; the order is flagged, and what Stripe really holds is in suspense."""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from djmoney.money import Money

from billing.models import Flag, Order, State
from payments import checkout, inbox, stripe_api
from payments.models import InboxEvent, Payment
from payments.standin.client import StandIn
from tests import builders
from tests.payments import deliveries
from wallet import chart
from wallet.models import HOUSE_ID, Entry, Organisation, Posting

Reason = Flag.Reason
usd = builders.usd
AFTER = timedelta(minutes=1)  # the webhook reads the real clock, which has gone on since `now`


def tell(session_id: str, *, now: datetime) -> None:
    assert deliveries.deliver(deliveries.event_about(session_id)).status_code == 200
    inbox.handle_due(now=now + AFTER)


def assert_nothing_credited(organisation: Organisation) -> None:
    assert builders.balance_of(organisation.pk) == usd(0)
    assert not Posting.objects.filter(organisation=organisation, key__startswith="order:").exists()
    assert not organisation.orders.filter(state=State.PAID).exists()


def assert_in_suspense(organisation_id: Any, session_id: str, held: Money) -> None:
    """Exactly what Stripe holds: at Stripe on one side, in suspense on the other; nowhere else."""
    entries = Entry.objects.filter(posting__key=f"session:{session_id}:suspense", organisation_id=organisation_id)
    found = {(entry.account.code, entry.side, entry.amount) for entry in entries.select_related("account")}
    assert found == {(chart.STRIPE_CLEARING, "DEBIT", held), (chart.SUSPENSE, "CREDIT", held)}


def assert_flagged(payment: Payment, reason: Flag.Reason, *, state: Payment.State = Payment.State.MISMATCHED) -> None:
    payment.refresh_from_db()
    assert payment.state == state
    assert [flag.reason for flag in payment.order.flags.all()] == [reason]


def test_unpaid_session_credits_nothing_whatever_the_event_claims(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    claim = deliveries.event_about(builders.session_of(payment))
    claim["data"]["object"] |= {"payment_status": "paid", "status": "complete", "amount_total": 10_000}
    assert deliveries.deliver(claim).status_code == 200
    inbox.handle_due(now=now + AFTER)
    payment.refresh_from_db()
    assert (payment.state, payment.order.state) == (Payment.State.OPEN, State.PENDING)
    assert_nothing_credited(acme)
    assert not Posting.objects.filter(organisation=acme).exists()
    assert InboxEvent.objects.get(event_id=claim["id"]).outcome == InboxEvent.Outcome.DONE


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        ({"payment_status": "no_payment_required", "status": "complete"}, Reason.UNKNOWN_STATUS),
        ({"payment_status": "settled", "status": "complete"}, Reason.UNKNOWN_STATUS),
        ({"status": "archived"}, Reason.UNKNOWN_STATUS),
        ({"payment_status": "PAID"}, Reason.UNKNOWN_STATUS),
        ({"livemode": True}, Reason.WRONG_MODE),
        ({"livemode": True, "payment_status": "paid", "status": "complete"}, Reason.WRONG_MODE),
    ],
)
def test_session_that_holds_no_money_is_flagged_and_books_nothing(
    lie: dict[str, Any],
    reason: Flag.Reason,
    open_checkout: Callable[..., Payment],
    acme: Organisation,
    stripe: StandIn,
    now: datetime,
) -> None:
    payment = open_checkout()
    stripe.tamper(builders.session_of(payment), **lie)
    tell(builders.session_of(payment), now=now)
    assert_flagged(payment, reason, state=Payment.State.OPEN)  # its money may still come
    assert_nothing_credited(acme)
    assert not Posting.objects.filter(organisation=acme).exists()


@pytest.mark.parametrize(
    ("lie", "reason", "held"),
    [
        ({"amount_total": 10_001}, Reason.WRONG_AMOUNT, usd("100.01")),
        ({"amount_total": 9_999}, Reason.WRONG_AMOUNT, usd("99.99")),
        ({"amount_total": 1_000_000}, Reason.WRONG_AMOUNT, usd("10000")),
        ({"amount_total": 100}, Reason.WRONG_AMOUNT, usd("1")),
        ({"currency": "eur"}, Reason.WRONG_CURRENCY, Money("100", "EUR")),
        ({"currency": "cny"}, Reason.WRONG_CURRENCY, Money("100", "CNY")),
        ({"currency": "jpy"}, Reason.WRONG_CURRENCY, Money("10000", "JPY")),
        ({"client_reference_id": "TU20261122AAAAAAAAAA"}, Reason.WRONG_ORDER, usd("100")),
        ({"client_reference_id": None}, Reason.WRONG_ORDER, usd("100")),
        ({"metadata": {}}, Reason.WRONG_ORDER, usd("100")),
    ],
)
def test_session_paid_with_other_facts_is_held_in_suspense(
    lie: dict[str, Any],
    reason: Flag.Reason,
    held: Money,
    open_checkout: Callable[..., Payment],
    acme: Organisation,
    stripe: StandIn,
    now: datetime,
) -> None:
    payment = open_checkout()
    stripe.tamper(builders.session_of(payment), **lie)
    stripe.pay(builders.session_of(payment))
    tell(builders.session_of(payment), now=now)
    tell(builders.session_of(payment), now=now)  # and again, by another event
    assert_flagged(payment, reason)
    assert_nothing_credited(acme)
    assert_in_suspense(acme.pk, builders.session_of(payment), held)
    assert Posting.objects.filter(organisation=acme).count() == 1


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        ({"amount_total": 10_001}, Reason.WRONG_AMOUNT),
        ({"amount_total": 9_999}, Reason.WRONG_AMOUNT),
        ({"amount_total": 1_000_000}, Reason.WRONG_AMOUNT),
        ({"currency": "eur"}, Reason.WRONG_CURRENCY),
    ],
)
def test_suspense_holds_what_the_charge_received_not_what_the_session_says(
    lie: dict[str, Any],
    reason: Flag.Reason,
    open_checkout: Callable[..., Payment],
    acme: Organisation,
    stripe: StandIn,
    now: datetime,
) -> None:
    payment = open_checkout()
    stripe.pay(builders.session_of(payment))
    stripe.tamper(builders.session_of(payment), **lie)
    tell(builders.session_of(payment), now=now)
    assert_flagged(payment, reason)
    assert_nothing_credited(acme)
    assert_in_suspense(acme.pk, builders.session_of(payment), usd(100))


def test_intent_that_received_less_than_the_session_says_is_held_in_suspense(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    intent_id = stripe.pay(builders.session_of(payment))["payment_intent"]
    stripe.tamper(intent_id, amount_received=9_000)
    tell(builders.session_of(payment), now=now)
    assert_flagged(payment, Reason.WRONG_AMOUNT)
    assert_nothing_credited(acme)
    assert_in_suspense(acme.pk, builders.session_of(payment), usd(90))


def test_paid_session_that_names_another_order_credits_neither(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    """Bob's larger order is not paid by alice's session, nor the reverse."""
    mine, other = open_checkout(), open_checkout(amount=usd(500))
    stripe.tamper(
        builders.session_of(mine),
        client_reference_id=other.order.number,
        metadata={"order": other.order.number, "payment": str(other.pk)},
    )
    stripe.pay(builders.session_of(mine))
    tell(builders.session_of(mine), now=now)
    assert_flagged(mine, Reason.WRONG_ORDER)
    other.refresh_from_db()
    assert (other.state, other.order.state) == (Payment.State.OPEN, State.PENDING)
    assert_nothing_credited(acme)
    assert_in_suspense(acme.pk, builders.session_of(mine), usd(100))


def test_paid_session_that_names_a_payment_we_never_made_is_held_by_the_house(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    request = {
        **open_checkout().session_request,
        "client_reference_id": "TU20261122ZZZZZZZZZZ",
        "metadata": {"order": "TU20261122ZZZZZZZZZZ", "payment": "00000000-0000-7000-8000-00000000dead"},
    }
    stranger = stripe_api.create_session(request=request, idempotency_key=secrets.token_hex(8))
    stripe.pay(stranger.id)
    tell(stranger.id, now=now)
    tell(stranger.id, now=now)
    assert_in_suspense(HOUSE_ID, stranger.id, usd(100))
    assert_nothing_credited(acme)
    assert not Order.objects.filter(number="TU20261122ZZZZZZZZZZ").exists()


def test_paid_session_without_our_mark_is_none_of_our_business(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    """The account's other uses of Stripe (an invoice by hand) are not ours to book."""
    request = {**open_checkout().session_request, "client_reference_id": "invoice-7", "metadata": {}}
    foreign = stripe_api.create_session(request=request, idempotency_key=secrets.token_hex(8))
    stripe.pay(foreign.id)
    tell(foreign.id, now=now)
    assert not Posting.objects.filter(key=f"session:{foreign.id}:suspense").exists()
    assert InboxEvent.objects.get(object_id=foreign.id).outcome == InboxEvent.Outcome.NOT_OURS


def test_money_that_comes_after_a_strange_answer_is_credited_and_the_flag_stays(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    session_id = builders.session_of(payment)
    stripe.tamper(session_id, payment_status="settling")
    tell(session_id, now=now)
    assert_flagged(payment, Reason.UNKNOWN_STATUS, state=Payment.State.OPEN)
    stripe.tamper(session_id, payment_status="unpaid")
    stripe.pay(session_id)
    tell(session_id, now=now)
    assert_flagged(payment, Reason.UNKNOWN_STATUS, state=Payment.State.CONFIRMED)
    assert builders.balance_of(acme.pk) == usd(100)


def test_mismatch_seen_by_the_return_page_ends_the_same(
    open_checkout: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = open_checkout()
    stripe.tamper(builders.session_of(payment), amount_total=10_100)
    stripe.pay(builders.session_of(payment))
    checkout.ask_about(payment_id=payment.pk, by="Stripe", now=now)
    assert_flagged(payment, Reason.WRONG_AMOUNT)
    assert_nothing_credited(acme)
    assert_in_suspense(acme.pk, builders.session_of(payment), usd(101))
