"""Moments are told in the reader's zone, days are those of the books."""

from datetime import UTC, datetime
from threading import Thread

import pytest
from django.utils.translation import override

from wallet import zones

SUMMER = datetime(2026, 7, 15, 4, 0, 30, tzinfo=UTC)
WINTER = datetime(2026, 1, 15, 20, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "at", "told"),
    [
        ("", SUMMER, "2026-07-15 12:00 (UTC+8)"),
        ("Asia/Shanghai", SUMMER, "2026-07-15 12:00 (UTC+8)"),
        ("America/New_York", SUMMER, "2026-07-15 00:00 (UTC−4)"),
        ("America/New_York", WINTER, "2026-01-15 15:00 (UTC−5)"),
        ("Europe/London", SUMMER, "2026-07-15 05:00 (UTC+1)"),
        ("Europe/London", WINTER, "2026-01-15 20:00 (UTC)"),
        ("America/St_Johns", WINTER, "2026-01-15 16:30 (UTC−3:30)"),
        ("Asia/Kathmandu", WINTER, "2026-01-16 01:45 (UTC+5:45)"),
        ("Pacific/Kiritimati", WINTER, "2026-01-16 10:00 (UTC+14)"),
    ],
)
def test_moment_is_told_with_its_offset(zone: str, at: datetime, told: str) -> None:
    with zones.telling(zone):
        assert zones.tell(at) == told


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "posix/Asia/Tokyo", "UTC", "localtime"])
def test_what_is_no_zone_of_ours_counts_as_that_of_the_books(name: str) -> None:
    assert name not in zones.NAMES
    with zones.telling(name):
        assert zones.tell(SUMMER) == "2026-07-15 12:00 (UTC+8)"


def test_zone_lasts_no_longer_than_it_was_asked_for_and_is_nobody_elses() -> None:
    elsewhere: list[str] = []
    with zones.telling("America/New_York"):
        thread = Thread(target=lambda: elsewhere.append(zones.tell(SUMMER)))
        thread.start()
        thread.join()
        with pytest.raises(LookupError, match="on the way out"), zones.telling("Europe/London"):
            raise LookupError("on the way out")
        assert zones.tell(SUMMER) == "2026-07-15 00:00 (UTC−4)"
    assert elsewhere == [zones.tell(SUMMER)] == ["2026-07-15 12:00 (UTC+8)"]


def test_column_is_headed_by_a_place_in_the_readers_language() -> None:
    assert zones.tell_zone() == "UTC+8"
    with zones.telling("America/New_York"):
        assert zones.tell_zone() == "New York"
        with override("zh-hans"):
            assert zones.tell_zone() == "纽约"
