"""What happened to an organisation's billing details and payer names: who, when, and what differs."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final
from uuid import UUID

from wallet import details
from wallet.models import BillingDetails, PayerName

LONGEST: Final = 200
"""So many of the latest happenings a page lists; all of them stay in the database."""

_LABELS: Final = {
    field.name: field.verbose_name
    for field in BillingDetails._meta.fields  # noqa: SLF001  # public API
    if field.name in details.FIELDS
}


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One fact that a version changed; `before` is empty where there was nothing."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class Happening:
    """A version recorded (it has differences), or a payer name added or removed."""

    at: datetime
    by: str
    version: int = 0
    differences: tuple[Difference, ...] = ()
    added: str = ""
    removed: str = ""


def read(organisation_id: UUID) -> list[Happening]:
    """The latest ones, newest first."""
    versions = BillingDetails.objects.filter(organisation_id=organisation_id).order_by("-version")[: LONGEST + 1]
    found = [*_compare(versions), *_list_payers(organisation_id)]
    return sorted(found, key=lambda happening: happening.at, reverse=True)[:LONGEST]


def read_since(organisation_id: UUID, *, version: int) -> list[Happening]:
    """The versions recorded after this one, newest first, each with what it changed."""
    later = BillingDetails.objects.filter(organisation_id=organisation_id, version__gte=version)
    return [happening for happening in _compare(later.order_by("-version")) if happening.version > version]


def _compare(versions: Iterable[BillingDetails]) -> list[Happening]:
    """Each version with the one before it; the first of all with nothing."""
    rows: list[BillingDetails | None] = [*versions]
    return [
        Happening(at=new.recorded_at, by=new.by_name, version=new.version, differences=_differ(old, new))
        for new, old in pairwise([*rows, None])
        if new
    ]


def _differ(old: BillingDetails | None, new: BillingDetails) -> tuple[Difference, ...]:
    before, after = details.read(old), details.read(new)
    return tuple(
        Difference(label=str(label), before=getattr(before, name), after=getattr(after, name))
        for name, label in _LABELS.items()
        if getattr(before, name) != getattr(after, name)
    )


def _list_payers(organisation_id: UUID) -> Iterable[Happening]:
    payers = PayerName.objects.filter(organisation_id=organisation_id)
    for payer in payers.order_by("-added_at")[:LONGEST]:
        yield Happening(at=payer.added_at, by=payer.by_name, added=payer.name)
    for payer in payers.exclude(removed_at=None).order_by("-removed_at")[:LONGEST]:
        if payer.removed_at:
            yield Happening(at=payer.removed_at, by=payer.removed_by_name, removed=payer.name)
