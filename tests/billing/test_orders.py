"""Orders: every allowed and every forbidden change, and a wish sent twice."""

import itertools
from datetime import datetime

import pytest
from django.db import IntegrityError, ProgrammingError, transaction
from djmoney.money import Money

from billing import limits, orders, top_ups
from billing.models import Note, Order, OrderEvent, State
from tests import builders
from wallet import chart
from wallet.models import Organisation

pytestmark = pytest.mark.django_db

_S = State
ALLOWED = {
    (_S.PENDING, _S.PAID), (_S.PENDING, _S.IN_REVIEW), (_S.PENDING, _S.FAILED), (_S.PENDING, _S.EXPIRED),
    (_S.PENDING, _S.CANCELLED),
    (_S.IN_REVIEW, _S.PAID), (_S.IN_REVIEW, _S.REJECTED), (_S.IN_REVIEW, _S.FAILED), (_S.IN_REVIEW, _S.CANCELLED),
    (_S.REJECTED, _S.IN_REVIEW), (_S.REJECTED, _S.CANCELLED), (_S.REJECTED, _S.EXPIRED), (_S.REJECTED, _S.PAID),
    (_S.FAILED, _S.PAID), (_S.EXPIRED, _S.PAID), (_S.CANCELLED, _S.PAID),
    (_S.PAID, _S.PARTIALLY_REFUNDED), (_S.PAID, _S.REFUNDED), (_S.PAID, _S.DISPUTED), (_S.PAID, _S.CHARGED_BACK),
    (_S.PARTIALLY_REFUNDED, _S.PAID), (_S.PARTIALLY_REFUNDED, _S.REFUNDED), (_S.PARTIALLY_REFUNDED, _S.DISPUTED),
    (_S.PARTIALLY_REFUNDED, _S.CHARGED_BACK),
    (_S.REFUNDED, _S.PAID), (_S.REFUNDED, _S.PARTIALLY_REFUNDED), (_S.REFUNDED, _S.DISPUTED),
    (_S.REFUNDED, _S.CHARGED_BACK),
    (_S.DISPUTED, _S.PAID), (_S.DISPUTED, _S.PARTIALLY_REFUNDED), (_S.DISPUTED, _S.REFUNDED),
    (_S.DISPUTED, _S.CHARGED_BACK),
    (_S.CHARGED_BACK, _S.PAID), (_S.CHARGED_BACK, _S.PARTIALLY_REFUNDED), (_S.CHARGED_BACK, _S.REFUNDED),
    (_S.CHARGED_BACK, _S.DISPUTED),
}  # fmt: skip
"""The only ways an order changes its state, written a second time."""


@pytest.fixture
def organisation(db: None, now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


def order_in(state: State, organisation: Organisation, *, now: datetime) -> Order:
    order = top_ups.open_order(builders.wish_for(organisation), by=builders.owner_of(organisation), now=now)
    order.state, order.paid_at = state, now
    order.save(update_fields=["state", "paid_at"])
    return order


def test_table_is_the_one_of_the_design() -> None:
    assert {(a, b) for a, to in orders.TRANSITIONS.items() for b in to} == ALLOWED
    assert set(orders.TRANSITIONS) == set(State)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(State, State)))
def test_order_changes_as_the_table_says_and_not_otherwise(
    before: State, after: State, organisation: Organisation, now: datetime
) -> None:
    order = order_in(before, organisation, now=now)
    events = order.events.count()
    if (before, after) in ALLOWED:
        orders._move(order, to=after, note=Note.CARD_PAID, by="Stripe", now=now)
        event = order.events.latest("id")
        assert (event.state, event.by, event.at) == (after, "Stripe", now)
    else:
        with pytest.raises(orders.IllegalTransition):
            orders._move(order, to=after, note=Note.CARD_PAID, by="Stripe", now=now)
    allowed = (before, after) in ALLOWED
    order.refresh_from_db()
    assert order.state == (after if allowed else before)
    assert order.events.count() == events + allowed


@pytest.mark.parametrize("state", State)
def test_ends_leave_a_finished_order_as_it_is(state: State, organisation: Organisation, now: datetime) -> None:
    order = order_in(state, organisation, now=now)
    orders.mark_processing(order=order, by="Stripe", now=now)
    assert order.state == (State.IN_REVIEW if state == State.PENDING else state)
    order = order_in(state, organisation, now=now)
    orders.mark_failed(order=order, by="Stripe", now=now)
    assert order.state == (State.FAILED if state in {State.PENDING, State.IN_REVIEW} else state)
    order = order_in(state, organisation, now=now)
    orders.expire(order=order, by="Stripe", now=now)
    assert order.state == (State.EXPIRED if state in {State.PENDING, State.REJECTED} else state)
    order = order_in(state, organisation, now=now)
    orders.cancel(order=order, by="alice", now=now)
    assert order.state == (State.CANCELLED if state in {State.PENDING, State.REJECTED} else state)


