"""Holds: money set aside is captured in parts or whole, released, or given back when time is over; each once."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from products import holds
from products.charges import InsufficientBalance, RequestIdReused
from products.holds import HoldEnded, HoldNotFound, NotThatMuchHeld, OutsideLifetime
from products.models import Hold, ProductBalance
from tests import builders
from tests.builders import usd
from tests.products import spending
from tests.products.spending import HOUR, capture, place, release, standing
from wallet import ledger
from wallet.models import Posting

TICK = timedelta(microseconds=1)
LATER = timedelta(minutes=3)


def test_hold_sets_money_aside(sms: ProductBalance, now: datetime) -> None:
    placed = place(sms, 5, "call-1", now=now)
    assert (placed.request_id, placed.amount, placed.balance_after) == ("call-1", usd(5), usd(15))
    assert (placed.placed_at, placed.expires_at, placed.is_new) == (now, now + HOUR, True)
    assert standing(sms) == (15, 5, 0)
    stored = Hold.objects.get(pk=placed.id)
    assert (stored.state, stored.rest, stored.by) == (Hold.State.OPEN, usd(5), spending.BY)


def test_repeated_placing_gives_the_first_answer_and_holds_once(sms: ProductBalance, now: datetime) -> None:
    first = place(sms, 5, "call-1", now=now)
    spending.charge(sms, 1, now=now)
    capture(first, None, now=now)
    again = place(sms, 5, "call-1", now=now + LATER)
    assert not again.is_new
    assert (again.id, again.balance_after, again.expires_at) == (first.id, usd(15), first.expires_at)
    assert standing(sms) == (14, 0, 6)


def test_repeated_placing_may_name_the_same_moment_when_it_is_nearly_there(sms: ProductBalance, now: datetime) -> None:
    first = place(sms, 5, "call-1", now=now)
    for late in (first.expires_at - TICK, first.expires_at + HOUR):
        assert place(sms, 5, "call-1", now=late, lasts=first.expires_at - late).id == first.id


@pytest.mark.parametrize(("amount", "lasts", "description"), [(6, HOUR, ""), (5, 2 * HOUR, ""), (5, HOUR, "another")])
def test_request_id_with_other_content_is_refused(
    amount: int, lasts: timedelta, description: str, sms: ProductBalance, now: datetime
) -> None:
    place(sms, 5, "call-1", now=now)
    with pytest.raises(RequestIdReused):
        holds.place(
            balance=sms,
            usage=spending.usage(amount, "call-1", description),
            expires_at=now + LATER + lasts,
            by=spending.BY,
            now=now + LATER,
        )
    assert standing(sms) == (15, 5, 0)


def test_more_than_the_balance_is_not_held(sms: ProductBalance, now: datetime) -> None:
    with pytest.raises(InsufficientBalance):
        place(sms, "20.000001", "call-1", now=now)
    assert standing(sms) == (20, 0, 0)
    assert not Hold.objects.filter(product=sms.product).exists()
    assert place(sms, 20, "call-1", now=now).is_new


@pytest.mark.parametrize("lasts", [holds.SHORTEST - TICK, holds.LONGEST + TICK, timedelta(0), -HOUR], ids=str)
def test_hold_outside_its_lifetime_is_refused(lasts: timedelta, sms: ProductBalance, now: datetime) -> None:
    with pytest.raises(OutsideLifetime):
        place(sms, 5, now=now, lasts=lasts)
    assert standing(sms) == (20, 0, 0)


@pytest.mark.parametrize("lasts", [holds.SHORTEST, holds.LONGEST], ids=str)
def test_hold_may_last_from_a_minute_to_a_week(lasts: timedelta, sms: ProductBalance, now: datetime) -> None:
    assert place(sms, 5, now=now, lasts=lasts).expires_at == now + lasts


def test_hold_is_captured_in_parts_and_the_rest_stays_held(sms: ProductBalance, now: datetime) -> None:
    placed = place(sms, 5, now=now)
    assert capture(placed, 2, "c1", now=now).amount == usd(2)
    assert standing(sms) == (15, 3, 2)
    assert capture(placed, "0.5", "c2", now=now).amount == usd("0.5")
    assert Hold.objects.get(pk=placed.id).state == Hold.State.OPEN
    last = capture(placed, None, "c3", now=now + LATER)
    assert (last.amount, last.captured_at, last.is_new) == (usd("2.5"), now + LATER, True)
    assert standing(sms) == (15, 0, 5)
    ended = Hold.objects.get(pk=placed.id)
    assert (ended.state, ended.captured, ended.ended_at) == (Hold.State.CAPTURED, usd(5), now + LATER)


@pytest.mark.parametrize("amount", [2, None])
@pytest.mark.parametrize("end", ["captured", "released", "expired", "still open"])
def test_repeated_capture_gives_the_first_answer_whatever_became_of_the_hold(
    amount: int | None, end: str, sms: ProductBalance, now: datetime
) -> None:
    placed = place(sms, 5, now=now)
    first = capture(placed, 2, now=now)
    if end == "captured":
        capture(placed, None, "c2", now=now)
    elif end == "released":
        release(placed, now=now)
    elif end == "expired":
        spending.expire(now=now + HOUR)
    before = standing(sms)
    again = capture(placed, amount, now=now + 2 * HOUR)
    assert (again.id, again.amount, again.captured_at) == (first.id, usd(2), now)
    assert (again.hold_id, again.is_new) == (placed.id, False)
    assert standing(sms) == before


def test_capture_of_all_may_be_repeated_with_its_amount(sms: ProductBalance, now: datetime) -> None:
    placed = place(sms, 5, now=now)
    first = capture(placed, None, now=now)
    assert capture(placed, 5, now=now).id == first.id
    assert standing(sms) == (15, 0, 5)


def test_captures_request_id_with_another_amount_is_refused(sms: ProductBalance, now: datetime) -> None:
    placed = place(sms, 5, now=now)
    capture(placed, 2, now=now)
    with pytest.raises(RequestIdReused):
        capture(placed, 1, now=now)
    assert standing(sms) == (15, 3, 2)


def test_what_is_no_number_is_not_captured(sms: ProductBalance, now: datetime) -> None:
    hold = place(sms, 5, now=now)
    with pytest.raises(ledger.LineRefused, match="not finite"):
        capture(hold, "NaN", now=now)
    assert standing(sms) == (15, 5, 0)


def test_two_holds_have_request_ids_of_their_own(sms: ProductBalance, now: datetime) -> None:
    one, other = place(sms, 5, now=now), place(sms, 5, now=now)
    assert capture(one, 2, "c1", now=now).id != capture(other, 3, "c1", now=now).id
    assert standing(sms) == (10, 5, 5)


def test_more_than_is_left_is_not_captured_even_when_other_holds_have_it(sms: ProductBalance, now: datetime) -> None:
    placed, _other = place(sms, 5, now=now), place(sms, 5, now=now)
    capture(placed, 2, "c1", now=now)
    with pytest.raises(NotThatMuchHeld) as refused:
        capture(placed, "3.000001", "c2", now=now)
    assert refused.value.rest == usd(3)
    assert standing(sms) == (10, 8, 2)


@pytest.mark.parametrize("when", ["before the sweep", "after the sweep"])
def test_nothing_is_captured_or_released_once_time_is_over(when: str, sms: ProductBalance, now: datetime) -> None:
    placed = place(sms, 5, now=now)
    if when == "after the sweep":
        spending.expire(now=now + HOUR)
    with pytest.raises(HoldEnded):
        capture(placed, 1, now=now + HOUR)
    with pytest.raises(HoldEnded):
        release(placed, now=now + HOUR)
    assert standing(sms) == ((20, 0, 0) if when == "after the sweep" else (15, 5, 0))


def test_hold_is_captured_until_the_last_moment(sms: ProductBalance, now: datetime) -> None:
    assert capture(place(sms, 5, now=now), None, now=now + HOUR - TICK).is_new


def test_release_gives_back_what_is_left(sms: ProductBalance, now: datetime) -> None:
    placed = place(sms, 5, now=now)
    capture(placed, 3, now=now)
    given = release(placed, now=now + LATER)
    assert (given.amount, given.balance_after, given.released_at) == (usd(2), usd(17), now + LATER)
    assert given.is_new
    assert standing(sms) == (17, 0, 3)
    ended = Hold.objects.get(pk=placed.id)
    assert (ended.state, ended.released, ended.ended_at) == (Hold.State.RELEASED, usd(2), now + LATER)


def test_repeated_release_gives_the_first_answer_also_when_time_is_over(sms: ProductBalance, now: datetime) -> None:
    placed = place(sms, 5, now=now)
    first = release(placed, now=now)
    spending.charge(sms, 20, now=now)
    again = release(placed, now=now + 2 * HOUR)
    assert (again.id, again.amount, again.balance_after, again.released_at) == (first.id, usd(5), usd(20), now)
    assert not again.is_new
    assert standing(sms) == (0, 0, 20)


@pytest.mark.parametrize("end", ["captured", "expired"])
def test_what_ended_otherwise_is_not_released(end: str, sms: ProductBalance, now: datetime) -> None:
    placed = place(sms, 5, now=now)
    capture(placed, None, now=now) if end == "captured" else spending.expire(now=now + HOUR)
    before = standing(sms)
    with pytest.raises(HoldEnded):
        release(placed, now=now)
    assert standing(sms) == before


def test_released_hold_is_not_captured(sms: ProductBalance, now: datetime) -> None:
    placed = place(sms, 5, now=now)
    release(placed, now=now)
    place(sms, 5, now=now)  # so that the money would be there
    with pytest.raises(HoldEnded):
        capture(placed, 1, now=now)
    assert standing(sms) == (15, 5, 0)


def test_hold_of_another_product_does_not_exist(sms: ProductBalance, now: datetime) -> None:
    placed, voice = place(sms, 5, now=now), builders.make_product("Voice")
    for hold_id, product_id in ((placed.id, voice.pk), (uuid4(), sms.product_id)):
        with pytest.raises(HoldNotFound):
            holds.capture(hold_id=hold_id, product_id=product_id, request_id="c1", amount=None, by=spending.BY, now=now)
        with pytest.raises(HoldNotFound):
            holds.release(hold_id=hold_id, product_id=product_id, by=spending.BY, now=now)
    assert standing(sms) == (15, 5, 0)


def test_expiry_gives_back_what_is_left_and_leaves_the_others(sms: ProductBalance, now: datetime) -> None:
    due, open_one = place(sms, 5, now=now), place(sms, 4, now=now, lasts=HOUR + TICK)
    capture(due, 2, now=now)
    spending.expire(now=now + HOUR - TICK)
    assert standing(sms) == (11, 7, 2)
    spending.expire(now=now + HOUR)
    assert standing(sms) == (14, 4, 2)
    ended = Hold.objects.get(pk=due.id)
    assert (ended.state, ended.released, ended.ended_at) == (Hold.State.EXPIRED, usd(3), now + HOUR)
    assert Hold.objects.get(pk=open_one.id).state == Hold.State.OPEN
    assert Posting.objects.get(key=f"hold:{due.id}:expiry").by == "InnoPaaS"


def test_no_more_than_the_limit_expire_at_once_the_oldest_first(sms: ProductBalance, now: datetime) -> None:
    last, first = place(sms, 1, now=now, lasts=2 * HOUR), place(sms, 1, now=now, lasts=HOUR)
    assert holds.expire_due(now=now + 3 * HOUR, limit=1) == 1
    assert Hold.objects.get(pk=first.id).state == Hold.State.EXPIRED
    assert Hold.objects.get(pk=last.id).state == Hold.State.OPEN


def test_one_odd_hold_does_not_keep_the_others(
    sms: ProductBalance, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    place(sms, 1, now=now)
    odd = Hold.objects.create(
        organisation=builders.make_organisation(now=now),
        product=sms.product,
        request_id="odd",
        amount=usd(5),
        captured=usd(0),
        released=usd(0),
        by="nobody",
        created_at=now - HOUR,
        expires_at=now,
    )
    assert holds.expire_due(now=now + HOUR) == 1
    assert standing(sms) == (20, 0, 0)
    assert f"hold {odd.pk} could not be given back" in caplog.text


def test_capture_takes_four_statements(sms: ProductBalance, now: datetime) -> None:
    placed = place(sms, 5, now=now)
    with CaptureQueriesContext(connection) as asked:
        holds.capture(
            hold_id=placed.id, product_id=sms.product_id, request_id="c", amount=usd(1), by=spending.BY, now=now
        )
    assert len([one for one in asked if "SAVEPOINT" not in one["sql"]]) == 4


TAMPERING = {
    "gives more than it holds": {"captured": usd(6)},
    "takes a capture back": {"captured": usd(1)},
    "holds more": {"amount": usd(50)},
    "lasts longer": {"expires_at": datetime(2030, 1, 1).astimezone()},
    "ends with something left": {"state": Hold.State.RELEASED, "ended_at": datetime(2030, 1, 1).astimezone()},
    "ends in no known way": {"state": "GONE"},
}


@pytest.mark.parametrize("change", TAMPERING.values(), ids=TAMPERING.keys())
def test_the_table_refuses_a_hold_that(change: dict[str, object], sms: ProductBalance, now: datetime) -> None:
    placed = place(sms, 5, now=now)
    capture(placed, 2, now=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        Hold.objects.filter(pk=placed.id).update(**change)


@pytest.mark.parametrize(
    "change", [{"state": Hold.State.OPEN, "ended_at": None, "released": usd(0)}, {"state": Hold.State.EXPIRED}], ids=str
)
def test_the_table_refuses_to_change_a_hold_that_ended(
    change: dict[str, object], sms: ProductBalance, now: datetime
) -> None:
    placed = place(sms, 5, now=now)
    release(placed, now=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        Hold.objects.filter(pk=placed.id).update(**change)
