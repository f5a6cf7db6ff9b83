"""Organisations whose members need a second factor: owners say so, and nobody opens a page of theirs without one."""

from collections.abc import Iterable
from uuid import UUID

import structlog
from allauth.mfa.models import Authenticator
from django.db import transaction

from wallet import organisations, second_factors
from wallet.models import Member, Organisation, User

log = structlog.get_logger(__name__)


class OwnerHasNone(Exception):
    """Whoever asks it of others has a second factor himself; else he would be the first to be shut out."""


@transaction.atomic
def demand(*, organisation_id: UUID, by: User) -> None:
    """From the next request of each member on. Repeating it changes nothing."""
    organisation = organisations.lock_for_owner(organisation_id=organisation_id, by=by)
    if not second_factors.list_types(user_id=by.pk):
        raise OwnerHasNone
    _write(organisation, "second factor demanded", by, demanded=True)


@transaction.atomic
def waive(*, organisation_id: UUID, by: User) -> None:
    """Members may do without again; what they have set up stays. Repeating it changes nothing."""
    organisation = organisations.lock_for_owner(organisation_id=organisation_id, by=by)
    _write(organisation, "second factor waived", by, demanded=False)


def find(*, user: User, memberships: Iterable[Member]) -> Organisation | None:
    """The organisation for which this person has to set up a factor first. No query where none asks for it.

    Any of his counts, not only the one he acts for now: some pages show what he may read in all of them.
    """
    asking = next((one.organisation for one in memberships if one.organisation.demands_second_factor), None)
    return asking if asking and not second_factors.list_types(user_id=user.pk) else None


def count_without(*, organisation_id: UUID) -> int:
    """How many members have none yet."""
    able = Authenticator.objects.filter(type__in=second_factors.TYPES).values("user_id")
    return Member.objects.filter(organisation_id=organisation_id).exclude(user_id__in=able).count()


def _write(organisation: Organisation, what: str, by: User, *, demanded: bool) -> None:
    organisation.demands_second_factor = demanded
    organisation.save(update_fields=["demands_second_factor"])
    whose = {"organisation": str(organisation.pk), "by": str(by.pk)}
    transaction.on_commit(lambda: log.info(what, **whose))
