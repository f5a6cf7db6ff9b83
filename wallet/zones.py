"""The zone that moments are told in: the reader's own, where he chose one; else that of the books.

Days are always those of the books (wallet.calendar): a statement, a limit or a value date knows no other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from babel.dates import get_timezone_location
from django.utils.translation import get_language, to_locale

from wallet.calendar import BOOKS

_REGIONS: Final = (
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)

NAMES: Final = frozenset(name for name in available_timezones() if name.partition("/")[0] in _REGIONS)
"""The zones that somebody can live in, by their names in the IANA database, older spellings among them."""

_TOLD_BOOKS: Final = "UTC+8"
"""China has one zone and no summer time."""

_current: ContextVar[ZoneInfo] = ContextVar("zone", default=BOOKS)


@contextmanager
def telling(name: str) -> Iterator[None]:
    """Within, moments are told in that zone; in the books' for an empty name, or one that is none (any more)."""
    before = _current.set(ZoneInfo(name) if name in NAMES and name != str(BOOKS) else BOOKS)
    try:
        yield
    finally:
        _current.reset(before)


def tell(at: datetime, *, form: str = "%Y-%m-%d %H:%M") -> str:
    """`2026-07-15 12:00 (UTC+8)`."""
    own = shift(at)
    return f"{own:{form}} ({tell_offset(own)})"


def shift(at: datetime) -> datetime:
    """The same moment, on the reader's clock."""
    return at.astimezone(_current.get())


def tell_offset(at: datetime) -> str:
    """How far the moment's own clock is from UTC: `UTC+8`, `UTC−3:30`, `UTC`."""
    minutes = round((at.utcoffset() or timedelta()) / timedelta(minutes=1))
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '−'}{hours}{f':{rest:02}' if rest else ''}"


def tell_zone() -> str:
    """What stands above a column of moments: `UTC+8` for the books' zone, else its place, as `New York`; its offset may
    change from row to row.
    """
    zone = _current.get()
    return _TOLD_BOOKS if zone is BOOKS else tell_place(str(zone))


def tell_place(name: str) -> str:
    """The place a zone is called by, in the language of the moment: `New York`, `纽约`. By Unicode's CLDR."""
    return str(get_timezone_location(name, locale=to_locale(get_language() or "en"), return_city=True))


def count_minutes(at: datetime) -> int:
    """The offset of `tell`, in minutes."""
    return round((shift(at).utcoffset() or timedelta()) / timedelta(minutes=1))
