"""P4: a process that dies at its worst moment leaves nothing half done, and others bring everything to its end."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from innopaas.audit import CHECKS
from payments import stripe_api
from payments.models import Heartbeat, InboxEvent, Payment
from payments.standin.client import StandIn
from tests.billing.receiving import receiver
from tests.prove import mortal, stories
from tests.prove.mortal import Death
from tests.prove.stories import World
from tests.races import rounds
from wallet import audit
from wallet.kill_points import POINTS

pytestmark = pytest.mark.enable_socket  # the server of mortal processes listens at a file

DEATHS = [
    *(Death(point=point) for point in POINTS),
    *(Death(point=point, of_backend="yes") for point in POINTS if point != "after-callback-sent"),
]
SMALL = len(POINTS)


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with StandIn.start() as running:
        yield running


@pytest.fixture
def world(committed: None, stand_in: StandIn, settings: LazySettings, tmp_path: Path) -> Iterator[World]:
    """Sweeps look at every row, so nothing open of another story is left."""
    settings.STRIPE_API_BASE = stand_in.base
    settings.STAFF_MFA_REQUIRED = False
    stripe_api.connect.cache_clear()
    _tidy_up()
    with receiver() as server:
        settings.CALLBACK_ALLOWED_HOSTS = [server.host]
        yield World(stripe=stand_in, receiver=server, mails=tmp_path / "mails")
    _tidy_up()
    stripe_api.connect.cache_clear()


@pytest.fixture(scope="module", autouse=True)
def _audited(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Whatever the stories do, the audit finds nothing that it did not find before."""
    with django_db_blocker.unblock():
        now = datetime.now(UTC)
        before = audit.find_problems(checks=CHECKS, now=now)
        yield
        assert set(audit.find_problems(checks=CHECKS, now=now)) <= set(before)
        connections.close_all()


@pytest.mark.parametrize("round_", rounds(SMALL, full=1000), ids=lambda n: f"{n}-{DEATHS[n % len(DEATHS)]}")
def test_whoever_dies_leaves_nothing_half_done_and_all_of_it_reaches_its_end(world: World, round_: int) -> None:
    death = DEATHS[round_ % len(DEATHS)]
    story = stories.story_of(death.point)(world)
    code = mortal.live(story.life(death))
    if not death.of_backend:
        assert code == mortal.KILLED, f"nobody came to {death.point}"
    story.check_at_once()
    story.go_on()
    story.check()


def _tidy_up() -> None:
    now = datetime.now(UTC)
    InboxEvent.objects.unhandled().update(handled_at=now, outcome=InboxEvent.Outcome.IGNORED)
    Heartbeat.objects.update(beat_at=now)
    opened = Payment.objects.filter(state__in=[Payment.State.OPEN, Payment.State.PROCESSING])
    opened.update(state=Payment.State.EXPIRED)
