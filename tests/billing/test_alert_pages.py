"""The page of low-balance alerts: what is watched, who is told, and who may change it."""

from datetime import datetime
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing import alerts
from billing.models import LowBalanceAlert
from products.models import Product, ProductAccess
from tests import builders
from tests.builders import usd
from wallet import chart
from wallet.models import Member, Organisation, Role

pytestmark = pytest.mark.django_db
PAGE = "/billing/alerts/"


@pytest.fixture
def product(db: None) -> Product:
    return builders.make_product()


@pytest.fixture
def acme(product: Product, now: datetime) -> Organisation:
    """Its wallet and one product are watched."""
    made = builders.make_organisation(now=now)
    builders.fill_wallet(made, usd(100), now=now)
    builders.fill_product(made, product, usd(40), now=now)
    alerts.watch_new()
    return made


@pytest.fixture
def page(client: Client, acme: Organisation) -> Client:
    client.force_login(builders.owner_of(acme))
    return client


def test_page_asks_as_much_for_many_products_as_for_few(
    page: Client, acme: Organisation, now: datetime, django_assert_num_queries: Any
) -> None:
    with CaptureQueriesContext(connection) as few:
        page.get(PAGE)
    for number in range(10):
        builders.fill_product(acme, builders.make_product(), usd(number + 5), now=now)
    for limited in (False, True):
        member = builders.make_member(acme, role=Role.BILLING, now=now)
        if limited:
            ProductAccess.objects.create(member=member)
    alerts.watch_new()
    with django_assert_num_queries(len(few) + 1):  # the products of those who are limited
        assert "$14.00" in text_of(page.get(PAGE))


def send(page: Client, organisation: Organisation, target: str, **fields: Any) -> Any:
    given = {"organisation": organisation.pk, "target": target, "threshold": "50", "roles": ["OWNER"], "is_on": "on"}
    return page.post(PAGE, {name: value for name, value in (given | fields).items() if value is not None})


def alert_of(organisation: Organisation, target: str) -> LowBalanceAlert:
    return LowBalanceAlert.objects.get(organisation=organisation, target=target)


