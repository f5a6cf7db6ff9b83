"""Many at once: a dispute is booked once whoever spends meanwhile, and a debt is paid once by whatever tops up."""

import secrets
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import pytest

from billing import receivables, refunds
from billing.models import CardBlock, DebtPayment, Dispute, Order, Refund, WriteOff
from products import charges
from tests import races
from tests.billing import refunding
from tests.billing.disputing import Story, state_of, taken, told, usd
from wallet import chart


@pytest.fixture
def story(committed: None, now: datetime) -> Story:
    return Story(now)


def test_top_ups_at_once_pay_a_debt_once_and_none_fails(story: Story) -> None:
    dispute = story.owe(40)
    count = races.scaled(16, full=64)
    outcomes = races.run_at_once([partial(story.by_bank, 10) for _ in range(count)])
    races.raise_failures(outcomes)
    assert all(isinstance(outcome, Order) for outcome in outcomes)
    paid = DebtPayment.objects.filter(dispute=dispute)
    assert sum((each.amount for each in paid), usd(0)) == usd(40)
    assert (paid.count(), story.owed, story.holds()) == (4, 0, count * 10 - 40)


def test_a_dispute_told_by_many_at_once_is_booked_once(story: Story) -> None:
    order = story.by_card(100)
    what = told(taken(), now=story.now)
    outcomes = races.run_at_once([partial(story.hear, order, what) for _ in range(races.scaled(8, full=64))])
    races.raise_failures(outcomes)
    assert (story.holds(), story.owed, story.holds(chart.CHARGEBACKS)) == (0, 0, 15)
    assert Dispute.objects.filter(order=order).count() == 1


def test_a_dispute_is_booked_whoever_spends_meanwhile(story: Story) -> None:
    for _ in range(races.scaled(4, full=100)):
        order = story.into_product(100)
        before = story.owed
        spending = [partial(story.spend, 10) for _ in range(8)]
        *spent, dispute = races.run_at_once([*spending, partial(story.hear, order, told(taken(), now=story.now))])
        assert isinstance(dispute, Dispute)
        gone = sum(isinstance(outcome, charges.Charge) for outcome in spent) * 10
        assert all(isinstance(outcome, charges.Charge | charges.InsufficientBalance) for outcome in spent)
        left = story.holds(story.product.code)
        assert dispute.from_target + left == 100 - gone
        assert story.owed - before == 100 - dispute.from_target
        assert state_of(order) == "DISPUTED"
        if left:
            story.spend(left)
        unblock(story)


def test_a_refund_approved_and_disputed_at_once_goes_one_way(story: Story) -> None:
    for _ in range(races.scaled(3, full=50)):
        order = story.by_card(100)
        asked = refunding.ask_refund(order, amount=usd(40), now=story.now)
        outcomes = races.run_at_once(
            [
                partial(story.hear, order, told(taken(), now=story.now)),
                partial(refunds.approve, refund_id=asked.pk, by=story.frank, now=story.now),
                partial(refunding.ask_refund, order, amount=usd(20), now=story.now),
            ]
        )
        refused = refunds.NotWaiting | refunds.NotRefundable | refunds.TooMuch
        assert isinstance(outcomes[0], Dispute)
        assert all(isinstance(each, Refund | refused) for each in outcomes[1:]), outcomes
        states = set(order.refunds.values_list("state", flat=True))
        assert (states <= {"APPROVED", "DECLINED"}, state_of(order)) == (True, "DISPUTED")
        set_aside = 40 if "APPROVED" in states else 0
        assert (story.holds("wallet:held"), story.owed, story.holds()) == (set_aside, set_aside, 0)
        for approved in order.refunds.filter(state="APPROVED"):
            refunds.succeed(refund_id=approved.pk, source=chart.STRIPE_CLEARING, by="Stripe", now=story.now)
        if story.owed:
            story.by_bank(int(story.owed))  # the next round begins without a debt
        unblock(story)


def test_a_debt_is_written_off_and_paid_at_once_and_never_twice(story: Story) -> None:
    for _ in range(races.scaled(3, full=50)):
        dispute = story.owe(40)
        before = story.holds()
        ways: list[Callable[[], Any]] = [partial(write_off, story, dispute) for _ in range(2)]
        ways.append(partial(story.by_bank, 100))
        outcomes = races.run_at_once(ways)
        assert all(isinstance(each, WriteOff | Order | receivables.MayNotWriteOff) for each in outcomes)
        dispute.refresh_from_db()
        assert (story.owed, dispute.away) == (0, usd(100))
        assert story.holds() - before == 100 - (dispute.from_wallet - 60)
        story.move(story.holds())
        unblock(story)


def write_off(story: Story, dispute: Dispute) -> WriteOff:
    return receivables.write_off(
        debtor=dispute,
        amount=usd(40),
        reason="why",
        by=story.frank,
        form_token=secrets.token_hex(8),
        now=story.now,
    )


def unblock(story: Story) -> None:
    CardBlock.objects.filter(organisation=story.acme, lifted_at=None).update(
        lifted_at=story.now, lifted_by=story.frank, lifted_by_name="Frank", note="for the next round"
    )
