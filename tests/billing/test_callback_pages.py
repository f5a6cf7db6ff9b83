"""The page of callbacks: owners manage where they are called; nobody else sees an address, a secret or a body."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing import callbacks
from billing.callbacks import Wish
from billing.models import Callback, CallbackEndpoint
from billing.models.callbacks import Failure
from tests import people
from wallet.models import Member, Role

PAGE = "/billing/callbacks/"
ACTS = ["secret", "rotate", "events", "off", "on", "remove", "test", "again"]
BOTH = ["order.paid", "balance.low"]


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def alice(committed: None) -> Iterator[Member]:
    yield people.make_owner()
    CallbackEndpoint.objects.update(is_on=False)  # sweeps look at every row


def as_(member: Member) -> Client:
    client = Client()
    client.force_login(member.user)
    return client


def listen(member: Member, *, now: datetime, url: str = "https://example.com/quetzal") -> CallbackEndpoint:
    wish = Wish(url=url, events=BOTH)
    return callbacks.add(wish, organisation_id=member.organisation_id, by=member.user, now=now)


def act(client: Client, name: str, endpoint: CallbackEndpoint, **more: Any) -> Any:
    """Said yes to where the page asks first."""
    given = {"username": endpoint.username, "sure": "on"}
    return client.post(reverse(f"billing:callback_{name}"), given | more, follow=True)


def add(client: Client, member: Member, **fields: Any) -> Any:
    body = {"organisation": str(member.organisation_id), "url": "https://example.com/quetzal", "events": BOTH}
    return client.post(PAGE, body | fields, follow=True)


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def fingerprint(member: Member) -> list[Any]:
    rows = CallbackEndpoint.objects.filter(organisation_id=member.organisation_id).order_by("pk")
    sent = Callback.objects.filter(organisation_id=member.organisation_id).order_by("pk")
    return [*rows.values(), *sent.values()]


def test_owner_without_addresses_reads_what_callbacks_are_for(alice: Member) -> None:
    answer = as_(alice).get(PAGE)
    assert answer.status_code == 200
    assert "No address is called yet" in text_of(answer)
    assert "Nothing has been sent yet" in text_of(answer)
    assert "no-store" in answer.headers["Cache-Control"]


def test_owner_adds_an_address_and_sees_its_secret_once(alice: Member) -> None:
    client = as_(alice)
    first = text_of(add(client, alice))
    endpoint = CallbackEndpoint.objects.get(organisation=alice.organisation)
    assert (endpoint.url, sorted(endpoint.events)) == ("https://example.com/quetzal", sorted(BOTH))
    assert endpoint.secret in first
    assert endpoint.username in first
    assert endpoint.secret not in text_of(client.get(PAGE))
    assert endpoint.secret in text_of(act(client, "secret", endpoint))
    assert endpoint.secret not in text_of(client.get(PAGE))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"url": "http://example.com/"}, "must begin with https://"),
        ({"url": "https://example.com:22/"}, "Only the ports 443 and 8443"),
        ({"url": "https://10.0.0.1/"}, "must be on the public internet"),
        ({"url": "https://localhost/"}, "must be on the public internet"),
        ({"url": "https://me:pw@example.com/"}, "user name or password"),
        ({"url": "example"}, "Write a whole address"),
        ({"url": ""}, "This field is required"),
        ({"url": "https://example.com/" + "x" * 500}, "at most 500 characters"),
        ({"url": "https://example.com/" + "é" * 200}, "it may have 500 characters"),
        ({"events": []}, "Choose at least one event"),
        ({"events": ["test"]}, "Select a valid choice"),
    ],
)
def test_address_that_cannot_be_called_is_refused_with_what_to_write(
    alice: Member, fields: dict[str, Any], message: str
) -> None:
    answer = add(as_(alice), alice, **fields)
    assert answer.status_code == 422
    assert message in text_of(answer)
    assert not CallbackEndpoint.objects.filter(organisation=alice.organisation).exists()


def test_same_address_twice_is_told(alice: Member, now: datetime) -> None:
    listen(alice, now=now)
    answer = add(as_(alice), alice)
    assert answer.status_code == 422
    assert "in the list already" in text_of(answer)


def test_full_list_is_told_and_takes_no_more(alice: Member, now: datetime) -> None:
    client = as_(alice)
    for place in range(callbacks.MOST_ENDPOINTS):
        listen(alice, now=now, url=f"https://example.com/{place}")
    assert "as many as there may be" in text_of(client.get(PAGE))
    assert "Remove one first" in text_of(add(client, alice))
    assert CallbackEndpoint.objects.filter(organisation=alice.organisation).count() == callbacks.MOST_ENDPOINTS


def test_form_shown_for_another_organisation_adds_nothing(alice: Member) -> None:
    other = people.make_owner("bob", "Bob's Bikes")
    assert add(as_(alice), other).status_code == 404
    assert not CallbackEndpoint.objects.filter(organisation__in=[alice.organisation, other.organisation]).exists()


def test_new_secret_is_shown_and_another(alice: Member, now: datetime) -> None:
    before = listen(alice, now=now)
    answer = text_of(act(as_(alice), "rotate", before))
    after = CallbackEndpoint.objects.get(pk=before.pk)
    assert after.secret != before.secret
    assert after.secret in answer
    assert before.secret not in answer


@pytest.mark.parametrize(
    ("name", "words"), [("rotate", "The old secret ends at once."), ("remove", "1 call that waits is given up.")]
)
def test_what_cannot_be_taken_back_is_asked_first(alice: Member, now: datetime, name: str, words: str) -> None:
    client, endpoint = as_(alice), listen(alice, now=now)
    callbacks.send_test(endpoint, now=now)
    before = fingerprint(alice)
    assert words in text_of(act(client, name, endpoint, sure=""))
    assert fingerprint(alice) == before


def test_owner_chooses_anew_about_what_an_address_is_called(alice: Member, now: datetime) -> None:
    client, endpoint = as_(alice), listen(alice, now=now)
    assert "is called about what you chose" in text_of(act(client, "events", endpoint, events=["order.paid"] * 2))
    endpoint.refresh_from_db()
    assert endpoint.events == ["order.paid"]
    for wrong in ([], ["test"], ["order.paid", "anything"]):
        assert "choose at least one event" in text_of(act(client, "events", endpoint, events=wrong))
    endpoint.refresh_from_db()
    assert endpoint.events == ["order.paid"]


def test_call_given_up_with_its_address_says_so(alice: Member, now: datetime) -> None:
    endpoint = listen(alice, now=now)
    callbacks.send_test(endpoint, now=now)
    client = as_(alice)
    assert "The address was removed" not in text_of(client.get(PAGE))
    act(client, "remove", endpoint)
    assert "The address was removed" in text_of(client.get(PAGE))


def test_owner_switches_off_and_on_and_removes(alice: Member, now: datetime) -> None:
    client, endpoint = as_(alice), listen(alice, now=now)
    assert "Switched off" in text_of(act(client, "off", endpoint))
    assert "Switch the address on first" in text_of(act(client, "test", endpoint))
    assert not Callback.objects.filter(endpoint=endpoint).exists()
    assert "is called again" in text_of(act(client, "on", endpoint))
    assert "is removed" in text_of(act(client, "remove", endpoint))
    assert "No address is called yet" in text_of(client.get(PAGE))
    assert act(client, "on", endpoint).status_code == 404


def test_test_is_under_way_until_it_has_ended(alice: Member, now: datetime) -> None:
    client, endpoint = as_(alice), listen(alice, now=now)
    assert "A test is on its way" in text_of(act(client, "test", endpoint))
    assert "under way already" in text_of(act(client, "test", endpoint))
    assert Callback.objects.filter(endpoint=endpoint).count() == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"next_at": None, "delivered_at": "now", "last_status": 200, "attempts": 1}, ["Delivered", "Answer: 200"]),
        ({"next_at": None, "attempts": 9, "last_error": Failure.TOO_SLOW}, ["Given up", "9 attempts", "3 seconds"]),
        ({"attempts": 1, "last_status": 500, "last_error": Failure.REFUSED}, ["Tried again later", "Next attempt"]),
        ({}, ["On its way"]),
    ],
)
def test_list_shows_what_became_of_each_call(
    alice: Member, now: datetime, fields: dict[str, Any], words: list[str]
) -> None:
    endpoint = listen(alice, now=now)
    callback = callbacks.send_test(endpoint, now=now)
    values = {name: now if value == "now" else value for name, value in fields.items()}
    Callback.objects.filter(pk=callback.pk).update(**values)
    text = text_of(as_(alice).get(PAGE))
    for word in words:
        assert word in text
    assert str(callback.event_id) in text
    assert ("Send again" in text) == (fields.get("next_at", now) is None)


def test_owner_sends_a_call_again(alice: Member, now: datetime) -> None:
    client, endpoint = as_(alice), listen(alice, now=now)
    callback = callbacks.send_test(endpoint, now=now)
    again = {"event_id": str(callback.event_id)}
    assert "under way already" in text_of(act(client, "again", endpoint, **again))
    Callback.objects.filter(pk=callback.pk).update(next_at=None, delivered_at=now)
    assert "sent again" in text_of(act(client, "again", endpoint, **again))
    callback.refresh_from_db()
    assert callback.next_at is not None
    assert callback.delivered_at is None
    for wrong in ("", "x", str(callback.pk)):
        assert act(client, "again", endpoint, event_id=wrong).status_code == 404


def test_failing_address_is_marked(alice: Member, now: datetime) -> None:
    endpoint = listen(alice, now=now)
    CallbackEndpoint.objects.filter(pk=endpoint.pk).update(given_up_at=now)
    text = text_of(as_(alice).get(PAGE))
    assert "Failing" in text
    assert "Put your server right" in text


@pytest.mark.parametrize("role", [Role.BILLING, Role.VIEWER])
def test_member_who_is_no_owner_is_told_who_is(alice: Member, now: datetime, role: Role) -> None:
    endpoint = listen(alice, now=now)
    callbacks.send_test(endpoint, now=now)
    client = as_(people.make_member("vera", alice.organisation, role))
    before = fingerprint(alice)
    answers = [client.get(PAGE), add(client, alice), *(act(client, name, endpoint) for name in ACTS)]
    for answer in answers:
        assert answer.status_code == 403
        assert alice.user.email in text_of(answer)
        assert "quetzal" not in text_of(answer)
        assert endpoint.secret not in text_of(answer)
    assert fingerprint(alice) == before


def test_owner_of_another_organisation_reaches_nothing(alice: Member, now: datetime) -> None:
    endpoint = listen(alice, now=now)
    callback = callbacks.send_test(endpoint, now=now)
    Callback.objects.filter(pk=callback.pk).update(next_at=None, delivered_at=now)
    client = as_(people.make_owner("bob", "Bob's Bikes"))
    before = fingerprint(alice)
    for name in ACTS:
        assert act(client, name, endpoint, event_id=str(callback.event_id)).status_code == 404
    text = text_of(client.get(PAGE))
    assert "quetzal" not in text
    assert str(callback.event_id) not in text
    assert fingerprint(alice) == before


def test_call_of_another_address_is_not_sent_again_through_ones_own(alice: Member, now: datetime) -> None:
    callback = callbacks.send_test(listen(alice, now=now), now=now)
    Callback.objects.filter(pk=callback.pk).update(next_at=None, delivered_at=now)
    bob = people.make_owner("bob", "Bob's Bikes")
    own = listen(bob, now=now)
    assert act(as_(bob), "again", own, event_id=str(callback.event_id)).status_code == 404
    callback.refresh_from_db()
    assert callback.next_at is None


def test_acts_are_posts_with_a_token(alice: Member, now: datetime) -> None:
    endpoint = listen(alice, now=now)
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice.user)
    before = fingerprint(alice)
    for name in ACTS:
        assert client.get(reverse(f"billing:callback_{name}")).status_code == 405
        assert act(client, name, endpoint).status_code == 403
    assert add(client, alice, url="https://example.com/other").status_code == 403
    assert fingerprint(alice) == before


def test_long_list_says_that_it_is_cut(alice: Member, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.views.callbacks._LATEST", 2)
    endpoint = listen(alice, now=now)
    for _ in range(3):
        callback = callbacks.send_test(endpoint, now=now)
        Callback.objects.filter(pk=callback.pk).update(next_at=None)
    text = text_of(as_(alice).get(PAGE))
    assert text.count("Send again") == 2
    assert "These are the latest 2" in text
