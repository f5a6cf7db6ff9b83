"""Sessions of a person: all ended at once when he is deactivated, and each when his rights are no more what they were
when it began.
"""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction

from wallet.models import Member, User

_RIGHTS: Final = "rights"


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
