"""One Stripe stand-in a worker, asked through the real SDK; and a database where nothing open is left behind."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import LazySettings
from redis import Redis

from payments import stripe_api, tasks
from payments.bell import Bell
from payments.models import Heartbeat, InboxEvent, Payment
from payments.standin.client import StandIn
from tests import builders
from tests.payments.brokers import use_broker
from tests.payments.suspense import gaps
from wallet.models import Organisation


@pytest.fixture(scope="session")
def stripe_process() -> Iterator[StandIn]:
    with StandIn.start() as running:
        yield running


@pytest.fixture
def stripe(stripe_process: StandIn, settings: LazySettings) -> Iterator[StandIn]:
    """Stripe, as far as our code can tell; every switch as at the start."""
    settings.STRIPE_API_BASE = stripe_process.base
    stripe_api.connect.cache_clear()
    yield stripe_process
    stripe_process.reset()
    stripe_api.connect.cache_clear()


@pytest.fixture
def own_redis(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Bell and broker in a database of Redis that no other test process uses, where nothing was rung or sent."""
    server = settings.REDIS_URL.rpartition("/")[0]
    settings.REDIS_URL = f"{server}/{1 + int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0').removeprefix('gw'))}"
    use_broker(monkeypatch, settings.REDIS_URL)
    monkeypatch.setattr(tasks, "_BELL", Bell())
    with Redis.from_url(settings.REDIS_URL) as own:
        own.flushdb()
        yield settings.REDIS_URL
        own.flushdb()


@pytest.fixture
def now() -> datetime:
    """The real moment: Stripe's sessions end by the real clock."""
    return datetime.now(UTC)


@pytest.fixture
def clean(committed: None) -> Iterator[None]:
    """Sweeps look at every row, so nothing that is open or unhandled outlives its test."""
    yield
    InboxEvent.objects.unhandled().update(handled_at=datetime.now(UTC), outcome=InboxEvent.Outcome.IGNORED)
    Heartbeat.objects.update(beat_at=datetime.now(UTC))
    Payment.objects.filter(state__in=[Payment.State.OPEN, Payment.State.PROCESSING]).update(state=Payment.State.EXPIRED)


@pytest.fixture
def acme(clean: None, now: datetime) -> Organisation:
    """Alice's organisation, committed."""
    return builders.make_organisation(now=now)


@pytest.fixture
def open_checkout(acme: Organisation, stripe: StandIn, now: datetime) -> Callable[..., Payment]:
    """Orders of acme whose customer stands on Stripe's page."""

    def make(**wish: Any) -> Payment:
        return builders.open_checkout(acme, now=now, **wish)

    return make


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's own retries without their pauses."""
    monkeypatch.setattr("stripe._http_client.HTTPClient.MAX_DELAY", 0.01)
    monkeypatch.setattr("stripe._http_client.HTTPClient.INITIAL_DELAY", 0.01)


@pytest.fixture
def suspense_as_it_was(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a story does, the house's suspense lacks afterwards what it lacked before."""
    database = next((name for name in ("clean", "committed", "db") if name in request.fixturenames), None)
    if database is None:
        yield
        return
    request.getfixturevalue(database)
    before = gaps(now=datetime.now(UTC))
    yield
    assert gaps(now=datetime.now(UTC)) == before
