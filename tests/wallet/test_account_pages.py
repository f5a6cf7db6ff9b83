"""The account's own pages, whose texts and flows a library brings: each can be gone through to its end, and back."""

import re
from html import unescape
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from tests.people import PASSWORD, make_owner
from tests.wallet.test_second_factors import add_second_factor, log_in, reauthenticate_by_password
from wallet.models import User

pytestmark = pytest.mark.django_db
NEW = "another long password"


@pytest.fixture
def alice(db: None) -> User:
    cache.clear()
    return make_owner().user


@pytest.fixture
def client(alice: User) -> Client:
    client = Client()
    client.post(reverse("account_login"), {"login": alice.email, "password": PASSWORD})
    return client


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return " ".join(unescape(answer.content.decode()).split())


def find_form(page: str, action: str) -> str:
    """The form that sends to that address, as it stands in the page."""
    found = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', page)
    assert found, action
    return found[0]


@pytest.mark.parametrize(
    ("name", "button"),
    [("mfa_deactivate_totp", "Remove"), ("mfa_generate_recovery_codes", "Make new codes")],
)
def test_form_without_fields_has_its_button_and_a_way_back(alice: User, name: str, button: str) -> None:
    client = log_in(alice, add_second_factor(alice))
    reauthenticate_by_password(client)
    form = find_form(text_of(client.get(reverse(name))), reverse(name))
    assert " hidden" not in form.partition(">")[0]
    assert re.search(rf"<button[^>]*> ?{button} ?</button>", form)
    assert f'href="{reverse("mfa_index")}"' in form
    before = list(Authenticator.objects.filter(user=alice).values_list("data", flat=True).order_by("pk"))
    assert client.post(reverse(name)).status_code == 302
    assert list(Authenticator.objects.filter(user=alice).values_list("data", flat=True).order_by("pk")) != before


def test_address_is_changed_with_a_second_factor_set_up(alice: User) -> None:
    """It counts once the mail's link is opened; until then the old one does."""
    client = log_in(alice, add_second_factor(alice))
    reauthenticate_by_password(client)
    answer = client.post(reverse("account_email"), {"email": "new@example.com", "action_add": ""}, follow=True)
    assert "We have sent a mail to new@example.com." in text_of(answer)
    alice.refresh_from_db()
    assert alice.email != "new@example.com"
    link = re.search(r"/accounts/confirm-email/\S+", str(mail.outbox[-1].body))
    assert link
    client.post(link[0])
    alice.refresh_from_db()
    assert alice.email == "new@example.com"


def test_address_is_changed_only_by_who_says_once_more_who_he_is(client: Client, alice: User) -> None:
    """What was typed is kept meanwhile."""
    answer = client.post(reverse("account_email"), {"email": "other@example.com", "action_add": ""}, follow=True)
    assert answer.request["PATH_INFO"] == reverse("account_reauthenticate")
    assert f'name="next" value="{reverse("account_email")}"' in text_of(answer)
    assert not EmailAddress.objects.filter(email="other@example.com").exists()
    form = {"password": PASSWORD, "next": reverse("account_email")}
    assert client.post(reverse("account_reauthenticate"), form)["Location"] == reverse("account_email")
    assert EmailAddress.objects.filter(email="other@example.com", user=alice, verified=False).exists()


def test_changed_password_leads_to_the_login_and_then_home(client: Client, alice: User) -> None:
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    answer = client.post(reverse("account_change_password"), form)
    assert answer["Location"] == reverse("account_login")
    assert "Your password is changed." in text_of(client.get(reverse("account_login")))
    answer = client.post(reverse("account_login"), {"login": alice.email, "password": NEW})
    assert answer["Location"] == "/"


def test_password_set_by_a_mail_leads_to_the_login(alice: User) -> None:
    stranger = Client()
    stranger.post(reverse("account_reset_password"), {"email": alice.email})
    link = re.search(r"/accounts/password/reset/key/\S+", str(mail.outbox[-1].body))
    assert link
    page = stranger.get(link[0], follow=True)
    answer = stranger.post(page.request["PATH_INFO"], {"password1": NEW, "password2": NEW}, follow=True)
    shown = text_of(answer)
    assert shown.count("Your password is changed.") == 1
    assert f'href="{reverse("account_login")}">Log in</a>' in shown


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("short", "This password is too short: take at least 10 characters."),
        ("alice@example.com", "This password is too like your e-mail address."),
        ("password1234", "This password is one that many people use."),
    ],
)
def test_refused_password_says_why_in_our_words(client: Client, alice: User, password: str, words: str) -> None:
    User.objects.filter(pk=alice.pk).update(email="alice@example.com")
    form = {"oldpassword": PASSWORD, "password1": password, "password2": password}
    assert words in text_of(client.post(reverse("account_change_password"), form))


def test_refused_password_says_why_in_chinese(client: Client) -> None:
    form = {"oldpassword": PASSWORD, "password1": "short", "password2": "short"}
    client.post(reverse("wallet:language"), {"language": "zh-hans", "next": "/"})
    answer = client.post(reverse("account_change_password"), form)
    assert "密码太短，至少需要 10 个字符。" in text_of(answer)


def test_codes_left_are_counted(alice: User) -> None:
    client = log_in(alice, add_second_factor(alice))
    assert "10 of 10 codes are left." in text_of(client.get(reverse("mfa_index")))


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("name", ["account_login", "account_signup", "account_reset_password"])
def test_no_label_stands_in_its_field_once_more(name: str) -> None:
    assert "placeholder" not in fields_of(Client(), name)


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("name", ["account_change_password", "account_email"])
def test_no_label_stands_in_its_field_once_more_for_who_is_logged_in(client: Client, name: str) -> None:
    assert "placeholder" not in fields_of(client, name)


def fields_of(client: Client, name: str) -> str:
    page = client.get(reverse(name)).content.decode()
    assert "<label" in page
    return page
