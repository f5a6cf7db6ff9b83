"""Fapiao at once: never of more than stays paid, whoever is first."""

from datetime import datetime

import pytest

from billing import fapiao
from billing.models import Fapiao
from tests.billing.fapiaos import ask_fapiao
from tests.billing.refunding import Counter
from tests.races import run_at_once, scaled

pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture
def counter(committed: None, now: datetime) -> Counter:
    return Counter(now)


def test_many_who_ask_for_the_rest_get_exactly_what_is_there(counter: Counter) -> None:
    order = counter.in_rmb("7200")
    outcomes = run_at_once([lambda: ask_fapiao(order, 2000, now=counter.now)] * scaled(6, full=64))
    asked = [outcome for outcome in outcomes if isinstance(outcome, Fapiao)]
    assert sorted(each.place for each in asked) == [1, 2, 3]
    assert all(isinstance(outcome, fapiao.TooMuch) for outcome in outcomes if outcome not in asked)


def test_one_form_sent_many_times_asks_once(counter: Counter) -> None:
    order = counter.in_rmb("7200")
    token = f"token of {order.number}"
    outcomes = run_at_once([lambda: ask_fapiao(order, 100, token=token, now=counter.now)] * scaled(6, full=64))
    assert {outcome.place for outcome in outcomes} == {1}
    assert order.fapiaos.count() == 1
