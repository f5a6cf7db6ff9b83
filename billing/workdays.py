"""Chinese working days: the week, but for the special days entered as data; and what people may expect by when."""

from datetime import date, datetime, time, timedelta
from typing import Final

from billing.models import SpecialDay
from wallet.calendar import BOOKS, business_date

OPENS: Final = time(9)
CLOSES: Final = time(18)
"""Office hours of the finance team, in Shanghai."""

_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5


def is_working_day(day: date) -> bool:
    special = SpecialDay.objects.filter(day=day).values_list("is_working_day", flat=True).first()
    return day.weekday() < _SATURDAY if special is None else special


def last_working_day(day: date) -> date:
    """The day itself, or the last one before it on which people worked."""
    return _seek(day, -_DAY)


def expected_by(start: datetime, *, working_days: int = 1) -> datetime:
    """The close of the n-th working day after the business day of `start`."""
    day = business_date(start)
    for _ in range(working_days):
        day = _seek(day + _DAY, _DAY)
    return datetime.combine(day, CLOSES, BOOKS)


def go_back(day: date, *, working_days: int) -> date:
    """The n-th working day before a day."""
    for _ in range(working_days):
        day = _seek(day - _DAY, -_DAY)
    return day


def count(first: date, last: date) -> int:
    """How many working days after the first day the last one is; none when it is not after it."""
    special = dict(SpecialDay.objects.filter(day__range=(first, last)).values_list("day", "is_working_day"))
    days = (first + number * _DAY for number in range(1, (last - first).days + 1))
    return sum(special.get(day, day.weekday() < _SATURDAY) for day in days)


def next_office_hour(now: datetime) -> datetime:
    """The first full hour after now in which the finance team works."""
    today = business_date(now)
    if is_working_day(today):
        full = now.astimezone(BOOKS).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        hour = max(full, datetime.combine(today, OPENS, BOOKS))
        if hour < datetime.combine(today, CLOSES, BOOKS):
            return hour
    return datetime.combine(_seek(today + _DAY, _DAY), OPENS, BOOKS)


def missing_years(today: date) -> list[int]:
    """Years whose holidays nobody has entered: this one and, from December on, the next."""
    years = [today.year, *([today.year + 1] if today.month == 12 else [])]
    return [year for year in years if not SpecialDay.objects.filter(day__year=year).exists()]


def _seek(day: date, step: timedelta) -> date:
    while not is_working_day(day):
        day += step
    return day
