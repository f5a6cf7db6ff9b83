"""A process whose clock is wrong does no timed work, and says by how much; the database's clock decides."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from innopaas import tasks as nightly
from payments import tasks
from payments.models import Heartbeat
from wallet import clocks
from wallet.models import AuditRun

pytestmark = pytest.mark.django_db


def shift(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    right = timezone.now
    monkeypatch.setattr("django.utils.timezone.now", lambda: right() + by)


def test_a_clock_as_good_as_the_databases_is_read() -> None:
    before = timezone.now()
    assert before <= clocks.read() <= timezone.now()


@pytest.mark.parametrize(("seconds", "direction"), [(90, "ahead of"), (-90, "behind")])
def test_a_clock_that_is_far_off_says_by_how_much(
    seconds: int, direction: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shift(monkeypatch, timedelta(seconds=seconds))
    assert re.fullmatch(rf"this process's clock is (89|90|91) s {direction} the database's", clocks.find_error())


@pytest.mark.parametrize("seconds", [20, -20])
def test_a_clock_that_is_a_little_off_is_near_enough(seconds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shift(monkeypatch, timedelta(seconds=seconds))
    assert clocks.find_error() == ""


def test_a_database_that_takes_long_to_answer_makes_no_clock_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    asked_and_answered = iter([now - timedelta(minutes=2), now + timedelta(minutes=2)])
    monkeypatch.setattr("django.utils.timezone.now", lambda: next(asked_and_answered))
    assert clocks.find_error() == ""


@pytest.mark.parametrize("days", [3, -3])
def test_a_worker_with_a_wrong_clock_sweeps_nothing(days: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shift(monkeypatch, timedelta(days=days))
    with pytest.raises(clocks.ClockWrong):
        tasks.sweep("inbox")
    with pytest.raises(clocks.ClockWrong):
        tasks.handle_inbox()
    assert not Heartbeat.objects.filter(name="inbox").exists()


def test_the_nights_audit_goes_by_the_databases_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    right = timezone.now()
    shift(monkeypatch, timedelta(days=3))
    nightly.audit_ledger()
    assert abs(AuditRun.objects.latest("started_at").started_at - right) < timedelta(minutes=1)


def test_a_clock_that_runs_ahead_ends_nobodys_session(monkeypatch: pytest.MonkeyPatch) -> None:
    shift(monkeypatch, timedelta(days=30))
    with pytest.raises(clocks.ClockWrong):
        nightly.clear_sessions()
