"""Filters of the list of orders that a member keeps under a name."""

from datetime import datetime
from html import unescape
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from billing import saved_filters
from billing.models import SavedFilter
from tests import builders
from wallet.models import Member, Organisation, Role

pytestmark = pytest.mark.django_db
LIST, KEPT = "/billing/orders/", "/billing/orders/filters/"


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def alice(acme: Organisation) -> Member:
    return Member.objects.get(organisation=acme)


@pytest.fixture
def page(client: Client, alice: Member) -> Client:
    client.force_login(alice.user)
    return client


def keep(member: Member, name: str, *, now: datetime, address: str = "state=PAID") -> SavedFilter:
    return saved_filters.keep(member_id=member.pk, name=name, address=address, now=now)


def names(member: Member) -> list[str]:
    return [row.name for row in saved_filters.of_member(member)]


def text_of(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def test_a_filter_is_kept_under_a_name_and_opened_again(page: Client, alice: Member, now: datetime) -> None:
    query = "q=sms&state=PAID&method=CARD&target=wallet&from=2026-01-01&to=2026-01-31"
    asked = page.get(f"{KEPT}?{query}")
    assert "Search: sms · State: Paid" not in text_of(asked)  # the values stand out
    form = {"organisation": alice.organisation_id, "address": query + "&after=TU20260101&state=PAID", "name": " Month "}

    answer = page.post(KEPT, form)

    assert answer["Location"] == f"{LIST}?{query}"
    assert names(alice) == ["Month"]
    shown = text_of(page.get(answer["Location"]))
    assert f'<a class="chip" href="{LIST}?{query}" aria-current="true">Month</a>' in shown
    assert f'<a class="chip" href="{LIST}?{query}">Month</a>' in text_of(page.get(LIST))


def test_a_name_is_given_once_whatever_its_capitals(page: Client, alice: Member, now: datetime) -> None:
    keep(alice, "Paid", now=now)
    form = {"organisation": alice.organisation_id, "address": "state=FAILED", "name": "PAID"}

    answer = page.post(KEPT, form)

    assert answer.status_code == 422
    assert "You have a filter of this name already." in text_of(answer)
    assert [row.address for row in saved_filters.of_member(alice)] == ["state=PAID"]
    with pytest.raises(IntegrityError), transaction.atomic():
        SavedFilter.objects.create(member=alice, name="pAID", address="state=FAILED", saved_at=now)


def test_a_name_differs_where_the_database_says_so(alice: Member, now: datetime) -> None:
    """The capital of ß is no ẞ, but the small letter of ẞ is ß."""
    kept = keep(alice, "ß", now=now)
    with pytest.raises(saved_filters.NameTaken):
        keep(alice, "ẞ", now=now, address="state=FAILED")
    other = keep(alice, "s", now=now)
    with pytest.raises(saved_filters.NameTaken):
        saved_filters.rename(member_id=alice.pk, name=other.name, new_name="ẞ")
    saved_filters.delete(member_id=alice.pk, name="ẞ")
    assert not SavedFilter.objects.filter(pk=kept.pk).exists()


def test_saving_the_same_twice_keeps_it_once(alice: Member, now: datetime) -> None:
    first = keep(alice, "Paid", now=now)

    assert keep(alice, "Paid", now=now) == first
    assert names(alice) == ["Paid"]


def test_twenty_are_kept_and_no_more(page: Client, alice: Member, now: datetime) -> None:
    for count in range(saved_filters.MOST):
        keep(alice, f"Filter {count}", now=now)
    form = {"organisation": alice.organisation_id, "address": "state=PAID", "name": "One more"}

    answer = page.post(KEPT, form)

    assert answer.status_code == 422
    assert "You keep 20 filters, and more are not possible. Delete one first." in text_of(answer)
    assert len(names(alice)) == saved_filters.MOST == 20


def test_a_filter_is_renamed_and_deleted(page: Client, alice: Member, now: datetime) -> None:
    keep(alice, "Paid", now=now)
    keep(alice, "Other", now=now)
    named = {"organisation": alice.organisation_id, "name": "Paid"}

    taken = page.post(f"{KEPT}rename/", named | {"new_name": "other"})
    assert taken.status_code == 422
    assert "You have a filter of this name already." in text_of(taken)
    assert page.post(f"{KEPT}rename/", named | {"new_name": ""}).status_code == 422
    assert page.post(f"{KEPT}rename/", named | {"new_name": "paid"}).status_code == 302
    assert names(alice) == ["Other", "paid"]

    for _ in range(2):
        assert page.post(f"{KEPT}delete/", named).status_code == 302
    assert names(alice) == ["Other"]
    assert page.post(f"{KEPT}rename/", named | {"new_name": "Gone"}).status_code == 404


def test_everybody_has_only_his_own(page: Client, acme: Organisation, alice: Member, now: datetime) -> None:
    vera = builders.make_member(acme, role=Role.VIEWER, now=now)
    keep(vera, "Veras", now=now)
    named = {"organisation": acme.pk, "name": "Veras"}

    assert "Veras" not in text_of(page.get(LIST))
    assert "Veras" not in text_of(page.get(KEPT))
    page.post(f"{KEPT}delete/", named)
    assert page.post(f"{KEPT}rename/", named | {"new_name": "Mine"}).status_code == 404
    assert names(vera) == ["Veras"]
    assert keep(alice, "Veras", now=now).member == alice


def test_a_form_of_another_organisation_is_not_found(page: Client, now: datetime) -> None:
    bright = builders.make_organisation(now=now, owner=builders.make_person("bob"), name="Bright")
    bob = Member.objects.get(organisation=bright)
    keep(bob, "Bobs", now=now)
    named = {"organisation": bright.pk, "name": "Bobs"}

    assert page.post(KEPT, {"organisation": bright.pk, "address": "state=PAID", "name": "Mine"}).status_code == 404
    assert page.post(f"{KEPT}delete/", named).status_code == 404
    assert page.post(f"{KEPT}rename/", named | {"new_name": "Mine"}).status_code == 404
    assert names(bob) == ["Bobs"]


@pytest.mark.parametrize(
    "address", ["", "state=NONSENSE", "nothing=1", "after=TU2026", "from=2026-02-01&to=2026-01-01"]
)
def test_what_narrows_nothing_or_cannot_be_understood_is_not_kept(page: Client, alice: Member, address: str) -> None:
    form = {"organisation": alice.organisation_id, "address": address, "name": "Strange"}

    assert page.post(KEPT, form).status_code == 404
    assert names(alice) == []


def test_no_address_leads_away_from_the_list(page: Client, alice: Member) -> None:
    form = {"organisation": alice.organisation_id, "address": "q=//evil.example&next=//evil.example", "name": "Away"}

    assert page.post(KEPT, form)["Location"] == f"{LIST}?q=%2F%2Fevil.example"


def test_a_member_who_leaves_takes_his_filters_along(acme: Organisation, now: datetime) -> None:
    vera = builders.make_member(acme, role=Role.VIEWER, now=now)
    keep(vera, "Veras", now=now)

    vera.delete()

    assert not SavedFilter.objects.filter(name="Veras").exists()


def test_an_empty_page_says_how_to_save_one(page: Client, alice: Member) -> None:
    assert "No filters are saved." in text_of(page.get(KEPT))
