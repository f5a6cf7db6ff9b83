"""With STAFF_MFA_REQUIRED a password alone gives nobody a second factor, and takes nobody's away."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO

import pytest
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.core import mail
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from django.urls import get_resolver, reverse
from django.utils import timezone
from pytest_django import Settings

from tests.people import PASSWORD, make_owner, make_staff, make_user
from wallet import second_factors
from wallet.models import User

pytestmark = pytest.mark.django_db

NO_MEMBERSHIP_CHANGES = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
NEW = "another long password"
CHANGES: list[tuple[str, dict[str, str]]] = [
    ("mfa_activate_totp", {"code": "123456"}),
    ("mfa_deactivate_totp", {}),
    ("mfa_add_webauthn", {}),
    ("mfa_remove_webauthn", {}),
    ("mfa_edit_webauthn", {"name": "x"}),
    ("mfa_generate_recovery_codes", {}),
    ("mfa_view_recovery_codes", {}),
    ("mfa_download_recovery_codes", {}),
    ("account_email", {"email": "thief@example.com", "action_add": ""}),
    ("account_change_password", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}),
    ("admin:password_change", {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}),
    ("account_set_password", {"password1": NEW, "password2": NEW}),
]


@pytest.fixture(autouse=True)
def _strict(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = True
    settings.SITE_URL = "http://testserver"
    cache.clear()


@pytest.fixture
def olivia() -> User:
    return make_staff("olivia", "ops")


def make_code(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time())))))


def add_second_factor(user: User) -> str:
    secret = str(generate_totp_secret())
    TOTP.activate(user, secret)
    RecoveryCodes.activate(user)
    return secret


def log_in(user: User, secret: str = "") -> Client:
    client = Client()
    client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    if secret:
        client.post(reverse("mfa_authenticate"), {"code": make_code(secret)})
    assert client.get(reverse("mfa_index")).status_code == 200
    return client


def reauthenticate_by_password(client: Client) -> None:
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})


def grow_old(client: Client, *, minutes: float) -> None:
    session = client.session
    for record in session[AUTHENTICATION_METHODS_SESSION_KEY]:
        record["at"] -= minutes * 60
    session.save()


def address_of(name: str) -> str:
    return reverse(name, args=[1] if name in {"mfa_remove_webauthn", "mfa_edit_webauthn"} else [])


def make_link(user: User, *, now: datetime | None = None) -> str:
    token = second_factors.invite(user_id=user.pk, now=now or timezone.now())
    return reverse("wallet:accept_second_factor", args=[token])


def set_up(client: Client) -> str:
    """The secret that the page offers, confirmed by a code of it."""
    reauthenticate_by_password(client)
    found = re.search(r"\b[A-Z2-7]{32}\b", client.get(reverse("mfa_activate_totp")).content.decode())
    assert found
    client.post(reverse("mfa_activate_totp"), {"code": make_code(found[0])})
    return found[0]


def state_of(user: User) -> tuple[object, ...]:
    user.refresh_from_db()
    factors = Authenticator.objects.filter(user=user).order_by("pk").values_list("pk", "data")
    return user.password, user.email, list(factors), list(user.emailaddress_set.values_list("email"))


@pytest.mark.parametrize(("name", "form"), CHANGES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_password_alone_opens_no_door_to_the_first_factor(
    name: str, form: dict[str, str], method: str, olivia: User
) -> None:
    thief, before = log_in(olivia), state_of(olivia)
    reauthenticate_by_password(thief)
    assert getattr(thief, method)(address_of(name), form).status_code == 403
    assert state_of(olivia) == before
    assert thief.get("/admin/").status_code == 403


@pytest.mark.parametrize(("name", "form"), CHANGES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_stale_session_and_the_password_change_nothing_without_the_factor(
    name: str, form: dict[str, str], method: str, olivia: User
) -> None:
    thief = log_in(olivia, add_second_factor(olivia))
    grow_old(thief, minutes=5.1)
    before = state_of(olivia)
    reauthenticate_by_password(thief)
    response = getattr(thief, method)(address_of(name), form)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("mfa_reauthenticate"))
    assert state_of(olivia) == before


def test_session_from_before_the_factor_changes_nothing_without_it(olivia: User) -> None:
    thief = log_in(olivia)
    reauthenticate_by_password(thief)
    add_second_factor(olivia)
    before = state_of(olivia)
    for name, form in CHANGES:
        response = thief.post(address_of(name), form)
        assert response["Location"].startswith(reverse("mfa_reauthenticate")), name
    assert state_of(olivia) == before


def test_every_page_about_factors_is_guarded_or_known_to_change_nothing(olivia: User) -> None:
    harmless = {"mfa_index", "mfa_authenticate", "mfa_reauthenticate", "mfa_reauthenticate_webauthn"}
    harmless |= {"mfa_login_webauthn", "mfa_list_webauthn"}
    names = {str(name) for name in get_resolver().reverse_dict if str(name).startswith("mfa_")}
    assert names == harmless | {name for name, _form in CHANGES if name.startswith("mfa_")}


def test_confirmation_asks_whoever_has_a_factor_for_it_and_offers_no_password(olivia: User) -> None:
    client = log_in(olivia, add_second_factor(olivia))
    response = client.get(reverse("account_reauthenticate"))
    assert response["Location"].startswith(reverse("mfa_reauthenticate"))
    assert reverse("account_reauthenticate") not in client.get(reverse("mfa_reauthenticate")).content.decode()


def test_factor_used_just_now_lets_its_owner_change_it(olivia: User) -> None:
    client = log_in(olivia, secret := add_second_factor(olivia))
    grow_old(client, minutes=6)
    cache.clear()  # a code counts once; the next one is half a minute away
    client.post(reverse("mfa_reauthenticate"), {"code": make_code(secret)})
    assert client.get(reverse("mfa_view_recovery_codes")).status_code == 200
    client.post(reverse("mfa_deactivate_totp"))
    assert not Authenticator.objects.filter(user=olivia).exists()
    assert client.get(reverse("mfa_activate_totp")).status_code == 403  # the next first one takes a link again


def test_customers_and_the_demo_need_no_link(settings: Settings) -> None:
    alice = log_in(make_owner().user)
    set_up(alice)
    assert alice.get(reverse("mfa_view_recovery_codes")).status_code == 200
    settings.STAFF_MFA_REQUIRED = False
    olivia = make_staff("olivia", "ops")
    client = log_in(olivia)
    set_up(client)
    assert Authenticator.objects.filter(user=olivia).exists()
    assert client.get(reverse("account_email")).status_code == 200


# --- the link ---


def test_link_lets_staff_set_up_the_first_factor_and_reach_the_admin(olivia: User) -> None:
    link, client = make_link(olivia), log_in(olivia)
    assert client.get(link).status_code == 200
    assert client.post(link)["Location"] == reverse("mfa_activate_totp")
    secret = set_up(client)
    client.post(reverse("mfa_reauthenticate"), {"code": make_code(secret)})
    assert client.get(reverse("mfa_view_recovery_codes")).status_code == 200
    assert client.get("/admin/").status_code == 200


def test_link_opens_nothing_but_the_setting_up(olivia: User) -> None:
    client, before = log_in(olivia), state_of(olivia)
    client.post(make_link(olivia))
    for name, form in CHANGES:
        if name not in {"mfa_activate_totp", "mfa_add_webauthn"}:
            assert client.post(address_of(name), form).status_code == 403, name
    assert state_of(olivia) == before


def test_link_opened_but_not_confirmed_opens_nothing(olivia: User) -> None:
    client = log_in(olivia)
    client.get(make_link(olivia))
    assert client.get(reverse("mfa_activate_totp")).status_code == 403


def test_link_asks_for_the_login_first(olivia: User) -> None:
    response = Client().post(make_link(olivia))
    assert response["Location"].startswith(reverse("account_login"))


def test_link_works_once(olivia: User) -> None:
    link = make_link(olivia)
    assert log_in(olivia).post(link).status_code == 302
    elsewhere = log_in(olivia)
    assert elsewhere.get(link).status_code == 410
    assert elsewhere.post(link).status_code == 410
    assert elsewhere.get(reverse("mfa_activate_totp")).status_code == 403


def test_link_is_for_its_person_only(olivia: User) -> None:
    eve, now = make_staff("eve", "ops"), timezone.now()
    link = make_link(olivia, now=now)
    make_link(eve, now=now)
    client = log_in(eve)
    assert client.post(link).status_code == 410
    assert client.get(reverse("mfa_activate_totp")).status_code == 403
    assert log_in(olivia).post(link).status_code == 302


def test_customer_who_becomes_staff_begins_anew() -> None:
    """Whoever had the customer's password has nothing of the member of staff: no factor, address, session, password."""
    bob = make_owner("bob").user
    add_second_factor(bob)
    EmailAddress.objects.create(user=bob, email="thief@example.com", verified=False)
    thief = Client()
    thief.force_login(bob)
    admin = Client()
    admin.force_login(make_user("admin", is_staff=True, is_superuser=True))
    with override_settings(STAFF_MFA_REQUIRED=False):
        page = reverse("admin:wallet_user_change", args=[bob.pk])
        form = admin.get(page).context["adminform"].form
        answer = admin.post(page, {**form.initial, "groups": [], "is_staff": "on", **NO_MEMBERSHIP_CHANGES})
    assert answer.status_code == 302
    bob.refresh_from_db()
    assert bob.is_staff
    assert not bob.has_usable_password()
    assert not Authenticator.objects.filter(user=bob).exists()
    assert list(EmailAddress.objects.filter(user=bob).values_list("email", flat=True)) == [bob.email]
    assert thief.get(reverse("home")).status_code == 302  # to the login page


