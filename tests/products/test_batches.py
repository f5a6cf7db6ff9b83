"""Batches: each item has its own outcome, and repeating a batch charges nothing twice."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from products import batches, charges
from products.batches import BatchItem, Outcome, Refusal
from products.charges import Charge
from products.models import ProductBalance
from tests import builders
from tests.builders import usd
from tests.products import spending
from tests.products.spending import item, standing
from wallet.models import Posting

UNKNOWN, SHORT, REUSED = Refusal.UNKNOWN_NUMBER, Refusal.INSUFFICIENT_BALANCE, Refusal.REQUEST_ID_REUSED


def charge_each(items: list[BatchItem], *, now: datetime) -> list[Outcome]:
    return batches.charge_each(items=items, by=spending.BY, now=now)


def told(outcomes: list[Outcome]) -> list[Any]:
    """The amount of a charge, the word of a refusal."""
    return [outcome.amount.amount if isinstance(outcome, Charge) else outcome for outcome in outcomes]


def test_each_item_has_its_own_outcome_in_order(sms: ProductBalance, now: datetime) -> None:
    items = [item(sms, 12), item(None, 1), item(sms, 9), item(sms, 8), item(sms, "0.000001")]
    outcomes = charge_each(items, now=now)
    assert told(outcomes) == [12, UNKNOWN, SHORT, 8, SHORT]
    assert [one.balance_after for one in outcomes if isinstance(one, Charge)] == [usd(8), usd(0)]
    assert all(one.is_new for one in outcomes if isinstance(one, Charge))
    assert standing(sms) == (0, 0, 20)


def test_items_of_several_organisations_and_products_keep_their_places(sms: ProductBalance, now: datetime) -> None:
    other = spending.open_filled(5, now=now)
    voice = builders.make_product("Voice")
    builders.fill_product(sms.organisation, voice, usd(7), now=now)
    spoken = builders.open_balance(sms.organisation, voice, now=now)
    items = [item(other, 5, "a"), item(sms, 20, "a"), item(spoken, 7, "a"), item(other, 1), item(sms, 1)]
    assert told(charge_each(items, now=now)) == [5, 20, 7, SHORT, SHORT]
    assert (standing(sms), standing(other), standing(spoken)) == ((0, 0, 20), (0, 0, 5), (0, 0, 7))


def test_repeated_batch_gives_the_first_answers_and_charges_nothing_twice(sms: ProductBalance, now: datetime) -> None:
    items = [item(sms, 12), item(sms, 9), item(sms, 8)]
    first = charge_each(items, now=now)
    again = charge_each(items, now=now)
    assert told(again) == told(first) == [12, SHORT, 8]
    assert [one.id for one in again if isinstance(one, Charge)] == [one.id for one in first if isinstance(one, Charge)]
    assert not any(one.is_new for one in again if isinstance(one, Charge))
    assert standing(sms) == (0, 0, 20)


def test_item_refused_for_want_of_money_is_charged_when_it_is_repeated_later(
    sms: ProductBalance, now: datetime
) -> None:
    items = [item(sms, 12), item(sms, 9)]
    assert told(charge_each(items, now=now)) == [12, SHORT]
    builders.fill_product(sms.organisation, sms.product, usd(5), now=now)
    assert told(charge_each(items, now=now)) == [12, 9]
    assert standing(sms) == (4, 0, 21)


def test_item_told_twice_is_charged_once_and_has_one_outcome(sms: ProductBalance, now: datetime) -> None:
    twice = item(sms, 5, "m-1")
    first, second, other = charge_each([twice, twice, item(sms, 6, "m-1")], now=now)
    assert isinstance(first, Charge)
    assert isinstance(second, Charge)
    assert (first.id, first.is_new, second.is_new) == (second.id, True, False)
    assert other == REUSED
    assert told(charge_each([item(sms, 6, "m-1"), twice], now=now)) == [REUSED, 5]
    assert standing(sms) == (15, 0, 5)


def test_item_told_twice_that_does_not_fit_is_refused_twice(sms: ProductBalance, now: datetime) -> None:
    large = item(sms, 21, "m-1")
    assert told(charge_each([large, large, item(sms, 1, "m-1")], now=now)) == [SHORT, SHORT, REUSED]
    assert standing(sms) == (20, 0, 0)


@pytest.mark.parametrize(("amount", "description"), [(6, ""), (5, "another")])
def test_request_id_charged_before_with_other_content_is_refused_alone(
    amount: int, description: str, sms: ProductBalance, now: datetime
) -> None:
    spending.charge(sms, 5, "m-1", now=now)
    other = BatchItem(balance=sms, usage=spending.usage(amount, "m-1", description))
    assert told(charge_each([other, item(sms, 2)], now=now)) == [REUSED, 2]
    assert standing(sms) == (13, 0, 7)


def test_empty_batch_and_batch_of_unknown_numbers(sms: ProductBalance, now: datetime) -> None:
    assert charge_each([], now=now) == []
    assert charge_each([item(None), item(None)], now=now) == [UNKNOWN, UNKNOWN]


def test_more_items_than_a_batch_may_have_are_refused(sms: ProductBalance, now: datetime) -> None:
    with pytest.raises(batches.TooManyItems):
        charge_each([item(sms, "0.01")] * (batches.LARGEST + 1), now=now)
    assert standing(sms) == (20, 0, 0)


def test_thousand_items_are_one_call_of_the_ledger(sms: ProductBalance, now: datetime) -> None:
    items = [item(sms, "0.03") for _ in range(batches.LARGEST)]
    with CaptureQueriesContext(connection) as asked:
        outcomes = charge_each(items, now=now)
    statements = [query["sql"] for query in asked if "SAVEPOINT" not in query["sql"]]
    assert ["ledger_post" in statement for statement in statements] == [False, False, True]
    assert told(outcomes) == [Decimal("0.03")] * 666 + [SHORT] * 334
    assert standing(sms) == (Decimal("0.02"), 0, Decimal("19.98"))


# --- something comes between --------------------------------------------------------------------------------


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Does something once, after a batch has looked and before it posts; or each time it looks."""
    look = charges.find

    def arrange(act: Callable[[], object], *, times: int = 1) -> None:
        left = [act] * times

        def find(**arguments: Any) -> dict[str, Charge]:
            found = look(**arguments)
            if left:
                left.pop()()
            return found

        monkeypatch.setattr(charges, "find", find)

    return arrange


