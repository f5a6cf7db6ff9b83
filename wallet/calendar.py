"""Days: which one a moment belongs to in the books."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

BOOKS = ZoneInfo("Asia/Shanghai")
"""The books are kept in China; the database checks every posting against the same zone."""


def business_date(now: datetime) -> date:
    """The Asia/Shanghai day of a moment; a moment without a time zone is refused."""
    if now.tzinfo is None:
        raise ValueError("A moment without a time zone belongs to no day.")
    return now.astimezone(BOOKS).date()