@pytest.mark.parametrize(("hours", "status"), [(23.9, 302), (24, 410)])
def test_link_works_for_a_day(hours: float, status: int, olivia: User) -> None:
    link = make_link(olivia, now=timezone.now() - timedelta(hours=hours))
    assert log_in(olivia).post(link).status_code == status


def test_newer_link_takes_the_place_of_the_older(olivia: User) -> None:
    old, new = make_link(olivia), make_link(olivia)
    client = log_in(olivia)
    assert client.post(old).status_code == 410
    assert client.post(new).status_code == 302


def test_link_is_useless_once_a_factor_exists(olivia: User) -> None:
    link = make_link(olivia)
    client = log_in(olivia, add_second_factor(olivia))
    assert client.post(link).status_code == 410


def test_link_used_up_counts_for_one_factor_and_half_an_hour(olivia: User) -> None:
    client = log_in(olivia)
    client.post(make_link(olivia))
    set_up(client)
    client.get(reverse("mfa_view_recovery_codes"))
    Authenticator.objects.filter(user=olivia).delete()
    assert client.get(reverse("mfa_activate_totp")).status_code == 403
    client.post(make_link(olivia))
    session = client.session
    session["second_factor_link_accepted"][1] -= 1801
    session.save()
    assert client.get(reverse("mfa_activate_totp")).status_code == 403


