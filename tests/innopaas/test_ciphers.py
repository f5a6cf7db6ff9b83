"""What a dump of the database does not tell: seeds of second factors and what signs callbacks; and how keys change."""

from datetime import datetime
from importlib import import_module
from io import StringIO
from secrets import token_hex
from types import SimpleNamespace

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.apps import apps
from django.core.cache import cache
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from billing import callbacks
from billing.models import CallbackEndpoint
from tests.people import PASSWORD, make_owner
from wallet import ciphers
from wallet.models import Member, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Member:
    cache.clear()
    return make_owner()


@pytest.fixture
def endpoint(alice: Member, now: datetime) -> CallbackEndpoint:
    wish = callbacks.Wish(url="https://example.com/hook", events=["order.paid"])
    return callbacks.add(wish, organisation_id=alice.organisation_id, by=alice.user, now=now)


@pytest.fixture
def new_key() -> str:
    return token_hex(32)


def dump(alice: Member) -> str:
    """Her factors and her organisation's callbacks as a dump of the database has them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM mfa_authenticator t WHERE user_id = %s", [alice.user_id])
        rows = cursor.fetchall()
        cursor.execute(
            "SELECT t::text FROM billing_callbackendpoint t WHERE organisation_id = %s", [alice.organisation_id]
        )
        return str(rows + cursor.fetchall())


def make_code(secret: str) -> str:
    """The latest that counts, so that a story may take its time."""
    return str(format_hotp_value(hotp_value(secret, list(yield_hotp_counters_from_time())[-1])))


def opens(user: User, code: str) -> bool:
    """Whether this code is a second factor at the login."""
    cache.clear()
    client = Client()
    client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    return bool(client.post(reverse("mfa_authenticate"), {"code": code}).status_code == 302)


def add_factors(user: User) -> tuple[str, str]:
    """The app's secret and a recovery code."""
    secret = str(generate_totp_secret())
    TOTP.activate(user, secret)
    return secret, RecoveryCodes.activate(user).generate_codes()[0]


# --- the cipher ---


def test_text_comes_back_and_looks_different_each_time() -> None:
    first, second = (ciphers.encrypt(text="充值 secret") for _ in range(2))
    assert first != second
    assert ciphers.decrypt(text=first) == ciphers.decrypt(text=second) == "充值 secret"


def test_what_was_changed_or_never_encrypted_is_not_read() -> None:
    text = ciphers.encrypt(text="a secret")
    for spoiled in (text[:20] + ("A" if text[20] != "A" else "B") + text[21:], text[:-4], "JBSWY3DPEHPK3PXP", ""):
        with pytest.raises(ciphers.Unreadable):
            ciphers.decrypt(text=spoiled)


def test_another_key_reads_nothing(settings: Settings, new_key: str) -> None:
    text = ciphers.encrypt(text="a secret")
    settings.DATA_KEYS = [new_key]
    with pytest.raises(ciphers.Unreadable):
        ciphers.decrypt(text=text)


# --- what is stored ---


def test_dump_tells_no_seed_and_the_factors_work(alice: Member) -> None:
    secret, code = add_factors(alice.user)
    assert secret not in dump(alice)
    assert dump(alice).count(ciphers.BEGINS_WITH) == 2
    assert opens(alice.user, make_code(secret))
    assert opens(alice.user, code)
    assert not opens(alice.user, code)


def test_dump_tells_no_secret_of_a_callback(alice: Member, endpoint: CallbackEndpoint) -> None:
    assert endpoint.secret.startswith("cbs_")
    assert endpoint.url in dump(alice)
    assert "cbs_" not in dump(alice)


def test_secret_of_a_callback_cannot_be_stored_readable(endpoint: CallbackEndpoint) -> None:
    with pytest.raises(DatabaseError, match="callback_endpoint_can_sign"), transaction.atomic():
        CallbackEndpoint.objects.filter(pk=endpoint.pk).update(secret_encrypted=endpoint.secret)


# --- what was stored before ---


def test_what_was_stored_readable_is_encrypted_by_the_migrations_and_back(alice: Member) -> None:
    secret, code = add_factors(alice.user)
    migration = import_module("innopaas.migrations.0011_encrypted_factors")
    owner = SimpleNamespace(connection=SimpleNamespace(alias="default"))
    migration.decrypt(apps, owner)
    assert secret in dump(alice)
    assert ciphers.BEGINS_WITH not in dump(alice)
    migration.encrypt(apps, owner)
    assert secret not in dump(alice)
    assert opens(alice.user, make_code(secret))
    assert opens(alice.user, code)


def test_factor_that_the_release_before_stored_meanwhile_works_and_is_encrypted_later(alice: Member) -> None:
    secret, code = add_factors(alice.user)
    import_module("innopaas.migrations.0011_encrypted_factors").decrypt(
        apps, SimpleNamespace(connection=SimpleNamespace(alias="default"))
    )
    assert opens(alice.user, make_code(secret))
    assert opens(alice.user, code)
    assert rotate()[0] >= 2
    assert secret not in dump(alice)
    assert opens(alice.user, make_code(secret))


# --- another key ---


def rotate() -> list[int]:
    """How many factors and callbacks an older key held; also those that other tests left."""
    printed = StringIO()
    call_command("encrypt_again", stdout=printed)
    return [int(line.rpartition(":")[2]) for line in printed.getvalue().splitlines()]


def test_key_is_changed_while_everything_works_and_the_old_one_may_go(
    alice: Member, endpoint: CallbackEndpoint, settings: Settings, new_key: str
) -> None:
    (secret, code), signing = add_factors(alice.user), endpoint.secret
    settings.DATA_KEYS = [new_key, *settings.DATA_KEYS]
    assert opens(alice.user, make_code(secret))
    factors, endpoints = rotate()
    assert factors >= 2
    assert endpoints >= 1
    assert rotate() == [0, 0]
    settings.DATA_KEYS = [new_key]
    endpoint.refresh_from_db()
    assert endpoint.secret == signing
    assert opens(alice.user, make_code(secret))
    assert opens(alice.user, code)
    assert Authenticator.objects.filter(user=alice.user).count() == 2
