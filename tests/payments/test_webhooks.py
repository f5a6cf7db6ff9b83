"""P9: forged, replayed or broken webhooks are refused with 4xx and leave no row; authentic ones are stored at once."""

import hmac
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.conf import LazySettings, settings
from django.http import HttpResponseBase
from django.test import Client

from payments import stripe_api
from payments.models import InboxEvent
from tests import races
from tests.payments import deliveries
from tests.payments.deliveries import event_about, knock, sign

pytestmark = pytest.mark.usefixtures("clean")

SESSION = "cs_test_of_nobody"
OLD_SECRET, NEW_SECRET = "whsec_old_and_still_good", "whsec_new"


def body(**changes: Any) -> bytes:
    return json.dumps(event_about(SESSION, **changes)).encode()


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in event_about(SESSION).items() if key != name}).encode()


def signature_of(raw: bytes, *, moment: str | None = None, scheme: str = "v1", key: str | None = None) -> str:
    """A header put together by hand, to be wrong in one place."""
    moment = str(int(time.time())) if moment is None else moment
    secret = (settings.STRIPE_WEBHOOK_SECRETS[0] if key is None else key).encode()
    return f"t={moment},{scheme}={hmac.new(secret, f'{moment}.'.encode() + raw, sha256).hexdigest()}"


def forged(raw: bytes) -> HttpResponseBase:
    return knock(raw, signature=sign(raw, secret="whsec_guessed"))


def with_header(change: Callable[[str], str]) -> Callable[[bytes], HttpResponseBase]:
    return lambda raw: knock(raw, signature=change(sign(raw)))


HEADERS: dict[str, Callable[[bytes], HttpResponseBase]] = {
    "no signature": lambda raw: knock(raw, signature=""),
    "an empty signature": with_header(lambda _: " "),
    "another secret": forged,
    "the empty secret": lambda raw: knock(raw, signature=signature_of(raw, key="")),
    "another body's signature": lambda raw: knock(raw, signature=sign(raw + b" ")),
    "no timestamp": with_header(lambda stated: stated.partition(",")[2]),
    "a timestamp that is no number": lambda raw: knock(raw, signature=signature_of(raw, moment="now")),
    "a timestamp in Arabic digits": with_header(
        lambda stated: stated.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")).encode().decode("latin-1")
    ),
    "a negative timestamp": lambda raw: knock(raw, signature=signature_of(raw, moment="-1")),
    "an endless timestamp": lambda raw: knock(raw, signature=signature_of(raw, moment="9" * 400)),
    "a timestamp beyond the calendar": lambda raw: knock(raw, signature=signature_of(raw, moment="9" * 12)),
    "only the scheme v0": lambda raw: knock(raw, signature=signature_of(raw, scheme="v0")),
    "an unknown scheme": lambda raw: knock(raw, signature=signature_of(raw, scheme="v9")),
    "a non-ASCII signature": with_header(lambda stated: stated[:-64] + "é" * 64),
    "a signature cut short": with_header(lambda stated: stated[:-1]),
    "a thousand signatures": with_header(lambda stated: stated + (",v1=" + "0" * 64) * 1000),
    "301 seconds old": lambda raw: knock(raw, signature=sign(raw, age=301)),
    "five minutes ahead": lambda raw: knock(raw, signature=sign(raw, age=-310)),
}

BODIES: dict[str, bytes] = {
    "nothing": b"",
    "not UTF-8": b'{"id": "evt_\xff\xfe"}',
    "not JSON": b"id=evt_1&type=checkout.session.completed",
    "half of an event": body()[:-40],
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "an empty object": b"{}",
    "a hundred thousand brackets": b"[" * 100_000,
    "NaN for a number": body().replace(b'"pending_webhooks": 1', b'"pending_webhooks": NaN'),
    "a thin event": json.dumps({"id": "evt_1", "object": "v2.core.event", "type": "v1.billing"}).encode(),
    "no id": without("id"),
    "a number for an id": body(id=12),
    "an id with a zero byte": body(id="evt_\u0000"),
    "an id of 101 characters": body(id="e" * 101),
    "no type": without("type"),
    "a type with markup": body(type="<script>"),
    "no livemode": without("livemode"),
    "live mode": body(livemode=True),
    "livemode as text": body(livemode="false"),
    "no time of creation": without("created"),
    "creation as text": body(created="1"),
    "no data": without("data"),
    "empty data": body(data={}),
    "data that is a list": body(data=[]),
    "an object without id": body(data={"object": {}}),
    "an object whose id is an object": body(data={"object": {"id": {"id": "cs"}}}),
    "a body of 257 KiB": body(padding="x" * 257 * 1024),
}


