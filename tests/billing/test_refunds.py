"""Refunds by their verbs: what is set aside, who decides, what is posted, and how the order reads afterwards."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from djmoney.money import Money

from billing import corrections, moves, orders, receivables, refunds
from billing.models import Flag, Note, Order, Refund, State
from tests import builders, people
from tests.billing.correcting import Desk
from tests.billing.refunding import (
    LAPSED,
    Counter,
    approved_refund,
    ask_refund,
    start_refund,
    succeeded_refund,
    usd,
)
from wallet import chart
from wallet.models import Entry, Member, Posting, Role

pytestmark = pytest.mark.django_db

HELD = "wallet:held"
CLEARING = chart.STRIPE_CLEARING


@pytest.fixture
def counter(db: None, now: datetime) -> Counter:
    return Counter(now)


def state_of(order: Order) -> str:
    order.refresh_from_db()
    return order.state


def lines_of(refund: Refund, step: str) -> list[tuple[str, str, Any, str]]:
    """The lines of a step's posting: side, account, amount, currency."""
    entries = Entry.objects.filter(posting__key=f"refund:{refund.number}:{step}").order_by("line")
    return [
        (entry.side, entry.account.code, entry.amount.amount, entry.amount.currency.code)
        for entry in entries.select_related("account")
    ]


def notes_of(order: Order) -> list[str]:
    return list(order.events.order_by("id").values_list("note", flat=True))


def test_what_is_asked_for_is_set_aside_until_it_is_decided(counter: Counter) -> None:
    order = counter.card("100")
    refund = ask_refund(order, amount=usd(40), now=counter.now)
    assert (counter.holds(), counter.holds(HELD)) == (60, 40)
    assert lines_of(refund, "hold") == [("DEBIT", "wallet", 40, "USD"), ("CREDIT", HELD, 40, "USD")]
    assert (state_of(order), refund.state, refund.back) == (State.PAID, "ASKED", usd(40))
    assert refunds.refundable(order).most == usd(60)


def test_a_refund_of_a_card_goes_from_what_is_set_aside_to_stripe(counter: Counter) -> None:
    order = counter.card("100")
    refund = succeeded_refund(order, amount=usd(40), now=counter.now)
    assert lines_of(refund, "out") == [("DEBIT", HELD, 40, "USD"), ("CREDIT", CLEARING, 40, "USD")]
    assert (counter.holds(), counter.holds(HELD), counter.holds(CLEARING)) == (60, 0, 60)
    assert state_of(order) == State.PARTIALLY_REFUNDED
    succeeded_refund(order, now=counter.now)
    assert state_of(order) == State.REFUNDED
    assert (counter.holds(), counter.holds(CLEARING)) == (0, 0)
    assert refunds.refundable(order).most == usd(0)
    assert "All of it was refunded" in refunds.refundable(order).why


def test_a_refund_in_rmb_goes_back_at_the_orders_own_rate(counter: Counter) -> None:
    order = counter.in_rmb("7200")
    refund = succeeded_refund(order, amount=usd(500), source="bank:cny-1", now=counter.now)
    assert refund.back == Money(3600, "CNY")
    assert lines_of(refund, "out") == [
        ("DEBIT", HELD, 500, "USD"),
        ("CREDIT", "fx", 500, "USD"),
        ("DEBIT", "fx", 3600, "CNY"),
        ("CREDIT", "bank:cny-1", 3600, "CNY"),
    ]


@pytest.mark.parametrize("parts", [("13.88",), ("5", "5"), ("0.01", "0.01", "0.01", "4.44"), ("3.33", "3.33", "3.33")])
def test_parts_in_rmb_sum_to_what_was_paid(counter: Counter, parts: tuple[str, ...]) -> None:
    order = counter.in_rmb("100.00")
    assert order.credited == usd("13.89")
    for part in parts:
        ask_refund(order, amount=usd(part), now=counter.now)
    ask_refund(order, now=counter.now)
    back = [refund.back.amount for refund in order.refunds.all()]
    assert sum(back) == 100
    assert min(back) > 0


def test_withdrawn_and_asked_anew_again_and_again_a_part_keeps_its_worth(counter: Counter) -> None:
    order = counter.in_rmb("100.00")
    for _turn in range(6):
        first = ask_refund(order, amount=usd("0.99"), now=counter.now)
        ask_refund(order, amount=usd("0.01"), now=counter.now)
        refunds.withdraw(refund_id=first.pk, by=counter.alice, now=counter.now)
    for refund in order.refunds.all():
        assert abs(refund.back.amount - refund.amount.amount * Decimal("7.20")) <= Decimal("0.02")


