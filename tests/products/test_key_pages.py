"""The page of API keys: an owner makes one, sees it once, and revokes it; everybody else sees who may."""

import re
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from products import keys
from products.models import ApiKey
from tests import builders
from wallet.models import Organisation, Role, Session, User

pytestmark = pytest.mark.django_db

KEYS = "/developers/keys/"
REVOKE = "/developers/keys/revoke/"


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def alice(acme: Organisation) -> Client:
    return log_in(builders.owner_of(acme))


def log_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def form_on(page: Any) -> dict[str, str]:
    """What stands in the form that is shown, and is not seen."""
    text = page.content.decode()
    (organisation,) = re.findall(r'type="hidden" name="organisation" value="([^"]+)" id=', text)
    (token,) = re.findall(r'name="token" value="([^"]+)"', text)
    return {"organisation": organisation, "token": token}


def make(client: Client, name: str = "Accounting") -> Any:
    return client.post(KEYS, {"name": name, **form_on(client.get(KEYS))})


def issue(acme: Organisation, name: str = "Accounting") -> keys.Issued:
    return keys.issue_for_organisation(
        organisation_id=acme.pk, name=name, by=builders.owner_of(acme), now=timezone.now()
    )


def test_owner_makes_a_key_and_sees_it_once(alice: Client, acme: Organisation) -> None:
    assert reverse("products:keys") == KEYS
    assert "There is no key yet." in text_of(alice.get(KEYS))
    answer = make(alice)
    found = re.search(r"ipo_[\w-]{43}", answer.content.decode())
    assert answer.status_code == 200
    assert found
    key = keys.find(secret=found[0])
    assert key
    assert (key.organisation, key.name, key.kind) == (acme, "Accounting", "ORGANISATION")
    assert "no-store" in answer["Cache-Control"]
    listed = text_of(alice.get(KEYS))
    assert key.prefix in listed
    assert found[0] not in listed
    assert found[0] not in "".join(str(session.get_decoded()) for session in Session.objects.all())


def test_form_sent_twice_makes_one_key(alice: Client, acme: Organisation) -> None:
    form = {"name": "Accounting", **form_on(alice.get(KEYS))}
    alice.post(KEYS, form)
    again = alice.post(KEYS, form, follow=True)
    assert ApiKey.objects.filter(organisation=acme).count() == 1
    assert "This form was sent before" in text_of(again)
    assert not re.search(r"ipo_[\w-]{43}", again.content.decode())


def test_form_shown_for_another_organisation_makes_no_key(alice: Client, acme: Organisation, now: datetime) -> None:
    form = {"name": "Accounting", **form_on(alice.get(KEYS))}
    other = builders.make_organisation(now=now, owner=builders.owner_of(acme), name="Quetzal Post")
    alice.post(reverse("wallet:switch"), {"organisation": str(other.pk)})
    assert alice.post(KEYS, form).status_code == 404
    assert not ApiKey.objects.filter(organisation__in=[acme, other]).exists()
    assert make(alice).status_code == 200
    assert ApiKey.objects.filter(organisation=other).exists()


def test_forms_leave_nothing_among_the_counters_that_lock_the_login(alice: Client) -> None:
    """The table has room for so many rows; what anybody could write into it would push the locks out."""
    before = _count_cached()
    form = form_on(alice.get(KEYS))
    for place in range(3):
        alice.post(KEYS, {"name": "Accounting", **form, "token": f"mine {place}"})
    assert _count_cached() == before


def _count_cached() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM cache_entry")
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x00b"])
def test_key_needs_a_name(name: str, alice: Client, acme: Organisation) -> None:
    answer = make(alice, name)
    assert answer.status_code == 422
    assert 'class="error"' in answer.content.decode()
    assert not ApiKey.objects.filter(organisation=acme).exists()


@pytest.mark.parametrize("role", [Role.BILLING, Role.VIEWER])
def test_others_see_the_keys_and_who_may(role: Role, acme: Organisation, now: datetime) -> None:
    issued = issue(acme)
    vera = log_in(builders.make_member(acme, role=role, now=now).user)
    page = text_of(vera.get(KEYS))
    assert issued.key.prefix in page
    assert builders.owner_of(acme).email in page
    assert REVOKE not in page
    for answer in (
        vera.post(KEYS, {"name": "Mine", "token": "x"}),
        vera.post(REVOKE, {"key": issued.key.pk, "sure": "on"}),
    ):
        assert answer.status_code == 403
    assert list(ApiKey.objects.filter(organisation=acme, revoked_at=None)) == [issued.key]


def test_owner_is_asked_and_then_revokes(alice: Client, acme: Organisation) -> None:
    issued = issue(acme)
    asked = alice.post(REVOKE, {"key": issued.key.pk})
    assert "Revoke “Accounting”?" in text_of(asked)
    assert keys.find(secret=issued.secret)
    done = alice.post(REVOKE, {"key": issued.key.pk, "sure": "on"}, follow=True)
    assert keys.find(secret=issued.secret) is None
    assert "Revoked keys" in text_of(done)
    assert alice.post(REVOKE, {"key": issued.key.pk, "sure": "on"}).status_code == 302


def test_key_of_another_organisation_is_not_found(alice: Client, now: datetime) -> None:
    issued = issue(builders.make_organisation(now=now, name="Bob's Bikes"), name="Bob's books")
    for body in ({"key": issued.key.pk}, {"key": issued.key.pk, "sure": "on"}, {"key": "x"}, {}):
        answer = alice.post(REVOKE, body)
        assert answer.status_code == 404
        assert "Bob's books" not in text_of(answer)
    assert "Bob's books" not in text_of(alice.get(KEYS))
    assert keys.find(secret=issued.secret)


def test_limit_of_keys_is_told(alice: Client, acme: Organisation) -> None:
    for _ in range(keys.MOST_LIVE):
        issue(acme)
    answer = alice.post(KEYS, {"name": "One more", **form_on(alice.get(KEYS))}, follow=True)
    assert "at most 20 keys" in text_of(answer)
    assert ApiKey.objects.filter(organisation=acme).count() == keys.MOST_LIVE


def test_revoking_is_a_post(alice: Client) -> None:
    assert alice.get(REVOKE).status_code == 405


def test_somebody_without_an_organisation_is_told(db: None) -> None:
    assert log_in(builders.make_person("nobody")).get(KEYS).status_code == 403
