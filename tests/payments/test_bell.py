"""The bell at the inbox: a worker is woken once for all that came before it listened, and never too seldom for long."""

import time
from collections.abc import Callable
from datetime import datetime

import pytest
from django.conf import LazySettings
from redis import Redis

from payments import bell, inbox, tasks
from payments.models import InboxEvent
from payments.standin.client import StandIn
from tests.payments import deliveries


@pytest.fixture
def wake_ups(own_redis: str, clean: None, stripe: StandIn) -> Callable[[], int]:
    """How many wake-ups wait for a worker."""
    broker = Redis.from_url(own_redis)
    return lambda: int(broker.llen("celery"))


def deliver(count: int) -> None:
    for number in range(count):
        assert deliveries.deliver(deliveries.event_about(f"cs_test_of_nobody_{number}")).status_code == 200


def test_many_events_wake_one_worker_once(wake_ups: Callable[[], int]) -> None:
    deliver(5)
    assert wake_ups() == 1


def test_what_comes_after_a_worker_has_listened_wakes_one_again(wake_ups: Callable[[], int]) -> None:
    deliver(1)
    tasks.handle_inbox()
    deliver(1)
    assert wake_ups() == 2


def test_a_wake_up_that_was_lost_is_forgotten(own_redis: str, wake_ups: Callable[[], int]) -> None:
    deliver(1)
    assert 0 < Redis.from_url(own_redis).ttl("inbox:ringing") <= 5


def test_a_worker_that_took_all_it_may_wakes_the_next(
    wake_ups: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "BATCH", 2)
    deliver(3)
    tasks.handle_inbox()
    assert wake_ups() == 2
    tasks.handle_inbox()
    assert wake_ups() == 2


def test_workers_that_look_at_the_same_time_leave_nothing_unheard(
    wake_ups: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes some of the same events, so none of them takes as many as it may."""
    monkeypatch.setattr(inbox, "BATCH", 2)
    deliver(4)
    take, missed = inbox._take, list[InboxEvent]()

    def take_second(event: InboxEvent, *, now: datetime) -> bool:
        """Another was there a moment before, at the first."""
        if not missed:
            missed.append(event)
            return False
        return take(event, now=now)

    monkeypatch.setattr(inbox, "_take", take_second)
    tasks.handle_inbox()
    assert wake_ups() == 2


def test_while_redis_is_away_it_is_asked_once_in_a_while(
    settings: LazySettings, own_redis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"  # the port of the discard service, where nobody listens
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    asked: list[str] = []

    def ask(url: str) -> Redis:
        asked.append(url)
        return Redis.from_url(url)

    monkeypatch.setattr(bell, "_redis", ask)
    one = bell.Bell()
    assert [one.ring() for _ in range(3)] == [False] * 3
    clock[0] += bell.PAUSE
    assert not one.ring()
    assert len(asked) == 2
