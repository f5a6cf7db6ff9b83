"""A process whose clock is wrong does no timed work, and says by how much; the database's clock decides."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from payments import tasks
from payments.models import Heartbeat
from wallet import clocks

pytestmark = pytest.mark.django_db


def test_a_clock_as_good_as_the_databases_is_read() -> None:
    before = timezone.now()
    assert before <= clocks.read() <= timezone.now()


@pytest.mark.parametrize(("seconds", "direction"), [(90, "ahead of"), (-90, "behind")])
def test_a_clock_that_is_far_off_says_by_how_much(seconds: int, direction: str) -> None:
    why = clocks.why_wrong(timezone.now() + timedelta(seconds=seconds))
    assert re.fullmatch(rf"this process's clock is (89|90|91) s {direction} the database's", why)


@pytest.mark.parametrize("seconds", [20, -20])
def test_a_clock_that_is_a_little_off_is_near_enough(seconds: int) -> None:
    assert clocks.why_wrong(timezone.now() + timedelta(seconds=seconds)) == ""


@pytest.mark.parametrize("days", [3, -3])
def test_a_worker_with_a_wrong_clock_sweeps_nothing(days: int, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = timezone.now() + timedelta(days=days)
    monkeypatch.setattr("django.utils.timezone.now", lambda: wrong)
    with pytest.raises(clocks.ClockWrong):
        tasks.sweep("inbox")
    with pytest.raises(clocks.ClockWrong):
        tasks.handle_inbox()
    assert not Heartbeat.objects.filter(name="inbox").exists()
