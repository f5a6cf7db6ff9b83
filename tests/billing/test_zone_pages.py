"""A person chooses the time zone of pages and mails; days, and whatever staff read, keep to that of the books."""

from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.core import mail
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from billing import mails
from billing.models import Order
from innopaas.middleware import ReaderZoneMiddleware
from tests import builders, people
from tests.billing import ordering
from tests.payments import offline
from wallet import zones
from wallet.models import Organisation, Role, User

pytestmark = pytest.mark.django_db
AT = datetime(2026, 7, 15, 4, 0, 30, tzinfo=UTC)
PAGE = "/accounts/time-zone/"


@pytest.fixture
def acme() -> Organisation:
    return builders.make_organisation(now=AT)


@pytest.fixture
def alice(acme: Organisation) -> User:
    return builders.owner_of(acme)


@pytest.fixture
def client(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def order(acme: Organisation) -> Order:
    return ordering.paid_order(acme, now=AT)


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return " ".join(unescape(answer.content.decode()).split())


def choose(user: User, zone: str) -> None:
    User.objects.filter(pk=user.pk).update(time_zone=zone)


def test_person_chooses_a_zone_and_it_is_kept(client: Client, alice: User) -> None:
    assert 'value="America/New_York">New York (UTC−' in text_of(client.get(PAGE))
    answer = client.post(PAGE, {"zone": "America/New_York"}, follow=True)
    assert "(UTC−" in text_of(answer)
    assert '<option value="America/New_York" selected>' in text_of(answer)
    alice.refresh_from_db()
    assert alice.time_zone == "America/New_York"
    client.post(PAGE, {"zone": ""})
    alice.refresh_from_db()
    assert alice.time_zone == ""


@pytest.mark.parametrize("zone", ["Mars/Olympus", "posix/Asia/Tokyo", "x" * 70])
def test_what_is_no_zone_is_not_kept(client: Client, alice: User, zone: str) -> None:
    answer = client.post(PAGE, {"zone": zone})
    assert answer.status_code == 422
    alice.refresh_from_db()
    assert alice.time_zone == ""


def test_pages_tell_moments_in_the_readers_zone_and_nobody_elses(
    client: Client, alice: User, acme: Organisation, order: Order
) -> None:
    page = reverse("billing:order", args=[order.number])
    assert "2026-07-15 12:00:30 (UTC+8)" in text_of(client.get(page))
    choose(alice, "America/New_York")
    shown = text_of(client.get(page))
    assert "2026-07-15 00:00:30 (UTC−4)" in shown
    assert 'data-offset="-240"' in shown
    assert "12:00:30 (UTC+8)" not in shown
    listed = text_of(client.get("/billing/orders/"))
    assert "Created (New York)" in listed
    assert "Days are those of our books (UTC+8)." in listed
    vera = Client()
    vera.force_login(builders.make_member(acme, role=Role.VIEWER, now=AT).user)
    assert "Created (UTC+8)" in text_of(vera.get("/billing/orders/"))


def test_statements_and_receipts_keep_to_the_days_of_the_books(client: Client, alice: User, order: Order) -> None:
    choose(alice, "America/New_York")
    statement = text_of(client.get("/billing/statement/?month=2026-07"))
    assert "When (UTC+8)" in statement
    assert "2026-07-15</span> <span" in statement
    assert "(UTC−4)" not in statement
    assert "2026-07-15 12:00:30 (UTC+8)" in text_of(client.get(reverse("billing:receipt", args=[order.number])))


def test_mails_tell_moments_in_the_readers_zone(alice: User, acme: Organisation) -> None:
    choose(alice, "America/New_York")
    offline.declared(acme, offline.usd(1000), account=offline.make_account("USD"), now=AT)
    mails.send_due(now=AT)
    assert any("until 2026-07-16 06:00 (UTC−4)." in str(message.body) for message in mail.outbox)


def test_staff_read_the_time_of_the_books(order: Order) -> None:
    olivia = people.make_staff("olivia", "ops")
    choose(olivia, "America/New_York")
    staff = Client()
    staff.force_login(olivia)
    shown = text_of(staff.get(reverse("admin:billing_order_change", args=[order.pk])))
    assert "2026-07-15 12:00:30" in shown
    assert "UTC−4" not in shown


@pytest.mark.parametrize(("path", "told"), [("/", "00:00 (UTC−4)"), ("/admin/billing/order/", "12:00 (UTC+8)")])
def test_staffs_own_zone_ends_where_their_pages_begin(path: str, told: str) -> None:
    """Whatever a page there may come to say."""
    request = RequestFactory().get(path)
    request.user = User(time_zone="America/New_York")
    answer = ReaderZoneMiddleware(lambda _request: HttpResponse(zones.tell(AT, form="%H:%M")))(request)
    assert answer.content.decode() == told
