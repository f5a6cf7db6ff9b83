"""A count of the first page, and what its finders share."""

from dataclasses import dataclass
from datetime import date, datetime, time
from urllib.parse import urlencode

from django.contrib import admin
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.functional import Promise

from wallet.calendar import BOOKS


@dataclass(frozen=True, kw_only=True)
class Count:
    """A figure, its list, and whether it is one that should be nothing. `since` is when the oldest of it began.

    `by` is the permission of whoever does something about it; without one it is only told.
    """

    title: str | Promise
    figure: int | str
    address: str
    is_bad: bool = False
    by: str = ""
    since: datetime | None = None

    @property
    def waits(self) -> bool:
        """Whether somebody has to do something now."""
        return bool(self.by) and isinstance(self.figure, int) and self.figure > 0


def number(condition: Q) -> models.Count:
    """How many rows meet it, beside other sums of the same rows."""
    return models.Count("pk", filter=condition)


def oldest(field: str, condition: Q) -> models.Min:
    """When the first of those that meet it began."""
    return models.Min(field, filter=condition)


def list_of(model: str, **narrowed_to: str) -> str:
    """The list of a model, narrowed to what was counted."""
    address = reverse(f"{admin.site.name}:{model}_changelist")
    return f"{address}?{urlencode(narrowed_to)}" if narrowed_to else address


def begin(day: date | None) -> datetime | None:
    """When a business day began."""
    return datetime.combine(day, time.min, BOOKS) if day else None
