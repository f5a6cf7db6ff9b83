"""Where organisations want to be called: their endpoints, and callbacks sent because a person asked for them."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from django.db import transaction

from billing import callback_calls
from billing.models import Callback, CallbackEndpoint
from billing.models.callbacks import CallbackEvent
from wallet import ciphers
from wallet.ids import new_id
from wallet.models import Organisation, User

MOST_ENDPOINTS: Final = 5


class TooManyEndpoints(Exception):
    """There are as many addresses as an organisation may have."""


class AlreadyThere(Exception):
    """The organisation has this address already."""


class TestUnderWay(Exception):
    """The last test has not ended yet."""

    __test__ = False  # pytest takes the name for one of its own


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Where to call, and about what."""

    url: str
    events: Sequence[str]


def add(wish: Wish, *, organisation_id: UUID, by: User, now: datetime) -> CallbackEndpoint:
    """A new endpoint with a user name and a secret of its own.

    Raises `callback_calls.BadAddress`, `AlreadyThere` and `TooManyEndpoints`.
    """
    url = callback_calls.tidy_address(wish.url)
    with transaction.atomic(durable=True):
        Organisation.objects.select_for_update().get(pk=organisation_id)
        mine = CallbackEndpoint.objects.live().filter(organisation_id=organisation_id)
        if mine.filter(url=url).exists():
            raise AlreadyThere(url)
        if mine.count() >= MOST_ENDPOINTS:
            raise TooManyEndpoints(str(organisation_id))
        return CallbackEndpoint.objects.create(
            organisation_id=organisation_id,
            url=url,
            username=f"cb_{secrets.token_hex(8)}",
            secret_encrypted=_draw_secret(),
            events=sorted(set(wish.events)),
            created_by=by,
            created_by_name=str(by),
            created_at=now,
        )


def rotate(endpoint: CallbackEndpoint) -> None:
    """A new secret, with which every attempt from now on is signed."""
    CallbackEndpoint.objects.live().filter(pk=endpoint.pk).update(secret_encrypted=_draw_secret())


def choose_events(endpoint: CallbackEndpoint, *, events: Sequence[str]) -> None:
    """About what it is called from now on; at least one. What is under way already is still sent."""
    CallbackEndpoint.objects.live().filter(pk=endpoint.pk).update(events=sorted(set(events)))


def encrypt_again() -> int:
    """Every secret that an older key holds, by the first of DATA_KEYS; returns how many. Repeat it until none is."""
    done = 0
    for pk in CallbackEndpoint.objects.values_list("pk", flat=True):
        with transaction.atomic(durable=True):
            endpoint = CallbackEndpoint.objects.select_for_update().get(pk=pk)
            if not ciphers.is_of_first_key(text=endpoint.secret_encrypted):
                endpoint.secret_encrypted = ciphers.encrypt(text=endpoint.secret)
                endpoint.save(update_fields=["secret_encrypted"])
                done += 1
    return done


def switch_off(endpoint: CallbackEndpoint) -> None:
    """Send nothing until it is switched on again. Repeating it changes nothing."""
    CallbackEndpoint.objects.live().filter(pk=endpoint.pk).update(is_on=False)


def switch_on(endpoint: CallbackEndpoint) -> None:
    """Send again, also what happened meanwhile. Repeating it changes nothing."""
    CallbackEndpoint.objects.live().filter(pk=endpoint.pk).update(is_on=True)


def remove(endpoint: CallbackEndpoint, *, now: datetime) -> None:
    """Never call it again. Its callbacks stay, and what was not delivered is not sent any more."""
    with transaction.atomic(durable=True):
        CallbackEndpoint.objects.live().filter(pk=endpoint.pk).update(removed_at=now, is_on=False)
        Callback.objects.filter(endpoint=endpoint, next_at__isnull=False).update(next_at=None)


def send_test(endpoint: CallbackEndpoint, *, now: datetime) -> Callback:
    """A callback about nothing, sent by the next sweep. Raises `TestUnderWay`: one at a time."""
    with transaction.atomic(durable=True):
        CallbackEndpoint.objects.select_for_update().get(pk=endpoint.pk)
        waiting = Callback.objects.filter(endpoint=endpoint, event=CallbackEvent.TEST, next_at__isnull=False)
        if waiting.exists():
            raise TestUnderWay(endpoint.username)
        callback = compose(endpoint, event=CallbackEvent.TEST, fact_id=new_id(), at=now, data={}, now=now)
        callback.save(force_insert=True)
        return callback


def send_again(callback: Callback, *, now: datetime) -> bool:
    """Send one that was delivered or given up once more, with the same body; False while it is still under way."""
    mine = Callback.objects.filter(pk=callback.pk, next_at__isnull=True, endpoint__removed_at__isnull=True)
    return bool(mine.update(next_at=now, attempts=0, delivered_at=None, last_status=None, last_error=""))


def compose(
    endpoint: CallbackEndpoint,
    *,
    event: CallbackEvent,
    fact_id: UUID,
    at: datetime,
    data: dict[str, Any],
    now: datetime,
) -> Callback:
    """The row for one event and one endpoint, not yet stored. What is told is fixed here, byte by byte."""
    event_id = uuid5(fact_id, "callback")
    body = {
        "id": str(event_id),
        "type": event.value,
        "created_at": at.isoformat().replace("+00:00", "Z"),
        "organisation_id": str(endpoint.organisation_id),
        "data": data,
    }
    return Callback(
        organisation_id=endpoint.organisation_id,
        endpoint=endpoint,
        event=event,
        fact_id=fact_id,
        event_id=event_id,
        body=json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        created_at=now,
        next_at=now,
    )


def _draw_secret() -> str:
    return ciphers.encrypt(text=f"cbs_{secrets.token_urlsafe(32)}")
