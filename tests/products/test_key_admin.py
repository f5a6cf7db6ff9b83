"""Ops make keys for product back ends, and revoke any."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from products import keys
from products.models import ApiKey, Product
from tests import builders, people
from wallet.models import User

pytestmark = pytest.mark.django_db

LIST = "/admin/products/apikey/"
ISSUE = f"{LIST}issue/"


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def log_in_as(settings: LazySettings) -> Callable[[User], Client]:
    settings.STAFF_MFA_REQUIRED = False

    def log_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def olivia(log_in_as: Callable[[User], Client]) -> Client:
    user = people.make_staff("olivia", "ops")
    names = ["view_apikey", "add_apikey", "change_apikey"]
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="products", codename__in=names))
    return log_in_as(user)


@pytest.fixture
def whatsapp(db: None) -> Product:
    return builders.make_product()


def text_of(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def issue(client: Client, of: Product, **changed: object) -> Any:
    seen = re.search(r'name="seen" value="([^"]+)"', client.get(ISSUE).content.decode())
    assert seen
    form = {"product": of.pk, "name": "Gateway", "requests_per_minute": "600", "seen": seen[1]}
    return client.post(ISSUE, form | changed)


def test_ops_make_a_key_and_see_it_once(olivia: Client, whatsapp: Product) -> None:
    assert ISSUE in text_of(olivia.get(LIST))
    answer = issue(olivia, whatsapp)
    found = re.search(r"ips_[\w-]{43}", answer.content.decode())
    assert found
    assert "no-store" in answer["Cache-Control"]
    key = keys.find(secret=found[0])
    assert key
    assert (key.product, key.name, key.requests_per_minute) == (whatsapp, "Gateway", 600)
    logged = LogEntry.objects.get(object_id=str(key.pk))
    assert found[0] not in logged.get_change_message()
    for page in (olivia.get(LIST), olivia.get(reverse("admin:products_apikey_change", args=[key.pk]))):
        assert key.prefix in text_of(page)
        assert found[0] not in text_of(page)
        assert key.secret_hash not in text_of(page)


def test_form_sent_twice_makes_one_key(olivia: Client, whatsapp: Product) -> None:
    issue(olivia, whatsapp, seen="the same 表")
    again = olivia.post(
        ISSUE, {"product": whatsapp.pk, "name": "Gateway", "requests_per_minute": "600", "seen": "the same 表"}
    )
    assert again.status_code == 302
    assert ApiKey.objects.filter(product=whatsapp).count() == 1


@pytest.mark.parametrize(
    "wrong", [{"name": " "}, {"product": ""}, {"requests_per_minute": "0"}, {"requests_per_minute": "1000001"}]
)
def test_wrong_form_makes_no_key(wrong: dict[str, str], olivia: Client, whatsapp: Product) -> None:
    assert issue(olivia, whatsapp, **wrong).status_code == 200
    assert not ApiKey.objects.filter(product=whatsapp).exists()


def test_ops_revoke_any_key(olivia: Client, now: datetime) -> None:
    organisation = builders.make_organisation(now=now)
    issued = keys.issue_for_organisation(
        organisation_id=organisation.pk, name="Accounting", by=builders.owner_of(organisation), now=now
    )
    page = reverse("admin:products_apikey_change", args=[issued.key.pk])
    address = reverse("admin:products_apikey_revoke", args=[issued.key.pk])
    assert address in text_of(olivia.get(page))
    assert "at once and for good" in text_of(olivia.get(address))
    assert keys.find(secret=issued.secret)
    done = olivia.post(address, follow=True)
    assert "is revoked" in text_of(done)
    assert keys.find(secret=issued.secret) is None
    assert address not in text_of(olivia.get(page))


def test_staff_without_the_permission_make_and_revoke_nothing(
    log_in_as: Callable[[User], Client], whatsapp: Product, now: datetime
) -> None:
    fiona = log_in_as(people.make_staff("fiona", "finance"))
    issued = keys.issue_for_product(
        product=whatsapp, name="x", requests_per_minute=1, by=builders.make_person("olivia"), now=now
    )
    form = {"product": whatsapp.pk, "name": "Mine", "requests_per_minute": "600", "seen": "x"}
    assert fiona.get(ISSUE).status_code == 403
    assert fiona.post(ISSUE, form).status_code == 403
    assert fiona.post(reverse("admin:products_apikey_revoke", args=[issued.key.pk])).status_code == 403
    assert list(ApiKey.objects.filter(product=whatsapp, revoked_at=None)) == [issued.key]


def test_nobody_edits_a_key_or_makes_one_by_the_way(olivia: Client, whatsapp: Product, now: datetime) -> None:
    issued = keys.issue_for_product(
        product=whatsapp, name="x", requests_per_minute=1, by=builders.make_person("olivia"), now=now
    )
    olivia.post(reverse("admin:products_apikey_change", args=[issued.key.pk]), {"requests_per_minute": "9"})
    assert olivia.post(reverse("admin:products_apikey_add"), {"name": "y"}).status_code == 403
    assert ApiKey.objects.get(product=whatsapp).requests_per_minute == 1


def test_list_shows_live_keys_and_others_when_asked_for(olivia: Client, whatsapp: Product, now: datetime) -> None:
    by = builders.make_person("olivia")
    issued = keys.issue_for_product(product=whatsapp, name="x", requests_per_minute=1, by=by, now=now)
    assert issued.key.prefix in text_of(olivia.get(LIST))
    keys.revoke(key_id=issued.key.pk, by=by, now=now)
    assert issued.key.prefix not in text_of(olivia.get(LIST))
    assert issued.key.prefix in text_of(olivia.get(LIST, {"state": "revoked"}))
    assert issued.key.prefix in text_of(olivia.get(LIST, {"state": "all"}))