def test_a_refund_of_one_order_is_asked_for_twenty_times_a_day_and_no_more(counter: Counter) -> None:
    order, now = counter.card("100"), counter.now
    for _turn in range(20):
        asked = ask_refund(order, amount=usd(1), now=now)
        refunds.withdraw(refund_id=asked.pk, by=counter.alice, now=now)
    with pytest.raises(refunds.NotRefundable, match="asked for many times today"):
        ask_refund(order, amount=usd(1), now=now + timedelta(hours=23))
    assert order.refunds.count() == 20
    start_refund(order, by=counter.fiona, amount=usd(1), now=now)
    ask_refund(order, amount=usd(1), now=now + timedelta(hours=24))


def test_a_failed_refund_is_back_in_the_balance(counter: Counter) -> None:
    order = counter.card("100")
    refund = approved_refund(order, amount=usd(40), now=counter.now)
    failed = refunds.fail(refund_id=refund.pk, failure="The card is closed", by="Stripe", now=counter.now)
    assert lines_of(refund, "release") == [("DEBIT", HELD, 40, "USD"), ("CREDIT", "wallet", 40, "USD")]
    assert (counter.holds(), counter.holds(HELD), failed.state, state_of(order)) == (100, 0, "FAILED", State.PAID)
    assert refunds.refundable(order).most == usd(100)


def test_a_refund_that_comes_back_takes_the_order_one_step_back(counter: Counter) -> None:
    order = counter.card("100")
    succeeded_refund(order, amount=usd(40), now=counter.now)
    last = succeeded_refund(order, now=counter.now)
    refunds.return_to_balance(refund_id=last.pk, source=CLEARING, failure="Lost card", by="Stripe", now=counter.now)
    assert lines_of(last, "return") == [("DEBIT", CLEARING, 60, "USD"), ("CREDIT", "wallet", 60, "USD")]
    assert (counter.holds(), state_of(order)) == (60, State.PARTIALLY_REFUNDED)
    first = order.refunds.get(amount=40)
    refunds.return_to_balance(refund_id=first.pk, source=CLEARING, failure="", by="Stripe", now=counter.now)
    assert (counter.holds(), state_of(order)) == (100, State.PAID)


def test_one_in_rmb_that_comes_back_runs_the_conversion_back(counter: Counter) -> None:
    order = counter.in_rmb("7200")
    refund = succeeded_refund(order, source="bank:cny-1", now=counter.now)
    refunds.return_to_balance(
        refund_id=refund.pk, source="bank:cny-1", failure="No such account", by="F", now=counter.now
    )
    assert (counter.holds(), counter.holds("fx"), counter.holds("bank:cny-1", "CNY")) == (1000, -1000, 7200)


def test_repeating_a_step_changes_nothing(counter: Counter) -> None:
    order = counter.card("100")
    refund = approved_refund(order, amount=usd(40), by=counter.frank, now=counter.now)
    refunds.approve(refund_id=refund.pk, by=counter.frank, now=counter.now)
    for _time in range(2):
        refunds.succeed(refund_id=refund.pk, source=CLEARING, by="Stripe", now=counter.now)
    back: dict[str, Any] = {
        "refund_id": refund.pk,
        "source": CLEARING,
        "failure": "x",
        "by": "Stripe",
        "now": counter.now,
    }
    for _time in range(2):
        refunds.return_to_balance(**back)
    refunds.succeed(refund_id=refund.pk, source=CLEARING, by="Stripe", now=counter.now)
    refund.refresh_from_db()
    assert (refund.state, counter.holds(), counter.holds(CLEARING)) == ("RETURNED", 100, 100)
    assert notes_of(order)[-4:] == ["REFUND_ASKED", "REFUND_APPROVED", "REFUND_SUCCEEDED", "REFUND_RETURNED"]
    assert Posting.objects.filter(key__startswith=f"refund:{refund.number}:").count() == 3


def test_declined_and_withdrawn_refunds_are_back_in_the_balance(counter: Counter) -> None:
    order = counter.card("100")
    declined = ask_refund(order, amount=usd(40), now=counter.now)
    withdrawn = ask_refund(order, amount=usd(30), now=counter.now)
    for _time in range(2):
        refunds.decline(refund_id=declined.pk, by=counter.fiona, reason="Used already", now=counter.now)
        refunds.withdraw(refund_id=withdrawn.pk, by=counter.alice, now=counter.now)
    assert (counter.holds(), counter.holds(HELD), state_of(order)) == (100, 0, State.PAID)
    event = order.events.get(note=Note.REFUND_DECLINED)
    assert (event.refund, event.detail) == (declined, f"{declined.number} · USD $40.00 · Used already")


