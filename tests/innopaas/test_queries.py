"""How many queries a page needs, the whole request counted: at most twelve, also where everything stands on it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from django.test import Client
from django.urls import reverse

from billing import documents
from billing.models import Order
from products import access
from tests import builders
from tests.billing import ordering, refunding
from tests.billing.correcting import Desk
from tests.billing.disputing import Story
from tests.payments import offline
from wallet.models import Organisation, Role

pytestmark = pytest.mark.django_db
MOST: Final = 12
OF_WHO_MAY_LOOK: Final = 2
"""Whether they are limited to some products, and who may top up instead of them."""

OF_A_DISPUTE: Final = 2

AtMost = Callable[[int], AbstractContextManager[object]]


@pytest.fixture
def now() -> datetime:
    """The pages read the real clock."""
    return datetime.now(UTC) - timedelta(minutes=1)


@pytest.fixture
def acme(now: datetime) -> Organisation:
    """An organisation that has several of everything home shows."""
    acme = builders.make_organisation(now=now - timedelta(days=9))
    offline.set_rate(at=now)
    for currency in ("USD", "CNY"):
        offline.make_account(currency)
    for _ in range(6):
        ordering.open_order(acme, now=now)
        ordering.paid_order(acme, now=now)
        product = builders.make_product("SMS")
        builders.fill_product(acme, product, builders.usd(60), now=now)
    for _ in range(2):
        offline.declared(acme, builders.usd(500), account=offline.make_account(), now=now)
    return acme


@pytest.fixture
def at_most(django_assert_max_num_queries: AtMost) -> AtMost:
    return django_assert_max_num_queries


def test_full_pages_need_at_most_twelve_queries(client: Client, acme: Organisation, at_most: AtMost) -> None:
    client.force_login(builders.owner_of(acme))
    balance = acme.product_balances.select_related("product").last() or pytest.fail("nothing was opened")
    of_product = [reverse(name, args=[balance.product.slug]) for name in ("product", "payments:product_topup")]
    client.get("/products/")  # the first look gives every product its number

    for path in ("/", "/topup/", "/products/", "/billing/orders/", "/billing/orders/totals/", *of_product):
        with at_most(MOST):
            assert client.get(path).status_code == 200


def test_home_of_who_is_limited_needs_little_more(
    client: Client, acme: Organisation, now: datetime, at_most: AtMost
) -> None:
    vera = builders.make_member(acme, role=Role.VIEWER, now=now)
    balances = acme.product_balances.select_related("product")
    access.limit(member_id=vera.pk, products=[one.product for one in balances[:3]], by=builders.owner_of(acme))
    client.force_login(vera.user)

    with at_most(MOST + OF_WHO_MAY_LOOK):
        assert client.get("/").status_code == 200


def _open(now: datetime) -> Order:
    return ordering.open_order(builders.make_organisation(now=now), now=now)


def _paid_into_a_product(now: datetime) -> Order:
    return Story(now).into_product()


def _moved(now: datetime) -> Order:
    return Desk(now).by_move()


def _declared(now: datetime) -> Order:
    offline.set_rate(at=now)
    account = offline.make_account("CNY")
    acme = builders.make_organisation(now=now)
    return offline.declared(acme, offline.cny(7200), account=account, now=now).order


def _paid_by_transfer(now: datetime) -> Order:
    offline.set_rate(at=now)
    return Desk(now).by_transfer(offline.cny(7200))


def _corrected(now: datetime) -> Order:
    desk = Desk(now - timedelta(hours=3))
    return desk.approve(desk.propose(desk.by_card()))


def _taken_back(now: datetime) -> Order:
    desk = Desk(now - timedelta(hours=3))
    wrong = desk.by_card()
    desk.approve(desk.propose(wrong))
    return wrong


def _refunded_with_a_note(now: datetime) -> Order:
    order = Story(now).by_card()
    refunding.succeeded_refund(order, amount=builders.usd(40), now=now)
    refunding.ask_refund(order, amount=builders.usd(10), now=now)
    documents.issue_receipt(order_id=order.pk, now=now)
    return order


def _paying_what_was_owed(now: datetime) -> Order:
    story = Story(now)
    story.owe()
    return story.by_bank()


@pytest.mark.parametrize(
    "begin",
    [
        *(_open, _paid_into_a_product, _moved, _declared, _paid_by_transfer, _corrected, _taken_back),
        *(_refunded_with_a_note, _paying_what_was_owed),
    ],
)
def test_the_page_of_an_order_needs_at_most_twelve_queries(
    *, client: Client, now: datetime, at_most: AtMost, begin: Callable[[datetime], Order]
) -> None:
    order = begin(now)
    client.force_login(builders.owner_of(order.organisation))

    with at_most(MOST):
        assert client.get(reverse("billing:order", args=[order.number])).status_code == 200


def test_the_story_of_a_dispute_is_read_beside_the_rest(client: Client, now: datetime, at_most: AtMost) -> None:
    """Its movements, what was paid of it and what was written off: three tables more."""
    story = Story(now)
    order = story.owe().order
    client.force_login(builders.owner_of(order.organisation))

    with at_most(MOST + OF_A_DISPUTE):
        assert client.get(reverse("billing:order", args=[order.number])).status_code == 200
