"""Which clock counts: the database's. A worker whose own is wrong does no timed work; others go on for it."""

from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.utils import timezone

TOLERANCE: Final = timedelta(seconds=30)
"""How far a process's clock may be from the database's, in either direction; NTP keeps it within some milliseconds."""


class ClockWrong(Exception):
    """This process's clock is further from the database's than TOLERANCE."""


def read() -> datetime:
    """Now, by this process's clock, once it was compared with the database's. Raises ClockWrong."""
    if why := find_error():
        raise ClockWrong(why)
    return timezone.now()


def find_error() -> str:
    """In words, how far this process's clock is from the database's; empty when near enough.

    How long the database took to answer is nobody's error: its time must not lie outside that span.
    """
    before, database_at, after = timezone.now(), ask_database(), timezone.now()
    if before - database_at > TOLERANCE:
        return _tell(before - database_at, "ahead of")
    if database_at - after > TOLERANCE:
        return _tell(database_at - after, "behind")
    return ""


def ask_database() -> datetime:
    """Now, by the clock that counts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def _tell(distance: timedelta, direction: str) -> str:
    return f"this process's clock is {distance.total_seconds():.0f} s {direction} the database's"
