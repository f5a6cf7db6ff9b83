"""Card money that credited nobody: credited by two people, or sent back to its card, once, whatever goes wrong."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import DatabaseError, connection, transaction
from django.test import Client

from billing import explanations, flags, refunds
from billing.models import Flag, Note, Order, OrderEvent, State
from innopaas.audit import CHECKS
from payments import (
    card_suspense,
    checkout,
    desk,
    disputing,
    inbox,
    refunding,
    settlement,
    stripe_api,
    suspense_moves,
    suspense_refunds,
    sweeps,
)
from payments.models import BalanceTransaction, CardRefund, InboxEvent, Payment, SuspenseMove
from payments.standin.client import StandIn
from tests import builders, people, races
from tests.payments import deliveries, refund_stories, stripe_lists
from wallet import chart, ledger
from wallet.audit import find_problems
from wallet.ids import new_id
from wallet.models import HOUSE_ID, Member, Organisation, Role, User

WHY = "the customer wrote to us"
CREATE = {"method": "POST", "path": "/v1/refunds"}


@pytest.fixture
def fiona(clean: None) -> User:
    return people.make_staff("fiona", "finance")


@pytest.fixture
def frank(clean: None) -> User:
    return people.make_staff("frank", "finance lead")


@pytest.fixture
def older_wallet(acme: Organisation, now: datetime) -> None:
    """A wallet with $1, opened before any account at Stripe."""
    opening = (ledger.debit(chart.CHARGEBACKS, builders.usd(1)), ledger.credit(chart.WALLET, builders.usd(1)))
    ledger.post(organisation_id=acme.pk, drafts=[ledger.Draft(key="opening", kind="TEST", lines=opening)], now=now)


@pytest.fixture
def short(acme: Organisation, stripe: StandIn, now: datetime) -> Payment:
    """A checkout of $100 that Stripe says was one of $90: those wait in acme's suspense."""
    return mismatch(acme, stripe, now=now)


def mismatch(acme: Organisation, stripe: StandIn, *, now: datetime) -> Payment:
    payment = builders.open_checkout(acme, now=now)
    session_id = builders.session_of(payment)
    stripe.tamper(session_id, amount_total=9_000)
    stripe.pay(session_id)
    return checkout.ask_about(payment_id=payment.pk, by="Stripe", now=now)


@pytest.fixture
def strange(acme: Organisation, stripe: StandIn, now: datetime) -> Callable[[], BalanceTransaction]:
    """A charge of $100 that no payment of ours knows: it waits in the house's suspense."""

    def make() -> BalanceTransaction:
        payment = builders.open_checkout(acme, now=now)
        request = {**payment.session_request, "metadata": {}, "payment_intent_data": {}, "client_reference_id": "x"}
        session = stripe_api.create_session(request=request, idempotency_key=f"strange-{payment.pk}")
        stripe.pay(session.id)
        intent_id = stripe_api.fetch_session(session.id).payment_intent_id
        charged = stripe_lists.transaction(fee="3.20", payment_intent_id=intent_id)
        return stripe_lists.bring(charged, now=now)

    return make


def held(organisation_id: Any, code: str = chart.SUSPENSE) -> Any:
    return builders.balance_of(organisation_id, code).amount


def notes_of(order: Order) -> list[str]:
    return list(OrderEvent.objects.filter(order=order).order_by("id").values_list("note", flat=True))


def credit(source: Payment | BalanceTransaction, *, by: User, then: User, now: datetime, **to: Any) -> SuspenseMove:
    move = suspense_moves.propose_credit(source=source, reason=WHY, by=by, now=now, **to)
    return suspense_moves.approve(move_id=move.pk, by=then, now=now)


def send_back(source: Payment | BalanceTransaction, *, by: User, then: User, now: datetime) -> SuspenseMove:
    move = suspense_moves.propose_refund(source=source, reason=WHY, by=by, now=now)
    return suspense_moves.approve(move_id=move.pk, by=then, now=now)


def give_back(charge: BalanceTransaction, made: stripe_api.StripeRefund, *, now: datetime) -> BalanceTransaction:
    """Stripe's list brings that a charge was given back."""
    went = stripe_lists.transaction(
        type="refund", amount=-made.amount, source_id=made.id, payment_intent_id=charge.payment_intent_id
    )
    return stripe_lists.bring(went, now=now)


