"""Chinese working days: the week, but for the special days entered as data; and what people may expect by when."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Final

from billing.models import SpecialDay
from wallet.calendar import BOOKS, business_date

OPENS: Final = time(9)
CLOSES: Final = time(18)
"""Office hours of the finance team, in Shanghai."""

_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5
_MONTH: Final = 31


def is_working_day(day: date) -> bool:
    return _is_worked(day, _read_special(day, day))


def last_working_day(day: date) -> date:
    """The day itself, or the last one before it on which people worked."""
    return _seek(day, -_DAY)


def expected_by(start: datetime, *, working_days: int = 1) -> datetime:
    """The close of the n-th working day after the business day of `start`."""
    day = business_date(start)
    reached = next(islice(_walk(day + _DAY, _DAY), working_days - 1, None)) if working_days else day
    return datetime.combine(reached, CLOSES, BOOKS)


def go_back(day: date, *, working_days: int) -> date:
    """The n-th working day before a day."""
    return next(islice(_walk(day - _DAY, -_DAY), working_days - 1, None)) if working_days else day


def count(first: date, last: date) -> int:
    """How many working days after the first day the last one is; none when it is not after it."""
    special = _read_special(first, last)
    return sum(_is_worked(first + number * _DAY, special) for number in range(1, (last - first).days + 1))


def next_office_hour(now: datetime) -> datetime:
    """The first full hour after now in which the finance team works."""
    full = now.astimezone(BOOKS).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    days = _walk(business_date(now), _DAY)
    hours = ((max(full, datetime.combine(day, OPENS, BOOKS)), datetime.combine(day, CLOSES, BOOKS)) for day in days)
    return next(hour for hour, close in hours if hour < close)


def missing_years(today: date) -> list[int]:
    """Years whose holidays nobody has entered: this one and, from December on, the next."""
    years = [today.year, *([today.year + 1] if today.month == 12 else [])]
    return [year for year in years if not SpecialDay.objects.filter(day__year=year).exists()]


def _seek(day: date, step: timedelta) -> date:
    """The day itself, or the first one by these steps on which people work."""
    return next(_walk(day, step))


def _walk(day: date, step: timedelta) -> Iterator[date]:
    """The days on which people work, from the day itself on; read a month at a time."""
    while True:
        reach = [day + number * step for number in range(_MONTH)]
        special = _read_special(min(reach), max(reach))
        yield from (each for each in reach if _is_worked(each, special))
        day = reach[-1] + step


def _read_special(first: date, last: date) -> dict[date, bool]:
    return dict(SpecialDay.objects.filter(day__range=(first, last)).values_list("day", "is_working_day"))


def _is_worked(day: date, special: Mapping[date, bool]) -> bool:
    return special.get(day, day.weekday() < _SATURDAY)
