"""The first page: balance, TOP UP, products, money on its way, latest orders."""

from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing import moves
from tests import builders, people
from tests.billing import ordering
from wallet.models import Organisation, Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def page(client: Client, acme: Organisation) -> Client:
    client.force_login(builders.owner_of(acme))
    return client


def text_of(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def test_an_owner_sees_his_balance_and_top_up(page: Client, acme: Organisation, now: datetime) -> None:
    assert "$0.00" in text_of(page.get("/"))
    order = ordering.paid_order(acme, now=now, amount=builders.usd("1234.50"))

    shown = text_of(page.get("/"))

    assert "$1,234.50" in shown
    assert reverse("payments:topup") in shown
    assert order.number in shown
    assert "Money on its way" not in shown


def test_money_on_its_way_can_be_gone_on_with_and_asked_about(page: Client, acme: Organisation) -> None:
    order = ordering.open_order(acme, now=datetime.now().astimezone() - timedelta(minutes=5))

    shown = text_of(page.get("/"))

    assert "Money on its way" in shown
    assert reverse("payments:continue", args=[order.number]) in shown
    assert "do not pay again" in shown
    assert shown.count(f"subject={order.number}") == 1


def test_a_viewer_sees_who_can_top_up_instead_of_a_button(client: Client, acme: Organisation, now: datetime) -> None:
    billing = builders.make_member(acme, role=Role.BILLING, now=now, name="carol").user
    client.force_login(builders.make_member(acme, role=Role.VIEWER, now=now).user)

    shown = text_of(client.get("/"))

    assert reverse("payments:topup") not in shown
    assert str(billing) in shown
    assert str(builders.owner_of(acme)) in shown


def test_a_newcomer_is_told_what_to_do_first_until_money_is_there(page: Client, acme: Organisation) -> None:
    now = timezone.now()
    shown = text_of(page.get("/"))
    assert "Three steps, and you can send" in shown
    for way_on in ("payments:topup", "products", "products:keys", "wallet:members"):
        assert f'"{reverse(way_on)}"' in shown

    ordering.open_order(acme, now=now)
    assert "Your first top-up is under way" in text_of(page.get("/"))

    ordering.paid_order(acme, now=now)
    assert "Three steps" not in text_of(page.get("/"))


def test_a_newcomer_who_may_only_look_is_told_whom_to_ask(client: Client, acme: Organisation, now: datetime) -> None:
    client.force_login(builders.make_member(acme, role=Role.VIEWER, now=now).user)

    shown = text_of(client.get("/"))

    assert "Ask for a first top-up" in shown
    assert str(builders.owner_of(acme)) in shown
    assert reverse("payments:topup") not in shown
    assert reverse("products:keys") not in shown.partition("</aside>")[2]


def test_each_balance_leads_to_the_entries_that_made_it(page: Client, acme: Organisation, now: datetime) -> None:
    sms = builders.make_product("SMS")
    builders.fill_product(acme, sms, builders.usd("61.50"), now=now)

    shown = text_of(page.get("/"))

    assert f'{reverse("billing:statement")}?balance=product%3A{sms.slug}"' in shown
    assert "What made it this much" in shown


def test_another_organisations_money_is_not_on_the_page(page: Client, now: datetime) -> None:
    other = builders.make_organisation(now=now, owner=builders.make_person("bob"))
    order = ordering.paid_order(other, now=now)

    assert order.number not in text_of(page.get("/"))
    assert "$0.00" in text_of(page.get("/"))


def test_somebody_without_an_organisation_is_told_how_to_get_into_one(client: Client) -> None:
    client.force_login(builders.make_person("dave"))

    assert "You do not belong to an organisation" in text_of(client.get("/"))


def test_staff_who_log_in_at_the_customers_door_come_to_their_own_pages(client: Client) -> None:
    client.force_login(people.make_staff("olivia", "ops"))

    assert client.get("/")["Location"] == "/admin/"


def test_the_wallet_tells_how_long_it_lasts_at_its_pace(page: Client, acme: Organisation) -> None:
    now, sms = timezone.now(), builders.make_product("SMS")
    builders.fill_wallet(acme, builders.usd(300), now=now - timedelta(days=4))
    for days_ago in (3, 2, 1):
        assert "at the pace" not in text_of(page.get("/"))  # one or two days are no pace
        wish = builders.move_wish(acme, sms, builders.usd(20))
        moves.move(wish, by=builders.owner_of(acme), now=now - timedelta(days=days_ago))

    assert "12 days left at the pace of the last 30 days" in text_of(page.get("/"))


def test_products_stand_on_the_page_with_their_balances(page: Client, acme: Organisation, now: datetime) -> None:
    sms = builders.make_product("SMS")
    builders.fill_product(acme, sms, builders.usd("61.50"), now=now)

    shown = text_of(page.get("/"))

    assert "$61.50" in shown
    assert reverse("product", args=[sms.slug]) in shown
    assert reverse("payments:product_topup", args=[sms.slug]) in shown


def test_home_needs_as_many_queries_for_many_orders_and_products(
    page: Client, acme: Organisation, now: datetime, django_assert_max_num_queries: Any
) -> None:
    for _ in range(7):
        ordering.open_order(acme, now=now)
        ordering.paid_order(acme, now=now)
        builders.fill_product(acme, builders.make_product("SMS"), builders.usd(60), now=now)

    with django_assert_max_num_queries(12):
        page.get("/")
