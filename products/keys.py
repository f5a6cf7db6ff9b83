"""Keys of the API: made, shown once, found by their hash, taken back."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q

from products.models import ApiKey, Product
from wallet import organisations
from wallet.models import User
from wallet.names import tidy

log = structlog.get_logger(__name__)

SERVICE_RATE: Final = 6_000
ORGANISATION_RATE: Final = 120
"""Requests a minute, unless somebody says otherwise."""

MOST_LIVE: Final = 20
"""So many keys of one organisation may live at a time."""

_SHAPE: Final = re.compile(r"ip[so]_[A-Za-z0-9_-]{43}")
_RANDOM_BYTES: Final = 32
_PREFIX_LENGTH: Final = 12
_WRITTEN_EVERY: Final = timedelta(minutes=1)


class TooManyKeys(Exception):
    """The organisation has as many keys as it may have: one has to be revoked first."""


class SentBefore(Exception):
    """The form has made its key already."""


class EmptyName(Exception):
    """Of the name nothing is left that could be read."""


class KeyNotFound(Exception):
    """There is no such key, or it is not this organisation's."""


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A key with its secret, which is shown once and never stored."""

    key: ApiKey
    secret: str


def issue_for_product(  # what a key is has that many sides
    *, product: Product, name: str, requests_per_minute: int, by: User, now: datetime, form_token: str | None = None
) -> Issued:
    """A key for a product's back end, which may charge every balance of this product and sees no other.

    One form makes one key: `SentBefore`.
    """
    key = ApiKey(kind=ApiKey.Kind.SERVICE, product=product, name=name, requests_per_minute=requests_per_minute)
    return _issue(key, begins_with="ips_", form_token=form_token, by=by, now=now)


@transaction.atomic
def issue_for_organisation(
    *, organisation_id: UUID, name: str, by: User, now: datetime, form_token: str | None = None
) -> Issued:
    """A key that reads all of the organisation and changes nothing. Only an owner makes one (`NotAnOwner`).

    One form makes one key: `SentBefore`.
    """
    organisations.lock_for_owner(organisation_id=organisation_id, by=by)
    if ApiKey.objects.live().filter(organisation_id=organisation_id).count() >= MOST_LIVE:
        raise TooManyKeys
    key = ApiKey(
        kind=ApiKey.Kind.ORGANISATION,
        organisation_id=organisation_id,
        name=name,
        requests_per_minute=ORGANISATION_RATE,
    )
    return _issue(key, begins_with="ipo_", form_token=form_token, by=by, now=now)


@transaction.atomic
def revoke_own(*, key_id: UUID, organisation_id: UUID, by: User, now: datetime) -> ApiKey:
    """As `revoke`, for an owner and a key of his organisation."""
    organisations.lock_for_owner(organisation_id=organisation_id, by=by)
    if not ApiKey.objects.filter(pk=key_id, organisation_id=organisation_id).exists():
        raise KeyNotFound
    return revoke(key_id=key_id, by=by, now=now)


def revoke(*, key_id: UUID, by: User, now: datetime) -> ApiKey:
    """From now on no request is taken with it. Repeating it changes nothing."""
    done = ApiKey.objects.live().filter(pk=key_id).update(revoked_at=now, revoked_by=by)
    key = ApiKey.objects.filter(pk=key_id).first()
    if key is None:
        raise KeyNotFound
    if done:
        log.info("API key revoked", key=key.prefix, by=str(by.pk))
    return key


def find(*, secret: str) -> ApiKey | None:
    """The live key with this secret, with its product, in one query; no query for what cannot be a key."""
    if _SHAPE.fullmatch(secret) is None:
        return None
    return ApiKey.objects.live().filter(secret_hash=_hash(secret)).select_related("product").first()


def note_use(*, key: ApiKey, now: datetime) -> None:
    """Remembers the minute of the last use. Within that minute it writes nothing."""
    before = now - _WRITTEN_EVERY
    if key.is_idle_since(before):
        idle = Q(last_used_at__isnull=True) | Q(last_used_at__lt=before)
        ApiKey.objects.filter(idle, pk=key.pk).update(last_used_at=now)


def _issue(key: ApiKey, *, begins_with: str, form_token: str | None, by: User, now: datetime) -> Issued:
    secret = begins_with + secrets.token_urlsafe(_RANDOM_BYTES)
    key.name = tidy(key.name)
    if not key.name:
        raise EmptyName
    key.prefix, key.secret_hash = secret[:_PREFIX_LENGTH], _hash(secret)
    key.form_token = None if form_token is None else _hash(f"{by.pk} {form_token}")
    key.created_by, key.created_by_name, key.created_at = by, str(by), now
    _store(key)
    log.info("API key made", key=key.prefix, kind=str(key.kind), by=str(by.pk))
    return Issued(key=key, secret=secret)


def _store(key: ApiKey) -> None:
    """Of two who send one form at once, the database lets one make a key."""
    try:
        with transaction.atomic():
            key.save(force_insert=True)
    except IntegrityError as error:
        if key.form_token and ApiKey.objects.filter(form_token=key.form_token).exists():
            raise SentBefore from error
        raise


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