def test_money_spent_in_between_is_seen(sms: ProductBalance, now: datetime, between: Callable[..., None]) -> None:
    between(lambda: spending.charge(sms, 10, now=now))
    assert told(charge_each([item(sms, 8), item(sms, 8), item(sms, 2)], now=now)) == [8, SHORT, 2]
    assert standing(sms) == (0, 0, 20)


def test_batch_that_never_gets_its_turn_goes_one_by_one(
    sms: ProductBalance, now: datetime, between: Callable[..., None]
) -> None:
    spending.charge(sms, "0.5", "m-0", now=now)
    between(lambda: spending.charge(sms, 3, now=now), times=3)
    small = [item(sms, "0.5") for _ in range(40)]  # every look finds a use for all that is left
    twice, late = item(sms, "0.5", "m-1"), item(sms, 5, "m-2")
    items = [twice, twice, item(sms, 1, "m-0"), item(None), *small, late, late, item(sms, 4, "m-2")]
    half = Decimal("0.5")
    expected = [half, half, REUSED, UNKNOWN, *[half] * 20, *[SHORT] * 20, SHORT, SHORT, REUSED]
    assert told(charge_each(items, now=now)) == expected
    assert standing(sms) == (0, 0, 20)


def test_the_same_batch_in_between_answers_the_same(
    sms: ProductBalance, now: datetime, between: Callable[..., None]
) -> None:
    """The twin takes all the money, and the other must not say that there was none."""
    items = [item(sms, 12), item(sms, 8)]
    between(lambda: charge_each(items, now=now))
    outcomes = charge_each(items, now=now)
    assert told(outcomes) == [12, 8]
    assert not any(one.is_new for one in outcomes if isinstance(one, Charge))
    assert standing(sms) == (0, 0, 20)


@pytest.mark.parametrize("amount", [4, 5])
def test_request_id_used_in_between_with_other_content_is_refused_alone(
    amount: int, sms: ProductBalance, now: datetime, between: Callable[..., None]
) -> None:
    between(lambda: spending.charge(sms, amount, "m-1", now=now, description="another"))
    assert told(charge_each([item(sms, 5, "m-1"), item(sms, 2, "m-2")], now=now)) == [REUSED, 2]
    assert standing(sms) == (18 - amount, 0, 2 + amount)


def test_crash_between_two_balances_is_mended_by_repeating(
    sms: ProductBalance, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = spending.open_filled(5, now=now)
    items = [item(sms, 12), item(other, 5), item(sms, 8)]
    post = charges.charge_all

    def crash(**arguments: Any) -> list[Charge]:
        if arguments["balance"] == other:
            raise ConnectionError
        return post(**arguments)

    monkeypatch.setattr(charges, "charge_all", crash)
    with pytest.raises(ConnectionError):
        charge_each(items, now=now)
    assert (standing(sms), standing(other)) == ((0, 0, 20), (5, 0, 0))
    monkeypatch.setattr(charges, "charge_all", post)
    assert told(charge_each(items, now=now)) == [12, 5, 8]
    assert (standing(sms), standing(other)) == ((0, 0, 20), (0, 0, 5))
    assert Posting.objects.filter(organisation=sms.organisation, kind="CHARGE").count() == 2
