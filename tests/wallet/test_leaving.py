"""Staff who leave are deactivated, never deleted: it takes effect at once, and nothing of it comes back by itself."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from tests.people import PASSWORD, make_owner, make_staff
from wallet import second_factors
from wallet.models import User

pytestmark = pytest.mark.django_db

NO_MEMBERSHIP_CHANGES = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}


@pytest.fixture(autouse=True)
def _demo(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def admin() -> Client:
    user = make_staff("admin", "ops")
    User.objects.filter(pk=user.pk).update(is_superuser=True)
    return log_in(user)


def log_in(user: User) -> Client:
    client = Client()
    client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    return client


def send(admin: Client, user: User, **form: str) -> None:
    """The person's page in the admin, with exactly these boxes ticked."""
    page = reverse("admin:wallet_user_change", args=[user.pk])
    groups = [str(group.pk) for group in user.groups.all()]
    answer = admin.post(page, {"name": user.name, "language": "en", "groups": groups, **NO_MEMBERSHIP_CHANGES, **form})
    assert answer.status_code == 302


def test_open_session_of_somebody_deactivated_ends_at_once(admin: Client) -> None:
    fiona = make_staff("fiona", "finance")
    client = log_in(fiona)
    assert client.get("/admin/").status_code == 200
    send(admin, fiona, is_staff="on")
    for page in ("/admin/", reverse("wallet:members")):
        assert client.get(page)["Location"].startswith(reverse("account_login"))


def test_somebody_deactivated_logs_in_no_more(admin: Client) -> None:
    fiona = make_staff("fiona", "finance")
    send(admin, fiona, is_staff="on")
    assert log_in(fiona).get("/admin/").status_code == 302


def test_old_session_and_old_password_stay_ended_when_the_person_comes_back(admin: Client) -> None:
    fiona = make_staff("fiona", "finance")
    client = log_in(fiona)
    send(admin, fiona, is_staff="on")
    send(admin, fiona, is_staff="on", is_active="on")
    fiona.refresh_from_db()
    assert fiona.is_active
    assert client.get("/admin/").status_code == 302
    assert log_in(fiona).get("/admin/").status_code == 302


def test_link_for_a_second_factor_ends_with_deactivation(admin: Client) -> None:
    fiona = make_staff("fiona", "finance")
    token = second_factors.invite(user_id=fiona.pk, now=timezone.now())
    send(admin, fiona, is_staff="on")
    send(admin, fiona, is_staff="on", is_active="on")
    with pytest.raises(second_factors.LinkClosed):
        second_factors.accept(token=token, user_id=fiona.pk, now=timezone.now())


def test_other_changes_end_nobodys_session(admin: Client) -> None:
    fiona = make_staff("fiona", "finance")
    client = log_in(fiona)
    send(admin, fiona, is_staff="on", is_active="on", name="Fiona Finch")
    assert client.get("/admin/").status_code == 200


def test_deactivated_customer_is_logged_out_too(admin: Client) -> None:
    alice = make_owner().user
    client = log_in(alice)
    send(admin, alice)
    assert client.get("/")["Location"].startswith(reverse("account_login"))


def test_nobody_is_deleted_not_even_by_an_administrator(admin: Client) -> None:
    fiona = make_staff("fiona", "finance")
    fiona.emailaddress_set.all().delete()  # which an administrator may not delete either
    assert admin.post(reverse("admin:wallet_user_delete", args=[fiona.pk]), {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": str(fiona.pk), "post": "yes"}
    admin.post(reverse("admin:wallet_user_changelist"), chosen)
    assert User.objects.filter(pk=fiona.pk, is_active=True).exists()
