"""Refunds at Stripe: sent once whatever goes wrong, and booked as Stripe answers."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from billing import refunds
from billing.models import Flag, Order, Refund, State
from payments import audit as payment_audit
from payments import (
    balance_transactions,
    card_refund_audit,
    card_refunds,
    checkout,
    inbox,
    refunding,
    stripe_api,
    sweeps,
)
from payments.models import BalanceTransaction, CardRefund, InboxEvent, Payment
from payments.standin.client import StandIn
from tests import builders
from tests.billing.correcting import Desk
from tests.payments import deliveries, stripe_lists
from tests.payments.refund_stories import FAILS_LATER, TAKES_TIME, approve, ask, at_stripe, pay, send
from wallet import chart
from wallet.models import Organisation, Posting

CREATE = {"method": "POST", "path": "/v1/refunds"}


@pytest.fixture
def paid(acme: Organisation, stripe: StandIn, now: datetime) -> Callable[..., Payment]:
    def make(card: str = "4242424242424242") -> Payment:
        return pay(acme, stripe, now=now, card=card)

    return make


def state_of(refund: Refund | CardRefund) -> str:
    pk = refund.refund_id if isinstance(refund, CardRefund) else refund.pk
    return Refund.objects.get(pk=pk).state


def order_of(payment: Payment) -> Order:
    return Order.objects.get(pk=payment.order_id)


def holdings(organisation: Organisation) -> dict[str, Any]:
    codes = (chart.WALLET, f"{chart.WALLET}:held", chart.STRIPE_CLEARING)
    return {code: builders.balance_of(organisation.pk, code).amount for code in codes}


def flags_of(payment: Payment) -> set[str]:
    return set(Flag.objects.filter(order=payment.order_id).values_list("reason", flat=True))


def come(stripe: StandIn, refund_id: str, *, now: datetime) -> None:
    """Everything Stripe has to tell about a refund arrives; a minute later it has been worked off."""
    for event in stripe.events(session_id=refund_id):
        assert deliveries.deliver(event).status_code == 200
    inbox.handle_due(now=now + timedelta(minutes=1))


def test_approved_refund_goes_to_the_card_that_paid(
    paid: Callable[..., Payment], acme: Organisation, now: datetime
) -> None:
    payment = paid()
    card = send(payment.order, builders.usd(40), now=now)
    [sent] = at_stripe(payment)
    assert (sent.id, sent.amount, sent.number) == (card.stripe_id, builders.usd(40), card.refund.number)
    assert state_of(card) == Refund.State.SUCCEEDED
    assert order_of(payment).state == State.PARTIALLY_REFUNDED
    assert holdings(acme) == {"wallet": 60, "wallet:held": 0, "stripe_clearing": 60}
    posting = Posting.objects.get(organisation=acme, kind="REFUND")
    assert (posting.order_number, posting.by) == (payment.order.number, "Stripe")


def test_refund_that_nobody_approved_is_not_sent(paid: Callable[..., Payment], now: datetime) -> None:
    payment = paid()
    ask(payment.order, builders.usd(40), now=now)
    sweeps.carry_out_refunds(now=now)
    assert at_stripe(payment) == []
    assert not CardRefund.objects.filter(payment=payment).exists()


def test_row_with_key_and_parameters_stands_before_stripe_is_asked(
    paid: Callable[..., Payment], monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    payment, seen = paid(), []

    def look(*, request: Any, idempotency_key: str) -> Any:
        assert not connection.in_atomic_block
        seen.append((CardRefund.objects.get(idempotency_key=idempotency_key).request, request))
        raise stripe_api.StripeUnavailable("away")

    monkeypatch.setattr(stripe_api, "create_refund", look)
    approve(payment.order, builders.usd(40), now=now)
    card_refunds.send_due(now=now)
    [(stored, sent)] = seen
    assert stored == sent
    assert sent["amount"] == 4_000


@pytest.mark.parametrize("kind", ["drop", "error", "html"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_lost_answer_never_makes_a_second_refund(
    *,
    paid: Callable[..., Payment],
    acme: Organisation,
    stripe: StandIn,
    quick_retries: None,
    kind: str,
    when: str,
    now: datetime,
) -> None:
    payment = paid()
    refund = approve(payment.order, builders.usd(40), now=now)
    stripe.switch(faults=[{"kind": kind, "when": when, "calls": 2, **CREATE}])
    for minute in range(4):
        card_refunds.send_due(now=now + timedelta(minutes=minute))
    assert [each.amount for each in at_stripe(payment)] == [builders.usd(40)]
    assert state_of(refund) == Refund.State.SUCCEEDED
    assert holdings(acme) == {"wallet": 60, "wallet:held": 0, "stripe_clearing": 60}


def test_failure_that_stripe_remembers_is_passed_by_with_another_key(
    paid: Callable[..., Payment], stripe: StandIn, now: datetime
) -> None:
    payment = paid()
    refund = approve(payment.order, builders.usd(40), now=now)
    stripe.switch(faults=[{"kind": "error", "when": "before", "calls": 1, **CREATE}])
    for minute in range(3):
        card_refunds.send_due(now=now + timedelta(minutes=minute))
    assert len(at_stripe(payment)) == 1
    assert CardRefund.objects.get(refund=refund).idempotency_key != f"refund:{refund.pk}"
    assert state_of(refund) == Refund.State.SUCCEEDED


def test_worker_that_dies_between_call_and_write_costs_seconds_and_no_money(
    paid: Callable[..., Payment], acme: Organisation, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    payment = paid()
    refund = approve(payment.order, builders.usd(40), now=now)

    def die(**_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(refunding, "record", die)
        with pytest.raises(KeyboardInterrupt):
            card_refunds.send_due(now=now)
    assert CardRefund.objects.get(refund=refund).stripe_id is None
    card_refunds.send_due(now=now + timedelta(seconds=1))  # the dead worker's lease still holds
    assert state_of(refund) == Refund.State.APPROVED
    card_refunds.send_due(now=now + card_refunds.LEASE + timedelta(seconds=10))
    assert state_of(refund) == Refund.State.SUCCEEDED
    assert len(at_stripe(payment)) == 1
    assert holdings(acme) == {"wallet": 60, "wallet:held": 0, "stripe_clearing": 60}


def test_refund_whose_key_stripe_forgot_is_found_by_its_mark(
    paid: Callable[..., Payment], monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    payment = paid()
    refund = approve(payment.order, builders.usd(40), now=now)
    create = stripe_api.create_refund

    def forget(*, request: Any, idempotency_key: str) -> Any:
        create(request=request, idempotency_key=f"{idempotency_key}-long-ago")
        raise stripe_api.StripeUnavailable("the answer was lost")

    with monkeypatch.context() as patched:
        patched.setattr(stripe_api, "create_refund", forget)
        card_refunds.send_due(now=now)
    card_refunds.send_due(now=now + timedelta(hours=2))
    assert len(at_stripe(payment)) == 1
    assert state_of(refund) == Refund.State.SUCCEEDED


def test_refund_that_stripe_made_in_spite_of_its_failure_is_found_and_not_made_again(
    paid: Callable[..., Payment], monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    payment = paid()
    refund = approve(payment.order, builders.usd(40), now=now)
    create, keys = stripe_api.create_refund, []

    def fail(*, request: Any, idempotency_key: str) -> Any:
        keys.append(idempotency_key)
        create(request=request, idempotency_key=idempotency_key)
        raise stripe_api.FailureRemembered("the same 500 for a day")

    monkeypatch.setattr(stripe_api, "create_refund", fail)
    card_refunds.send_due(now=now)
    assert (len(at_stripe(payment)), len(keys)) == (1, 1)
    assert state_of(refund) == Refund.State.SUCCEEDED


def test_event_that_is_quicker_than_the_answer_finds_its_refund(
    paid: Callable[..., Payment], stripe: StandIn, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    payment = paid()
    refund = approve(payment.order, builders.usd(40), now=now)

    def die(**_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(refunding, "record", die)
        with pytest.raises(KeyboardInterrupt):
            card_refunds.send_due(now=now)
    [sent] = at_stripe(payment)
    come(stripe, sent.id, now=now)
    card = CardRefund.objects.get(refund=refund)
    assert (card.stripe_id, card.stripe_status) == (sent.id, "succeeded")
    assert not flags_of(payment)


def test_refund_that_stripe_refuses_stays_in_the_balance_with_its_reason(
    paid: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = paid()
    refund = approve(payment.order, builders.usd(40), now=now)
    stripe.dispute(builders.session_of(payment))
    card_refunds.send_due(now=now)
    refund.refresh_from_db()
    assert (refund.state, holdings(acme)["wallet"]) == (Refund.State.FAILED, 100)
    assert "has been charged back" in refund.failure
    assert "req_" not in refund.failure
    card_refunds.send_due(now=now + timedelta(days=1))
    assert CardRefund.objects.get(refund=refund).attempts == 1


def test_pending_refund_holds_its_money_until_stripe_says_how_it_ends(
    paid: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = paid(TAKES_TIME)
    card = send(payment.order, builders.usd(40), now=now)
    assert (state_of(card), card.stripe_status) == (Refund.State.APPROVED, "pending")
    assert holdings(acme) == {"wallet": 60, "wallet:held": 40, "stripe_clearing": 100}
    stripe.settle_refund(str(card.stripe_id))
    card_refunds.ask_due(now=now + timedelta(minutes=2))
    assert state_of(card) == Refund.State.SUCCEEDED
    assert holdings(acme) == {"wallet": 60, "wallet:held": 0, "stripe_clearing": 60}


@pytest.mark.parametrize("outcome", ["failed", "canceled"])
def test_pending_refund_that_comes_to_nothing_is_back_in_the_balance(
    paid: Callable[..., Payment], acme: Organisation, stripe: StandIn, outcome: str, now: datetime
) -> None:
    payment = paid(TAKES_TIME)
    card = send(payment.order, builders.usd(40), now=now)
    stripe.settle_refund(str(card.stripe_id), outcome=outcome)
    come(stripe, str(card.stripe_id), now=now)
    assert (state_of(card), order_of(payment).state) == (Refund.State.FAILED, State.PAID)
    assert holdings(acme) == {"wallet": 100, "wallet:held": 0, "stripe_clearing": 100}
    assert Refund.objects.get(pk=card.refund_id).failure in refunding.FAILURES.values()


def test_refund_that_fails_after_it_succeeded_is_back_in_the_balance(
    paid: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = paid(FAILS_LATER)
    card = send(payment.order, builders.usd(100), now=now)
    assert order_of(payment).state == State.REFUNDED
    stripe.settle_refund(str(card.stripe_id), outcome="failed", failure="lost_or_stolen_card")
    come(stripe, str(card.stripe_id), now=now)
    assert (state_of(card), order_of(payment).state) == (Refund.State.RETURNED, State.PAID)
    assert holdings(acme) == {"wallet": 100, "wallet:held": 0, "stripe_clearing": 100}
    assert Refund.objects.get(pk=card.refund_id).failure == "The card was reported as lost or stolen."
    assert send(payment.order, builders.usd(100), now=now).stripe_id  # and can be sent again


def test_failure_that_no_event_ever_told_of_is_found_the_next_day(
    paid: Callable[..., Payment], stripe: StandIn, now: datetime
) -> None:
    payment, sent_at = paid(FAILS_LATER), now - timedelta(hours=2)  # the books take nothing of more than a day ahead
    card = send(payment.order, builders.usd(40), now=sent_at)
    stripe.settle_refund(str(card.stripe_id), outcome="failed")
    card_refunds.ask_due(now=sent_at + timedelta(hours=23))
    assert state_of(card) == Refund.State.SUCCEEDED
    card_refunds.ask_due(now=sent_at + timedelta(hours=25))
    assert state_of(card) == Refund.State.RETURNED


def test_succeeded_refund_is_asked_about_no_more_when_it_cannot_fail_any_more(
    paid: Callable[..., Payment], now: datetime
) -> None:
    card = send(paid().order, builders.usd(40), now=now)
    card_refunds.ask_due(now=now + refunding.WATCHED_FOR + timedelta(days=1))
    card.refresh_from_db()
    assert card.ask_at is None


def test_everything_told_twice_books_once(
    paid: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = paid(FAILS_LATER)
    card = send(payment.order, builders.usd(40), now=now)
    stripe.settle_refund(str(card.stripe_id), outcome="failed")
    for _ in range(2):
        come(stripe, str(card.stripe_id), now=now + timedelta(minutes=1))
        for event in InboxEvent.objects.filter(object_id=card.stripe_id):
            inbox.replay(event_id=event.pk, by="olivia", now=now + timedelta(minutes=2))
    kinds = Posting.objects.filter(organisation=acme).order_by("pk").values_list("kind", flat=True)
    assert list(kinds)[1:] == ["REFUND_HOLD", "REFUND", "REFUND_RETURN"]


@pytest.mark.parametrize(
    "lie",
    [{"amount": 4_001}, {"currency": "cny"}, {"payment_intent": None}],
    ids=["another amount", "another currency", "no payment"],
)
def test_answer_that_does_not_agree_changes_nothing_and_is_flagged(
    paid: Callable[..., Payment], acme: Organisation, stripe: StandIn, lie: Any, now: datetime
) -> None:
    payment = paid(TAKES_TIME)
    card = send(payment.order, builders.usd(40), now=now)
    stripe.settle_refund(str(card.stripe_id))
    stripe.tamper(str(card.stripe_id), **lie)
    come(stripe, str(card.stripe_id), now=now)
    assert (state_of(card), flags_of(payment)) == (Refund.State.APPROVED, {"REFUND_MISMATCH"})
    assert holdings(acme) == {"wallet": 60, "wallet:held": 40, "stripe_clearing": 100}


def test_refund_under_our_mark_of_another_payment_changes_nothing_and_is_flagged(
    paid: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment, other = paid(TAKES_TIME), paid()
    card = send(payment.order, builders.usd(40), now=now)
    stripe.settle_refund(str(card.stripe_id))
    stripe.tamper(str(card.stripe_id), payment_intent=other.payment_intent_id)
    come(stripe, str(card.stripe_id), now=now)
    assert (state_of(card), flags_of(payment)) == (Refund.State.APPROVED, {"REFUND_MISMATCH"})
    assert holdings(acme) == {"wallet": 160, "wallet:held": 40, "stripe_clearing": 200}


def test_answer_of_the_other_mode_changes_nothing_and_is_flagged(
    paid: Callable[..., Payment], stripe: StandIn, now: datetime
) -> None:
    payment = paid(TAKES_TIME)
    card = send(payment.order, builders.usd(40), now=now)
    stripe.settle_refund(str(card.stripe_id))
    stripe.tamper(payment.payment_intent_id, livemode=True)
    come(stripe, str(card.stripe_id), now=now)
    assert (state_of(card), flags_of(payment)) == (Refund.State.APPROVED, {"REFUND_MISMATCH"})


def test_second_refund_at_stripe_under_our_mark_is_booked_as_one_of_the_dashboard(
    paid: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    """Its money has left all the same."""
    payment = paid()
    card = send(payment.order, builders.usd(40), now=now)
    twin = stripe_api.create_refund(request=dict(card.request or {}), idempotency_key=f"twin-{card.pk}")
    for _ in range(2):
        come(stripe, twin.id, now=now)
    assert flags_of(payment) == {"REFUNDED_AT_STRIPE"}
    assert holdings(acme) == {"wallet": 20, "wallet:held": 0, "stripe_clearing": 20}
    adopted = CardRefund.objects.get(stripe_id=twin.id).refund
    assert (adopted.origin, adopted.state, state_of(card)) == ("STRIPE", "SUCCEEDED", Refund.State.SUCCEEDED)
    listed = stripe_lists.transaction(
        type="refund", amount=builders.usd(-40), source_id=twin.id, payment_intent_id=payment.payment_intent_id
    )
    assert stripe_lists.bring(listed, now=now).outcome == BalanceTransaction.Outcome.AGREED
    assert order_of(payment).state == State.PARTIALLY_REFUNDED


def test_second_refund_is_booked_though_it_was_taken_for_ours_when_it_was_looked_for(
    paid: Callable[..., Payment], acme: Organisation, now: datetime
) -> None:
    """Between finding the row by its number and locking it, the first one's answer was written."""
    payment = paid()
    card = send(payment.order, builders.usd(40), now=now)
    twin = stripe_api.create_refund(request=dict(card.request or {}), idempotency_key=f"twin-{card.pk}")
    refunding.record(card_refund_id=card.pk, answer=twin, by="Stripe", now=now)
    assert holdings(acme) == {"wallet": 20, "wallet:held": 0, "stripe_clearing": 20}
    assert CardRefund.objects.get(pk=card.pk).stripe_id == card.stripe_id