def test_what_was_decided_is_not_decided_again(counter: Counter) -> None:
    order = counter.card("100")
    refund = approved_refund(order, amount=usd(40), now=counter.now)
    with pytest.raises(refunds.NotWaiting):
        refunds.withdraw(refund_id=refund.pk, by=counter.alice, now=counter.now)
    with pytest.raises(refunds.NotWaiting):
        refunds.decline(refund_id=refund.pk, by=counter.fiona, reason="x", now=counter.now)
    with pytest.raises(refunds.NotWaiting):
        refunds.approve(refund_id=refund.pk, by=counter.fiona, now=counter.now)
    assert (counter.holds(), counter.holds(HELD)) == (60, 40)


def test_nothing_leaves_that_nobody_approved(counter: Counter) -> None:
    refund = ask_refund(counter.card("100"), now=counter.now)
    with pytest.raises(refunds.IllegalTransition):
        refunds.succeed(refund_id=refund.pk, source=CLEARING, by="Stripe", now=counter.now)
    with pytest.raises(refunds.IllegalTransition):
        refunds.fail(refund_id=refund.pk, failure="x", by="Stripe", now=counter.now)
    assert counter.holds(HELD) == 100


def test_more_than_there_is_is_not_asked_for(counter: Counter) -> None:
    order = counter.card("100")
    counter.move("30")
    with pytest.raises(refunds.TooMuch) as caught:
        ask_refund(order, amount=usd("70.01"), now=counter.now)
    room = caught.value.room
    assert (room.most, [(part.code, part.amount) for part in room.moved]) == (
        usd(70),
        [(counter.product.code, usd(30))],
    )
    assert room.why == "Wallet holds $70.00 now. Since this top-up was moved: $30.00 to WhatsApp."
    assert (counter.holds(), Refund.objects.filter(order=order).count()) == (70, 0)


def test_nobody_refunds_more_than_the_order_though_the_balance_holds_it(counter: Counter) -> None:
    order = counter.card("100")
    counter.card("500")
    assert refunds.refundable(order).most == usd(100)
    succeeded_refund(order, amount=usd(40), now=counter.now)
    ask_refund(order, amount=usd(50), now=counter.now)
    room = refunds.refundable(order)
    assert room.most == usd(10)
    assert room.why == "$40.00 was refunded before. $50.00 is being refunded already."
    with pytest.raises(refunds.TooMuch):
        ask_refund(order, amount=usd("10.01"), now=counter.now)


def test_the_same_form_again_gives_the_first_refund(counter: Counter) -> None:
    order = counter.card("100")
    first = ask_refund(order, amount=usd(40), token="t1", now=counter.now)
    assert ask_refund(order, amount=usd(40), token="t1", now=counter.now) == first
    with pytest.raises(refunds.FormTokenReused) as caught:
        ask_refund(order, amount=usd(41), token="t1", now=counter.now)
    assert caught.value.refund == first
    assert counter.holds(HELD) == 40


def test_somebody_else_of_finance_approves_what_finance_started(counter: Counter) -> None:
    refund = start_refund(counter.card("100"), by=counter.fiona, now=counter.now)
    with pytest.raises(refunds.MayNotRefund, match="started it yourself"):
        refunds.approve(refund_id=refund.pk, by=counter.fiona, now=counter.now)
    assert refunds.approve(refund_id=refund.pk, by=counter.frank, now=counter.now).state == "APPROVED"


def test_whoever_asked_as_a_customer_does_not_approve_it_after_leaving(counter: Counter) -> None:
    member = builders.make_member(counter.acme, role=Role.BILLING, now=counter.now)
    refund = ask_refund(counter.card("100"), by=member.user, now=counter.now)
    member.delete()
    member.user.is_staff = True
    member.user.save(update_fields=["is_staff"])
    with pytest.raises(refunds.MayNotRefund, match="somebody else"):
        refunds.approve(refund_id=refund.pk, by=member.user, now=counter.now)
    refund.refresh_from_db()
    assert refund.state == Refund.State.ASKED


