"""What people see when something is wrong: pages of ours, in their language, that promise nothing false."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation
from pytest_django import Settings

from tests.people import make_owner, make_staff

pytestmark = pytest.mark.django_db


def test_unknown_address_is_our_page_for_visitors_and_members() -> None:
    alice = Client()
    alice.force_login(make_owner().user)
    for client in (Client(), alice):
        response = client.get("/nothing/here/")
        assert response.status_code == 404
        assert "There is nothing here" in response.content.decode()


def test_who_may_not_is_told_whom_to_ask(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False
    alice, fiona = Client(), Client()
    alice.force_login(make_owner().user)
    fiona.force_login(make_staff("fiona", "finance"))
    for client, said in ((alice, "for our own team"), (fiona, "Your role does not include it.")):
        response = client.get(reverse("admin:auth_group_changelist"))
        assert response.status_code == 403
        assert said in response.content.decode()


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


def test_our_own_failure_names_the_number_to_quote_and_it_stands_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError

    client = Client(raise_request_exception=False)
    client.force_login(make_owner().user)
    monkeypatch.setattr("wallet.organisations.create", fail)
    page = client.post(reverse("wallet:create_organisation"), {"name": "Nova"}).content.decode()
    quoted = re.search(r"quote this number: <code>([0-9a-f-]{36})</code>", page)
    assert quoted
    assert quoted[1] in " ".join(str(record.msg) for record in caplog.records)
    assert "Contact our team" in page


@pytest.mark.parametrize("path", ["/nothing/here/", "/billing/orders/TU20260715XXXXXXXXXX/"])
def test_people_of_the_demo_see_our_page_instead_of_the_list_of_addresses(settings: Settings, path: str) -> None:
    settings.DEBUG = True
    alice = Client()
    alice.force_login(make_owner().user)
    response = alice.get(path)
    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()
    assert "urlpatterns" not in response.content.decode()


def test_address_without_its_last_slash_still_leads_on_in_the_demo(settings: Settings) -> None:
    settings.DEBUG = True
    assert Client().get("/billing/orders")["Location"] == "/billing/orders/"


@pytest.mark.parametrize("name", ["account_login", "account_signup", "account_reset_password"])
def test_pages_run_no_script_and_no_style_that_is_written_into_them(client: Client, name: str) -> None:
    page = client.get(reverse(name)).content.decode()
    assert " style=" not in page
    assert "<style" not in page
    assert " onclick=" not in page
    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*\btype=\"application/json\")", page)  # JSON is not run