# --- of a payment whose facts did not agree -----------------------------------------------------------------


def test_it_is_credited_as_its_order_by_two_people(
    short: Payment, acme: Organisation, fiona: User, frank: User, now: datetime
) -> None:
    before = set(find_problems(checks=CHECKS, now=now))
    move = suspense_moves.propose_credit(source=short, reason=WHY, by=fiona, now=now)
    assert (held(acme.pk), held(acme.pk, chart.WALLET)) == (90, 0)
    with pytest.raises(suspense_moves.MayNotDecide, match="yourself"):
        suspense_moves.approve(move_id=move.pk, by=fiona, now=now)
    move = suspense_moves.approve(move_id=move.pk, by=frank, now=now)
    order = Order.objects.get(pk=short.order_id)
    assert (held(acme.pk), held(acme.pk, chart.WALLET), held(acme.pk, chart.STRIPE_CLEARING)) == (0, 90, 90)
    assert (order.state, order.paid, order.credited) == (State.PAID, builders.usd(90), builders.usd(90))
    assert (notes_of(order)[-1], move.credited_order) == (Note.ASSIGNED, order)
    with pytest.raises(suspense_moves.NotWaiting):
        suspense_moves.approve(move_id=move.pk, by=frank, now=now)
    assert set(find_problems(checks=CHECKS, now=now)) - before == set()


def test_once_credited_it_is_a_card_payment_like_any(
    short: Payment, acme: Organisation, stripe: StandIn, fiona: User, frank: User, now: datetime
) -> None:
    credit(short, by=fiona, then=frank, now=now)
    order = Order.objects.get(pk=short.order_id)
    checkout.ask_about(payment_id=short.pk, by="Stripe", now=now)
    assert held(acme.pk, chart.WALLET) == 90
    card = refund_stories.send(order, builders.usd(40), now=now)
    assert CardRefund.objects.get(pk=card.pk).refund.state == "SUCCEEDED"
    made = stripe.refund(builders.session_of(short), amount=1_000)
    refunding.follow(object_id=made["id"], by="Stripe", now=now)
    assert (held(acme.pk, chart.WALLET), held(acme.pk, chart.STRIPE_CLEARING)) == (40, 40)


def test_it_goes_back_to_the_card_through_stripe_once(
    short: Payment, acme: Organisation, fiona: User, frank: User, now: datetime
) -> None:
    before = set(find_problems(checks=CHECKS, now=now))
    move = send_back(short, by=fiona, then=frank, now=now)
    assert (move.idempotency_key, held(acme.pk)) == (f"suspense:{move.pk}", 90)
    for _ in range(3):
        sweeps.carry_out_refunds(now=now + timedelta(minutes=1))
    made = refund_stories.at_stripe(short)
    move.refresh_from_db()
    assert [each.amount for each in made] == [builders.usd(90)]
    assert (move.stripe_id, move.stripe_status, move.ended_at is None) == (made[0].id, "succeeded", False)
    assert (held(acme.pk), held(acme.pk, chart.WALLET), held(acme.pk, chart.STRIPE_CLEARING)) == (0, 0, 0)
    assert Note.SENT_BACK in notes_of(Order.objects.get(pk=short.order_id))
    assert set(find_problems(checks=CHECKS, now=now)) - before == set()


def test_its_customer_reads_that_it_is_checked_until_it_was_sent_back_and_that_it_failed_from_nobody_but_us(
    short: Payment, fiona: User, frank: User, now: datetime
) -> None:
    def read() -> str:
        return str(explanations.explain(Order.objects.get(pk=short.order_id), now=now).title)

    send_back(short, by=fiona, then=frank, now=now)
    said = [read()]
    suspense_refunds.send_due(now=now)
    said.append(read())
    order = Order.objects.get(pk=short.order_id)
    flags.raise_flag(order=order, reason=Flag.Reason.REFUND_MISMATCH, detail="re_1 failed", now=now)
    assert [*said, read()] == [
        "Being checked by our team", "Sent back to your card", "Being checked by our team",
    ]  # fmt: skip


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["drop", "error"])
def test_a_lost_answer_sends_it_back_no_second_time(
    *, short: Payment, stripe: StandIn, quick_retries: None, fiona: User, frank: User, kind: str, when: str,
    now: datetime,
) -> None:  # fmt: skip
    send_back(short, by=fiona, then=frank, now=now)
    stripe.switch(faults=[{"kind": kind, "when": when, "calls": 2, **CREATE}])
    for minute in range(4):
        suspense_refunds.send_due(now=now + timedelta(minutes=minute))
    assert [each.amount for each in refund_stories.at_stripe(short)] == [builders.usd(90)]
    assert held(short.organisation_id) == 0