def text_of(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def test_page_lists_every_balance_with_its_threshold_and_readers(page: Client, acme: Organisation) -> None:
    LowBalanceAlert.objects.of(acme.pk).filter(target=chart.WALLET).update(threshold=70)
    shown = text_of(page.get(PAGE))
    for words in ("Wallet", "WhatsApp", "$100.00", "$40.00", "$70.00", "Owner, Billing", "nothing used yet"):
        assert words in shown
    assert "Nobody gets the mail" not in shown


def test_organisation_without_money_is_told_when_alerts_appear(client: Client, now: datetime) -> None:
    fresh = builders.make_organisation(now=now)
    client.force_login(builders.owner_of(fresh))
    assert "There is no balance to watch yet." in text_of(client.get(PAGE))


def test_page_warns_when_nobody_would_be_told(page: Client, acme: Organisation) -> None:
    LowBalanceAlert.objects.of(acme.pk).filter(target=chart.WALLET).update(roles=["VIEWER"])
    assert "Nobody gets the mail when “Wallet” is low" in text_of(page.get(PAGE))


def test_owner_changes_threshold_roles_and_state(page: Client, acme: Organisation, product: Product) -> None:
    answer = send(page, acme, product.code, threshold="12.50", roles=["BILLING", "VIEWER"])
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    alert = alert_of(acme, product.code)
    assert (alert.counts_as_low, alert.roles, alert.is_on) == (usd("12.50"), ["BILLING", "VIEWER"], True)
    send(page, acme, product.code, threshold="", roles=[], is_on=None)
    alert = alert_of(acme, product.code)
    assert (alert.threshold, alert.roles, alert.is_on) == (None, [], False)


def test_form_shows_what_is_set(page: Client, acme: Organisation, product: Product) -> None:
    LowBalanceAlert.objects.of(acme.pk).filter(target=product.code).update(threshold="33.10")
    shown = text_of(page.get(PAGE, {"change": product.code}))
    assert 'value="33.10"' in shown
    assert "Alert of “WhatsApp”" in shown


@pytest.mark.parametrize("amount", ["-1", "1e3", "0", "1,000", "abc", "１２"])
def test_amount_that_is_not_exact_is_refused_and_kept(
    page: Client, acme: Organisation, product: Product, amount: str
) -> None:
    answer = send(page, acme, product.code, threshold=amount)
    assert answer.status_code == 422
    assert f'value="{amount}"' in text_of(answer)
    assert alert_of(acme, product.code).threshold is None


def test_unknown_role_is_refused(page: Client, acme: Organisation, product: Product) -> None:
    assert send(page, acme, product.code, roles=["ADMIN"]).status_code == 422


def test_viewer_reads_but_does_not_change(client: Client, acme: Organisation, product: Product, now: datetime) -> None:
    client.force_login(builders.make_member(acme, role=Role.VIEWER, now=now).user)
    shown = text_of(client.get(PAGE, {"change": product.code}))
    assert "WhatsApp" in shown
    assert '<form class="card' not in shown
    assert send(client, acme, product.code).status_code == 403
    assert alert_of(acme, product.code).threshold is None


def test_stranger_gets_404_for_another_organisations_alert(
    client: Client, acme: Organisation, product: Product, now: datetime
) -> None:
    other = builders.make_organisation(now=now, owner=builders.make_person("bob"))
    client.force_login(builders.owner_of(other))
    assert send(client, acme, product.code).status_code == 404
    assert send(client, other, product.code).status_code == 404
    assert client.get(PAGE, {"change": product.code}).status_code == 404
    assert alert_of(acme, product.code).threshold is None


def test_limited_member_neither_sees_nor_changes_a_hidden_product(
    client: Client, acme: Organisation, product: Product, now: datetime
) -> None:
    limited = builders.make_member(acme, role=Role.BILLING, now=now)
    ProductAccess.objects.create(member=limited)
    client.force_login(limited.user)
    assert "WhatsApp" not in text_of(client.get(PAGE))
    assert send(client, acme, product.code).status_code == 404
    assert send(client, acme, chart.WALLET).status_code == 302


@pytest.mark.parametrize("given", [{}, {"organisation": "x"}, {"target": "product:none"}, {"target": "\x00"}])
def test_form_without_a_balance_is_no_page(page: Client, acme: Organisation, given: dict[str, str]) -> None:
    assert page.post(PAGE, {"organisation": acme.pk} | given).status_code == 404


def test_form_counts_for_the_organisation_it_was_shown_for(page: Client, acme: Organisation, now: datetime) -> None:
    other = builders.make_organisation(now=now, name="Bright Retail")
    owner = builders.owner_of(acme)
    Member.objects.create(organisation=other, user=owner, role=Role.BILLING, joined_at=now)
    builders.fill_wallet(other, usd(5), now=now)
    alerts.watch_new()
    send(page, other, chart.WALLET)
    assert (alert_of(other, chart.WALLET).threshold, alert_of(acme, chart.WALLET).threshold) == (Decimal(50), None)


def test_balance_is_not_called_watched_while_nothing_counts_as_low(
    page: Client, acme: Organisation, product: Product
) -> None:
    shown = text_of(page.get(PAGE))
    assert "Begins with the first use" in shown
    assert "Watched" not in shown
    send(page, acme, product.code, threshold="39")
    assert "Watched" in text_of(page.get(PAGE))
    send(page, acme, product.code, threshold="540")
    shown = text_of(page.get(PAGE))
    assert "Watched" not in shown
    assert "Low" in shown


@pytest.mark.parametrize(("threshold", "times"), [("100.01", 1), ("100", 0)])
def test_threshold_above_the_balance_is_said_to_be_told_at_once(
    page: Client, acme: Organisation, threshold: str, times: int
) -> None:
    send(page, acme, chart.WALLET, threshold=threshold)
    assert text_of(page.get(PAGE)).count("The balance is below the threshold already") == times
