"""Signs of life: what each address says, and what makes an alarm."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from payments.models import Heartbeat, InboxEvent
from wallet.ids import new_id

pytestmark = pytest.mark.django_db


def beat(*, seconds_ago: int) -> None:
    Heartbeat.objects.update_or_create(
        name="inbox", defaults={"beat_at": timezone.now() - timedelta(seconds=seconds_ago)}
    )


def test_healthz_answers_without_a_login(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"alive\n")


def test_everything_that_money_needs_is_ready(client: Client) -> None:
    beat(seconds_ago=5)
    response = client.get("/readyz")
    assert response.json() == {"database": "ok", "clock": "ok", "broker": "ok", "worker": "ok", "inbox": "ok"}
    assert response.status_code == 200


def test_a_worker_silent_for_a_minute_is_seen(client: Client) -> None:
    beat(seconds_ago=60)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert re.fullmatch(r"silent for 6\d s", response.json()["worker"])


def test_a_site_without_any_worker_is_not_ready(client: Client) -> None:
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["worker"] == "no worker has run yet"


def test_a_missing_broker_is_named_within_two_seconds(client: Client, settings: Settings) -> None:
    beat(seconds_ago=5)
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["broker"].startswith("unreachable")
    assert response.json()["database"] == "ok"


def test_a_clock_unlike_the_databases_is_seen(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = timezone.now() + timedelta(minutes=2)
    monkeypatch.setattr("django.utils.timezone.now", lambda: wrong)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert re.fullmatch(r"this process's clock is 1(19|20|21) s ahead of the database's", response.json()["clock"])


def test_an_event_that_nobody_handles_is_seen(client: Client) -> None:
    beat(seconds_ago=5)
    then = timezone.now() - timedelta(minutes=6)
    InboxEvent.objects.create(
        event_id=f"evt_{new_id()}",
        type="checkout.session.completed",
        object_id="cs_1",
        raw=b"{}",
        received_at=then,
        due_at=then,
    )
    response = client.get("/readyz")
    assert response.status_code == 503
    assert re.fullmatch(r"an event waits since 36\d s", response.json()["inbox"])


def test_metrics_are_for_those_who_know_the_token(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = "secret-token"
    assert client.get("/metrics").status_code == 404
    for wrong in ("Bearer wrong", "Bearer é", "secret-token", "Bearer "):
        assert client.get("/metrics", headers={"Authorization": wrong}).status_code == 404
    response = client.get("/metrics", headers={"Authorization": "Bearer secret-token"})
    assert response.status_code == 200
    assert b"innopaas_inbox_waiting 0.0" in response.content


def test_without_a_token_metrics_are_shown_in_debug_only(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = ""
    settings.DEBUG = False
    assert client.get("/metrics").status_code == 404
    settings.DEBUG = True
    assert client.get("/metrics").status_code == 200
