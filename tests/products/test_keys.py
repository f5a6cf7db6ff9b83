"""API keys: shown once, stored as a hash, taken back at once."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from products import keys
from products.models import ApiKey
from tests import builders
from wallet import organisations
from wallet.models import Organisation, Role, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def alice(acme: Organisation) -> User:
    return builders.owner_of(acme)


def issue(acme: Organisation, by: User, now: datetime, name: str = "Accounting") -> keys.Issued:
    return keys.issue_for_organisation(organisation_id=acme.pk, name=name, by=by, now=now)


def test_key_is_256_random_bits_of_which_only_the_hash_is_stored(
    acme: Organisation, alice: User, now: datetime
) -> None:
    issued = issue(acme, alice, now)
    assert len(issued.secret) == len("ipo_") + 43
    row = ApiKey.objects.filter(pk=issued.key.pk).values().get()
    assert issued.secret not in str(row)
    assert issued.secret[16:] not in str(row)
    assert row["prefix"] == issued.secret[:12]
    assert keys.find(secret=issued.secret) == issued.key
    assert issue(acme, alice, now).secret != issued.secret


def test_each_kind_says_what_it_is(acme: Organisation, alice: User, now: datetime) -> None:
    product, olivia = builders.make_product(), builders.make_person("olivia")
    service = keys.issue_for_product(product=product, name=" Gate\nway ", requests_per_minute=7, by=olivia, now=now)
    assert service.secret.startswith("ips_")
    found = keys.find(secret=service.secret)
    assert found
    assert (found.kind, found.product, found.organisation, found.requests_per_minute) == ("SERVICE", product, None, 7)
    assert (found.name, found.created_by, found.created_by_name) == ("Gate way", olivia, "Olivia")
    assert issue(acme, alice, now).secret.startswith("ipo_")


def test_key_is_found_with_its_product_in_one_query(now: datetime) -> None:
    issued = keys.issue_for_product(
        product=builders.make_product(), name="x", requests_per_minute=1, by=builders.make_person(), now=now
    )
    with CaptureQueriesContext(connection) as seen:
        found = keys.find(secret=issued.secret)
        assert found
        assert found.product
    assert len(seen) == 1


@pytest.mark.parametrize("garbage", ["", "ips_", "x" * 47, "ips_" + "é" * 43, "ips_" + "A" * 43 + "\n", "\x00"])
def test_what_cannot_be_a_key_is_not_looked_for(garbage: str) -> None:
    with CaptureQueriesContext(connection) as seen:
        assert keys.find(secret=garbage) is None
    assert not seen.captured_queries


def test_well_formed_key_that_nobody_made_is_not_found(db: None) -> None:
    assert keys.find(secret="ips_" + "A" * 43) is None


def test_revoked_key_is_found_no_more_and_says_by_whom(acme: Organisation, alice: User, now: datetime) -> None:
    issued, later = issue(acme, alice, now), now + timedelta(hours=1)
    keys.revoke_own(key_id=issued.key.pk, organisation_id=acme.pk, by=alice, now=later)
    assert keys.find(secret=issued.secret) is None
    again = keys.revoke(key_id=issued.key.pk, by=builders.make_person("olivia"), now=later + timedelta(hours=1))
    assert (again.revoked_at, again.revoked_by) == (later, alice)


def test_only_an_owner_makes_and_revokes(acme: Organisation, alice: User, now: datetime) -> None:
    issued = issue(acme, alice, now)
    for role in (Role.BILLING, Role.VIEWER):
        member = builders.make_member(acme, role=role, now=now).user
        with pytest.raises(organisations.NotAnOwner):
            issue(acme, member, now)
        with pytest.raises(organisations.NotAnOwner):
            keys.revoke_own(key_id=issued.key.pk, organisation_id=acme.pk, by=member, now=now)
    assert keys.find(secret=issued.secret)
    assert ApiKey.objects.filter(organisation=acme).count() == 1


def test_owner_of_another_organisation_revokes_nothing(acme: Organisation, alice: User, now: datetime) -> None:
    issued, other = issue(acme, alice, now), builders.make_organisation(now=now, name="Bob's Bikes")
    for key_id in (issued.key.pk, uuid4()):
        with pytest.raises(keys.KeyNotFound):
            keys.revoke_own(key_id=key_id, organisation_id=other.pk, by=builders.owner_of(other), now=now)
    assert keys.find(secret=issued.secret)


def test_organisation_has_so_many_live_keys_at_the_most(acme: Organisation, alice: User, now: datetime) -> None:
    issued = [issue(acme, alice, now) for _ in range(keys.MOST_LIVE)]
    with pytest.raises(keys.TooManyKeys):
        issue(acme, alice, now)
    keys.revoke_own(key_id=issued[0].key.pk, organisation_id=acme.pk, by=alice, now=now)
    assert issue(acme, alice, now)


@pytest.mark.parametrize("name", ["", " ", "\u2028", "\u202e"])
def test_name_is_something_that_can_be_read(name: str, acme: Organisation, alice: User, now: datetime) -> None:
    with pytest.raises(keys.EmptyName):
        issue(acme, alice, now, name)


def test_last_use_is_written_once_a_minute(acme: Organisation, alice: User, now: datetime) -> None:
    key = issue(acme, alice, now).key
    written = []
    for seconds in (0, 30, 60, 61, 100, 130):
        row = ApiKey.objects.get(pk=key.pk)
        with CaptureQueriesContext(connection) as seen:
            keys.note_use(key=row, now=now + timedelta(seconds=seconds))
        written.append(len(seen))
    assert written == [1, 0, 0, 1, 0, 1]


def test_last_use_never_goes_back(acme: Organisation, alice: User, now: datetime) -> None:
    """Two requests read the key at the same moment, and the later one writes first."""
    key = issue(acme, alice, now).key
    earlier, later = (ApiKey.objects.get(pk=key.pk) for _ in range(2))
    keys.note_use(key=later, now=now + timedelta(seconds=30))
    keys.note_use(key=earlier, now=now + timedelta(seconds=29))
    assert ApiKey.objects.get(pk=key.pk).last_used_at == now + timedelta(seconds=30)


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"organisation": None}, "api_key_is_of_a_product_or_an_organisation"),
        ({"kind": "SERVICE"}, "api_key_is_of_a_product_or_an_organisation"),
        ({"secret_hash": "x" * 64}, "api_key_is_hashed"),
        ({"requests_per_minute": 0}, "api_key_rate_is_a_rate"),
        ({"requests_per_minute": 10**6 + 1}, "api_key_rate_is_a_rate"),
        ({"revoked_at": datetime(2026, 1, 1, tzinfo=UTC)}, "api_key_revoked_by_somebody"),
    ],
)
def test_table_refuses_what_is_no_key(
    fields: dict[str, object], constraint: str, acme: Organisation, alice: User, now: datetime
) -> None:
    key = issue(acme, alice, now).key
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        ApiKey.objects.filter(pk=key.pk).update(**fields)
