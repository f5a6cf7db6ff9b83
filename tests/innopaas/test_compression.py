"""What is secret for longer than one form is on no page whose length tells what is in it."""

import re
from collections.abc import Callable
from typing import Any, Final

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from billing.models import CallbackEndpoint
from innopaas.compression import SHOWING_SECRETS
from tests import builders, people
from tests.innopaas.test_routes import make_root
from wallet.models import Member, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Member:
    return people.make_owner()


def log_in(user: User) -> Client:
    client = Client(headers={"Accept-Encoding": "gzip"})
    client.force_login(user)
    client.post(reverse("account_reauthenticate"), {"password": people.PASSWORD})
    return client


def find_hidden(client: Client, address: str, name: str) -> str:
    page = client.get(address, headers={"Accept-Encoding": "identity"}).content.decode()
    found = re.search(rf'name="{name}" value="([^"]+)"', page)
    assert found
    return found[1]


def make_key(alice: Member) -> tuple[Any, str]:
    client, address = log_in(alice.user), reverse("products:keys")
    token = find_hidden(client, address, "token")
    form = {"name": "Accounting", "organisation": alice.organisation_id, "token": token}
    return client.post(address, form), "ipo_"


def make_service_key(_alice: Member) -> tuple[Any, str]:
    client, address = log_in(make_root()), reverse("admin:products_apikey_issue")
    seen = find_hidden(client, address, "seen")
    form = {"product": builders.make_product().pk, "name": "Gateway", "requests_per_minute": "600", "seen": seen}
    return client.post(address, form), "ips_"


def add_callback(alice: Member) -> tuple[Any, str]:
    form = {"url": "https://example.com/quetzal", "events": ["order.paid"], "organisation": alice.organisation_id}
    answer = log_in(alice.user).post(reverse("billing:callbacks"), form, follow=True)
    return answer, CallbackEndpoint.objects.get().secret


def set_up_app(alice: Member) -> tuple[Any, str]:
    client = log_in(alice.user)
    answer = client.get(reverse("mfa_activate_totp"))
    return answer, client.session["mfa.totp.secret"]


def look_at_codes(alice: Member) -> tuple[Any, str]:
    client = log_in(alice.user)
    TOTP.activate(alice.user, generate_totp_secret())
    codes = RecoveryCodes.activate(alice.user).get_unused_codes()
    return client.get(reverse("mfa_view_recovery_codes")), codes[0]


SHOWN: Final[dict[str, Callable[[Member], tuple[Any, str]]]] = {
    "products:keys": make_key,
    "admin:products_apikey_issue": make_service_key,
    "billing:callbacks": add_callback,
    "mfa_activate_totp": set_up_app,
    "mfa_view_recovery_codes": look_at_codes,
}


@pytest.mark.parametrize("name", SHOWN)
def test_no_page_that_shows_a_secret_is_compressed(settings: Settings, alice: Member, name: str) -> None:
    """Asked for as gzip, it goes out with the secret in plain bytes (BREACH)."""
    settings.STAFF_MFA_REQUIRED = False
    answer, secret = SHOWN[name](alice)
    assert (answer.status_code, answer.resolver_match.view_name) == (200, name)
    assert "Content-Encoding" not in answer.headers
    assert secret in answer.content.decode()


def test_every_view_that_is_left_uncompressed_is_tried() -> None:
    assert set(SHOWN) == set(SHOWING_SECRETS)
