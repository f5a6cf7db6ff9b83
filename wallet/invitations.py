"""Offers of a role by e-mail. Also how ownership passes: whoever becomes an owner has accepted it."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from wallet import organisations
from wallet.models import Invitation, Member, Role, User

VALID_FOR = timedelta(days=7)


class AlreadyAMember(Exception):
    """The address belongs to somebody who has this role in the organisation already."""


class InvitationClosed(Exception):
    """The invitation cannot be accepted any more; `why` says so to the reader."""

    def __init__(self, why: str | Promise) -> None:
        super().__init__(str(why))
        self.why = why


class SomebodyElsesInvitation(Exception):
    """The invitation went to another e-mail address than the one of whoever opened it."""


@dataclass(frozen=True)
class Issued:
    """An invitation with its secret, which is mailed and never stored."""

    invitation: Invitation
    token: str


@transaction.atomic
def invite(*, organisation_id: UUID, email: str, role: Role, by: User, now: datetime) -> Issued:
    """A new invitation to the same address takes the place of the open one. The door mails it after the commit."""
    organisations.lock_for_owner(organisation_id=organisation_id, by=by)
    email = email.strip().lower()
    if Member.objects.filter(organisation_id=organisation_id, user__email=email).exists():
        raise AlreadyAMember
    return _issue(organisation_id, email, role, by, now)


@transaction.atomic
def offer_ownership(*, organisation_id: UUID, user_id: UUID, by: User, now: datetime) -> Issued:
    """Makes nobody an owner yet: the member does that by accepting. The door mails it after the commit."""
    organisations.lock_for_owner(organisation_id=organisation_id, by=by)
    member = Member.objects.select_related("user").filter(organisation_id=organisation_id, user_id=user_id).first()
    if member is None:
        raise organisations.NotAMember
    if member.role == Role.OWNER:
        raise AlreadyAMember
    return _issue(organisation_id, member.user.email, Role.OWNER, by, now)


@transaction.atomic
def accept(*, token: str, user: User, now: datetime) -> Member:
    """Accepting twice gives the same membership. An invitation counts only while its sender is still an owner."""
    organisations.lock(organisation_id=find(token=token).organisation_id)
    invitation = find(token=token)
    if invitation.email != user.email:
        raise SomebodyElsesInvitation
    member = Member.objects.filter(organisation_id=invitation.organisation_id, user=user).first()
    if invitation.accepted_at and member:
        return member
    check_open(invitation=invitation, now=now)
    if member is None:
        member = Member(organisation=invitation.organisation, user=user, joined_at=now)
    member.role = invitation.role
    member.save()
    Invitation.objects.filter(pk=invitation.pk).update(accepted_at=now)
    return member


@transaction.atomic
def withdraw(*, organisation_id: UUID, email: str, by: User, now: datetime) -> None:
    """Closes whatever is open for the address; repeating it changes nothing."""
    organisations.lock_for_owner(organisation_id=organisation_id, by=by)
    _open_for(organisation_id, email).update(withdrawn_at=now)


def find(*, token: str) -> Invitation:
    """The invitation of the secret, open or not."""
    invitation = Invitation.objects.select_related("organisation", "by").filter(token_hash=_hash(token)).first()
    if invitation is None:
        raise InvitationClosed(_("This invitation does not exist."))
    return invitation


def check_open(*, invitation: Invitation, now: datetime) -> None:
    """Raises `InvitationClosed` with the reason."""
    if invitation.accepted_at:
        raise InvitationClosed(_("This invitation has already been used."))
    if invitation.withdrawn_at or not _is_owner(invitation):
        raise InvitationClosed(_("This invitation has been withdrawn."))
    if invitation.expires_at <= now:
        raise InvitationClosed(_("This invitation has expired. Please ask for a new one."))


def _issue(organisation_id: UUID, email: str, role: Role, by: User, now: datetime) -> Issued:
    _open_for(organisation_id, email).update(withdrawn_at=now)
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        organisation_id=organisation_id,
        email=email,
        role=role,
        token_hash=_hash(token),
        by=by,
        created_at=now,
        expires_at=now + VALID_FOR,
    )
    return Issued(invitation=invitation, token=token)


def _open_for(organisation_id: UUID, email: str) -> QuerySet[Invitation]:
    return Invitation.objects.filter(
        organisation_id=organisation_id, email=email.strip().lower(), accepted_at=None, withdrawn_at=None
    )


def _is_owner(invitation: Invitation) -> bool:
    return Member.objects.filter(
        organisation_id=invitation.organisation_id, user_id=invitation.by_id, role=Role.OWNER
    ).exists()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
