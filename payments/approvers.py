"""Who may approve what was found, and how many have to. The database decides (payments/sql/guards.sql); this module
gives its reasons in words, before anybody meets them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _
from djmoney.money import Money

from payments.models import Approval, BankLine, Finding
from wallet.models import Member, User


@dataclass(frozen=True, kw_only=True)
class Basis:
    """What an approval would rest on: recorded facts, or facts that somebody is about to give."""

    lines: tuple[BankLine, ...]
    """With their files."""
    organisation_ids: frozenset[UUID]
    evidence: Finding.Evidence
    given_by_id: UUID


def persons_for(received: Money) -> int:
    """How many people have to approve such an amount."""
    return persons_for_each([received])[0]


def persons_for_each(amounts: Sequence[Money]) -> list[int]:
    """The same for many at once, in their order."""
    currencies = [amount.currency.code for amount in amounts]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT public.transfers_persons_needed(asked.currency, asked.amount)"
            " FROM unnest(%s::text[], %s::numeric[]) WITH ORDINALITY AS asked (currency, amount, place)"
            " ORDER BY asked.place",
            [currencies, [amount.amount for amount in amounts]],
        )
        return [int(needed) for (needed,) in cursor.fetchall()]


def persons_for_finding(finding: Finding) -> int:
    """How many have to approve it, counting what came before it for the same transfer or of the same lines."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT public.transfers_persons_needed(%s, public.transfers_at_stake(%s))",
            [finding.received.currency.code, finding.pk],
        )
        return int(cursor.fetchone()[0])


def count_valid(finding: Finding) -> int:
    return list_valid().filter(finding=finding).count()


def list_valid() -> QuerySet[Approval]:
    """The approvals that still count: of people who have left, or joined the organisation since, they do not."""
    joined = Member.objects.filter(user=OuterRef("by"), organisation=OuterRef("finding__organisation"))
    return Approval.objects.filter(~Exists(joined), by__is_active=True, by__is_staff=True)


def why_not(basis: Basis, *, by: User) -> str:
    """Why this person may not say yes to it; empty when he may."""
    return why_not_each([basis], by=by)[0]


def why_not_each(bases: Sequence[Basis], *, by: User) -> list[str]:
    """The same for many at once, in their order."""
    own = frozenset(by.memberships.values_list("organisation_id", flat=True))
    return [_why_not(basis, own, by=by) for basis in bases]


def _why_not(basis: Basis, own: frozenset[UUID], *, by: User) -> str:
    if basis.organisation_ids & own:
        return _("You belong to this organisation.")
    if any(line.file and line.file.imported_by_id == by.pk for line in basis.lines):
        return _("You imported the statement this rests on, so somebody else has to approve it.")
    if any(line.file is None and line.entered_by_id == by.pk for line in basis.lines):
        return _("You typed the bank line this rests on, so somebody else has to approve it.")
    if basis.evidence == Finding.Evidence.HAND and basis.given_by_id == by.pk:
        return _("You gave these facts, so somebody else has to approve them.")
    return ""
