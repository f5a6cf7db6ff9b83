"""Saved filters: what a member calls a narrowed list of orders, to open it again."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet, Value
from django.db.models.functions import Lower

from billing.models import SavedFilter
from wallet.models import Member

MOST: Final = 20
"""So many one member keeps in one organisation; with more the list of names would hide the list of orders."""


class TooMany(Exception):
    """The member keeps as many as there may be."""


class NameTaken(Exception):
    """Another of the member's filters has this name; capitals make no difference."""


class NotKept(Exception):
    """The member keeps no filter of this name (any more)."""


def of_member(member: Member) -> QuerySet[SavedFilter]:
    """In the order of their names."""
    return SavedFilter.objects.filter(member=member).order_by(Lower("name"))


def keep(*, member_id: UUID, name: str, address: str, now: datetime) -> SavedFilter:
    """Keep the filters of this address under the name. The same name with the same filters changes nothing.

    Raises `NameTaken`, `TooMany`, and `Member.DoesNotExist` when they have left.
    """
    with transaction.atomic():
        kept = _lock(member_id)
        same = _called(kept, name).first()
        if same and same.address == address:
            return same
        if same:
            raise NameTaken(name)
        if kept.count() >= MOST:
            raise TooMany
        return SavedFilter.objects.create(member_id=member_id, name=name, address=address, saved_at=now)


def rename(*, member_id: UUID, name: str, new_name: str) -> SavedFilter:
    """Call a kept filter otherwise. Raises `NotKept`, `NameTaken`, and `Member.DoesNotExist`."""
    with transaction.atomic():
        kept = _lock(member_id)
        found = _called(kept, name).first()
        if found is None:
            raise NotKept(name)
        if _called(kept, new_name).exclude(pk=found.pk).exists():
            raise NameTaken(new_name)
        found.name = new_name
        found.save(update_fields=["name"])
        return found


def delete(*, member_id: UUID, name: str) -> None:
    """Keep it no longer. Repeating it changes nothing."""
    _called(SavedFilter.objects.filter(member_id=member_id), name).delete()


def _called(kept: QuerySet[SavedFilter], name: str) -> QuerySet[SavedFilter]:
    """Compared as the database's own constraint does it: `iexact` compares capitals, and `ẞ` is not that of `ß`."""
    return kept.alias(folded=Lower("name")).filter(folded=Lower(Value(name)))


def _lock(member_id: UUID) -> QuerySet[SavedFilter]:
    """What the member keeps; nothing is added to it or renamed meanwhile."""
    Member.objects.select_for_update(of=("self",)).get(pk=member_id)
    return SavedFilter.objects.filter(member_id=member_id)