def test_nobody_refunds_for_an_organisation_he_belongs_to(counter: Counter) -> None:
    order = counter.card("100")
    refund = ask_refund(order, amount=usd(10), now=counter.now)
    started = start_refund(order, by=counter.fiona, amount=usd(10), now=counter.now)
    Member.objects.create(organisation=counter.acme, user=counter.fiona, role=Role.VIEWER, joined_at=counter.now)
    with pytest.raises(refunds.MayNotRefund, match="belong"):
        refunds.approve(refund_id=refund.pk, by=counter.fiona, now=counter.now)
    with pytest.raises(refunds.MayNotRefund, match="belong"):
        refunds.decline(refund_id=refund.pk, by=counter.fiona, reason="x", now=counter.now)
    with pytest.raises(refunds.MayNotRefund, match="belong"):
        start_refund(order, by=counter.fiona, amount=usd(10), now=counter.now)
    with pytest.raises(refunds.MayNotRefund, match="decline it"):
        refunds.approve(refund_id=started.pk, by=counter.frank, now=counter.now)


def test_only_who_may_pay_in_asks_for_it_back(counter: Counter) -> None:
    order = counter.card("100")
    viewer = builders.make_member(counter.acme, role=Role.VIEWER, now=counter.now).user
    refund = ask_refund(order, amount=usd(10), now=counter.now)
    for stranger in (viewer, people.make_user("bob"), counter.fiona):
        with pytest.raises(refunds.MayNotRefund):
            ask_refund(order, by=stranger, now=counter.now)
        with pytest.raises(refunds.MayNotRefund):
            refunds.withdraw(refund_id=refund.pk, by=stranger, now=counter.now)
    billing = builders.make_member(counter.acme, role=Role.BILLING, now=counter.now, name="bea").user
    assert ask_refund(order, by=billing, amount=usd(10), now=counter.now).asked_by == billing


def test_a_move_goes_back_to_the_wallet_by_finance_once_it_cannot_be_undone(counter: Counter) -> None:
    counter.card("100")
    move = counter.move("50")
    with pytest.raises(refunds.NotRefundable, match="still be undone"):
        start_refund(move, by=counter.fiona, now=counter.now)
    later = counter.now + LAPSED
    with pytest.raises(refunds.MayNotRefund, match="finance team"):
        ask_refund(move, now=later)
    refund = start_refund(move, by=counter.fiona, amount=usd(20), now=later)
    done = refunds.approve(refund_id=refund.pk, by=counter.frank, now=later)
    assert lines_of(refund, "out") == [
        ("DEBIT", f"{counter.product.code}:held", 20, "USD"),
        ("CREDIT", "wallet", 20, "USD"),
    ]
    assert (done.state, state_of(move), counter.holds(), counter.holds(counter.product.code)) == (
        ("SUCCEEDED", State.PARTIALLY_REFUNDED, 70, 30)
    )  # fmt: skip


def test_what_was_undone_is_not_refunded(counter: Counter) -> None:
    counter.card("100")
    move = counter.move("50")
    moves.undo(order_id=move.pk, by="Alice", now=counter.now)
    with pytest.raises(refunds.NotRefundable, match="undone"):
        start_refund(move, by=counter.fiona, now=counter.now + LAPSED, amount=usd(1))


def test_a_refund_and_a_correction_never_meet(db: None, now: datetime) -> None:
    desk = Desk(now)
    order = desk.by_card("100")
    refund = ask_refund(order, amount=usd(10), now=now)
    with pytest.raises(corrections.NotCorrectable):
        desk.propose(order)
    refunds.withdraw(refund_id=refund.pk, by=builders.owner_of(desk.acme), now=now)
    correction = desk.propose(order)
    with pytest.raises(refunds.NotRefundable, match="correcting"):
        ask_refund(order, amount=usd(10), now=now)
    follower = desk.approve(correction)
    with pytest.raises(refunds.NotRefundable, match="follows"):
        ask_refund(order, amount=usd(10), now=now)
    assert ask_refund(follower, now=now).amount == usd(100)


def test_an_order_is_not_taken_back_while_a_refund_is_open(counter: Counter) -> None:
    order = counter.card("100")
    counter.card("100")
    ask_refund(order, amount=usd(10), now=counter.now)
    with pytest.raises(orders.IllegalTransition), transaction.atomic():
        orders.take_back(order=orders.lock(order.pk), note=Note.TAKEN_BACK, by="x", now=counter.now)
    assert counter.holds() == 190


