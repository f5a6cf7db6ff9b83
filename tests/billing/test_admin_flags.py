"""Finance and ops resolve flags with a note; finance edits limits, with exact amounts only."""

from collections.abc import Callable
from datetime import datetime
from html import unescape
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from billing import flags
from billing.models import Flag, Method, TopUpLimit
from tests import builders, people
from tests.billing import ordering
from wallet.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def log_in_as(client: Client, settings: LazySettings) -> Callable[[User], Client]:
    settings.STAFF_MFA_REQUIRED = False

    def log_in(user: User) -> Client:
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def fiona(log_in_as: Callable[[User], Client]) -> Client:
    return log_in_as(people.make_staff("fiona", "finance"))


@pytest.fixture
def flag(now: datetime) -> Flag:
    order = ordering.open_order(builders.make_organisation(now=now), now=now)
    flags.raise_flag(order=order, reason=Flag.Reason.WRONG_AMOUNT, detail="cs_1: 99 USD", now=now)
    return Flag.objects.get(order=order)


def text_of(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def test_finance_resolves_a_flag_with_a_note_and_once(fiona: Client, flag: Flag) -> None:
    address = reverse("admin:billing_flag_resolve", args=[flag.pk])
    assert address in text_of(fiona.get(f"/admin/billing/flag/{flag.pk}/change/"))

    fiona.post(address, {"note": "Stripe corrected it"})
    second = fiona.post(address, {"note": "another story"}, follow=True)

    flag.refresh_from_db()
    assert (str(flag.resolved_by), flag.note) == ("Fiona", "Stripe corrected it")
    assert "Somebody else had resolved it before" in text_of(second)
    history = text_of(fiona.get(f"/admin/billing/flag/{flag.pk}/history/"))
    assert history.count("Resolved: Stripe corrected it") == 1
    assert "another story" not in history
    assert address not in text_of(fiona.get(f"/admin/billing/flag/{flag.pk}/change/"))


@pytest.mark.parametrize("note", ["", "   ", "x" * 501])
def test_a_flag_is_not_resolved_without_saying_why(fiona: Client, flag: Flag, note: str) -> None:
    assert fiona.post(reverse("admin:billing_flag_resolve", args=[flag.pk]), {"note": note}).status_code == 200

    flag.refresh_from_db()
    assert flag.resolved_at is None


def test_staff_without_the_permission_resolve_nothing(log_in_as: Callable[[User], Client], flag: Flag) -> None:
    nobody = log_in_as(people.make_user("sven", is_staff=True))

    assert nobody.post(reverse("admin:billing_flag_resolve", args=[flag.pk]), {"note": "x"}).status_code == 403

    flag.refresh_from_db()
    assert flag.resolved_at is None


def test_open_flags_are_listed_apart_from_resolved_ones(fiona: Client, flag: Flag) -> None:
    listing = "/admin/billing/flag/"
    assert flag.order.number in text_of(fiona.get(listing, {"open": "open"}))
    assert flag.order.number not in text_of(fiona.get(listing, {"open": "resolved"}))


def test_finance_edits_the_limits(fiona: Client) -> None:
    limit = TopUpLimit.objects.get(method=Method.CARD, currency="USD")

    fiona.post(
        f"/admin/billing/topuplimit/{limit.pk}/change/",
        {"minimum": "20", "maximum": "2000.50", "presets": "20, 40 80"},
    )

    limit.refresh_from_db()
    assert (str(limit.minimum), str(limit.maximum)) == ("20.00", "2000.50")
    assert [str(amount) for amount in limit.presets] == ["20.00", "40.00", "80.00"]
    assert "Fiona" in text_of(fiona.get(f"/admin/billing/topuplimit/{limit.pk}/history/"))


@pytest.mark.parametrize("amount", ["1e3", "-5", "NaN", "1_000", "１０", "0", "1.001", ""])
def test_a_limit_takes_exact_amounts_only(fiona: Client, amount: str) -> None:
    limit = TopUpLimit.objects.get(method=Method.CARD, currency="USD")

    for typed in ({"maximum": amount}, {"presets": f"50 {amount or '-1'}"}, {"minimum": amount}):
        sent = {"minimum": "10", "maximum": "2000", "presets": "50"} | typed
        assert fiona.post(f"/admin/billing/topuplimit/{limit.pk}/change/", sent).status_code == 200

    unchanged = TopUpLimit.objects.get(pk=limit.pk)
    assert (unchanged.minimum, unchanged.maximum, unchanged.presets) == (limit.minimum, limit.maximum, limit.presets)


def test_a_limit_whose_minimum_is_above_its_maximum_is_refused(fiona: Client) -> None:
    limit = TopUpLimit.objects.get(method=Method.CARD, currency="USD")
    sent = {"minimum": "3000", "maximum": "2000", "presets": ""}

    assert fiona.post(f"/admin/billing/topuplimit/{limit.pk}/change/", sent).status_code == 200

    assert TopUpLimit.objects.get(pk=limit.pk).minimum == limit.minimum


def test_ops_read_the_limits_and_change_none(log_in_as: Callable[[User], Client]) -> None:
    limit = TopUpLimit.objects.get(method=Method.CARD, currency="USD")
    olivia = log_in_as(people.make_staff("olivia", "ops"))
    address = f"/admin/billing/topuplimit/{limit.pk}/change/"

    assert olivia.get(address).status_code == 200
    assert olivia.post(address, {"minimum": "1", "maximum": "2", "presets": ""}).status_code == 403
    assert TopUpLimit.objects.get(pk=limit.pk).minimum == limit.minimum


def test_finance_edits_the_days_to_pay(fiona: Client) -> None:
    limit = TopUpLimit.objects.get(method=Method.OFFLINE, currency="CNY")
    address = f"/admin/billing/topuplimit/{limit.pk}/change/"
    sent = {"minimum": "500", "maximum": "2000", "presets": "500"}

    fiona.post(address, sent | {"days_to_pay": "30"})
    assert TopUpLimit.objects.get(pk=limit.pk).days_to_pay == 30

    for wrong in ("", "0", "61", "1.5", "-1"):
        assert fiona.post(address, sent | {"days_to_pay": wrong}).status_code == 200
    assert TopUpLimit.objects.get(pk=limit.pk).days_to_pay == 30
    assert "has 1 to 60 days" in text_of(fiona.post(address, sent | {"days_to_pay": ""}))
