"""What staff's own pages call things: nothing in the words of the database, and no way back that reads like an act."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.utils import flatten, label_for_field
from django.test import Client
from django.urls import reverse

from tests import builders, people

pytestmark = pytest.mark.django_db


def list_labels() -> Iterator[tuple[str, str]]:
    for model, page in admin.site._registry.items():
        columns: Any = [*page.list_display, *flatten(list(page.fields or ()))]
        for column in {*columns} - {"__str__", "action_checkbox"}:
            with contextlib.suppress(AttributeError):  # a form's own field
                yield f"{model._meta.label}.{column}", str(label_for_field(column, model, page))


def test_a_name_that_was_kept_is_labelled_by_what_its_person_did() -> None:
    labels = dict(list_labels())

    assert {name: label for name, label in labels.items() if label.endswith((" then", "by name"))} == {}
    assert labels["payments.HouseMove.made_by_then"] == "proposed by"


@pytest.mark.parametrize("list_name", ["payments_housemove", "wallet_billingdetails", "billing_autofill"])
def test_a_list_with_a_kept_name_opens(list_name: str) -> None:
    client = Client()
    client.force_login(people.make_staff("fiona", "finance"))
    assert client.get(reverse(f"admin:{list_name}_changelist")).status_code == 200


def test_a_page_to_read_leads_back_to_its_list() -> None:
    owner, client = people.make_owner("alice"), Client()
    client.force_login(people.make_staff("olivia", "ops"))
    builders.fill_wallet(owner.organisation, builders.usd(5), now=owner.joined_at)
    account = owner.organisation.accounts.get(code="wallet")

    page = client.get(reverse("admin:wallet_account_change", args=[account.pk])).content.decode()

    assert "Back to the list" in page
    assert 'id="submit-row"' not in page
