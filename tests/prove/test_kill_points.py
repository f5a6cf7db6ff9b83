"""Kill points: each is one place of the code, has a story, and does nothing in production."""

import re
from pathlib import Path

import pytest

from tests.innopaas.test_settings import start
from tests.prove.stories import STORIES
from wallet.kill_points import POINTS

PROJECT = Path(__file__).parents[2]


def test_every_kill_point_is_reached_at_one_place_of_the_code() -> None:
    reached = []
    for app in ("wallet", "products", "billing", "payments", "innopaas"):
        for path in (PROJECT / app).rglob("*.py"):
            text = path.read_text("utf-8")
            calls = re.findall(r'kill_points\.reach\("([-a-z]+)"\)', text)
            assert len(calls) == text.count("kill_points.reach("), f"{path} computes a kill point's name"
            reached += calls
    assert sorted(reached) == sorted(POINTS)


def test_every_kill_point_has_a_story() -> None:
    assert sorted(point for story in STORIES for point in story.points) == sorted(POINTS)


@pytest.mark.parametrize("command", [["check"], ["check", "--deploy"]])
def test_production_does_not_start_with_a_kill_point(command: list[str]) -> None:
    run = start(*command, KILL_AT="after-posting")
    assert run.returncode != 0
    assert "KILL_AT" in run.stderr


def test_a_name_that_is_no_kill_point_is_refused_at_the_start() -> None:
    run = start("check", DEBUG="1", KILL_AT="after-posting,after-breakfast")
    assert run.returncode != 0
    assert "  KILL_AT: " in run.stderr