def test_there_are_at_least_33_hostile_requests() -> None:
    assert len(HEADERS) + len(BODIES) >= 33


@pytest.mark.parametrize("name", HEADERS)
def test_request_with_a_hostile_header_is_refused(name: str) -> None:
    event = event_about(SESSION)
    answer = HEADERS[name](json.dumps(event).encode())
    assert 400 <= answer.status_code < 500
    assert not InboxEvent.objects.filter(event_id=event["id"]).exists()


@pytest.mark.parametrize("name", BODIES)
def test_hostile_body_is_refused_even_well_signed(name: str) -> None:
    before = InboxEvent.objects.count()
    answer = knock(BODIES[name])
    assert 400 <= answer.status_code < 500
    assert InboxEvent.objects.count() == before


def test_body_larger_than_allowed_is_not_even_read() -> None:
    assert knock(BODIES["a body of 257 KiB"]).status_code == 413


@pytest.mark.parametrize("length", ["-1", "٣", "999999999999999999999999"])
def test_hostile_length_is_refused(length: str) -> None:
    assert 400 <= knock(body(), CONTENT_LENGTH=length).status_code < 500


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "options"])
def test_webhook_is_only_posted_to(method: str) -> None:
    assert getattr(Client(), method)(deliveries.ADDRESS).status_code == 405


@pytest.mark.parametrize("age", [0, 290, -290])
def test_signature_within_five_minutes_is_accepted(age: int) -> None:
    event = event_about(SESSION)
    raw = json.dumps(event).encode()
    assert knock(raw, signature=sign(raw, age=age)).status_code == 200
    assert InboxEvent.objects.filter(event_id=event["id"]).count() == 1


@pytest.mark.parametrize("age", [299, 300, -299, -300])
def test_signature_is_good_for_exactly_five_minutes(age: int) -> None:
    moment, raw = datetime(2026, 7, 15, 4, 0, tzinfo=UTC), body()
    signature = signature_of(raw, moment=str(int(moment.timestamp()) - age))
    assert stripe_api.authentic_event(raw=raw, signature=signature, now=moment).object_id == SESSION
    for beyond in (timedelta(seconds=301 - age), timedelta(seconds=-301 - age)):
        with pytest.raises(stripe_api.BadEvent, match="too old or from the future"):
            stripe_api.authentic_event(raw=raw, signature=signature, now=moment + beyond)


def test_each_of_two_secrets_is_good_during_a_rotation(settings: LazySettings) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = [NEW_SECRET, OLD_SECRET]
    raw = body()
    assert knock(raw, signature=sign(raw, secret=OLD_SECRET)).status_code == 200
    assert knock(raw, signature=sign(raw, secret=NEW_SECRET)).status_code == 200
    both = sign(raw, secret="whsec_other") + "," + sign(raw, secret=OLD_SECRET).partition(",")[2]
    assert knock(raw, signature=both).status_code == 200
    settings.STRIPE_WEBHOOK_SECRETS = [NEW_SECRET]
    assert knock(raw, signature=sign(raw, secret=OLD_SECRET)).status_code == 400


def test_body_is_stored_byte_for_byte() -> None:
    event = event_about(SESSION, note="\u0000 and \u2028")
    raw = json.dumps(event, indent=3).encode() + b"\n"
    assert knock(raw).status_code == 200
    assert bytes(InboxEvent.objects.get(event_id=event["id"]).raw) == raw


def test_event_delivered_many_times_at_once_is_one_row() -> None:
    event = event_about(SESSION)
    answers = races.run_at_once([lambda: deliveries.deliver(event).status_code] * 12)
    assert answers == [200] * 12
    assert InboxEvent.objects.filter(event_id=event["id"]).count() == 1


def test_event_of_a_kind_we_do_not_need_is_kept_and_done() -> None:
    event = event_about(SESSION, kind="charge.succeeded")
    assert deliveries.deliver(event).status_code == 200
    assert InboxEvent.objects.get(event_id=event["id"]).outcome == InboxEvent.Outcome.IGNORED


@pytest.mark.parametrize("version", ["2024-06-20", None])
def test_event_of_an_unknown_version_is_put_aside(version: str | None) -> None:
    event = event_about(SESSION, api_version=version)
    assert deliveries.deliver(event).status_code == 200
    assert InboxEvent.objects.get(event_id=event["id"]).outcome == InboxEvent.Outcome.ASIDE


def test_live_events_are_taken_with_a_live_key_only(settings: LazySettings) -> None:
    settings.STRIPE_SECRET_KEY = "sk_live_of_nobody"
    assert stripe_api.is_live()
    assert knock(body(livemode=True)).status_code == 200
    assert knock(body(livemode=False)).status_code == 400
