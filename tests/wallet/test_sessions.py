"""Where a person is logged in: what the page shows, how sessions end from there, and how each ends by itself."""

from datetime import datetime, timedelta
from unittest import mock

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from tests.people import PASSWORD, make_owner, make_staff
from wallet import devices, sessions
from wallet.models import Member, Session, User

pytestmark = pytest.mark.django_db

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/604.1"
PAGE = "/accounts/sessions/"


@pytest.fixture(autouse=True)
def _fresh_limits(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False
    cache.clear()


@pytest.fixture
def alice() -> Member:
    return make_owner()


def log_in(user: User, *, agent: str = FIREFOX, address: str = "203.0.113.7") -> Client:
    client = Client(REMOTE_ADDR=address, headers={"User-Agent": agent})
    client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    return client


def enter(user: User) -> Client:
    """A session of hers elsewhere; no password is hashed for it."""
    client = Client()
    client.force_login(user)
    return client


def is_in(client: Client) -> bool:
    return client.get(reverse("home")).status_code == 200


def handles(client: Client) -> list[str]:
    return [one.handle for one, _device in client.get(PAGE).context["rows"] if not one.is_this]


def confirm(client: Client, asked: HttpResponseBase) -> HttpResponseBase:
    """The password, which what was asked for waits for."""
    return client.post(asked["Location"], {"password": PASSWORD})


def end(client: Client, handle: str) -> HttpResponseBase:
    return confirm(client, client.post(reverse("wallet:end_session"), {"session": handle}))


def leave_alone(client: Client, *, minutes: float) -> None:
    seen_at = timezone.now() - timedelta(minutes=minutes)
    Session.objects.filter(pk=client.session.session_key).update(seen_at=seen_at)


# --- the page ---


def test_page_names_every_browser_with_its_address_and_which_is_this_one(alice: Member) -> None:
    here = log_in(alice.user)
    log_in(alice.user, agent=IPHONE, address="198.51.100.9")
    enter(make_owner("bob", "Bob's Bikes").user)
    page = here.get(PAGE)
    text = page.content.decode()
    assert [(device, one.place.address, one.is_this) for one, device in page.context["rows"]] == [
        ("Firefox · Linux", "203.0.113.7", True),
        ("Safari · iPhone", "198.51.100.9", False),
    ]
    assert "this browser" in text
    assert reverse("wallet:sessions") in here.get(reverse("home")).content.decode()


def test_page_never_tells_a_key_that_would_open_a_session(alice: Member) -> None:
    here, elsewhere = enter(alice.user), enter(alice.user)
    page = here.get(PAGE).content.decode()
    assert str(elsewhere.session.session_key) not in page
    assert str(here.session.session_key) not in page


def test_page_says_when_there_is_no_other_session(alice: Member) -> None:
    page = enter(alice.user).get(PAGE).content.decode()
    assert "You are logged in nowhere else." in page
    assert reverse("wallet:end_other_sessions") not in page


def test_page_leaves_out_what_opens_nothing_any_more(alice: Member, settings: Settings) -> None:
    here, idle, over, old = (enter(alice.user) for _ in range(4))
    leave_alone(idle, minutes=settings.SESSION_IDLE_MINUTES)
    Session.objects.filter(pk=over.session.session_key).update(expire_date=timezone.now())
    session = old.session
    session["_auth_user_hash"] = "of another password"
    session.save()
    assert handles(here) == []


def test_page_needs_a_login() -> None:
    for name in ("wallet:sessions", "wallet:end_session", "wallet:end_other_sessions"):
        for method in ("get", "post"):
            assert getattr(Client(), method)(reverse(name)).status_code in {302, 405}


@pytest.mark.parametrize(
    ("agent", "described"),
    [
        ("", "Unknown browser"),
        ("curl/8.5.0", "Unknown browser"),
        ("<script>alert(1)</script>", "Unknown browser"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit Chrome/140.0 Safari/537.36 Edg/140.0", "Edge · Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X) AppleWebKit Chrome/140.0 Safari/537.36", "Chrome · macOS"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140 Mobile Safari/537 MicroMessenger/8.0", "WeChat · Android"),
    ],
)
def test_browser_is_named_in_words_and_what_it_sent_is_not_shown(agent: str, described: str) -> None:
    assert devices.describe(agent) == described


# --- ended by its owner ---


def test_owner_ends_one_session_after_saying_again_who_he_is(alice: Member) -> None:
    here, lost, phone = (enter(alice.user) for _ in range(3))
    named = sessions.list_open(user=alice.user, key=lost.session.session_key, now=timezone.now())[0].handle
    done = end(here, named)
    assert done["Location"] == PAGE
    assert "That browser is logged out." in here.get(PAGE).content.decode()
    assert [is_in(client) for client in (here, lost, phone)] == [True, False, True]


def test_owner_ends_all_others_at_once(alice: Member) -> None:
    here, first, second, bobs = (
        *(enter(alice.user) for _ in range(3)),
        enter(make_owner("bob", "Bikes").user),
    )
    done = confirm(here, here.post(reverse("wallet:end_other_sessions")))
    assert done["Location"] == PAGE
    assert [is_in(client) for client in (here, first, second, bobs)] == [True, False, False, True]


