"""How staff reach the admin, what each group may do there, and what its pages may run."""

from datetime import timedelta

import pytest
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.apps import apps
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from innopaas import staff
from tests.people import PASSWORD, make_owner, make_staff
from wallet.models import User

pytestmark = pytest.mark.django_db

ADMIN_PAGES = ["/admin/", "/admin/wallet/user/", "/admin/login/", "/admin/logout/", "/admin/jsi18n/", "/admin/none/"]


@pytest.fixture(autouse=True)
def _strict(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = True
    settings.STAFF_LOGIN_FRESH_FOR = timedelta(hours=12)
    cache.clear()


def make_code(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time())))))


def add_second_factor(user: User) -> str:
    secret = str(generate_totp_secret())
    TOTP.activate(user, secret)
    return secret


def log_in(user: User, secret: str = "") -> Client:
    client = Client()
    client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    if secret:
        client.post(reverse("mfa_authenticate"), {"code": make_code(secret)})
    return client


def grow_old(client: Client, hours: float) -> None:
    session = client.session
    for record in session[AUTHENTICATION_METHODS_SESSION_KEY]:
        record["at"] -= hours * 3600
    session.save()


@pytest.mark.parametrize("path", ADMIN_PAGES)
def test_anonymous_visitor_goes_to_the_login(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("path", ADMIN_PAGES)
def test_customer_gets_no_staff_page(path: str, settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False
    assert log_in(make_owner().user).get(path).status_code == 403


@pytest.mark.parametrize("path", ADMIN_PAGES)
def test_staff_with_a_password_only_is_told_to_set_up_a_second_factor(path: str) -> None:
    olivia = make_staff("olivia", "ops")
    response = log_in(olivia).get(path)
    assert response.status_code == 403
    assert "a link from an administrator" in response.content.decode()


def test_staff_with_a_second_factor_gets_in() -> None:
    olivia = make_staff("olivia", "ops")
    assert log_in(olivia, add_second_factor(olivia)).get("/admin/").status_code == 200


def test_session_from_before_the_second_factor_is_asked_for_it() -> None:
    olivia = make_staff("olivia", "ops")
    client = log_in(olivia)
    add_second_factor(olivia)
    response = client.get("/admin/wallet/user/?q=x")
    assert response.status_code == 302
    assert response["Location"] == reverse("mfa_reauthenticate") + "?next=%2Fadmin%2Fwallet%2Fuser%2F%3Fq%3Dx"


@pytest.mark.parametrize("path", ADMIN_PAGES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_stale_session_is_asked_for_the_second_factor_again(path: str, method: str) -> None:
    olivia = make_staff("olivia", "ops")
    client = log_in(olivia, add_second_factor(olivia))
    grow_old(client, hours=12.01)
    response = getattr(client, method)(path)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("mfa_reauthenticate"))


def test_stale_session_is_fresh_again_after_the_second_factor_but_not_after_the_password() -> None:
    olivia = make_staff("olivia", "ops")
    client = log_in(olivia, secret := add_second_factor(olivia))
    grow_old(client, hours=13)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert client.get("/admin/").status_code == 302
    cache.clear()  # a code counts once; the next one is half a minute away
    client.post(reverse("mfa_reauthenticate"), {"code": make_code(secret)})
    assert client.get("/admin/").status_code == 200


def test_demo_needs_no_second_factor(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False
    assert log_in(make_staff("olivia", "ops")).get("/admin/").status_code == 200


def test_admin_never_shows_the_secret_of_a_second_factor(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False
    admin = make_staff("admin", "ops")
    User.objects.filter(pk=admin.pk).update(is_superuser=True)
    secret = add_second_factor(admin)
    client = log_in(admin, secret)
    page = client.get(f"/admin/mfa/authenticator/{admin.authenticator_set.get().pk}/change/")
    assert page.status_code == 200
    assert secret not in page.content.decode()


def test_only_the_admin_may_evaluate_scripts(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False
    client = log_in(make_staff("olivia", "ops"))
    assert "'unsafe-eval'" in client.get("/admin/")["Content-Security-Policy"]
    for page in (reverse("account_login"), reverse("wallet:members"), reverse("account_email"), "/nothing/"):
        policy = client.get(page)["Content-Security-Policy"]
        assert "unsafe" not in policy, page
        assert "script-src 'self'" in policy


@pytest.mark.parametrize("name", sorted(staff.GROUPS))
def test_group_has_exactly_its_permissions(name: str) -> None:
    group = Group.objects.get(name=name)
    has = {f"{p.content_type.app_label}.{p.codename}" for p in group.permissions.select_related("content_type")}
    assert has == staff.GROUPS[name]


def test_every_permission_of_the_table_belongs_to_a_model() -> None:
    for permission in set().union(*staff.GROUPS.values()):
        label, codename = permission.split(".")
        assert apps.get_model(label, codename.split("_", 1)[1])


def test_setting_up_staff_again_takes_back_what_somebody_gave() -> None:
    group = Group.objects.get(name="ops")
    group.permissions.set(Group.objects.get(name="finance").permissions.all())
    staff.grant(apps=apps, using="default")
    test_group_has_exactly_its_permissions("ops")


@pytest.mark.parametrize("name", sorted(staff.GROUPS))
def test_nobody_in_a_group_can_give_himself_rights(name: str, settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False
    person = make_staff("fiona", name)
    client = log_in(person)
    page = f"/admin/wallet/user/{person.pk}/change/"
    client.post(page, {"is_staff": "on", "groups": [group.pk for group in Group.objects.all()]})
    assert person.groups.count() == 1
    assert client.get("/admin/auth/group/").status_code == 403
