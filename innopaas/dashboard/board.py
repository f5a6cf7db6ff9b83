"""What the first page puts where: what its reader has to do, what others have to, and the rest by subject."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy as _

from innopaas import staff
from innopaas.dashboard.rows import Count

_NAMES: Final[Mapping[str, Promise]] = {"finance": _("Finance"), "finance lead": _("Finance lead"), "ops": _("Ops")}


@dataclass(frozen=True, kw_only=True)
class Item:
    """A count as a line of the page: how old the oldest of it is, and who looks after it."""

    count: Count
    age: str
    who: str


@dataclass(frozen=True, kw_only=True)
class Board:
    """`yours` wait for the reader, what is late first; `others` are late and wait for somebody else; `rest` are all the
    others, by subject.
    """

    yours: Sequence[Item]
    others: Sequence[Item]
    rest: Sequence[tuple[str | Promise, Sequence[Item]]]


def lay_out(found: Iterable[tuple[str | Promise, Sequence[Count]]], *, user: Any, now: datetime) -> Board:
    """Every count stands in one place."""
    yours, others, rest = list[Item](), list[Item](), list[tuple[str | Promise, Sequence[Item]]]()
    for subject, counts in found:
        quiet = []
        for count in counts:
            item = Item(count=count, age=_say_age(count, now=now), who=_say_who(count))
            if count.waits and user.has_perm(count.by):
                yours.append(item)
            elif count.waits and count.is_bad:
                others.append(item)
            else:
                quiet.append(item)
        if quiet:
            rest.append((subject, quiet))
    return Board(yours=sorted(yours, key=lambda item: not item.count.is_bad), others=others, rest=rest)


def _say_age(count: Count, *, now: datetime) -> str:
    return timesince(count.since, now, depth=1) if count.since and count.since < now else ""


def _say_who(count: Count) -> str:
    """A lead is named only for what finance may not do."""
    able = [name for name, permissions in staff.GROUPS.items() if count.by in permissions]
    return " / ".join(str(_NAMES.get(name, name)) for name in able if name != "finance lead" or "finance" not in able)
