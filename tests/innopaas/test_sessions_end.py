"""What ends a session, wherever it is: another password, other rights, leaving; and what ends a program's access."""

from collections.abc import Callable
from datetime import datetime

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from products import keys
from tests import people
from tests.innopaas.callers import Caller, error_of
from wallet import organisations, sessions
from wallet.models import Member, Role, User

pytestmark = pytest.mark.django_db

NEW = "another long password"


@pytest.fixture(autouse=True)
def _demo(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def alice() -> Member:
    return people.make_owner()


@pytest.fixture
def vera(alice: Member) -> Member:
    return people.make_member("vera", alice.organisation, Role.BILLING)


def log_in(user: User, password: str = people.PASSWORD) -> Client:
    client = Client()
    client.post(reverse("account_login"), {"login": user.email, "password": password})
    return client


def is_in(client: Client, page: str = "wallet:members") -> bool:
    return client.get(reverse(page)).status_code == 200


def test_password_reset_by_mail_ends_every_session(alice: Member) -> None:
    here, elsewhere = log_in(alice.user), log_in(alice.user)
    stranger = Client()
    stranger.post(reverse("account_reset_password"), {"email": alice.user.email})
    link = next(word for word in mail.outbox[-1].body.split() if "/password/reset/key/" in word)
    form = stranger.get(link.replace("http://testserver", ""), follow=True)
    done = stranger.post(form.redirect_chain[-1][0], {"password1": NEW, "password2": NEW})
    assert done.status_code == 302
    assert not any(is_in(client) for client in (here, elsewhere, stranger))
    assert is_in(log_in(alice.user, NEW))


def test_link_of_a_password_reset_works_once(alice: Member) -> None:
    stranger = Client()
    stranger.post(reverse("account_reset_password"), {"email": alice.user.email})
    link = next(word for word in mail.outbox[-1].body.split() if "/password/reset/key/" in word)
    for password in (NEW, "a third long password"):
        form = Client()
        page = form.get(link.replace("http://testserver", ""), follow=True)
        if page.redirect_chain:
            form.post(page.redirect_chain[-1][0], {"password1": password, "password2": password})
    assert is_in(log_in(alice.user, NEW))
    assert not is_in(log_in(alice.user, "a third long password"))


def change_role(alice: Member, vera: Member) -> None:
    organisations.change_role(
        organisation_id=alice.organisation_id, user_id=vera.user_id, role=Role.VIEWER, by=alice.user
    )


def remove(alice: Member, vera: Member) -> None:
    organisations.remove(organisation_id=alice.organisation_id, user_id=vera.user_id, by=alice.user)


@pytest.mark.parametrize("act", [change_role, remove])
def test_session_ends_when_somebody_else_takes_or_changes_a_role(
    act: Callable[[Member, Member], None], alice: Member, vera: Member
) -> None:
    here, elsewhere, hers = log_in(vera.user), log_in(vera.user), log_in(alice.user)
    assert is_in(here)
    act(alice, vera)
    for client in (here, elsewhere):
        answer = client.get(reverse("home"))
        assert answer["Location"].startswith(reverse("account_login"))
        assert client.session.get("_auth_user_id") is None
    assert is_in(hers)


def test_no_money_is_moved_with_a_role_that_was_changed_since(alice: Member, vera: Member) -> None:
    here = log_in(vera.user)
    change_role(alice, vera)
    answer = here.post(reverse("payments:topup"), {"amount": "20", "method": "card", "currency": "USD"})
    assert answer["Location"].startswith(reverse("account_login"))


def test_who_logs_in_again_has_the_new_role(alice: Member, vera: Member) -> None:
    here = log_in(vera.user)
    change_role(alice, vera)
    assert not is_in(here)
    assert is_in(log_in(vera.user))


def test_new_membership_ends_nothing_and_is_watched_from_then_on(vera: Member) -> None:
    here, bob = log_in(vera.user), people.make_owner("bob", "Bob's Bikes")
    joined = Member.objects.create(
        organisation=bob.organisation, user=vera.user, role=Role.BILLING, joined_at=people.LONG_AGO
    )
    assert is_in(here)
    change_role(bob, joined)
    assert not is_in(here)


def test_own_leaving_ends_membership_and_not_the_session(vera: Member) -> None:
    own = organisations.create(name="Verbena", owner=vera.user, now=people.LONG_AGO)
    here = log_in(vera.user)
    here.post(reverse("wallet:switch"), {"organisation": str(vera.organisation_id)})
    here.post(reverse("wallet:leave"))
    page = here.get(reverse("wallet:members"))
    assert page.status_code == 200
    assert own.name in page.content.decode()
    assert not Member.objects.filter(pk=vera.pk).exists()


@pytest.mark.parametrize("change", ["a group given", "a group taken", "no staff", "superuser"])
def test_session_of_staff_ends_when_their_rights_change(change: str) -> None:
    fiona = people.make_staff("fiona", "finance")
    here = log_in(fiona)
    assert is_in(here, "admin:index")
    if change == "a group given":
        fiona.groups.add(Group.objects.get(name="ops"))
    elif change == "a group taken":
        fiona.groups.clear()
    elif change == "no staff":
        User.objects.filter(pk=fiona.pk).update(is_staff=False)
    else:
        User.objects.filter(pk=fiona.pk).update(is_superuser=True)
    assert here.get(reverse("admin:index"))["Location"].startswith(reverse("account_login"))
    assert here.session.get("_auth_user_id") is None


def test_unchanged_rights_end_nothing_however_often_they_are_looked_at() -> None:
    fiona = people.make_staff("fiona", "finance")
    here = log_in(fiona)
    fiona.groups.set(list(fiona.groups.all()))
    assert all(is_in(here, "admin:index") for _ in range(3))


def test_session_that_was_logged_out_is_worth_nothing(alice: Member) -> None:
    here = log_in(alice.user)
    stolen = Client()
    stolen.cookies["sessionid"] = here.cookies["sessionid"].value
    assert is_in(stolen)
    here.post(reverse("account_logout"))
    assert not is_in(stolen)


def test_passkey_of_somebody_deactivated_opens_nothing(alice: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key itself is right: what it answers is the browser's business and not ours here."""
    passkey = Authenticator.objects.create(
        user=alice.user, type=Authenticator.Type.WEBAUTHN, data={"name": "Key", "passwordless": True}
    )
    monkeypatch.setattr("allauth.mfa.webauthn.forms.auth.complete_authentication", lambda *_: passkey)
    monkeypatch.setattr("allauth.mfa.webauthn.forms.auth.parse_authentication_response", lambda response: response)
    monkeypatch.setattr(
        "allauth.mfa.webauthn.forms.auth.extract_user_from_response", lambda _: User.objects.get(pk=alice.user.pk)
    )
    client = Client()
    client.post(reverse("mfa_login_webauthn"), {"credential": '{"id": "x"}'})
    assert is_in(client)
    sessions.end(user_id=alice.user.pk)
    User.objects.filter(pk=alice.user.pk).update(is_active=False)
    assert not is_in(client)
    again = Client()
    again.post(reverse("mfa_login_webauthn"), {"credential": '{"id": "x"}'})
    assert not is_in(again)
    assert get_adapter().is_mfa_enabled(alice.user)  # it stays, and is asked for when she comes back


def test_key_of_the_api_ends_with_its_revocation_and_not_with_who_made_it(alice: Member, now: datetime) -> None:
    """It belongs to the organisation and only reads; the page of keys names who made each."""
    bob = people.make_member("bob", alice.organisation, Role.OWNER)
    issued = keys.issue_for_organisation(organisation_id=alice.organisation_id, name="Books", by=bob.user, now=now)
    program = Caller(secret=issued.secret, key=issued.key)
    organisations.leave(organisation_id=alice.organisation_id, user=bob.user)
    assert program.get("/balances").status_code == 200
    assert str(bob.user) in log_in(alice.user).get(reverse("products:keys")).content.decode()
    keys.revoke_own(key_id=issued.key.pk, organisation_id=alice.organisation_id, by=alice.user, now=now)
    answer = program.get("/balances")
    assert answer.status_code == 401
    assert error_of(answer)["name"] == "UNAUTHENTICATED"