def test_a_return_whose_key_stripe_forgot_is_found_by_its_mark(
    short: Payment, fiona: User, frank: User, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    send_back(short, by=fiona, then=frank, now=now)
    create = stripe_api.create_refund

    def forget(*, request: Any, idempotency_key: str) -> Any:
        create(request=request, idempotency_key=f"{idempotency_key}-long-ago")
        raise stripe_api.StripeUnavailable("the answer was lost")

    with monkeypatch.context() as patched:
        patched.setattr(stripe_api, "create_refund", forget)
        suspense_refunds.send_due(now=now)
    monkeypatch.setattr(stripe_api, "create_refund", lambda **_: pytest.fail("asked for it a second time"))
    suspense_refunds.send_due(now=now + timedelta(hours=2))
    assert [each.amount for each in refund_stories.at_stripe(short)] == [builders.usd(90)]
    assert held(short.organisation_id) == 0


def test_a_refund_that_fails_in_the_end_is_in_suspense_again_and_can_be_credited(
    short: Payment, acme: Organisation, stripe: StandIn, fiona: User, frank: User, now: datetime
) -> None:
    send_back(short, by=fiona, then=frank, now=now)
    suspense_refunds.send_due(now=now)
    [made] = refund_stories.at_stripe(short)
    stripe.settle_refund(made.id, outcome="failed")
    refunding.follow(object_id=made.id, by="Stripe", now=now)
    assert held(acme.pk) == 90
    credit(short, by=fiona, then=frank, now=now)
    assert (held(acme.pk), held(acme.pk, chart.WALLET)) == (0, 90)


def test_what_was_refunded_in_the_dashboard_meanwhile_is_not_credited(
    short: Payment, acme: Organisation, stripe: StandIn, fiona: User, frank: User, now: datetime
) -> None:
    """Although no event has told of it yet."""
    moves = [suspense_moves.propose_refund(source=short, reason=WHY, by=fiona, now=now)]
    stripe.refund(builders.session_of(short), amount=3_000)
    with pytest.raises(suspense_moves.NotMovable, match="Another amount"):
        suspense_moves.approve(move_id=moves[0].pk, by=frank, now=now)
    assert (held(acme.pk), held(acme.pk, chart.WALLET)) == (60, 0)
    suspense_moves.withdraw(move_id=moves[0].pk, by=frank, now=now)
    moves.append(suspense_moves.propose_refund(source=short, reason=WHY, by=fiona, now=now))
    stripe.refund(builders.session_of(short))
    with pytest.raises(suspense_moves.NotMovable, match="Nothing of it waits"):
        suspense_moves.approve(move_id=moves[1].pk, by=frank, now=now)
    assert (held(acme.pk), held(acme.pk, chart.WALLET)) == (0, 0)


def test_what_was_refunded_in_the_dashboard_just_now_is_not_credited(
    short: Payment, acme: Organisation, stripe: StandIn, fiona: User, frank: User, now: datetime
) -> None:
    """Nor is its rest: a refund that fails later would come back to a payment that nobody holds any more."""
    move = suspense_moves.propose_credit(source=short, reason=WHY, by=fiona, now=now)
    made = stripe.refund(builders.session_of(short), amount=3_000)
    for _ in range(2):
        with pytest.raises(suspense_moves.NotMovable, match="A part of it has gone back"):
            suspense_moves.approve(move_id=move.pk, by=frank, now=now)
    assert (held(acme.pk), held(acme.pk, chart.WALLET)) == (60, 0)
    stripe.settle_refund(made["id"], outcome="failed")
    suspense_moves.approve(move_id=move.pk, by=frank, now=now)
    assert (held(acme.pk), held(acme.pk, chart.WALLET)) == (0, 90)


def test_it_is_not_credited_while_its_dispute_is_undecided(
    short: Payment, acme: Organisation, stripe: StandIn, fiona: User, frank: User, now: datetime
) -> None:
    move = suspense_moves.propose_credit(source=short, reason=WHY, by=fiona, now=now)
    dispute = stripe.dispute(builders.session_of(short), kind="inquiry")
    disputing.follow(object_id=dispute["id"], by="Stripe", now=now)
    with pytest.raises(suspense_moves.NotMovable, match="disputes it"):
        suspense_moves.approve(move_id=move.pk, by=frank, now=now)
    stripe.decide(dispute["id"], outcome="close")
    disputing.follow(object_id=dispute["id"], by="Stripe", now=now)
    suspense_moves.approve(move_id=move.pk, by=frank, now=now)
    assert (held(acme.pk), held(acme.pk, chart.WALLET)) == (0, 90)


def test_credited_while_a_card_top_up_is_confirmed_neither_is_locked_out(
    *, older_wallet: None, acme: Organisation, short: Payment, stripe: StandIn, fiona: User, frank: User,
    monkeypatch: pytest.MonkeyPatch, now: datetime,
) -> None:  # fmt: skip
    """The wallet's account is older than that at Stripe, so that it is locked first."""
    other = builders.open_checkout(acme, now=now)
    stripe.pay(builders.session_of(other))
    move = suspense_moves.propose_credit(source=short, reason=WHY, by=fiona, now=now)
    release, released = settlement.release, threading.Event()

    def pause(*args: Any, **named: Any) -> None:
        release(*args, **named)
        released.set()
        time.sleep(0.3)

    def confirm() -> Payment:
        released.wait(timeout=10)
        return checkout.ask_about(payment_id=other.pk, by="Stripe", now=now)

    monkeypatch.setattr(settlement, "release", pause)
    way = partial(suspense_moves.approve, move_id=move.pk, by=frank, now=now)
    races.raise_failures(races.run_at_once([way, confirm]))
    assert (held(acme.pk), held(acme.pk, chart.WALLET)) == (0, 191)


def test_a_credit_that_postgresql_ended_for_another_is_tried_again(
    *, short: Payment, acme: Organisation, fiona: User, frank: User, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    move = suspense_moves.propose_credit(source=short, reason=WHY, by=fiona, now=now)
    release, tries = settlement.release, iter([True, True, False])

    def lock_out(*args: Any, **named: Any) -> None:
        if next(tries):
            with connection.cursor() as cursor:
                cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'locked out' USING ERRCODE = '40P01'; END $$")
        release(*args, **named)

    monkeypatch.setattr(settlement, "release", lock_out)
    suspense_moves.approve(move_id=move.pk, by=frank, now=now)
    assert (held(acme.pk), held(acme.pk, chart.WALLET)) == (0, 90)


def test_what_is_settled_takes_no_place_of_what_waits(
    *, short: Payment, acme: Organisation, stripe: StandIn, fiona: User, frank: User, monkeypatch: pytest.MonkeyPatch,
    now: datetime,
) -> None:  # fmt: skip
    send_back(short, by=fiona, then=frank, now=now)
    suspense_refunds.send_due(now=now)
    later = mismatch(acme, stripe, now=now)
    waiting = card_suspense.list_held()
    monkeypatch.setattr(card_suspense, "_MOST", sum(each.payment is not None for each in waiting))
    found = card_suspense.list_held()
    assert ([each for each in found if each.payment == short], found[-1].rest.amount > 0) == ([], True)
    assert builders.usd(90) in [each.rest for each in found if each.payment == later]
    assert card_suspense.count_held() == len(waiting)


def test_a_return_that_stripe_refuses_is_flagged_and_its_customer_told_nothing(
    short: Payment, fiona: User, frank: User, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    move = send_back(short, by=fiona, then=frank, now=now)

    def refuse(**_: Any) -> Any:
        raise stripe_api.StripeRefused("req_1: disputed", reason="The charge is disputed.")

    monkeypatch.setattr(stripe_api, "create_refund", refuse)
    suspense_refunds.send_due(now=now)
    move.refresh_from_db()
    assert (move.ended_at is None, move.stripe_status) == (False, "req_1: disputed")
    assert Note.SENT_BACK not in notes_of(Order.objects.get(pk=short.order_id))
    flag = Flag.objects.get(order=short.order_id, reason=Flag.Reason.REFUND_MISMATCH)
    assert "The charge is disputed." in flag.detail


@pytest.mark.parametrize("odd", [False, True])
def test_a_return_that_gets_no_answer_is_tried_less_and_less_and_what_is_odd_is_flagged(
    *, short: Payment, fiona: User, frank: User, monkeypatch: pytest.MonkeyPatch, odd: bool, now: datetime
) -> None:
    move = send_back(short, by=fiona, then=frank, now=now)

    def fail(**_: Any) -> Any:
        raise ValueError("odd") if odd else stripe_api.StripeUnavailable("away")

    monkeypatch.setattr(stripe_api, "create_refund", fail)
    monkeypatch.setattr(stripe_api, "list_refunds", lambda **_: [])
    waits = []
    for _ in range(2):
        asked_at = move.ask_at or now
        suspense_refunds.send_due(now=asked_at)
        move.refresh_from_db()
        waits.append(((move.ask_at or now) - asked_at).total_seconds())
    assert waits == ([3600, 3600] if odd else [20, 40])
    assert ("odd" if odd else "away") in move.stripe_status
    assert Flag.objects.filter(order=short.order_id, reason=Flag.Reason.REFUND_MISMATCH).exists() is odd


def test_one_proposal_at_a_time_and_none_while_it_is_on_its_way(
    short: Payment, fiona: User, frank: User, now: datetime
) -> None:
    move = suspense_moves.propose_refund(source=short, reason=WHY, by=fiona, now=now)
    for propose in (suspense_moves.propose_credit, suspense_moves.propose_refund):
        with pytest.raises(suspense_moves.AlreadyProposed):
            propose(source=short, reason=WHY, by=frank, now=now)
    suspense_moves.approve(move_id=move.pk, by=frank, now=now)
    with pytest.raises(suspense_moves.AlreadyProposed):
        suspense_moves.propose_credit(source=short, reason=WHY, by=frank, now=now)


def test_nobody_decides_for_an_organisation_he_belongs_to(
    short: Payment, acme: Organisation, fiona: User, frank: User, now: datetime
) -> None:
    move = suspense_moves.propose_credit(source=short, reason=WHY, by=fiona, now=now)
    Member.objects.create(organisation=acme, user=frank, role=Role.VIEWER, joined_at=now)
    with pytest.raises(suspense_moves.MayNotDecide, match="belong"):
        suspense_moves.approve(move_id=move.pk, by=frank, now=now)
    suspense_moves.withdraw(move_id=move.pk, by=fiona, now=now)
    with pytest.raises(desk.OwnOrganisation):
        suspense_moves.propose_refund(source=short, reason=WHY, by=frank, now=now)


def test_approved_by_many_at_once_it_is_credited_once(
    short: Payment, acme: Organisation, fiona: User, frank: User, now: datetime
) -> None:
    move = suspense_moves.propose_credit(source=short, reason=WHY, by=fiona, now=now)
    way = partial(suspense_moves.approve, move_id=move.pk, by=frank, now=now)
    outcomes = races.run_at_once([way] * races.scaled(4, full=64))
    assert all(isinstance(each, SuspenseMove | suspense_moves.NotWaiting) for each in outcomes), outcomes
    assert (held(acme.pk), held(acme.pk, chart.WALLET)) == (0, 90)


# --- of a charge that no payment of ours knows --------------------------------------------------------------


def test_what_the_dashboard_gave_back_leaves_suspense_by_itself(
    strange: Callable[[], BalanceTransaction], stripe: StandIn, now: datetime
) -> None:
    before, problems = held(HOUSE_ID), set(find_problems(checks=CHECKS, now=now))
    charge = strange()
    assert held(HOUSE_ID) - before == 100
    made = stripe_api.create_refund(
        request={"payment_intent": charge.payment_intent_id, "amount": 4_000}, idempotency_key=f"x-{charge.pk}"
    )
    assert give_back(charge, made, now=now).outcome == BalanceTransaction.Outcome.POSTED
    assert (held(HOUSE_ID) - before, card_suspense.find(charge).rest) == (60, builders.usd(60))
    more = stripe_lists.transaction(
        type="refund", amount=builders.usd(-61), payment_intent_id=charge.payment_intent_id, source_id="re_more"
    )
    assert stripe_lists.bring(more, now=now).reason == BalanceTransaction.Reason.OTHER_AMOUNT
    back = stripe_lists.transaction(
        type="refund_failure", amount=made.amount, payment_intent_id=charge.payment_intent_id, source_id=made.id
    )
    stripe_lists.bring(back, now=now)
    assert held(HOUSE_ID) - before == 100
    assert set(find_problems(checks=CHECKS, now=now)) - problems == set()


def test_it_is_given_to_a_customers_wallet_by_two_people(
    strange: Callable[[], BalanceTransaction], acme: Organisation, fiona: User, frank: User, now: datetime
) -> None:
    before, problems = held(HOUSE_ID), set(find_problems(checks=CHECKS, now=now))
    charge = strange()
    for wrong in ({}, {"to": HOUSE_ID}):
        with pytest.raises(suspense_moves.NotMovable, match="whose"):
            suspense_moves.propose_credit(source=charge, reason=WHY, by=fiona, now=now, **wrong)
    move = credit(charge, by=fiona, then=frank, now=now, to=acme.pk)
    order = move.credited_order
    assert order is not None
    assert (held(HOUSE_ID) - before, held(acme.pk, chart.WALLET)) == (0, 100)
    assert (order.method, order.state, notes_of(order)) == ("CARD", "PAID", ["OPENED", "ASSIGNED"])
    with pytest.raises(suspense_moves.NotMovable):
        suspense_moves.propose_refund(source=charge, reason=WHY, by=fiona, now=now)
    card = refund_stories.send(order, builders.usd(40), now=now)
    card.refresh_from_db()
    assert (card.refund.state, held(acme.pk, chart.WALLET)) == ("SUCCEEDED", 60)
    assert refunds.refundable(order).most == builders.usd(60)
    assert set(find_problems(checks=CHECKS, now=now)) - problems == set()


def test_a_charge_of_nobodys_is_sent_back_through_stripe(
    strange: Callable[[], BalanceTransaction], fiona: User, frank: User, now: datetime
) -> None:
    before = held(HOUSE_ID)
    charge = strange()
    move = send_back(charge, by=fiona, then=frank, now=now)
    suspense_refunds.send_due(now=now)
    move.refresh_from_db()
    [made] = stripe_api.list_refunds(payment_intent_id=charge.payment_intent_id)
    assert (move.stripe_id, move.stripe_status, made.amount) == (made.id, "succeeded", builders.usd(100))
    assert (give_back(charge, made, now=now).outcome, held(HOUSE_ID) - before) == ("POSTED", 0)


def test_what_stripe_has_given_back_and_not_listed_yet_is_given_to_nobody(
    strange: Callable[[], BalanceTransaction], acme: Organisation, fiona: User, frank: User, now: datetime
) -> None:
    charge = strange()
    move = suspense_moves.propose_credit(source=charge, reason=WHY, by=fiona, now=now, to=acme.pk)
    stripe_api.create_refund(request={"payment_intent": charge.payment_intent_id}, idempotency_key=f"x-{charge.pk}")
    with pytest.raises(suspense_moves.NotMovable, match="wait until"):
        suspense_moves.approve(move_id=move.pk, by=frank, now=now)
    assert held(acme.pk, chart.WALLET) == 0


def test_of_a_charge_of_nobodys_no_part_is_credited_nor_while_a_refund_that_failed_is_not_listed(
    strange: Callable[[], BalanceTransaction], acme: Organisation, stripe: StandIn, fiona: User, frank: User,
    now: datetime,
) -> None:  # fmt: skip
    charge = strange()
    move = suspense_moves.propose_credit(source=charge, reason=WHY, by=fiona, now=now, to=acme.pk)
    approve = partial(suspense_moves.approve, move_id=move.pk, by=frank, now=now)
    request = {"payment_intent": charge.payment_intent_id, "amount": 3_000}
    made = stripe_api.create_refund(request=request, idempotency_key=f"x-{charge.pk}")
    give_back(charge, made, now=now)
    with pytest.raises(suspense_moves.NotMovable, match="A part of it has gone back"):
        approve()
    stripe.settle_refund(made.id, outcome="failed")
    with pytest.raises(suspense_moves.NotMovable, match="wait until"):
        approve()
    again = stripe_lists.transaction(
        type="refund_failure", amount=made.amount, payment_intent_id=charge.payment_intent_id, source_id=made.id
    )
    stripe_lists.bring(again, now=now)
    approve()
    assert held(acme.pk, chart.WALLET) == 100


@pytest.mark.parametrize("told_by", ["event", "list"])
def test_a_disputed_charge_of_nobodys_is_credited_to_nobody(
    *, strange: Callable[[], BalanceTransaction], acme: Organisation, fiona: User, frank: User, told_by: str,
    now: datetime,
) -> None:  # fmt: skip
    charge = strange()
    move = suspense_moves.propose_credit(source=charge, reason=WHY, by=fiona, now=now, to=acme.pk)
    if told_by == "event":
        InboxEvent.objects.create(
            event_id=f"evt_{charge.pk}", type="charge.dispute.created", object_id=f"du_{charge.pk}", raw=b"{}",
            payment_intent_id=charge.payment_intent_id, received_at=now, due_at=now, handled_at=now, outcome="NOT_OURS",
        )  # fmt: skip
    else:
        taken = stripe_lists.transaction(
            type="adjustment", category="dispute", amount=builders.usd(-100), fee="15", source_id="du_x",
            payment_intent_id=charge.payment_intent_id,
        )  # fmt: skip
        assert stripe_lists.bring(taken, now=now).reason == BalanceTransaction.Reason.UNKNOWN_DISPUTE
    with pytest.raises(suspense_moves.NotMovable, match="disputes it"):
        suspense_moves.approve(move_id=move.pk, by=frank, now=now)
    assert held(acme.pk, chart.WALLET) == 0


@pytest.mark.parametrize("names", ["a payment of ours", "one we never made"])
def test_a_session_that_is_no_payments_own_waits_as_a_charge_of_nobodys(
    *, acme: Organisation, stripe: StandIn, fiona: User, frank: User, names: str, now: datetime
) -> None:
    before, payment = held(HOUSE_ID), builders.open_checkout(acme, now=now)
    mark = payment.session_request["metadata"] if names == "a payment of ours" else {"payment": str(new_id())}
    request = {**payment.session_request, "metadata": mark, "payment_intent_data": {"metadata": mark}}
    session = stripe_api.create_session(request=request, idempotency_key=f"second-{payment.pk}")
    stripe.pay(session.id)
    intent_id = stripe_api.fetch_session(session.id).payment_intent_id
    for event in (*deliveries.told_by(stripe, session.id), deliveries.event_about(session.id)):
        deliveries.deliver(event)
    inbox.handle_due(now=now + timedelta(minutes=1))
    assert (held(HOUSE_ID) - before, held(acme.pk)) == (100, 0)
    charge = stripe_lists.bring(stripe_lists.transaction(payment_intent_id=intent_id, fee="3.20"), now=now)
    assert builders.usd(100) in [each.rest for each in card_suspense.list_held() if each.charge == charge]
    send_back(charge, by=fiona, then=frank, now=now)
    suspense_refunds.send_due(now=now)
    [made] = stripe_api.list_refunds(payment_intent_id=intent_id)
    assert (give_back(charge, made, now=now).outcome, held(HOUSE_ID) - before) == ("POSTED", 0)
    assert card_suspense.find(charge).rest == builders.usd(0)
    flags = Flag.objects.filter(order=payment.order_id, reason=Flag.Reason.WRONG_ORDER)
    assert flags.exists() is (names == "a payment of ours")


def test_a_charge_that_the_list_told_of_first_is_not_held_a_second_time_by_its_event(
    acme: Organisation, stripe: StandIn, now: datetime
) -> None:
    before, payment = held(HOUSE_ID), builders.open_checkout(acme, now=now)
    mark = {"payment": str(new_id())}
    request = {**payment.session_request, "metadata": mark, "payment_intent_data": {"metadata": mark}}
    session = stripe_api.create_session(request=request, idempotency_key=f"second-{payment.pk}")
    stripe.pay(session.id)
    intent_id = stripe_api.fetch_session(session.id).payment_intent_id
    stripe_lists.bring(stripe_lists.transaction(payment_intent_id=intent_id), now=now)
    deliveries.deliver(deliveries.event_about(session.id))
    inbox.handle_due(now=now + timedelta(minutes=1))
    assert held(HOUSE_ID) - before == 100


# --- what the database refuses ------------------------------------------------------------------------------


def test_shell_and_sql_are_held_to_it_too(
    short: Payment, acme: Organisation, fiona: User, frank: User, now: datetime
) -> None:
    move = suspense_moves.propose_refund(source=short, reason=WHY, by=fiona, now=now)
    rows = SuspenseMove.objects.filter(pk=move.pk)
    decided = {"approved_at": now, "idempotency_key": "k", "request": {}}
    outsider, member = builders.make_person("outsider"), people.make_staff("felix", "finance")
    Member.objects.create(organisation=acme, user=member, role=Role.VIEWER, joined_at=now)
    for wrong in (
        {"approved_by": fiona, **decided},
        {"approved_by": outsider, **decided},
        {"approved_by": member, **decided},
        {"approved_by": frank, "approved_at": now},
        {"ended_at": now},
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.update(**wrong)
    other = builders.open_checkout(acme, now=now)
    with pytest.raises(DatabaseError), transaction.atomic():
        SuspenseMove.objects.create(
            organisation=acme, kind="REFUND", payment=other, amount=builders.usd(1),
            reason=WHY, made_by=fiona, made_by_name="Fiona", made_at=now,
        )  # fmt: skip
    suspense_moves.approve(move_id=move.pk, by=frank, now=now)
    changes: list[dict[str, Any]] = [{"amount": 1}, {"reason": "x"}, {"request": {"amount": 1}}, {"approved_at": None}]
    for change in changes:
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.delete()
    assert not Flag.objects.filter(order=short.order_id, reason=Flag.Reason.REFUND_MISMATCH).exists()


# --- on finance's pages -------------------------------------------------------------------------------------


def test_finance_does_it_on_its_pages(
    short: Payment, acme: Organisation, fiona: User, frank: User, client: Client, settings: LazySettings
) -> None:
    settings.STAFF_MFA_REQUIRED = False
    client.force_login(fiona)
    waiting, address = "/admin/payments/suspensemove/", f"/admin/payments/suspensemove/{short.pk}/credit/"
    for page in (waiting, f"/admin/payments/payment/{short.pk}/change/"):
        text = client.get(page).content.decode()
        assert ("USD $90.00" in text, address in text) == (True, True), page
    assert "Nothing is posted before" in client.get(address).content.decode()
    made = client.post(address, {"reason": WHY})
    move = SuspenseMove.objects.get(payment=short)
    assert (made.status_code, address in client.get(waiting).content.decode()) == (302, False)
    assert "You proposed it yourself" in client.get(f"{waiting}{move.pk}/approve/").content.decode()
    client.force_login(frank)
    assert WHY in client.get(f"{waiting}{move.pk}/approve/").content.decode()
    said = client.post(f"{waiting}{move.pk}/approve/", follow=True).content.decode()
    assert (f"Credited as order {short.order.number}" in said, held(acme.pk, chart.WALLET)) == (True, 90)
    assert client.get(address).status_code == 404


def test_whose_a_charge_is_finance_says_by_order_name_or_address(
    strange: Callable[[], BalanceTransaction], acme: Organisation, fiona: User, client: Client, settings: LazySettings
) -> None:
    settings.STAFF_MFA_REQUIRED = False
    client.force_login(fiona)
    charge = strange()
    address = f"/admin/payments/suspensemove/{charge.pk}/credit/"
    assert "names no transfer" in client.post(address, {"reason": WHY, "to": "nobody"}).content.decode()
    client.post(address, {"reason": WHY, "to": builders.owner_of(acme).email})
    move = SuspenseMove.objects.get(charge=charge)
    assert (move.to, move.amount) == (acme, builders.usd(100))
    client.post(f"/admin/payments/suspensemove/{move.pk}/withdraw/")
    client.post(f"/admin/payments/suspensemove/{charge.pk}/refund/", {"reason": WHY})
    assert SuspenseMove.objects.get(charge=charge, kind="REFUND").is_waiting


@pytest.mark.parametrize("error", [stripe_api.StripeRefused("no such intent"), stripe_api.RefundUnreadable("odd")])
def test_what_stripe_will_not_tell_is_said_and_nothing_is_done(
    *, short: Payment, fiona: User, frank: User, client: Client, settings: LazySettings, error: Exception,
    monkeypatch: pytest.MonkeyPatch, now: datetime,
) -> None:  # fmt: skip
    settings.STAFF_MFA_REQUIRED = False
    client.force_login(frank)
    move = suspense_moves.propose_credit(source=short, reason=WHY, by=fiona, now=now)

    def fail(**_: Any) -> Any:
        raise error

    monkeypatch.setattr(stripe_api, "list_refunds", fail)
    said = client.post(f"/admin/payments/suspensemove/{move.pk}/approve/", follow=True).content.decode()
    move.refresh_from_db()
    assert ("look in Stripe&#x27;s dashboard" in said, move.is_waiting) == (True, True)
