"""How often one person may ask for what costs much: counted exactly, and told with when to try again."""

from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from billing import allowances
from billing.allowances import Allowance
from tests import builders, people, races
from wallet.models import Organisation

TWICE = Allowance(name="test", most=2, span=timedelta(minutes=10))


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def page(client: Client, acme: Organisation) -> Client:
    client.force_login(builders.owner_of(acme))
    return client


@pytest.mark.django_db
def test_so_many_in_any_span_and_each_person_by_himself() -> None:
    alice, bob, now = uuid4(), uuid4(), datetime.now(UTC)
    later = now + timedelta(minutes=4)

    assert allowances.use(TWICE, user_id=alice, now=now) is None
    assert allowances.use(TWICE, user_id=alice, now=later) is None

    assert allowances.use(TWICE, user_id=alice, now=later) == now + TWICE.span
    assert allowances.use(TWICE, user_id=bob, now=later) is None


@pytest.mark.django_db
def test_place_is_free_again_when_its_span_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    alice, now = uuid4(), datetime.now(UTC)
    for _ in range(TWICE.most):
        allowances.use(TWICE, user_id=alice, now=now)
    assert allowances.use(TWICE, user_id=alice, now=now)

    after = now + TWICE.span + timedelta(seconds=1)
    monkeypatch.setattr("django.core.cache.backends.db.tz_now", lambda: after)

    assert allowances.use(TWICE, user_id=alice, now=after) is None


def test_of_many_at_once_no_more_get_through(committed: None) -> None:
    alice, now = uuid4(), datetime.now(UTC)
    some = Allowance(name="race", most=5, span=timedelta(minutes=10))

    outcomes = races.run_at_once([partial(allowances.use, some, user_id=alice, now=now)] * 16)

    races.raise_failures(outcomes)
    assert outcomes.count(None) == some.most


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address",
    [
        "billing:orders_csv",
        "billing:orders_xlsx",
        "billing:statement_csv",
        "billing:statement_pdf",
        "billing:statement_pack",
    ],
)
def test_files_asked_for_too_often_say_when_to_try_again(page: Client, acme: Organisation, address: str) -> None:
    month = f"?month={datetime.now(UTC):%Y-%m}" if address == "billing:statement_pack" else ""
    user_id = builders.owner_of(acme).pk
    for _ in range(allowances.FILES.most - 1):
        allowances.use(allowances.FILES, user_id=user_id, now=datetime.now(UTC))
    last = page.get(reverse(address) + month)
    assert last.status_code == 200
    assert last.getvalue()

    refused = page.get(reverse(address) + month)

    assert refused.status_code == 429
    assert "Please try again in 10 minutes." in refused.content.decode()
    assert 590 <= int(refused["Retry-After"]) <= 600


@pytest.mark.django_db
def test_one_persons_files_are_no_limit_for_the_others(page: Client, acme: Organisation, client: Client) -> None:
    for _ in range(allowances.FILES.most):
        allowances.use(allowances.FILES, user_id=builders.owner_of(acme).pk, now=datetime.now(UTC))
    assert page.get(reverse("billing:orders_csv")).status_code == 429

    client.force_login(people.make_owner("bob").user)

    assert client.get(reverse("billing:orders_csv")).getvalue()


@pytest.mark.django_db
def test_pages_that_cost_little_are_not_counted(page: Client, acme: Organisation) -> None:
    for _ in range(allowances.FILES.most):
        allowances.use(allowances.FILES, user_id=builders.owner_of(acme).pk, now=datetime.now(UTC))
    assert page.get(reverse("billing:orders")).status_code == 200
    assert page.get(reverse("billing:statement")).status_code == 200
