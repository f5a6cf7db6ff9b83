"""While the site is worked on: one page for people, one answer for programs, and Stripe's news is taken in."""

import json
from contextlib import nullcontext

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from tests import people
from tests.innopaas.test_headers import find_faults


@pytest.fixture
def at_rest(settings: Settings) -> Client:
    settings.MAINTENANCE = True
    return Client()


@pytest.mark.parametrize("path", ["/", "/billing/orders/", "/accounts/login/", "/admin/", "/nothing/here/"])
def test_people_are_shown_one_page_and_told_when_to_come_back(at_rest: Client, path: str) -> None:
    """Without the database, which no test without its mark may ask."""
    for answer in (at_rest.get(path), at_rest.post(path, {"amount": "50"})):
        assert (answer.status_code, answer["Retry-After"]) == (503, "300")
        assert "We are working on the site" in answer.content.decode()
        assert "do not pay again" in answer.content.decode()
        assert find_faults(answer) == []


def test_page_speaks_the_language_of_its_reader(at_rest: Client) -> None:
    at_rest.cookies["django_language"] = "zh-hans"
    assert '<html lang="zh-hans">' in at_rest.get("/").content.decode()


@pytest.mark.django_db
def test_somebody_logged_in_is_turned_away_as_well_and_stays_logged_in(
    settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    alice = Client()
    alice.force_login(people.make_owner().user)
    for is_resting, status in ((True, 503), (False, 200)):
        settings.MAINTENANCE = is_resting
        browser = Client()
        browser.cookies = alice.cookies
        with django_assert_num_queries(0) if is_resting else nullcontext():
            assert browser.get("/").status_code == status


@pytest.mark.parametrize("path", ["/api/v1/balances", "/api/v1/charges"])
def test_programs_are_told_so_in_the_shape_of_every_error(at_rest: Client, path: str) -> None:
    answer = at_rest.post(path, "{}", content_type="application/json")
    assert (answer.status_code, answer["Retry-After"]) == (503, "300")
    assert json.loads(answer.content)["error"]["name"] == "UNAVAILABLE"


@pytest.mark.django_db
def test_stripe_and_whoever_watches_the_site_are_answered_as_ever(at_rest: Client) -> None:
    unsigned = at_rest.post("/payments/stripe/webhook/", "{}", content_type="application/json")
    assert unsigned.status_code == 400  # looked at, and not turned away
    assert at_rest.get("/healthz").content == b"alive\n"
    assert "database" in at_rest.get("/readyz").json()