def test_an_order_that_was_never_paid_is_not_refunded(counter: Counter) -> None:
    order = builders.begin_top_up(counter.acme, now=counter.now).order
    with pytest.raises(refunds.NotRefundable, match="Nothing was credited"):
        ask_refund(order, amount=usd(1), now=counter.now)


def test_a_refund_made_at_stripe_is_booked_as_it_happened(counter: Counter) -> None:
    order = counter.card("100")
    adopted = refunds.adopt(order_id=order.pk, back=usd(40), stripe_id=f"re_{order.number}", now=counter.now)
    again = refunds.adopt(order_id=order.pk, back=usd(40), stripe_id=f"re_{order.number}", now=counter.now)
    assert (adopted, adopted.state, adopted.origin) == (again, "APPROVED", "STRIPE")
    assert (counter.holds(), counter.holds(HELD)) == (60, 40)
    assert order.flags.get().reason == Flag.Reason.REFUNDED_AT_STRIPE
    refunds.succeed(refund_id=adopted.pk, source=CLEARING, by="Stripe", now=counter.now)
    assert state_of(order) == State.PARTIALLY_REFUNDED


def test_what_the_balance_does_not_hold_any_more_is_owed(counter: Counter) -> None:
    order = counter.card("100")
    counter.move("70")
    adopted = refunds.adopt(order_id=order.pk, back=usd(100), stripe_id=f"re_{order.number}", now=counter.now)
    assert lines_of(adopted, "hold") == [
        ("DEBIT", "wallet", 30, "USD"),
        ("DEBIT", "receivable", 70, "USD"),
        ("CREDIT", HELD, 100, "USD"),
    ]
    assert adopted.debt == counter.holds("receivable") == Decimal(70)
    refunds.fail(refund_id=adopted.pk, failure="x", by="Stripe", now=counter.now)
    assert (counter.holds(), counter.holds("receivable"), counter.holds(HELD)) == (30, 0, 0)


def test_what_was_given_up_of_a_debt_is_ours_again_when_the_refund_fails(counter: Counter) -> None:
    order = counter.card("100")
    counter.move("70")
    adopted = refunds.adopt(order_id=order.pk, back=usd(100), stripe_id=f"re_{order.number}", now=counter.now)
    lead = people.make_staff("lena", "finance lead")
    receivables.write_off(
        debtor=adopted, amount=usd(50), reason="Paid by hand", by=lead, form_token="w1", now=counter.now
    )
    refunds.fail(refund_id=adopted.pk, failure="x", by="Stripe", now=counter.now)
    assert (counter.holds(), counter.holds("receivable"), counter.holds("chargebacks")) == (30, 0, 0)


def test_what_went_back_to_the_wallet_was_not_moved_on(counter: Counter) -> None:
    order = counter.card("100")
    move = counter.move("70")
    later = counter.now + LAPSED
    started = start_refund(move, by=counter.fiona, amount=usd(20), now=later)
    refunds.approve(refund_id=started.pk, by=counter.frank, now=later)
    room = refunds.refundable(order)
    assert (room.most, [part.amount for part in room.moved]) == (usd(50), [usd(50)])


def test_what_only_waits_gives_way_to_what_was_made_at_stripe(counter: Counter) -> None:
    order = counter.card("100")
    first, second = (ask_refund(order, amount=usd(part), now=counter.now) for part in (40, 60))
    refunds.adopt(order_id=order.pk, back=usd(60), stripe_id=f"re_{order.number}", now=counter.now)
    assert [refund.state for refund in order.refunds.order_by("id")] == ["ASKED", "DECLINED", "APPROVED"]
    assert (counter.holds(), counter.holds(HELD), counter.holds("receivable")) == (0, 100, 0)
    assert {first.pk, second.pk} == set(order.refunds.exclude(origin="STRIPE").values_list("pk", flat=True))


def test_made_at_stripe_for_a_corrected_order_it_is_the_followers(db: None, now: datetime) -> None:
    desk = Desk(now)
    order = desk.by_card("100")
    follower = desk.approve(desk.propose(order))
    adopted = refunds.adopt(
        order_id=order.pk, back=usd(100), stripe_id=f"re_{order.number}", now=now + timedelta(hours=3)
    )
    assert adopted.order == follower
    refunds.succeed(refund_id=adopted.pk, source=CLEARING, by="Stripe", now=now + timedelta(hours=3))
    assert (state_of(order), state_of(follower)) == (State.REFUNDED, State.REFUNDED)
