"""The filtered list added up, by state and currency."""

from datetime import datetime
from html import unescape
from typing import Any

import pytest
from django.test import Client

from billing import moves, search, totals
from billing.models import Order
from billing.search import OrderFilter
from tests import builders
from tests.billing import ordering
from tests.payments import offline
from wallet.models import Organisation

pytestmark = pytest.mark.django_db
LIST, TOTALS = "/billing/orders/", "/billing/orders/totals/"


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def page(client: Client, acme: Organisation) -> Client:
    client.force_login(builders.owner_of(acme))
    return client


def add_up(organisation: Organisation, **narrowed_to: Any) -> totals.Totals:
    return totals.add_up(search.select(organisation_id=organisation.pk, narrowed_to=OrderFilter(**narrowed_to)))


def text_of(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def test_orders_are_added_up_by_state_and_by_currency(acme: Organisation, now: datetime) -> None:
    ordering.paid_order(acme, now=now, amount=builders.usd("100.10"))
    ordering.paid_order(acme, now=now, amount=builders.usd("50.90"))
    ordering.open_order(acme, now=now, amount=builders.usd(7))

    found = add_up(acme)

    assert found.orders == 3
    assert [(row.state, row.orders, row.amount, row.paid, row.credited) for row in found.rows] == [
        ("PENDING", 1, builders.usd(7), builders.usd(0), builders.usd(0)),
        ("PAID", 2, builders.usd(151), builders.usd(151), builders.usd(151)),
    ]
    assert [(row.orders, row.amount, row.paid, row.credited) for row in found.sums] == [
        (3, builders.usd(158), builders.usd(151), builders.usd(151))
    ]


def test_currencies_are_never_added_together(acme: Organisation, now: datetime) -> None:
    ordering.paid_order(acme, now=now)
    offline.begin(acme, offline.usd(1000), account=offline.make_account("USD"), now=now)
    Order.objects.filter(organisation=acme, method="OFFLINE").update(paid_currency="CNY")

    found = add_up(acme)

    assert [str(row.amount.currency) for row in found.sums] == ["CNY", "USD"]
    assert sum(row.orders for row in found.sums) == found.orders == 2


def test_only_what_fits_the_filter_is_added_up(acme: Organisation, now: datetime) -> None:
    ordering.paid_order(acme, now=now)
    ordering.open_order(acme, now=now)

    assert [row.state for row in add_up(acme, state="PAID").rows] == ["PAID"]
    assert add_up(acme, state="FAILED") == totals.Totals(orders=0, rows=[], sums=[])


def test_shares_of_the_bar_fill_it(acme: Organisation, now: datetime) -> None:
    for _ in range(2):
        ordering.paid_order(acme, now=now)
    ordering.open_order(acme, now=now)

    rows = add_up(acme).rows

    assert [f"{row.before:.1f} {row.share:.1f}" for row in rows] == ["0.0 33.3", "33.3 66.7"]


def test_a_short_list_shows_its_totals_at_once(page: Client, acme: Organisation, now: datetime) -> None:
    ordering.paid_order(acme, now=now)

    shown = text_of(page.get(LIST))

    assert "USD $100.00 paid" in shown
    assert "hx-get" not in shown


def test_a_long_list_loads_its_totals_afterwards_and_by_a_link_without_javascript(
    page: Client, acme: Organisation, now: datetime
) -> None:
    for _ in range(26):
        ordering.open_order(acme, now=now)

    shown = text_of(page.get(LIST, {"state": "PENDING"}))
    assert f'hx-get="{TOTALS}?state=PENDING"' in shown
    assert f'href="{TOTALS}?state=PENDING"' in shown

    whole = text_of(page.get(TOTALS, {"state": "PENDING"}))
    part = text_of(page.get(TOTALS, {"state": "PENDING"}, headers={"HX-Request": "true"}))
    assert "<html" in whole
    assert "<html" not in part
    for said in (whole, part):
        assert "26 orders" in said
        assert "USD $2,600.00" in said


def test_totals_are_of_the_visitors_own_organisation(page: Client, acme: Organisation, now: datetime) -> None:
    bright = builders.make_organisation(now=now, owner=builders.make_person("bob"), name="Bright")
    ordering.paid_order(bright, now=now)

    assert "0 orders" in text_of(page.get(TOTALS))


def test_what_was_moved_from_the_wallet_is_not_counted_as_paid_again(
    page: Client, acme: Organisation, now: datetime
) -> None:
    ordering.paid_order(acme, now=now, amount=builders.usd(100))
    wish = builders.move_wish(acme, builders.make_product(), builders.usd(30))
    moves.move(wish, by=builders.owner_of(acme), now=now)

    [found] = add_up(acme).sums
    assert (found.amount, found.paid, found.moved) == (builders.usd(130), builders.usd(100), builders.usd(30))

    shown = text_of(page.get(LIST))
    assert "USD $100.00 paid · USD $30.00 moved from the wallet" in shown
    assert "not counted as paid again" in shown
    assert "moved from the wallet" not in text_of(page.get(LIST, {"method": "CARD"})).partition('id="totals"')[2]
