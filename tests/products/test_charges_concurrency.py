"""P3 and P5 under threads: a balance good for k is spent k times, and one request makes one posting."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from products import batches, charges, holds
from products.batches import BatchItem, Refusal
from products.charges import Charge
from products.models import Hold, ProductBalance
from tests.builders import usd
from tests.products import spending
from tests.products.spending import HOUR, standing
from tests.races import raise_failures, rounds, run_at_once
from wallet.models import Posting

THREADS = 64
GOOD_FOR = (5, 17, 63)

Act = Callable[[], Any]


def charging(balance: ProductBalance, now: datetime, request_id: str = "") -> Act:
    usage = spending.usage(1, request_id)
    return lambda: charges.charge(balance=balance, usage=usage, by=spending.BY, now=now)


def placing(balance: ProductBalance, now: datetime, request_id: str = "") -> Act:
    usage = spending.usage(1, request_id)
    return lambda: holds.place(balance=balance, usage=usage, expires_at=now + HOUR, by=spending.BY, now=now)


def capturing(hold: Hold, now: datetime, *, amount: int | None = 1, request_id: str = "c") -> Act:
    return lambda: holds.capture(
        hold_id=hold.pk,
        product_id=hold.product_id,
        request_id=request_id,
        amount=None if amount is None else usd(amount),
        by=spending.BY,
        now=now,
    )


def releasing(hold: Hold, now: datetime) -> Act:
    return lambda: holds.release(hold_id=hold.pk, product_id=hold.product_id, by=spending.BY, now=now)


def expiring(now: datetime) -> Act:
    return lambda: holds.expire_due(now=now)


def batching(items: list[BatchItem], now: datetime) -> Act:
    return lambda: batches.charge_each(items=items, by=spending.BY, now=now)


def names(outcomes: list[Any]) -> Counter[str]:
    return Counter(type(outcome).__name__ for outcome in outcomes)


def open_hold(balance: ProductBalance, amount: int, now: datetime, lasts: timedelta = HOUR) -> Hold:
    return Hold.objects.select_related("product").get(pk=spending.place(balance, amount, now=now, lasts=lasts).id)


@pytest.mark.parametrize("repeat", rounds(1, full=100))
@pytest.mark.parametrize("kinds", [(charging,), (placing,), (charging, placing)], ids=["charges", "holds", "both"])
def test_a_balance_good_for_k_is_spent_k_times(
    committed: None, now: datetime, kinds: tuple[Callable[[ProductBalance, datetime], Act], ...], repeat: int
) -> None:
    good_for = GOOD_FOR[(repeat + len(kinds)) % 3]
    sms = spending.open_filled(good_for, now=now)
    outcomes = run_at_once([kinds[n % len(kinds)](sms, now) for n in range(THREADS)])
    counted = names(outcomes)
    assert counted.pop("InsufficientBalance") == THREADS - good_for
    assert set(counted) <= {"Charge", "Placement"}
    assert sum(counted.values()) == good_for
    assert standing(sms) == (0, counted["Placement"], counted["Charge"])


@pytest.mark.parametrize("act", [charging, placing])
def test_one_request_sent_many_times_at_once_is_one(
    committed: None, now: datetime, act: Callable[[ProductBalance, datetime, str], Act]
) -> None:
    sms = spending.open_filled(5, now=now)
    outcomes = run_at_once([act(sms, now, "same")] * 32)
    raise_failures(outcomes)
    assert len({one.id for one in outcomes}) == 1
    assert {one.balance_after for one in outcomes} == {usd(4)}
    assert sum(one.is_new for one in outcomes) == 1
    assert standing(sms)[0] == 4


def test_a_hold_good_for_k_is_captured_k_times(committed: None, now: datetime) -> None:
    sms = spending.open_filled(20, now=now)
    hold, _other = open_hold(sms, 7, now), open_hold(sms, 7, now)
    outcomes = run_at_once([capturing(hold, now, request_id=f"c{n}") for n in range(32)])
    assert names(outcomes) == {"Capture": 7, "HoldEnded": 25}
    assert standing(sms) == (6, 7, 7)


def test_one_capture_sent_many_times_at_once_is_one(committed: None, now: datetime) -> None:
    sms = spending.open_filled(20, now=now)
    hold = open_hold(sms, 7, now)
    outcomes = run_at_once([capturing(hold, now, amount=None)] * 16 + [capturing(hold, now, amount=7)] * 16)
    raise_failures(outcomes)
    assert len({one.id for one in outcomes}) == 1
    assert sum(one.is_new for one in outcomes) == 1
    assert standing(sms) == (13, 0, 7)


@pytest.mark.parametrize("repeat", rounds(2, full=100))
def test_capture_release_and_expiry_at_once_give_every_cent_once(committed: None, now: datetime, repeat: int) -> None:
    """Some callers' clocks are past the end of the hold, others' are not."""
    sms = spending.open_filled(20, now=now)
    hold = open_hold(sms, 5, now)
    late = now + HOUR
    acts = [capturing(hold, now, request_id=f"c{n}") for n in range(4)] + [releasing(hold, now), expiring(late)] * 2
    outcomes = run_at_once(acts[repeat % 6 :] + acts[: repeat % 6])
    assert set(names(outcomes)) <= {"Capture", "Release", "HoldEnded", "int"}
    hold.refresh_from_db()
    captured = names(outcomes)["Capture"]
    assert hold.captured + hold.released == usd(5)
    assert hold.captured == usd(captured)
    assert standing(sms) == (20 - captured, 0, captured)


def test_two_sweeps_at_once_give_back_once(committed: None, now: datetime) -> None:
    sms = spending.open_filled(20, now=now)
    for _ in range(10):
        open_hold(sms, 1, now)
    spending.expire(now=now + HOUR - timedelta(microseconds=1))  # what other tests left
    outcomes = run_at_once([expiring(now + HOUR)] * 8)
    raise_failures(outcomes)
    spending.expire(now=now + HOUR)  # what one had locked while the others passed
    assert standing(sms) == (20, 0, 0)
    assert Posting.objects.filter(organisation=sms.organisation, kind="RELEASE").count() == 10


def test_the_same_batch_sent_many_times_at_once_answers_the_same(committed: None, now: datetime) -> None:
    sms = spending.open_filled(5, now=now)
    items = [spending.item(sms, 1) for _ in range(5)]
    outcomes = run_at_once([batching(items, now)] * 8)
    raise_failures(outcomes)
    assert len({tuple(one.id for one in told) for told in outcomes}) == 1
    assert sum(one.is_new for told in outcomes for one in told) == 5
    assert standing(sms) == (0, 0, 5)


def test_batches_and_charges_that_want_the_same_money_share_it(committed: None, now: datetime) -> None:
    sms = spending.open_filled(30, now=now)
    lots = [batching([spending.item(sms, 1) for _ in range(8)], now) for _ in range(6)]
    singles = [charging(sms, now) for _ in range(6)]
    outcomes = run_at_once([*lots, *singles])
    told = [one for outcome in outcomes for one in (outcome if isinstance(outcome, list) else [outcome])]
    assert sum(isinstance(one, Charge) for one in told) == 30
    assert set(names(told)) <= {"Charge", "Refusal", "InsufficientBalance"}
    assert {one for one in told if isinstance(one, Refusal)} == {Refusal.INSUFFICIENT_BALANCE}
    assert standing(sms) == (0, 0, 30)


@pytest.mark.parametrize("kind", ["a charge in a batch", "a hold", "a capture", "a release", "the sweep"])
def test_nothing_is_promised_before_it_is_committed(committed: None, now: datetime, kind: str) -> None:
    """Called inside somebody else's transaction it would be, so it refuses."""
    sms = spending.open_filled(20, now=now)
    hold = open_hold(sms, 5, now)
    act = {
        "a charge in a batch": batching([spending.item(sms, 1)], now),
        "a hold": placing(sms, now),
        "a capture": capturing(hold, now),
        "a release": releasing(hold, now),
        "the sweep": expiring(now + HOUR),
    }[kind]
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        act()
    assert standing(sms) == (15, 5, 0)
