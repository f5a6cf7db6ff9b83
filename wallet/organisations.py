"""Organisations and who may act for them. Every change is made under a lock on the organisation's row."""

from datetime import datetime
from uuid import UUID

import structlog
from django.db import transaction

from wallet import names
from wallet.models import Member, Organisation, Role, User

log = structlog.get_logger(__name__)


class NotAMember(Exception):
    """The person does not (or no longer) belong to the organisation."""


class NotAnOwner(Exception):
    """Only an owner may decide this, and whoever asked is not one now."""


class EmptyName(Exception):
    """Of the name nothing is left that could be read."""


class LastOwner(Exception):
    """An organisation always keeps at least one owner."""


class OwnershipNeedsAcceptance(Exception):
    """Nobody becomes an owner without having accepted it."""


@transaction.atomic
def create(*, name: str, owner: User, now: datetime) -> Organisation:
    """Its wallet needs nothing here: the ledger opens an account with its first posting. The name becomes one line."""
    name = names.tidy(name)
    if not name:
        raise EmptyName
    organisation = Organisation.objects.create(name=name, created_at=now)
    Member.objects.create(organisation=organisation, user=owner, role=Role.OWNER, joined_at=now)
    return organisation


@transaction.atomic
def change_role(*, organisation_id: UUID, user_id: UUID, role: Role, by: User) -> Member:
    """Repeating it changes nothing. Owners are made by `invitations.offer_ownership` only."""
    lock_for_owner(organisation_id=organisation_id, by=by)
    member = _find(organisation_id, user_id)
    if role == Role.OWNER and member.role != Role.OWNER:
        raise OwnershipNeedsAcceptance
    if role != Role.OWNER:
        _check_another_owner(member)
    old, member.role = member.role, role
    member.save(update_fields=["role"])
    _tell("member's role changed", member, by, old=old, new=str(role))
    return member


@transaction.atomic
def remove(*, organisation_id: UUID, user_id: UUID, by: User) -> None:
    """Access ends with the commit: membership is read anew for every request. The user's orders keep the name."""
    lock_for_owner(organisation_id=organisation_id, by=by)
    _end(_find(organisation_id, user_id), by=by)


@transaction.atomic
def leave(*, organisation_id: UUID, user: User) -> None:
    """As `remove`, asked by the member."""
    lock(organisation_id=organisation_id)
    _end(_find(organisation_id, user.pk), by=user)


def lock(*, organisation_id: UUID) -> Organisation:
    """Call inside the transaction of the change. Money rows may still be added meanwhile (NO KEY UPDATE)."""
    return Organisation.objects.select_for_update(no_key=True).get(pk=organisation_id)


def lock_for_owner(*, organisation_id: UUID, by: User) -> Organisation:
    """As `lock`, and looks again, under the lock, whether `by` is an owner."""
    organisation = lock(organisation_id=organisation_id)
    if not Member.objects.filter(organisation_id=organisation_id, user=by, role=Role.OWNER).exists():
        raise NotAnOwner
    return organisation


def _find(organisation_id: UUID, user_id: UUID) -> Member:
    member = Member.objects.filter(organisation_id=organisation_id, user_id=user_id).first()
    if member is None:
        raise NotAMember
    return member


def _end(member: Member, by: User) -> None:
    _check_another_owner(member)
    _tell("member removed" if member.user_id != by.pk else "member left", member, by, role=member.role)
    member.delete()


def _tell(what: str, member: Member, by: User, **facts: str) -> None:
    """After the commit: a line about something that was rolled back would be a lie."""
    whom = {"organisation": str(member.organisation_id), "whom": str(member.user_id), "by": str(by.pk)}
    transaction.on_commit(lambda: log.info(what, **whom, **facts))


def _check_another_owner(member: Member) -> None:
    others = Member.objects.filter(organisation_id=member.organisation_id, role=Role.OWNER).exclude(pk=member.pk)
    if member.role == Role.OWNER and not others.exists():
        raise LastOwner