@pytest.mark.parametrize("state", State)
def test_money_is_booked_for_an_order_in_any_state(state: State, organisation: Organisation, now: datetime) -> None:
    order = order_in(state, organisation, now=now)
    locked = orders.lock(order.pk)
    credited = orders.mark_paid(order=locked, arrival=builders.by_card(locked), by="Stripe", now=now)
    assert credited.state == State.PAID
    assert (credited.pk == order.pk) == (not order.is_credited)
    assert (credited.follows_id == order.pk) == (credited.pk != order.pk)
    assert builders.balance_of(organisation.pk) == order.paid


def test_wish_sent_twice_is_one_order(organisation: Organisation, now: datetime) -> None:
    wish, alice = builders.wish_for(organisation), builders.owner_of(organisation)
    first = top_ups.open_order(wish, by=alice, now=now)
    assert top_ups.open_order(wish, by=alice, now=now) == first
    assert first.events.count() == 1


@pytest.mark.parametrize(
    "change", [{"amount": builders.usd(101)}, {"target": chart.product("sms")}, {"organisation": "another"}], ids=str
)
def test_other_content_under_a_used_token_is_refused_and_changes_nothing(
    change: dict[str, object], organisation: Organisation, now: datetime
) -> None:
    alice = builders.owner_of(organisation)
    first = top_ups.open_order(builders.wish_for(organisation, token="once"), by=alice, now=now)
    other = dict(change)
    where = builders.make_organisation(now=now, owner=alice) if other.pop("organisation", None) else organisation
    with pytest.raises(top_ups.FormTokenReused) as refusal:
        top_ups.open_order(builders.wish_for(where, token="once", **other), by=alice, now=now)  # type: ignore[arg-type]  # from the table above
    assert refusal.value.order == first
    assert Order.objects.filter(form_token="once").count() == 1
    assert not where.orders.exclude(pk=first.pk).exists()


@pytest.mark.parametrize("amount", ["4.99", "10000.01"])
def test_no_order_is_opened_outside_the_limits(amount: str, organisation: Organisation, now: datetime) -> None:
    wish = builders.wish_for(organisation, amount=builders.usd(amount))
    with pytest.raises(limits.OutsideLimits):
        top_ups.open_order(wish, by=builders.owner_of(organisation), now=now)
    assert not organisation.orders.exists()


def test_timeline_cannot_be_rewritten_by_the_application(organisation: Organisation, now: datetime) -> None:
    order = order_in(State.PENDING, organisation, now=now)
    with pytest.raises(ProgrammingError), transaction.atomic():
        order.events.update(note=Note.CARD_PAID)
    with pytest.raises(ProgrammingError), transaction.atomic():
        order.events.all().delete()
    with pytest.raises(ProgrammingError), transaction.atomic():
        Order.objects.filter(pk=order.pk)._raw_delete("default")


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"state": "WISHED"}, "order_state_is_known"),
        ({"method": "CASH"}, "order_method_is_known"),
        ({"paid": Money(0, "USD")}, "order_amounts_are_positive"),
        ({"credited": Money(-1, "USD")}, "order_amounts_are_positive"),
        ({"state": "PAID", "paid_at": None}, "order_paid_has_its_time"),
    ],
)
def test_database_refuses_an_impossible_order(
    change: dict[str, object], constraint: str, organisation: Organisation, now: datetime
) -> None:
    order = order_in(State.PENDING, organisation, now=now)
    with pytest.raises(IntegrityError, match=constraint):
        Order.objects.filter(pk=order.pk).update(**change)


def test_event_lies_in_the_organisation_of_its_order(organisation: Organisation, now: datetime) -> None:
    order = order_in(State.PENDING, organisation, now=now)
    stranger = builders.make_organisation(now=now)
    with pytest.raises(IntegrityError, match="order_event_in_its_organisation"):
        OrderEvent.objects.create(
            organisation=stranger, order=order, state=State.PAID, at=now, by="bob", note=Note.CARD_PAID
        )


def test_order_keeps_the_name_of_somebody_who_left(organisation: Organisation, now: datetime) -> None:
    order = order_in(State.PENDING, organisation, now=now)
    alice = order.created_by
    alice.name = "Somebody Else"
    alice.save()
    order.refresh_from_db()
    assert order.created_by_name == "Alice"


def test_order_can_be_continued_until_its_deadline(organisation: Organisation, now: datetime) -> None:
    order = order_in(State.PENDING, organisation, now=now)
    assert order.may_be_continued(now=now)
    assert not order.may_be_continued(now=order.deadline_at)
