"""The admin's side navigation: everything that may be seen is in reach, the day's work first."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import RequestFactory

from innopaas import sidebar
from tests import people
from wallet.models import User

pytestmark = pytest.mark.django_db


def navigate(user: User) -> list[dict[str, Any]]:
    request = RequestFactory().get("/admin/")
    request.user = user
    return sidebar.navigate(request)


def links(groups: list[dict[str, Any]]) -> list[str]:
    return [item["link"] for group in groups for item in group["items"]]


def test_a_superuser_reaches_every_registered_model_once() -> None:
    reached = links(navigate(people.make_user("admin", is_staff=True, is_superuser=True)))
    assert len(reached) == len(set(reached)) == len(admin.site._registry) + len(sidebar.PAGES)


def test_every_model_named_in_a_group_is_registered() -> None:
    registered = {model._meta.label_lower for model in admin.site._registry}
    assert {label for labels in sidebar.GROUPS.values() for label in labels} <= registered | set(sidebar.PAGES)


def test_finance_finds_the_queue_first_and_nothing_of_the_administrators() -> None:
    groups = navigate(people.make_staff("fiona", "finance"))
    reached = links(groups)
    assert reached[0] == "/admin/payments/transfer/"
    assert "/admin/auth/group/" not in reached


def test_who_may_see_nothing_is_shown_no_empty_group() -> None:
    assert navigate(people.make_user("felix", is_staff=True)) == []