def test_link_used_by_somebody_else_in_the_same_session_opens_nothing(olivia: User) -> None:
    client = log_in(olivia)
    client.post(make_link(olivia))
    session = client.session
    session["second_factor_link_accepted"][0] = str(make_staff("eve", "ops").pk)
    session.save()
    assert client.get(reverse("mfa_activate_totp")).status_code == 403


def test_invented_and_changed_links_are_closed(olivia: User) -> None:
    link, client = make_link(olivia), log_in(olivia)
    for broken in (link[:-4] + "aaa/", reverse("wallet:accept_second_factor", args=["invented"])):
        assert client.post(broken).status_code == 410


# --- who makes links ---


def test_command_prints_a_working_link_for_the_very_first_administrator() -> None:
    root = make_user("root", is_staff=True, is_superuser=True)
    printed = StringIO()
    call_command("invite_second_factor", root.email.upper(), stdout=printed)
    link = printed.getvalue().strip().removeprefix("http://testserver")
    client = log_in(root)
    client.post(link)
    client.post(reverse("mfa_reauthenticate"), {"code": make_code(set_up(client))})
    assert client.get("/admin/").status_code == 200


def test_command_invites_only_active_staff_without_a_factor(olivia: User) -> None:
    add_second_factor(olivia)
    customer, gone = make_user("alice"), make_user("gone", is_staff=True, is_active=False)
    for email in ("nobody@example.com", customer.email, gone.email, olivia.email):
        with pytest.raises(CommandError):
            call_command("invite_second_factor", email)


@pytest.fixture
def log_in_strongly() -> Callable[[User], Client]:
    return lambda user: log_in(user, add_second_factor(user))


def test_superuser_mails_the_link_from_the_page_of_the_user(
    olivia: User, log_in_strongly: Callable[[User], Client]
) -> None:
    root = log_in_strongly(make_user("root", is_staff=True, is_superuser=True))
    act = reverse("admin:wallet_user_second_factor", args=[olivia.pk])
    assert act in root.get(reverse("admin:wallet_user_change", args=[olivia.pk])).content.decode()
    assert root.get(act).status_code == 200
    assert not mail.outbox
    root.post(act)
    assert mail.outbox[-1].to == [olivia.email]
    found = re.search(r"http://testserver(/accounts/second-factor/\S+)", str(mail.outbox[-1].body))
    assert found
    assert log_in(olivia).post(found[1]).status_code == 302


def test_nobody_but_a_superuser_makes_links(olivia: User, log_in_strongly: Callable[[User], Client]) -> None:
    fiona = log_in_strongly(make_staff("fiona", "finance lead"))
    act = reverse("admin:wallet_user_second_factor", args=[olivia.pk])
    assert act not in fiona.get(reverse("admin:wallet_user_change", args=[olivia.pk])).content.decode()
    assert fiona.post(act).status_code == 403
    assert not mail.outbox


# --- the page that asks for the factor at login ---


def test_login_asks_in_our_words_and_offers_a_key_only_to_whoever_has_one(
    olivia: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_second_factor(olivia)
    client = Client()
    client.post(reverse("account_login"), {"login": olivia.email, "password": PASSWORD})
    page = client.get(reverse("mfa_authenticate")).content.decode()
    assert "recovery codes" in page
    assert "Sign In" not in page
    assert "security key" not in page
    key = {"publicKey": {"challenge": "x", "allowCredentials": [{"type": "public-key", "id": "x"}]}}
    monkeypatch.setattr("allauth.mfa.webauthn.internal.auth.begin_authentication", lambda _user: key)
    assert "security key" in client.get(reverse("mfa_authenticate")).content.decode()
