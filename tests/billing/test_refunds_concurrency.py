"""Refunds at once: what is set aside is never more than there is, and each goes one way only."""

from datetime import datetime
from functools import partial
from typing import Any

import pytest

from billing import refunds
from billing.models import Refund
from tests import people
from tests.billing.refunding import Counter, ask_refund, usd
from tests.races import rounds, run_at_once, scaled
from wallet.models import Posting

pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture
def counter(committed: None, now: datetime) -> Counter:
    return Counter(now)


def test_many_who_ask_for_the_rest_get_exactly_what_is_there(counter: Counter) -> None:
    order = counter.card("100")
    racers = scaled(8, full=64)
    outcomes = run_at_once([lambda: ask_refund(order, amount=usd(30), now=counter.now)] * racers)
    asked = [outcome for outcome in outcomes if isinstance(outcome, Refund)]
    assert len(asked) == 3
    assert all(isinstance(outcome, refunds.TooMuch) for outcome in outcomes if outcome not in asked)
    assert (counter.holds(), counter.holds("wallet:held")) == (10, 90)


def test_two_orders_of_one_balance_never_hold_more_than_it_has(counter: Counter) -> None:
    first, second = counter.card("100"), counter.card("100")
    counter.move("100")
    outcomes = run_at_once([partial(ask_refund, order, amount=usd(100), now=counter.now) for order in (first, second)])
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Refund", "TooMuch"]
    assert (counter.holds(), counter.holds("wallet:held")) == (0, 100)


def test_a_form_sent_ten_times_at_once_asks_once(counter: Counter) -> None:
    order = counter.card("100")
    outcomes = run_at_once(
        [lambda: ask_refund(order, amount=usd(10), token=f"once-{order.number}", now=counter.now)] * 10
    )
    assert len({outcome.pk for outcome in outcomes}) == 1
    assert (order.refunds.count(), counter.holds("wallet:held")) == (1, 10)


@pytest.mark.parametrize("repeat", rounds(1, full=25))
def test_withdrawn_and_approved_at_once_it_goes_one_way(counter: Counter, repeat: int) -> None:
    order = counter.card("100")
    felix = people.make_staff("felix", "finance")
    for _time in range(4):  # as often as one order may be asked about in a day
        refund = ask_refund(order, amount=usd(10), now=counter.now)
        outcomes = run_at_once(
            [
                partial(refunds.withdraw, refund_id=refund.pk, by=counter.alice, now=counter.now),
                partial(refunds.approve, refund_id=refund.pk, by=counter.frank, now=counter.now),
                partial(refunds.approve, refund_id=refund.pk, by=felix, now=counter.now),
            ]
        )
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NotWaiting", "NotWaiting", "Refund"]
    open_ones = order.refunds.filter(state="APPROVED").count()
    assert counter.holds("wallet:held") == 10 * open_ones


def test_success_told_many_times_at_once_is_posted_once(counter: Counter) -> None:
    refund = ask_refund(counter.card("100"), now=counter.now)
    refunds.approve(refund_id=refund.pk, by=counter.frank, now=counter.now)
    told: dict[str, Any] = {"refund_id": refund.pk, "source": "stripe_clearing", "by": "Stripe", "now": counter.now}
    run_at_once([lambda: refunds.succeed(**told)] * scaled(8, full=64))
    assert Posting.objects.filter(key=f"refund:{refund.number}:out").count() == 1
    assert counter.holds("stripe_clearing") == 0
