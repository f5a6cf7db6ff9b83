"""Login, its limits, and what ends a session."""

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from tests.people import PASSWORD, make_owner, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


def log_in(client: Client, email: str, password: str = PASSWORD) -> int:
    return client.post(reverse("account_login"), {"login": email, "password": password}).status_code


def is_logged_in(client: Client) -> bool:
    return client.get(reverse("wallet:members")).status_code == 200


def test_address_is_read_in_any_case(client: Client) -> None:
    alice = make_owner()
    assert log_in(client, alice.user.email.upper()) == 302
    assert is_logged_in(client)


def test_wrong_password_and_unknown_address_get_the_same_answer(client: Client) -> None:
    alice = make_user("alice")
    answers = [
        client.post(reverse("account_login"), {"login": email, "password": "wrong"}).context["form"].errors.as_json()
        for email in (alice.email, "nobody@example.com")
    ]
    assert answers[0] == answers[1]


def test_guessing_a_password_is_limited_even_for_the_right_one(client: Client) -> None:
    alice = make_owner()
    for _ in range(5):
        assert log_in(client, alice.user.email, "wrong") == 200
    assert log_in(client, alice.user.email) == 200
    assert not is_logged_in(client)


def test_lock_of_the_login_holds_however_much_else_is_counted(client: Client) -> None:
    alice = make_owner()
    for _ in range(5):
        log_in(client, alice.user.email, "wrong")
    for place in range(400):
        cache.set(f"somebody:{place}", 1, timeout=60)
    log_in(client, alice.user.email)
    assert not is_logged_in(client)


def test_deactivated_person_is_out_at_once(client: Client) -> None:
    alice = make_owner()
    log_in(client, alice.user.email)
    alice.user.is_active = False
    alice.user.save()
    assert not is_logged_in(client)


def test_changing_the_password_ends_every_session() -> None:
    alice = make_owner()
    here, elsewhere = Client(), Client()
    log_in(here, alice.user.email)
    log_in(elsewhere, alice.user.email)
    new = "another long password"
    here.post(reverse("account_change_password"), {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert not is_logged_in(elsewhere)
    assert not is_logged_in(here)
    assert log_in(here, alice.user.email, new) == 302


@pytest.mark.parametrize("name", ["members", "switch", "create_organisation", "leave", "invite"])
def test_pages_need_a_login(client: Client, name: str) -> None:
    response = client.get(reverse(f"wallet:{name}"))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))


def test_language_is_kept_with_the_person_and_comes_along_to_another_browser() -> None:
    alice = make_owner()
    here, elsewhere = Client(), Client()
    log_in(here, alice.user.email)
    here.post(reverse("wallet:language"), {"language": "zh-hans", "next": "/accounts/members/"})
    log_in(elsewhere, alice.user.email)
    assert elsewhere.get(reverse("wallet:members"))["Content-Language"] == "zh-hans"


def test_unknown_language_changes_nothing(client: Client) -> None:
    alice = make_owner()
    client.force_login(alice.user)
    client.post(reverse("wallet:language"), {"language": "klingon"})
    alice.user.refresh_from_db()
    assert alice.user.language == "en"


def test_logging_out_is_called_so(client: Client) -> None:
    client.force_login(make_owner().user)
    page = client.get(reverse("account_logout")).content.decode()
    assert "Log out" in page
    assert "Sign Out" not in page
    client.post(reverse("account_logout"))
    assert not is_logged_in(client)


def test_chinese_customer_is_addressed_politely_and_mail_has_one_word(client: Client) -> None:
    client.cookies["django_language"] = "zh-hans"
    page = client.get(reverse("account_signup")).content.decode()
    assert "您的密码必须包含至少 10 个字符" in page
    for foreign in ("你", "电子邮件", "Email地址", "Email 地址"):
        assert foreign not in page
