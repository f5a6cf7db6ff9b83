"""Sign-up: an organisation with its owner, a confirmed address, and nothing told to the curious."""

import re
from pathlib import Path

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from tests.people import PASSWORD, make_owner, make_user
from wallet.models import Member, Organisation, Role, User

pytestmark = pytest.mark.django_db

FORM = {
    "organisation": "Nova Shop",
    "name": "Nina Nova",
    "email": "Nina@Example.com",
    "password1": PASSWORD,
    "password2": PASSWORD,
}


def sign_up(client: Client, **changes: str) -> str:
    """The address of the page that follows."""
    response = client.post(reverse("account_signup"), {**FORM, **changes})
    assert response.status_code == 302, response.context["form"].errors
    return str(response["Location"])


def read_link(text: str) -> str:
    found = re.search(r"http://testserver(/\S+)", text)
    assert found
    return found[1]


def test_sign_up_makes_an_organisation_with_its_owner(client: Client) -> None:
    assert sign_up(client) == reverse("account_email_verification_sent")
    member = Member.objects.get(user__email="nina@example.com")
    assert (member.organisation.name, member.role) == ("Nova Shop", Role.OWNER)


def test_sign_up_keeps_the_persons_name(client: Client) -> None:
    sign_up(client, name="  Nina\n Nova ")
    assert str(User.objects.get(email="nina@example.com")) == "Nina Nova"


@pytest.mark.parametrize("name", ["", "  ", "\r\n", "\x01\u2028"])
@pytest.mark.parametrize("field", ["name", "organisation"])
def test_sign_up_needs_names_that_can_be_read(client: Client, field: str, name: str) -> None:
    response = client.post(reverse("account_signup"), {**FORM, field: name})
    assert field in response.context["form"].errors
    assert not User.objects.filter(email="nina@example.com").exists()


def test_password_is_hashed_with_argon2(client: Client) -> None:
    sign_up(client)
    assert User.objects.get(email="nina@example.com").password.startswith("argon2$argon2id$")


def test_nobody_logs_in_before_the_address_is_confirmed(client: Client) -> None:
    sign_up(client)
    assert "_auth_user_id" not in client.session
    link = read_link(str(mail.outbox[0].body))
    client.post(link)
    client.post(reverse("account_login"), {"login": "nina@example.com", "password": PASSWORD})
    assert client.session["_auth_user_id"] == str(User.objects.get(email="nina@example.com").pk)


def test_confirmation_link_opened_twice_says_so_and_leads_to_the_login(client: Client) -> None:
    sign_up(client)
    link = read_link(str(mail.outbox[0].body))
    assert "Already confirmed" not in client.get(link).content.decode()
    client.post(link)
    for method in ("get", "post"):
        again = getattr(Client(), method)(link)
        assert again.status_code == 200
        assert "Already confirmed" in again.content.decode()
        assert reverse("account_login") in again.content.decode()


def test_invented_and_old_confirmation_links_are_still_refused(client: Client, settings: Settings) -> None:
    sign_up(client)
    link = read_link(str(mail.outbox[0].body))
    client.post(link)
    settings.ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = -1
    for broken in (link, link[:-3] + "aa/", "/accounts/confirm-email/MQ:1abc:def/"):
        page = Client().get(broken).content.decode()
        assert "nina@example.com" not in page
        assert "This link has expired, or is not whole." in page


def test_sign_up_keeps_the_language_of_the_visitor(client: Client) -> None:
    client.cookies["django_language"] = "zh-hans"
    sign_up(client)
    assert User.objects.get(email="nina@example.com").language == "zh-hans"


def test_known_address_gets_the_same_answer_and_a_mail_but_no_second_account(client: Client) -> None:
    alice = make_user("alice")
    assert sign_up(client, email=alice.email.upper()) == reverse("account_email_verification_sent")
    assert User.objects.filter(email__iexact=alice.email).count() == 1
    assert not Organisation.objects.filter(name="Nova Shop").exists()
    assert [message.to for message in mail.outbox] == [[alice.email]]


def test_half_a_sign_up_leaves_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("wallet.organisations.create", fail)
    with pytest.raises(RuntimeError):
        sign_up(client)
    assert not User.objects.filter(email="nina@example.com").exists()


@pytest.mark.parametrize("password", ["short", "password1234", "nina@example.com"])
def test_weak_password_is_refused(client: Client, password: str) -> None:
    response = client.post(reverse("account_signup"), {**FORM, "password1": password, "password2": password})
    assert response.status_code == 200
    assert "password1" in response.context["form"].errors
    assert not User.objects.filter(email="nina@example.com").exists()


def test_sign_ups_from_one_address_are_limited(client: Client) -> None:
    codes = []
    for number in range(22):
        client.cookies.clear()
        response = client.post(reverse("account_signup"), {**FORM, "email": f"n{number}@example.com", "password1": "x"})
        codes.append(response.status_code)
    assert codes[:20] == [200] * 20
    assert codes[21] == 429


def test_demo_shows_the_mail_to_the_browser_that_caused_it(client: Client, settings: Settings, tmp_path: Path) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path)
    settings.DEBUG = True
    client.cookies["django_language"] = "zh-hans"
    sign_up(client)
    waiting = client.get(reverse("account_email_verification_sent")).content.decode()
    assert reverse("wallet:mail") in waiting
    shown = client.get(reverse("wallet:mail")).content.decode()
    assert 'href="http://testserver/accounts/confirm-email/' in shown
    assert "请打开以下链接确认" in shown
    assert "confirm-email" not in Client().get(reverse("wallet:mail")).content.decode()


def test_production_shows_no_mail(client: Client, settings: Settings) -> None:
    settings.DEBUG = False
    sign_up(client)
    assert "mail_to" not in client.session
    assert client.get("/accounts/mail/").status_code == 404


def test_owner_founds_another_organisation_and_acts_for_it(client: Client) -> None:
    alice = make_owner()
    client.force_login(alice.user)
    client.post(reverse("wallet:create_organisation"), {"name": "Second"})
    page = client.get(reverse("wallet:members"))
    assert page.context["member"].organisation.name == "Second"
