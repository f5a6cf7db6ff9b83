"""The audit of orders: an order and its credit cannot part without being named."""

from datetime import datetime

import pytest

from billing import audit
from billing.models import CREDITED, Order, State
from tests import builders
from tests.billing import ordering
from wallet import chart, ledger
from wallet.models import Organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


def findings(order: Order, *, now: datetime) -> list[str]:
    return [finding for check in audit.CHECKS for finding in check("default", now) if order.number in finding]


def test_order_paid_by_the_corridor_is_clean(acme: Organisation, now: datetime) -> None:
    assert findings(ordering.paid_order(acme, now=now), now=now) == []


@pytest.mark.parametrize("state", State)
def test_order_whose_money_came_but_was_not_credited_is_named(state: State, acme: Organisation, now: datetime) -> None:
    order = ordering.open_order(acme, now=now)
    Order.objects.filter(pk=order.pk).update(state=state, paid_at=now)
    named = [f"Paid order {order.number} has 0 postings, 0 of them crediting its target its amount."]
    assert findings(order, now=now) == (named if state in CREDITED else [])


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
    named = [f"Posting order:{order.number}:credit of {acme.pk} credits a top-up that has no paid order."]
    assert findings(order, now=now) == ([] if state in CREDITED else named)


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