def test_refund_that_stripe_refused_and_has_all_the_same_is_booked_as_one_of_the_dashboard(
    paid: Callable[..., Payment], acme: Organisation, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    payment = paid()
    refund = approve(payment.order, builders.usd(40), now=now)
    create = stripe_api.create_refund

    def refuse(**_: Any) -> Any:
        raise stripe_api.StripeRefused("no", reason="No.")

    with monkeypatch.context() as patched:
        patched.setattr(stripe_api, "create_refund", refuse)
        card_refunds.send_due(now=now)
    assert (state_of(refund), holdings(acme)["wallet"]) == (Refund.State.FAILED, 100)
    card = CardRefund.objects.get(refund=refund)
    made = create(request=dict(card.request or {}), idempotency_key="late")
    for _ in range(2):
        refunding.follow(object_id=made.id, by="Stripe", now=now)
    assert holdings(acme) == {"wallet": 60, "wallet:held": 0, "stripe_clearing": 60}
    assert state_of(refund) == Refund.State.FAILED


def test_older_answer_that_comes_last_is_asked_for_again_and_flags_nothing(
    paid: Callable[..., Payment], stripe: StandIn, now: datetime
) -> None:
    payment = paid(TAKES_TIME)
    card = send(payment.order, builders.usd(40), now=now)
    older = stripe_api.fetch_refund(str(card.stripe_id))
    stripe.settle_refund(str(card.stripe_id))
    come(stripe, str(card.stripe_id), now=now)
    refunding.record(card_refund_id=card.pk, answer=older, by="Stripe", now=now)
    assert state_of(card) == Refund.State.SUCCEEDED
    card_refunds.ask_due(now=now + timedelta(seconds=10))
    card.refresh_from_db()
    assert (flags_of(payment), card.error) == (set(), "")


def test_contradiction_that_stripe_repeats_is_flagged(
    paid: Callable[..., Payment], stripe: StandIn, now: datetime
) -> None:
    payment = paid()
    card = send(payment.order, builders.usd(40), now=now)
    stripe.tamper(str(card.stripe_id), status="pending")
    come(stripe, str(card.stripe_id), now=now)
    assert not flags_of(payment)
    card_refunds.ask_due(now=now + timedelta(seconds=80))
    assert (state_of(card), flags_of(payment)) == (Refund.State.SUCCEEDED, {"REFUND_MISMATCH"})


def test_refund_made_in_the_dashboard_is_booked_and_flagged(
    paid: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = paid()
    made = stripe.refund(builders.session_of(payment), amount=2_500)
    come(stripe, made["id"], now=now)
    come(stripe, made["id"], now=now)
    refund = Refund.objects.get(order=payment.order)
    assert (refund.origin, refund.state, refund.back) == ("STRIPE", "SUCCEEDED", builders.usd(25))
    assert holdings(acme) == {"wallet": 75, "wallet:held": 0, "stripe_clearing": 75}
    assert order_of(payment).state == State.PARTIALLY_REFUNDED
    assert flags_of(payment) == {"REFUNDED_AT_STRIPE"}


def test_refund_of_the_dashboard_that_failed_before_we_knew_it_is_nothing(
    paid: Callable[..., Payment], stripe: StandIn, now: datetime
) -> None:
    payment = paid(TAKES_TIME)
    made = stripe.refund(builders.session_of(payment))
    stripe.settle_refund(made["id"], outcome="failed")
    come(stripe, made["id"], now=now)
    assert not Refund.objects.filter(order=payment.order).exists()


def test_refund_of_the_dashboard_fails_later_and_its_money_is_back(
    paid: Callable[..., Payment], acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = paid(FAILS_LATER)
    made = stripe.refund(builders.session_of(payment))
    come(stripe, made["id"], now=now)
    stripe.settle_refund(made["id"], outcome="failed")
    come(stripe, made["id"], now=now)
    assert holdings(acme) == {"wallet": 100, "wallet:held": 0, "stripe_clearing": 100}
    assert order_of(payment).state == State.PAID


def test_refund_is_told_before_its_payment_was_known_to_be_paid(
    acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = builders.open_checkout(acme, now=now)
    stripe.pay(builders.session_of(payment))
    made = stripe.refund(builders.session_of(payment))
    come(stripe, made["id"], now=now)
    assert order_of(payment).state == State.REFUNDED
    assert holdings(acme) == {"wallet": 0, "wallet:held": 0, "stripe_clearing": 0}


def test_refund_of_money_that_credited_nobody_leaves_the_suspense(
    acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    payment = builders.open_checkout(acme, now=now)
    session_id = builders.session_of(payment)
    stripe.tamper(session_id, amount_total=9_000)
    stripe.pay(session_id)
    checkout.ask_about(payment_id=payment.pk, by="Stripe", now=now)
    assert builders.balance_of(acme.pk, chart.SUSPENSE) == builders.usd(90)
    made = stripe.refund(session_id)
    come(stripe, made["id"], now=now)
    come(stripe, made["id"], now=now)
    assert builders.balance_of(acme.pk, chart.SUSPENSE) == builders.usd(0)
    assert holdings(acme) == {"wallet": 0, "wallet:held": 0, "stripe_clearing": 0}
    payment.refresh_from_db()
    facts = {"source_id": made["id"], "payment_intent_id": payment.payment_intent_id}
    went = stripe_lists.transaction(type="refund", amount=builders.usd(-90), **facts)
    assert stripe_lists.bring(went, now=now).outcome == BalanceTransaction.Outcome.AGREED
    other = stripe_lists.transaction(type="refund", amount=builders.usd(-91), **facts)
    assert stripe_lists.bring(other, now=now).reason == BalanceTransaction.Reason.OTHER_AMOUNT
    came = stripe_lists.transaction(type="refund_failure", amount=builders.usd(90), **facts)
    assert stripe_lists.bring(came, now=now).reason == BalanceTransaction.Reason.UNKNOWN_REFUND
    stripe.settle_refund(made["id"], outcome="failed")
    come(stripe, made["id"], now=now)
    assert builders.balance_of(acme.pk, chart.SUSPENSE) == builders.usd(90)
    assert not [each for each in payment_audit.check_suspense("default", now) if str(acme.pk) in each]
    waiting = BalanceTransaction.objects.get(stripe_id=came.id)
    assert balance_transactions.settle(waiting, now=now).outcome == BalanceTransaction.Outcome.AGREED


@pytest.mark.parametrize("object_id", ["re_nobody", "not-a-refund"])
def test_refund_that_stripe_does_not_know_is_not_ours(
    acme: Organisation, stripe: StandIn, object_id: str, now: datetime
) -> None:
    outcome = refunding.follow(object_id=object_id, by="Stripe", now=now)
    assert outcome == InboxEvent.Outcome.NOT_OURS


def test_refund_of_a_payment_that_is_not_ours_is_not_ours(acme: Organisation, stripe: StandIn, now: datetime) -> None:
    made = stripe_api.connect().v1.checkout.sessions.create(
        {
            "mode": "payment",
            "success_url": "http://127.0.0.1:1/",
            "line_items": [
                {"quantity": 1, "price_data": {"currency": "usd", "unit_amount": 500, "product_data": {"name": "x"}}}
            ],
        }
    )
    stripe.pay(made.id)
    refund = stripe.refund(made.id)
    outcome = refunding.follow(object_id=refund["id"], by="Stripe", now=now)
    assert outcome == InboxEvent.Outcome.NOT_OURS


def test_stripe_away_keeps_the_refund_and_sends_it_later(
    paid: Callable[..., Payment], stripe: StandIn, quick_retries: None, now: datetime
) -> None:
    payment = paid()
    refund = approve(payment.order, builders.usd(40), now=now)
    stripe.switch(faults=[{"kind": "drop", "when": "before", "calls": 2, **CREATE}])
    card_refunds.send_due(now=now)
    card = CardRefund.objects.get(refund=refund)
    assert (card.attempts, state_of(refund)) == (1, Refund.State.APPROVED)
    assert card.error.startswith("StripeUnavailable")
    card_refunds.send_due(now=now + timedelta(minutes=1))
    assert state_of(refund) == Refund.State.SUCCEEDED


def test_odd_refund_does_not_stop_the_others(
    paid: Callable[..., Payment], stripe: StandIn, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    first, second = paid(), paid()
    odd = approve(first.order, builders.usd(40), now=now)
    good = approve(second.order, builders.usd(40), now=now)
    create = stripe_api.create_refund

    def answer(*, request: Any, idempotency_key: str) -> Any:
        if str(odd.pk) in idempotency_key:
            raise stripe_api.RefundUnreadable("no status")
        return create(request=request, idempotency_key=idempotency_key)

    monkeypatch.setattr(stripe_api, "create_refund", answer)
    card_refunds.send_due(now=now)
    assert (state_of(odd), state_of(good)) == (Refund.State.APPROVED, Refund.State.SUCCEEDED)
    assert flags_of(first) == {"REFUND_MISMATCH"}


@pytest.mark.parametrize(
    "change",
    [{"stripe_id": "re_other"}, {"amount": builders.usd(41)}, {"idempotency_key": "another"}, {"request": {}}],
    ids=", ".join,
)
def test_refund_at_stripe_never_becomes_another(paid: Callable[..., Payment], change: Any, now: datetime) -> None:
    card = send(paid().order, builders.usd(40), now=now)
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        CardRefund.objects.filter(pk=card.pk).update(**change)
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        card.delete()


def test_row_of_another_amount_than_its_refund_is_refused(paid: Callable[..., Payment], now: datetime) -> None:
    payment = paid()
    refund = approve(payment.order, builders.usd(40), now=now)
    with pytest.raises(DatabaseError, match="not the refund of that payment"), transaction.atomic():
        CardRefund.objects.create(
            organisation_id=payment.organisation_id,
            refund=refund,
            payment=payment,
            amount=builders.usd(41),
            idempotency_key=f"refund:{refund.pk}",
            request={},
            created_at=now,
        )


def test_row_of_a_refund_that_nobody_approved_is_refused(paid: Callable[..., Payment], now: datetime) -> None:
    refund = ask(paid().order, builders.usd(40), now=now)
    with pytest.raises(DatabaseError, match="not the refund of that payment"), transaction.atomic():
        card_refunds.prepare(refund_id=refund.pk, now=now)


def test_refund_has_one_row_at_stripe(paid: Callable[..., Payment], now: datetime) -> None:
    card = send(paid(TAKES_TIME).order, builders.usd(40), now=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        CardRefund.objects.create(
            organisation_id=card.organisation_id,
            refund=card.refund,
            payment=card.payment,
            amount=card.amount,
            stripe_id="re_second",
            created_at=now,
        )


@pytest.mark.parametrize(
    ("change", "named"),
    [({}, 0), ({"stripe_status": "pending"}, 1), ({"stripe_status": "failed"}, 1), ({"stripe_status": ""}, 1)],
    ids=str,
)
def test_audit_names_a_refund_that_stripe_says_otherwise_of(
    paid: Callable[..., Payment], change: dict[str, str], named: int, now: datetime
) -> None:
    card = send(paid().order, builders.usd(40), now=now)
    with transaction.atomic():
        CardRefund.objects.filter(pk=card.pk).update(**{"stripe_status": "succeeded"} | change)
        found = [each for each in card_refund_audit.check_card_refunds("default", now) if card.refund.number in each]
        transaction.set_rollback(True)
    assert len(found) == named


def test_the_audit_looks_at_refunds_of_corrected_orders_too(paid: Callable[..., Payment], now: datetime) -> None:
    desk, payment = Desk(now), paid()
    follower = desk.approve(desk.propose(payment.order))
    card = send(follower, builders.usd(40), now=now + timedelta(hours=3))
    with transaction.atomic():
        CardRefund.objects.filter(pk=card.pk).update(stripe_status="failed")
        found = [each for each in card_refund_audit.check_card_refunds("default", now) if card.refund.number in each]
        transaction.set_rollback(True)
    assert len(found) == 1


def test_declined_refund_is_never_sent(paid: Callable[..., Payment], now: datetime) -> None:
    payment = paid()
    refund = ask(payment.order, builders.usd(40), now=now)
    refunds.withdraw(refund_id=refund.pk, by=builders.owner_of(payment.organisation), now=now)
    card_refunds.send_due(now=now)
    assert at_stripe(payment) == []
