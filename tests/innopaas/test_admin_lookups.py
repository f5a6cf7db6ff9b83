"""P18: staff narrow a list by what it offers. Whatever else an address asks, it would tell what no page shows."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.contrib import admin
from django.db.models import Field, Model
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings

from billing import callbacks
from billing.models import ExchangeRate
from innopaas import dashboard
from tests import builders
from tests.people import make_user
from wallet.admin.lookups import ModelAdmin
from wallet.models import Session, User

pytestmark = pytest.mark.django_db

KINDS = ("startswith", "istartswith", "regex", "contains", "gt", "gte", "in", "exact", "range")


@pytest.fixture
def root(settings: Settings) -> Client:
    settings.STAFF_MFA_REQUIRED = False
    user = make_user("root", is_staff=True)
    User.objects.filter(pk=user.pk).update(is_superuser=True)
    client = Client()
    client.force_login(user)
    return client


def columns(model: type[Model], *, depth: int = 2) -> Iterator[str]:
    """Those of a table, and by way of its relations those of others, in both directions."""
    for field in model._meta.get_fields():
        yield field.name
        if isinstance(field, Field):
            yield field.attname
        if depth and field.related_model and not isinstance(field.related_model, str):
            for other in columns(field.related_model, depth=depth - 1):
                yield f"{field.name}__{other}"


def offered(page: Any) -> set[str]:
    items = page.list_filter
    return {item for item in items if isinstance(item, str)} | {item[0] for item in items if isinstance(item, tuple)}


def refused(client: Client, address: str, **asked: str) -> bool:
    return client.get(reverse(f"admin:{address}_changelist"), asked).status_code == 400


def test_every_list_of_staff_is_built_on_the_one_that_refuses() -> None:
    assert [page for page in admin.site._registry.values() if not isinstance(page, ModelAdmin)] == []


@pytest.mark.parametrize("model", list(admin.site._registry), ids=lambda model: model._meta.label_lower)
def test_no_column_is_asked_for_that_the_list_does_not_offer(model: type[Model]) -> None:
    page: Any = admin.site._registry[model]
    request = RequestFactory().get("/")
    names = set(columns(model))
    own = {item.parameter_name for item in page.list_filter if hasattr(item, "parameter_name")}
    plain = {f"{name}{end}" for name in offered(page) for end in ("", "__id", "_id")}
    assert [name for name in names - plain - own if page.lookup_allowed(name, "x", request)] == []
    asked = [(name, kind) for name in names for kind in KINDS]
    answered = {(name, kind) for name, kind in asked if page.lookup_allowed(f"{name}__{kind}", "x", request)}
    assert {(name, kind) for name, kind in answered if kind not in ("gt", "gte", "in", "exact")} == set()
    assert {name for name, _kind in answered} <= plain


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("wallet_user", {"password__startswith": "argon2"}),
        ("wallet_user", {"password": "x"}),
        ("billing_callbackendpoint", {"secret_encrypted__regex": "^gAAAA"}),
        ("billing_callback", {"endpoint__secret__startswith": "cbs_"}),
        ("products_apikey", {"secret_hash__startswith": "a"}),
        ("products_apikey", {"form_token__startswith": "a"}),
        ("products_apikey", {"created_by__password__startswith": "argon2"}),
        ("mfa_authenticator", {"data__secret__startswith": "A"}),
        ("wallet_organisation", {"invitations__token_hash__startswith": "a"}),
        ("wallet_user", {"second_factor_invitations__token_hash__gte": "a"}),
        ("auth_group", {"user__password__startswith": "argon2"}),
        ("wallet_user", {"groups__user__password__startswith": "argon2"}),
    ],
)
def test_secret_is_not_found_out_letter_by_letter(
    root: Client, address: str, asked: dict[str, str], now: datetime
) -> None:
    organisation = builders.make_organisation(now=now)
    wish = callbacks.Wish(url="https://example.com/", events=["order.paid"])
    callbacks.add(wish, organisation_id=organisation.pk, by=builders.owner_of(organisation), now=now)
    assert refused(root, address, **asked)


def test_sessions_are_on_no_page_of_staff() -> None:
    assert Session not in admin.site._registry


def test_filters_of_a_list_and_the_dashboards_ways_to_it_are_answered(root: Client) -> None:
    for count in dashboard.list_counts(User.objects.get(is_superuser=True), now=datetime.now().astimezone()):
        assert root.get(count.address).status_code == 200, count.address
    for address, asked in (
        ("wallet_user", {"is_staff__exact": "1", "groups__id__exact": "1"}),
        ("wallet_posting", {"business_date__gte": "2026-07-01", "business_date__lt": "2026-08-01"}),
        ("billing_exchangerate", {"state__exact": ExchangeRate.State.WAITING}),
        ("billing_callback", {"delivered_at__isempty": "1"}),
        ("products_apikey", {"state": "all", "kind__exact": "SERVICE"}),
        ("payments_bankline", {"pile__in": "NEAR,NONE", "rest": "any"}),
        ("products_hold", {"q": "x", "o": "1", "p": "0", "all": ""}),
    ):
        assert root.get(reverse(f"admin:{address}_changelist"), asked).status_code == 200, (address, asked)
