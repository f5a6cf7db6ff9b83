"""Working days in China: weekends, public holidays, and the weekends worked for them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from billing import workdays
from billing.models import SpecialDay
from wallet.calendar import BOOKS

pytestmark = pytest.mark.django_db


def shanghai(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=BOOKS)  # type: ignore[arg-type,misc]  # year to microsecond


@pytest.mark.parametrize(
    ("day", "is_worked"),
    [
        (date(2026, 7, 15), True),  # Wednesday
        (date(2026, 7, 18), False),  # Saturday
        (date(2026, 7, 19), False),  # Sunday
        (date(2026, 1, 1), False),
        (date(2026, 1, 4), True),  # Sunday, worked for New Year
        (date(2026, 2, 14), True),  # Saturday, worked for Spring Festival
        (date(2026, 2, 16), False),
        (date(2026, 2, 23), False),
        (date(2026, 2, 24), True),
        (date(2026, 2, 28), True),
        (date(2026, 4, 6), False),
        (date(2026, 5, 5), False),
        (date(2026, 5, 9), True),
        (date(2026, 6, 19), False),
        (date(2026, 9, 20), True),
        (date(2026, 9, 25), False),
        (date(2026, 10, 7), False),
        (date(2026, 10, 8), True),
        (date(2026, 10, 10), True),
        (date(2027, 10, 1), True),  # nobody has entered 2027 yet: a Friday
    ],
)
def test_a_day_is_worked_as_the_state_council_says(day: date, *, is_worked: bool) -> None:
    assert workdays.is_working_day(day) is is_worked


def test_2026_has_33_free_days_and_6_worked_weekends() -> None:
    days = SpecialDay.objects.filter(day__year=2026)
    assert days.filter(is_working_day=False).count() == 33
    worked = list(days.filter(is_working_day=True).values_list("day", flat=True))
    assert len(worked) == 6
    assert all(day.weekday() >= 5 for day in worked)


@pytest.mark.parametrize(
    ("start", "working_days", "end"),
    [
        (shanghai(2026, 7, 15, 12), 1, shanghai(2026, 7, 16, 18)),
        (shanghai(2026, 7, 17, 12), 1, shanghai(2026, 7, 20, 18)),  # Friday to Monday
        (shanghai(2026, 7, 18, 12), 1, shanghai(2026, 7, 20, 18)),
        (shanghai(2026, 9, 30, 17, 59), 1, shanghai(2026, 10, 8, 18)),  # the whole of National Day
        (shanghai(2026, 9, 30, 12), 2, shanghai(2026, 10, 9, 18)),
        (shanghai(2026, 9, 30, 12), 3, shanghai(2026, 10, 10, 18)),  # a worked Saturday
        (shanghai(2026, 9, 30, 12), 4, shanghai(2026, 10, 12, 18)),
        (shanghai(2026, 2, 13, 9), 1, shanghai(2026, 2, 14, 18)),
        (shanghai(2026, 2, 14, 9), 1, shanghai(2026, 2, 24, 18)),
    ],
)
def test_a_review_ends_at_the_close_of_a_working_day(start: datetime, working_days: int, end: datetime) -> None:
    assert workdays.expected_by(start, working_days=working_days) == end


def test_the_day_of_a_moment_is_shanghais() -> None:
    last_of_thursday = datetime(2026, 7, 16, 15, 59, 59, 999999, tzinfo=UTC)
    assert workdays.expected_by(last_of_thursday) == shanghai(2026, 7, 17, 18)
    assert workdays.expected_by(last_of_thursday + timedelta(microseconds=1)) == shanghai(2026, 7, 20, 18)


@pytest.mark.parametrize(
    ("now", "hour"),
    [
        (shanghai(2026, 7, 15, 7, 30), shanghai(2026, 7, 15, 9)),
        (shanghai(2026, 7, 15, 10, 0), shanghai(2026, 7, 15, 11)),
        (shanghai(2026, 7, 15, 16, 59), shanghai(2026, 7, 15, 17)),
        (shanghai(2026, 7, 15, 17, 0), shanghai(2026, 7, 16, 9)),
        (shanghai(2026, 7, 15, 23, 30), shanghai(2026, 7, 16, 9)),
        (shanghai(2026, 7, 18, 12), shanghai(2026, 7, 20, 9)),
        (shanghai(2026, 12, 31, 23, 59), shanghai(2027, 1, 1, 9)),  # until its holidays are entered
    ],
)
def test_the_next_office_hour_is_a_full_hour_of_work(now: datetime, hour: datetime) -> None:
    assert workdays.next_office_hour(now) == hour


def test_last_working_day_before_a_holiday() -> None:
    assert workdays.last_working_day(date(2026, 10, 7)) == date(2026, 9, 30)
    assert workdays.last_working_day(date(2026, 9, 30)) == date(2026, 9, 30)


def test_finance_edits_a_day_and_it_holds_at_once() -> None:
    SpecialDay.objects.create(day=date(2026, 7, 16), is_working_day=False, name="Typhoon", name_zh="台风")
    assert workdays.expected_by(shanghai(2026, 7, 15, 12)) == shanghai(2026, 7, 17, 18)


def test_a_day_is_special_once() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        SpecialDay.objects.create(day=date(2026, 1, 1), is_working_day=True, name="x", name_zh="x")


@pytest.mark.parametrize(
    ("today", "missing"),
    [
        (date(2026, 7, 15), []),
        (date(2026, 11, 30), []),
        (date(2026, 12, 1), [2027]),
        (date(2027, 1, 1), [2027]),
        (date(2027, 12, 1), [2027, 2028]),
    ],
)
def test_years_without_holidays_are_missed_from_december_on(today: date, missing: list[int]) -> None:
    assert workdays.missing_years(today) == missing
