"""How often one person may ask for what costs much: so many times within any span, counted in the database's cache.

Each time takes one of so many places for the length of the span, and taking one is a single insert: however many ask at
once, no more get through.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.core.cache import cache


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """`most` times within `span`, for one person, whatever organisation he acts for."""

    name: str
    most: int
    span: timedelta


FILES: Final = Allowance(name="files", most=30, span=timedelta(minutes=10))
"""Files that are made when they are asked for: lists, statements, packs of a month."""

FAPIAO: Final = Allowance(name="fapiao", most=60, span=timedelta(hours=1))
"""Requests for a fapiao, each of which a person answers."""


def use(allowance: Allowance, *, user_id: UUID, now: datetime) -> datetime | None:
    """Count one more use. None when it may be; else when the next one may, and nothing was counted."""
    places = [f"allowance:{allowance.name}:{user_id}:{place}" for place in range(allowance.most)]
    taken: dict[str, datetime] = cache.get_many(places)
    free_at = now + allowance.span
    for place in places:
        if place not in taken and cache.add(place, free_at, timeout=allowance.span.total_seconds()):
            return None
    return min(taken.values(), default=free_at)
