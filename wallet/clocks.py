"""Which clock counts: the database's. A process whose own is wrong writes no times; others go on for it."""

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
    now = timezone.now()
    if why := why_wrong(now):
        raise ClockWrong(why)
    return now


def why_wrong(now: datetime) -> str:
    """In words, how far `now`, just read from this process's clock, is from the database's; empty when near enough."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        ahead = now - cursor.fetchone()[0]
    if abs(ahead) <= TOLERANCE:
        return ""
    direction = "ahead of" if ahead > timedelta() else "behind"
    return f"this process's clock is {abs(ahead).total_seconds():.0f} s {direction} the database's"
