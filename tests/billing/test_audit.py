"""The audit of orders: an order and its credit cannot part without being named."""

from datetime import datetime

import pytest

from billing import audit, moves, orders, top_ups
from billing.arrivals import Arrival, Source
from billing.models import CREDITED, Method, Note, Order, State
from tests import builders
from tests.billing import ordering
from wallet import chart, ledger
from wallet.models import Organisation, Posting

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


def findings(order: Order, *, now: datetime) -> list[str]:
    return [finding for check in audit.CHECKS for finding in check("default", now) if order.number in finding]


def misstated(order: Order, state: State) -> list[str]:
    """What a state says that neither a refund nor a dispute gave it."""
    said = f"Order {order.number} reads {state}; by its refunds and disputes it is PAID."
    return [] if state == State.PAID else [said]


def test_order_paid_by_the_corridor_is_clean(acme: Organisation, now: datetime) -> None:
    assert findings(ordering.paid_order(acme, now=now), now=now) == []


@pytest.mark.parametrize("state", State)
def test_order_whose_money_came_but_was_not_credited_is_named(state: State, acme: Organisation, now: datetime) -> None:
    order = ordering.open_order(acme, now=now)
    Order.objects.filter(pk=order.pk).update(state=state, paid_at=now)
    named = [f"Paid order {order.number} has 0 postings, 0 of them crediting its target its amount."]
    assert findings(order, now=now) == ([*named, *misstated(order, state)] if state in CREDITED else [])


@pytest.mark.parametrize("change", [{"target": "product:sms"}, {"credited": builders.usd(99)}], ids=str)
def test_order_credited_otherwise_than_it_says_is_named(
    change: dict[str, object], acme: Organisation, now: datetime
) -> None:
    order = ordering.paid_order(acme, now=now)
    Order.objects.filter(pk=order.pk).update(**change)
    assert findings(order, now=now) == [
        f"Paid order {order.number} has 1 postings, 0 of them crediting its target its amount."
    ]


@pytest.mark.parametrize("state", State)
def test_credit_of_an_order_that_is_not_paid_is_named(state: State, acme: Organisation, now: datetime) -> None:
    order = ordering.paid_order(acme, now=now)
    Order.objects.filter(pk=order.pk).update(state=state)
    unpaid = f"Posting order:{order.number}:credit of {acme.pk} credits a top-up that has no paid order."
    unposted = f"Order {order.number} reads {state}, and nothing was posted for that."
    named = [] if state == State.PAID else [unposted if state in CREDITED else unpaid]
    assert findings(order, now=now) == [*named, *(misstated(order, state) if state in CREDITED else [])]


def test_order_that_says_it_was_paid_with_more_is_named(acme: Organisation, now: datetime) -> None:
    order = ordering.paid_order(acme, now=now)
    Order.objects.filter(pk=order.pk).update(paid=builders.usd(101))
    assert findings(order, now=now) == [
        f"Order {order.number} (CARD) says it was paid with 101.000000 USD, its posting stripe_clearing 100.000000 USD."
    ]


def pay_move(acme: Organisation, *sources: Source, now: datetime) -> Order:
    wish = builders.move_wish(acme, builders.make_product(), builders.usd(100))
    order = orders.lock(top_ups.open_order(wish, by=builders.owner_of(acme), now=now).pk)
    arrival = Arrival(sources=sources, credited=builders.usd(100), note=Note.MOVED)
    return orders.mark_paid(order=order, arrival=arrival, by="x", now=now)


@pytest.mark.parametrize("source", [chart.STRIPE_CLEARING, chart.BANK_CHARGES, chart.FX, chart.bank("icbc")])
def test_move_paid_otherwise_than_by_the_wallet_is_named(source: str, acme: Organisation, now: datetime) -> None:
    builders.fill_wallet(acme, builders.usd(99), now=now)
    half, whole = builders.usd(50), builders.usd(100)
    order = pay_move(acme, Source(code=source, amount=half), Source(code=chart.WALLET, amount=half), now=now)
    assert [said for said in findings(order, now=now) if "(BALANCE) says it was paid with" in said]
    order = pay_move(acme, Source(code=source, amount=whole), now=now)
    assert [said for said in findings(order, now=now) if "(BALANCE) says it was paid with" in said]