def test_browser_left_open_ends_nothing_without_the_password(alice: Member) -> None:
    here, elsewhere = enter(alice.user), enter(alice.user)
    for name, form in [("end_session", {"session": handles(here)[0]}), ("end_other_sessions", {})]:
        asked = here.post(reverse(f"wallet:{name}"), form)
        assert asked["Location"].startswith(reverse("account_reauthenticate"))
        here.post(asked["Location"], {"password": "not hers"})
        assert is_in(elsewhere)


def test_nobody_ends_the_session_of_somebody_else(alice: Member) -> None:
    hers, bobs = enter(alice.user), enter(make_owner("bob", "Bob's Bikes").user)
    (named,) = sessions.list_open(user=alice.user, key=None, now=timezone.now())
    end(bobs, named.handle)
    assert "That session has ended already." in bobs.get(PAGE).content.decode()
    assert is_in(hers)


@pytest.mark.parametrize("handle", ["", "x", "0" * 64])
def test_session_that_does_not_exist_has_ended_already(handle: str, alice: Member) -> None:
    here, elsewhere = enter(alice.user), enter(alice.user)
    end(here, handle)
    assert is_in(here)
    assert is_in(elsewhere)


def test_own_session_is_ended_by_logging_out_only(alice: Member) -> None:
    here = enter(alice.user)
    (own,) = sessions.list_open(user=alice.user, key=here.session.session_key, now=timezone.now())
    end(here, own.handle)
    assert is_in(here)


# --- ended by itself ---


@pytest.mark.parametrize("who", ["a customer", "staff"])
def test_session_ends_when_it_was_not_used(who: str, alice: Member, settings: Settings) -> None:
    user = alice.user if who == "a customer" else make_staff("fiona", "finance")
    limit = settings.SESSION_IDLE_MINUTES if who == "a customer" else settings.STAFF_SESSION_IDLE_MINUTES
    page = reverse("wallet:sessions")
    here = log_in(user)
    leave_alone(here, minutes=limit - 1)
    assert here.get(page).status_code == 200
    leave_alone(here, minutes=limit)
    answer = here.get(page)
    assert answer["Location"].startswith(reverse("account_login"))
    assert "not used for a while" in here.get(answer["Location"]).content.decode()
    here.post(answer["Location"], {"login": user.email, "password": PASSWORD})
    assert here.get(page).status_code == 200


def test_nothing_is_done_with_a_session_that_was_not_used(alice: Member, settings: Settings) -> None:
    here = enter(alice.user)
    leave_alone(here, minutes=settings.SESSION_IDLE_MINUTES)
    answer = here.post(reverse("payments:topup"), {"amount": "20", "method": "card", "currency": "USD"})
    assert answer["Location"].startswith(reverse("account_login"))


def test_staff_are_logged_out_earlier_than_customers(settings: Settings) -> None:
    assert settings.STAFF_SESSION_IDLE_MINUTES < settings.SESSION_IDLE_MINUTES
    assert settings.STAFF_SESSION_HOURS < settings.SESSION_DAYS * 24


def test_use_keeps_a_session_and_writes_once_a_minute_at_the_most(alice: Member) -> None:
    here = enter(alice.user)
    key = here.session.session_key
    leave_alone(here, minutes=2)
    assert is_in(here)
    (seen_at,) = Session.objects.filter(pk=key).values_list("seen_at", flat=True)
    assert timezone.now() - seen_at < timedelta(minutes=1)
    assert is_in(here)
    assert Session.objects.get(pk=key).seen_at == seen_at


@pytest.mark.parametrize("who", ["a customer", "staff"])
def test_session_ends_at_last_however_much_it_is_used(who: str, alice: Member, settings: Settings) -> None:
    user = alice.user if who == "a customer" else make_staff("fiona", "finance")
    lives = (
        timedelta(days=settings.SESSION_DAYS) if who == "a customer" else timedelta(hours=settings.STAFF_SESSION_HOURS)
    )
    here, began_at = log_in(user), timezone.now()
    later = began_at + lives - timedelta(minutes=5)
    with mock.patch("django.utils.timezone.now", return_value=later):
        Session.objects.update(seen_at=later)
        session = here.session
        session["something"] = "kept in use"
        session.save()
    ends_at = Session.objects.get(pk=here.session.session_key).expire_date
    assert abs(ends_at - began_at - lives) < timedelta(seconds=30)


def test_session_that_is_over_opens_nothing(alice: Member) -> None:
    here = enter(alice.user)
    Session.objects.filter(pk=here.session.session_key).update(expire_date=timezone.now())
    assert not is_in(here)


def test_sessions_that_are_over_are_thrown_away_in_the_night(alice: Member, now: datetime) -> None:
    here, over = enter(alice.user), enter(alice.user)
    Session.objects.filter(pk=over.session.session_key).update(expire_date=now - timedelta(days=900))
    call_command("clearsessions")
    assert Session.objects.filter(user=alice.user).count() == 1
    assert is_in(here)
