"""How often one person may send what moves money; nothing passes that cannot be counted."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from billing.models import Order
from innopaas import sending_rates
from tests import people, races
from tests.innopaas.routes import TABLE
from wallet.models import Member, User


@pytest.fixture
def alice(db: None) -> Member:
    return people.make_owner()


@pytest.fixture
def page(alice: Member) -> Client:
    client = Client()
    client.force_login(alice.user)
    return client


@pytest.fixture
def without_counter(settings: Settings) -> None:
    """The counters' table is gone; sessions and money are there."""
    caches = {name: dict(one) for name, one in settings.CACHES.items()}
    caches["default"]["LOCATION"] = "gone"
    settings.CACHES = caches


def fill(user: User, now: datetime) -> None:
    for _ in range(sending_rates.MOST):
        assert sending_rates.count(user_id=user.pk, now=now) == 0


def test_what_is_counted_exists() -> None:
    assert set(TABLE) >= sending_rates.COUNTED


def test_one_too_many_within_a_minute_waits_until_the_first_is_a_minute_old(alice: Member, now: datetime) -> None:
    fill(alice.user, now)
    later = now + timedelta(seconds=20)
    assert sending_rates.count(user_id=alice.user.pk, now=later) == 40
    assert sending_rates.count(user_id=alice.user.pk, now=now + timedelta(seconds=61)) == 0


def test_one_person_does_not_use_up_anothers(alice: Member, now: datetime) -> None:
    fill(alice.user, now)
    assert sending_rates.count(user_id=people.make_user("bob").pk, now=now) == 0


@pytest.mark.parametrize("name", ["payments:topup", "payments:move_several"])
def test_too_much_is_refused_with_how_long_to_wait_and_does_nothing(name: str, alice: Member, page: Client) -> None:
    fill(alice.user, datetime.now(UTC))
    answer = page.post(reverse(name), {"amount": "20", "method": "card", "currency": "USD"})
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert "That was too often" in answer.content.decode()
    assert not Order.objects.filter(organisation=alice.organisation).exists()
    assert page.get(reverse(name)).status_code == 200


@pytest.mark.parametrize("name", sorted(sending_rates.COUNTED))
def test_nothing_that_moves_money_passes_while_nothing_counts(
    name: str, alice: Member, page: Client, without_counter: None
) -> None:
    ids = {
        "payments:product_topup": ["whatsapp"],
        "billing:auto_fill": ["whatsapp"],
        "billing:auto_fill_off": ["whatsapp"],
        "billing:refund_withdraw": ["TU" + "2" * 18, "RF" + "2" * 18],
    }
    bare = {"payments:topup", "payments:move_several", "payments:transfers"}
    args = ids.get(name, [] if name in bare else ["TU" + "2" * 18])
    answer = page.post(reverse(name, args=args), {"amount": "20"})
    assert answer.status_code == 503
    assert answer["Retry-After"] == "60"
    assert "Nothing was done and no money was moved" in answer.content.decode()
    assert not Order.objects.filter(organisation=alice.organisation).exists()


def test_nothing_passes_that_the_database_refuses_to_write_down(alice: Member, now: datetime) -> None:
    """Django's cache swallows what PostgreSQL answers to its INSERT and UPDATE."""

    def refuse(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001  # Django's contract
        if sql.startswith(("INSERT", "UPDATE")) and str(settings.CACHES["default"]["LOCATION"]) in sql:
            raise DatabaseError("the disk is full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse), pytest.raises(sending_rates.Uncounted):
        sending_rates.count(user_id=alice.user.pk, now=now)


def test_without_the_counter_people_still_read_their_pages(page: Client, without_counter: None) -> None:
    for name in ("home", "payments:topup", "billing:orders", "billing:statement"):
        assert page.get(reverse(name)).status_code == 200


def test_without_the_counter_nobody_logs_in(alice: Member, without_counter: None) -> None:
    """The login's own limits stand in the same table, and fail closed as well."""
    client = Client(raise_request_exception=False)
    form = {"login": alice.user.email, "password": people.PASSWORD}
    assert client.post(reverse("account_login"), form).status_code == 500
    assert client.get(reverse("wallet:members")).status_code == 302


def test_of_many_at_once_no_more_than_the_limit_pass(committed: None, now: datetime) -> None:
    carol = people.make_user("carol")
    for _ in range(sending_rates.MOST - 3):
        sending_rates.count(user_id=carol.pk, now=now)
    waits = races.run_at_once([lambda: sending_rates.count(user_id=carol.pk, now=now)] * 8)
    cache.delete(f"money:{carol.pk}")
    assert sorted(waits) == [0] * 3 + [60] * 5