@pytest.mark.parametrize("method", [Method.CARD, Method.OFFLINE])
def test_move_that_calls_itself_something_else_is_named(method: Method, acme: Organisation, now: datetime) -> None:
    builders.fill_wallet(acme, builders.usd(100), now=now)
    order = pay_move(acme, Source(code=chart.WALLET, amount=builders.usd(100)), now=now)
    assert findings(order, now=now) == []
    Order.objects.filter(pk=order.pk).update(method=method)
    said = f"Order {order.number} ({method}) says it was paid with 100.000000 USD, its posting wallet 100.000000 USD."
    assert findings(order, now=now) == [said, f"Order {order.number} ({method}) is told of as MOVED."]


def test_card_order_that_would_be_undone_into_the_wallet_is_named(acme: Organisation, now: datetime) -> None:
    order = ordering.paid_order(acme, now=now)
    Order.objects.filter(pk=order.pk).update(method=Method.BALANCE)
    assert f"Order {order.number} (BALANCE) is told of as CARD_PAID." in findings(order, now=now)


def test_credit_taken_back_for_no_reason_is_named(acme: Organisation, now: datetime) -> None:
    order = ordering.paid_order(acme, now=now)
    orders.take_back(order=order, note=Note.UNDONE, by="x", now=now)
    assert findings(order, now=now) == [
        f"Order {order.number} was taken back, and neither undone nor corrected.",
        f"Order {order.number} (CARD) is told of as UNDONE.",
    ]


def test_reversal_that_is_reversed_is_named(acme: Organisation, now: datetime) -> None:
    builders.fill_wallet(acme, builders.usd(100), now=now)
    move = moves.pay(
        builders.move_wish(acme, builders.make_product(), builders.usd(100)),
        by=builders.owner_of(acme),
        paid_by="Alice",
        now=now,
    )
    orders.take_back(order=move, note=Note.UNDONE, by="Alice", now=now)
    assert findings(move, now=now) == []
    back = Posting.objects.get(organisation=acme, key=f"order:{move.number}:back")
    ledger.reverse(organisation_id=acme.pk, posting_id=back.pk, key="again", now=now, by="x", memo="")
    assert [said for said in audit.check_reversals("default", now) if str(acme.pk) in said] == [
        f"Posting again of {acme.pk} reverses a reversal."
    ]
    assert [said for said in audit.check_spendable("default", now) if str(acme.pk) in said] == [
        f"Posting again of {acme.pk} credits {move.target} with 100.000000 USD, and no order asked for that."
    ]


@pytest.mark.parametrize("kind", ["GIFT", "TOP_UP_AGAIN", "REVERSAL"])
@pytest.mark.parametrize("target", [chart.WALLET, chart.product("sms")])
@pytest.mark.parametrize("source", [chart.FX, chart.BANK_CHARGES, chart.STRIPE_CLEARING])
def test_gift_is_named(kind: str, target: str, source: str, acme: Organisation, now: datetime) -> None:
    lines = (ledger.debit(source, builders.usd(5)), ledger.credit(target, builders.usd(5)))
    ledger.post(organisation_id=acme.pk, drafts=[ledger.Draft(key="gift", kind=kind, lines=lines)], now=now)
    assert [said for said in audit.check_spendable("default", now) if str(acme.pk) in said] == [
        f"Posting gift of {acme.pk} credits {target} with 5.000000 USD, and no order asked for that."
    ]


def test_gift_hidden_in_a_top_up_is_named(acme: Organisation, now: datetime) -> None:
    lines = (
        ledger.debit(chart.STRIPE_CLEARING, builders.usd(105)),
        ledger.credit(chart.WALLET, builders.usd(100)),
        ledger.credit(chart.product("sms"), builders.usd(5)),
    )
    draft = ledger.Draft(key="order:TU0:credit", kind="TOP_UP", lines=lines, order_number="TU0")
    ledger.post(organisation_id=acme.pk, drafts=[draft], now=now)
    assert len([said for said in audit.check_spendable("default", now) if str(acme.pk) in said]) == 2


def test_debit_that_is_reversed_is_clean(acme: Organisation, now: datetime) -> None:
    ordering.paid_order(acme, now=now)
    lines = (ledger.debit(chart.WALLET, builders.usd(5)), ledger.credit(chart.revenue("sms"), builders.usd(5)))
    draft = ledger.Draft(key="usage", kind="USAGE", lines=lines)
    posted = ledger.post(organisation_id=acme.pk, drafts=[draft], now=now)[0]
    ledger.reverse(organisation_id=acme.pk, posting_id=posted.id, key="back", now=now, by="fiona", memo="mistaken")
    assert [said for said in audit.check_spendable("default", now) if str(acme.pk) in said] == []
