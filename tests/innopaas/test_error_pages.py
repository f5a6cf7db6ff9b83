"""What people see when something is wrong: pages of ours, in their language, that promise nothing false."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from tests.people import make_owner

pytestmark = pytest.mark.django_db


def test_unknown_address_is_our_page_for_visitors_and_members() -> None:
    alice = Client()
    alice.force_login(make_owner().user)
    for client in (Client(), alice):
        response = client.get("/nothing/here/")
        assert response.status_code == 404
        assert "There is nothing here" in response.content.decode()


def test_form_without_its_token_does_nothing_and_says_so() -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post(reverse("account_login"), {"login": "alice@example.com", "password": "x"})
    assert response.status_code == 403
    assert "Nothing was done" in response.content.decode()


@pytest.mark.parametrize(("language", "words"), [("en", "do not pay again"), ("zh-hans", "请勿重复付款")])
def test_our_own_failure_tells_people_not_to_pay_again(
    monkeypatch: pytest.MonkeyPatch, language: str, words: str
) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError

    client = Client(raise_request_exception=False)
    client.force_login(make_owner().user)
    client.cookies["django_language"] = language
    monkeypatch.setattr("wallet.organisations.create", fail)
    with translation.override(None):  # what the request activated ends with the test
        response = client.post(reverse("wallet:create_organisation"), {"name": "Nova"})
    assert response.status_code == 500
    assert words in response.content.decode()


@pytest.mark.parametrize("name", ["account_login", "account_signup", "account_reset_password"])
def test_pages_run_no_script_and_no_style_that_is_written_into_them(client: Client, name: str) -> None:
    page = client.get(reverse(name)).content.decode()
    assert " style=" not in page
    assert "<style" not in page
    assert " onclick=" not in page
    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*\btype=\"application/json\")", page)  # JSON is not run
