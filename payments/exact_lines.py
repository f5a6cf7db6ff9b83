"""Exact bank lines approved together: each order as by itself, and only what one person may approve."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from billing import rates
from payments import allocations, approvers, desk, findings, matching
from payments.appraisals import Claim, Facts, FactsRefused
from payments.approvers import Basis
from payments.expectations import Expected
from payments.models import BankLine, Finding
from wallet.models import User


class NotApproved(Exception):
    """The line was not approved, or not for all its orders; the message says why."""


def approve_line(*, line_id: UUID, by: User, now: datetime) -> list[Finding]:
    """Credit the orders whose references a line quotes, each with what it asks for. Raises `NotApproved`.

    Every order is a transaction of its own; one credited before another is refused stays credited.
    """
    line = BankLine.objects.select_related("account", "file").get(pk=line_id)
    asked = matching.still_exact([line])[line.pk]
    if not asked:
        raise NotApproved(_("The line does not fit exactly any more."))
    if reason := why_not(line, asked, by=by):
        raise NotApproved(reason)
    return [_approve(line, one, by=by, now=now) for one in asked]


def why_not(line: BankLine, asked: Sequence[Expected], *, by: User) -> str:
    """Why this person may not approve the line with others; empty when he may."""
    return why_not_each([line], {line.pk: asked}, by=by)[line.pk]


def why_not_each(lines: Sequence[BankLine], asked: Mapping[UUID, Sequence[Expected]], *, by: User) -> dict[UUID, str]:
    """The same for many lines at once, each with the transfers it pays."""
    wanted = [(line.pk, one.amount) for line in lines for one in asked[line.pk]]
    needed = approvers.persons_for_each([amount for _id, amount in wanted])
    too_large = {line_id for (line_id, _amount), persons in zip(wanted, needed, strict=True) if persons > 1}
    reasons = approvers.why_not_each([_basis(line, asked[line.pk], by=by) for line in lines], by=by)
    above = _("It is above the limit of one approver: open the order's own page.")
    return {line.pk: above if line.pk in too_large else reason for line, reason in zip(lines, reasons, strict=True)}


def _basis(line: BankLine, asked: Sequence[Expected], *, by: User) -> Basis:
    return Basis(
        lines=(line,),
        organisation_ids=frozenset(one.organisation_id for one in asked),
        evidence=Finding.Evidence.STATEMENT,
        given_by_id=by.pk,
    )


def _approve(line: BankLine, asked: Expected, *, by: User, now: datetime) -> Finding:
    fresh = BankLine.objects.select_related("account", "file").get(pk=line.pk)
    facts = Facts(claims=(Claim(amount=asked.amount, line=fresh),))
    try:
        finding = findings.record(transfer_id=asked.transfer_id, facts=facts, by=by, now=now)
        return findings.approve(finding_id=finding.pk, by=by, now=now)
    except desk.TakenBySomebodyElse as error:
        raise NotApproved(_("%(who)s works on it.") % {"who": error.transfer.taken_by}) from error
    except rates.RateUnknown as error:
        raise NotApproved(_("There is no rate for its value date.")) from error
    except (desk.OwnOrganisation, findings.MayNotApprove) as error:
        raise NotApproved(_("You may not approve it.")) from error
    except (FactsRefused, findings.NotRecordable, findings.NotApprovable, allocations.LineSpent) as error:
        raise NotApproved(str(error)) from error
