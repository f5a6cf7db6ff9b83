"""A month of business dates, and whether each of its days is signed.

Amounts of a month are as charged, tax included. Every figure of it is read from postings with a business date, so
a month whose days are all sealed gives the same figures for ever.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Self

from payments.models import DayClose
from wallet.calendar import BOOKS
from wallet.models import Posting, SealedDay

_DAY: Final = timedelta(days=1)
_MONTH: Final = re.compile(r"2[0-9]{3}-[0-9]{2}")  # others overflow


@dataclass(frozen=True, kw_only=True)
class Month:
    """A calendar month of business dates."""

    first: date
    last: date

    @classmethod
    def read(cls, text: str) -> Self:
        """From `YYYY-MM`, of this millennium. Raises `ValueError`."""
        if not _MONTH.fullmatch(text):
            raise ValueError(text)
        first = datetime.strptime(text, "%Y-%m").replace(tzinfo=BOOKS).date()
        return cls(first=first, last=first.replace(day=monthrange(first.year, first.month)[1]))

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"

    @property
    def end(self) -> datetime:
        return datetime.combine(self.last + _DAY, time.min, BOOKS)


@dataclass(frozen=True, kw_only=True)
class SealedTogether:
    """Days without a signature of their own: those until `until` were sealed with `day`, the first that was signed."""

    until: date
    day: date


def find_seal_over(day: date) -> date | None:
    """The day whose seal closed this one too; None where it has, or may have, one of its own. Only the first seal of
    all reaches back: it holds every day before it.
    """
    first = _find_first_sealed()
    return first if first is not None and day < first else None


def find_sealed_together(month: Month) -> SealedTogether | None:
    """Which days of the month were sealed with a later one, if any."""
    sealed = find_seal_over(month.first)
    return SealedTogether(until=min(month.last, sealed - _DAY), day=sealed) if sealed else None


def find_unsigned(month: Month) -> date | None:
    """The first day of the month that nobody has signed off, if any. Days before anything was posted need no signature,
    nor do those that the first seal of all closed with its own.
    """
    from_day = Posting.objects.order_by("business_date").values_list("business_date", flat=True).first()
    if from_day is None:
        return None
    first_sealed = _find_first_sealed()
    signed = set(DayClose.objects.filter(state=DayClose.State.SIGNED).values_list("day", flat=True))
    day = max(from_day, month.first)
    while day <= month.last and (day in signed or (first_sealed is not None and day < first_sealed)):
        day += _DAY
    return day if day <= month.last else None


def _find_first_sealed() -> date | None:
    return SealedDay.objects.order_by("day").values_list("day", flat=True).first()
