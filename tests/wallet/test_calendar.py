"""P20: every moment belongs to exactly one day of the books, whichever zone it was written in."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from wallet.calendar import business_date

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")
BERLIN = ZoneInfo("Europe/Berlin")

MOMENTS = {
    "last moment of a day": (datetime(2026, 7, 15, 23, 59, 59, 999999, SHANGHAI), date(2026, 7, 15)),
    "first moment of a day": (datetime(2026, 7, 16, 0, 0, tzinfo=SHANGHAI), date(2026, 7, 16)),
    "the same, told in UTC": (datetime(2026, 7, 15, 16, 0, tzinfo=UTC), date(2026, 7, 16)),
    "one microsecond before, in UTC": (datetime(2026, 7, 15, 15, 59, 59, 999999, UTC), date(2026, 7, 15)),
    "midnight in UTC": (datetime(2026, 7, 15, 0, 0, tzinfo=UTC), date(2026, 7, 15)),
    "last moment in UTC": (datetime(2026, 7, 15, 23, 59, 59, 999999, UTC), date(2026, 7, 16)),
    "midnight in New York": (datetime(2026, 7, 15, 0, 0, tzinfo=NEW_YORK), date(2026, 7, 15)),
    "noon in New York": (datetime(2026, 7, 15, 12, 0, tzinfo=NEW_YORK), date(2026, 7, 16)),
    "last moment in New York": (datetime(2026, 7, 15, 23, 59, 59, 999999, NEW_YORK), date(2026, 7, 16)),
    "New York springs forward": (datetime(2026, 3, 8, 12, 0, tzinfo=NEW_YORK), date(2026, 3, 9)),
    "New York, noon of the day before": (datetime(2026, 3, 7, 11, 0, tzinfo=NEW_YORK), date(2026, 3, 8)),
    "New York falls back, first time": (datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK, fold=0), date(2026, 11, 1)),
    "New York falls back, second time": (datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK, fold=1), date(2026, 11, 1)),
    "Berlin springs forward, 17:59": (datetime(2026, 3, 29, 17, 59, tzinfo=BERLIN), date(2026, 3, 29)),
    "Berlin springs forward, 18:00": (datetime(2026, 3, 29, 18, 0, tzinfo=BERLIN), date(2026, 3, 30)),
    "Berlin falls back, 16:59": (datetime(2026, 10, 25, 16, 59, tzinfo=BERLIN), date(2026, 10, 25)),
    "Berlin falls back, 17:00": (datetime(2026, 10, 25, 17, 0, tzinfo=BERLIN), date(2026, 10, 26)),
    "leap day begins": (datetime(2028, 2, 29, 0, 0, tzinfo=SHANGHAI), date(2028, 2, 29)),
    "leap day ends": (datetime(2028, 2, 29, 23, 59, 59, 999999, SHANGHAI), date(2028, 2, 29)),
    "the year ends": (datetime(2026, 12, 31, 23, 59, 59, 999999, SHANGHAI), date(2026, 12, 31)),
    "the year begins, still the old one in UTC": (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), date(2027, 1, 1)),
    "the last summer time in Shanghai": (datetime(1991, 7, 1, 15, 0, tzinfo=UTC), date(1991, 7, 2)),
}


@pytest.mark.parametrize(("moment", "day"), MOMENTS.values(), ids=MOMENTS.keys())
def test_a_moment_belongs_to_one_day(moment: datetime, day: date) -> None:
    assert business_date(moment) == day


@pytest.mark.parametrize(("moment", "day"), MOMENTS.values(), ids=MOMENTS.keys())
def test_the_database_says_the_same_day(db: None, moment: datetime, day: date) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT (%s::timestamptz AT TIME ZONE 'Asia/Shanghai')::date", [moment])
        assert cursor.fetchone() == (day,)


def test_a_year_of_quarter_hours_leaves_no_gap_and_no_overlap() -> None:
    first = datetime(2026, 1, 1, tzinfo=SHANGHAI).astimezone(UTC)
    days = [business_date(first + timedelta(minutes=15 * n)) for n in range(365 * 96)]
    assert days == sorted(days)
    assert all(days.count(day) == 96 for day in (date(2026, 1, 1), date(2026, 3, 29), date(2026, 12, 31)))
    assert len(set(days)) == 365


def test_a_moment_without_a_zone_belongs_to_no_day() -> None:
    with pytest.raises(ValueError, match="time zone"):
        business_date(datetime(2026, 7, 15, 12, 0))  # noqa: DTZ001  # the point of the test
