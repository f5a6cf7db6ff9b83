"""Sessions of a person: how long each lives, which are open, and what ends them.

All end at once when he is deactivated, and each when his rights are no more what they were when it began.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils.crypto import constant_time_compare

from wallet.models import Member, Session, User
from wallet.session_store import ENDS

SEEN_EVERY: Final = timedelta(minutes=1)
"""How exactly it is known when a session was last used: one write a minute and session at the most."""

_RIGHTS: Final = "rights"
_BEGAN: Final = "began"
_MOST_OF_AN_AGENT: Final = 300


class NotOpen(Exception):
    """There is no such session of this person besides the one that asks, or it has ended already."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a session begins: the address on the network, and what the browser calls itself."""

    address: str
    agent: str


@dataclass(frozen=True, kw_only=True)
class Open:
    """A session as its owner sees it. `handle` names it in a form: the key itself would open it."""

    handle: str
    place: Place
    began_at: datetime
    seen_at: datetime
    is_this: bool


def begin(*, session: SessionBase, user: User, place: Place, now: datetime) -> None:
    """As somebody logs in: from now on it lives for its time, however much it is used, and knows where it began."""
    remember_rights(session=session, user=user)
    session[_BEGAN] = {"at": now.isoformat(), "address": place.address, "agent": place.agent[:_MOST_OF_AN_AGENT]}
    session[ENDS] = (now + _lifetime(user)).isoformat()


def is_idle(*, user: User, seen_at: datetime, now: datetime) -> bool:
    minutes = settings.STAFF_SESSION_IDLE_MINUTES if user.is_staff else settings.SESSION_IDLE_MINUTES
    return now - seen_at >= timedelta(minutes=minutes)


def see(*, key: str, seen_at: datetime, now: datetime) -> None:
    """It is used. Only the time is written: what the session carries may change in another request meanwhile."""
    if now - seen_at >= SEEN_EVERY:
        Session.objects.filter(pk=key, seen_at__lt=now).update(seen_at=now)


def list_open(*, user: User, key: str | None, now: datetime) -> list[Open]:
    """Those of this person that still open something, the one with this key first, then the latest used."""
    found = [_read(row, is_this=row.session_key == key) for row in _list_live(user, now)]
    return sorted(found, key=lambda one: (one.is_this, one.seen_at), reverse=True)


def end_one(*, user: User, handle: str, but: str | None, now: datetime) -> None:
    """Raises `NotOpen` also for the session that asks (`but`): it is logged out."""
    for row in _list_live(user, now):
        if row.session_key != but and constant_time_compare(_name(row.session_key), handle):
            row.delete()
            return
    raise NotOpen(handle)


def end_others(*, user: User, but: str | None) -> None:
    """Every session of this person but the one that asks. Repeating it changes nothing."""
    Session.objects.filter(user=user).exclude(pk=but).delete()


@transaction.atomic
def end(*, user_id: UUID) -> None:
    """Every session ends, wherever it is, and so does a link for a second factor. Repeating it changes nothing.

    None of it comes back with the person: sessions are bound to the password, and that ends here. Activated again, he
    chooses a new one by "Forgot password"; his second factor stays and is asked for.
    """
    user = User.objects.select_for_update().get(pk=user_id)
    user.second_factor_invited_at = None
    user.set_unusable_password()
    user.save(update_fields=["second_factor_invited_at", "password"])


def remember_rights(*, session: SessionBase, user: User) -> None:
    """What the person may do as this session begins."""
    session[_RIGHTS] = {"staff": _staff_rights(user), "roles": _roles(Member.objects.filter(user=user))}


def renew_rights(*, session: SessionBase, user: User) -> None:
    """After he changed them himself. A session that remembers none stays so."""
    if _RIGHTS in session:
        remember_rights(session=session, user=user)


def have_rights_changed(*, session: SessionBase, user: User, memberships: Iterable[Member]) -> bool:
    """Whether somebody took or changed a right of the person since. An organisation that he joined meanwhile is no
    change, and is watched from now on. One query more for staff, none for customers.
    """
    known: dict[str, Any] | None = session.get(_RIGHTS)
    if known is None:
        return False
    roles = _roles(memberships)
    if known["staff"] != _staff_rights(user) or any(roles.get(place) != role for place, role in known["roles"].items()):
        return True
    if roles != known["roles"]:
        session[_RIGHTS] = {**known, "roles": roles}
    return False


def _staff_rights(user: User) -> list[Any]:
    groups = sorted(user.groups.values_list("pk", flat=True)) if user.is_staff else []
    return [user.is_staff, user.is_superuser, groups]


def _roles(memberships: Iterable[Member]) -> dict[str, str]:
    return {str(member.organisation_id): str(member.role) for member in memberships}


def _lifetime(user: User) -> timedelta:
    return timedelta(hours=settings.STAFF_SESSION_HOURS) if user.is_staff else timedelta(days=settings.SESSION_DAYS)


def _list_live(user: User, now: datetime) -> Iterator[Session]:
    """Without those that ended with an earlier password, or by not being used; their rows go in the night."""
    current = user.get_session_auth_hash()
    for row in Session.objects.filter(user=user, expire_date__gt=now):
        is_of_this_password = constant_time_compare(row.get_decoded().get(HASH_SESSION_KEY, ""), current)
        if is_of_this_password and not is_idle(user=user, seen_at=row.seen_at, now=now):
            yield row


def _read(row: Session, *, is_this: bool) -> Open:
    began = row.get_decoded().get(_BEGAN)
    return Open(
        handle=_name(row.session_key),
        place=Place(address=began["address"], agent=began["agent"]) if began else Place(address="", agent=""),
        began_at=datetime.fromisoformat(began["at"]) if began else row.seen_at,
        seen_at=row.seen_at,
        is_this=is_this,
    )


def _name(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
