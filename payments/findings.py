"""What finance found at the bank: recorded as a finding, approved by as many as it needs, and then carried out.

Who may approve what stands in the database (payments/sql/guards.sql); this module gives the reasons in words.
"""

from datetime import datetime
from uuid import UUID

from django.db import DatabaseError, OperationalError, transaction
from django.utils.translation import gettext as _
from djmoney.money import Money

from billing import orders
from payments import appraisals, approvers, confirmation, desk, sightings, transfers
from payments.appraisals import Appraisal, Facts
from payments.approvers import Basis
from payments.models import RECORDABLE, Approval, DeskAct, Finding, Share, Transfer
from wallet import kill_points
from wallet.models import User
from wallet.money import labelled

_ATTEMPTS = 3
_DEADLOCK = "40P01"
"""Two findings that each take money out of the other organisation's suspense may wait for each other; PostgreSQL ends
one of them, and nothing of it has happened.
"""


class NotApprovable(Exception):
    """The finding was replaced, or carried out before."""


class MayNotApprove(Exception):
    """This person may not approve this finding; the message says why."""


class NotRecordable(Exception):
    """The order has come to an end that no transfer changes any more."""


def record(*, transfer_id: UUID, facts: Facts, by: User, now: datetime, seen: str | None = None) -> Finding:
    """Write down the received facts of a transfer, in place of those given before; approvals start anew.

    Nothing is credited yet, and `assignments.propose` records several at once. `seen` is the `sightings.of_transfer`
    that the page showed. Raises `desk.TakenBySomebodyElse`, `desk.OwnOrganisation`, `NotRecordable`,
    `sightings.ChangedMeanwhile` and the refusals of `appraisals.appraise`.
    """
    with transaction.atomic():
        transfer = transfers.lock(transfer_id)
        desk.check_stranger(by, transfer.organisation_id)
        desk.check_free(transfer, by=by, now=now)
        order = orders.lock(transfer.order_id)
        if order.state not in RECORDABLE:
            raise NotRecordable(transfer.reference)
        sightings.check(sightings.of_transfer(transfer, order=order), seen=seen)
        transfer.findings.open().update(superseded_at=now)
        appraisal = appraisals.appraise(transfer=transfer, order=order, facts=facts)
        finding = _write(appraisal, organisation_id=transfer.organisation_id, transfer=transfer, by=by, now=now)
        _log(DeskAct.Kind.FOUND, finding, by=by, now=now)
        return finding


def record_unasked(*, organisation_id: UUID, target: str, facts: Facts, by: User, now: datetime) -> Finding:
    """Write down that money which fits no order is meant for an organisation's balance. It becomes an order of its own
    when it is approved. `assignments.propose` looks after the lines.
    """
    with transaction.atomic():
        desk.check_stranger(by, organisation_id)
        appraisal = appraisals.appraise_unasked(facts=facts)
        finding = _write(appraisal, organisation_id=organisation_id, transfer=None, target=target, by=by, now=now)
        _log(DeskAct.Kind.FOUND, finding, by=by, now=now)
        return finding


def withdraw(*, finding_id: UUID, by: User, now: datetime) -> Finding:
    """Take back that money which fits no order was meant for somebody: nobody approves it any more, and its bank lines
    are free for others. Raises `NotApprovable` when it was withdrawn or carried out before, `desk.OwnOrganisation`.
    """
    with transaction.atomic(durable=True):
        finding = Finding.objects.select_for_update(of=("self",)).get(pk=finding_id, transfer=None)
        desk.check_stranger(by, finding.organisation_id)
        if not finding.is_open:
            raise NotApprovable(str(finding))
        finding.superseded_at = now
        finding.save(update_fields=["superseded_at"])
        _log(DeskAct.Kind.WITHDREW, finding, by=by, now=now)
        return finding


def approve(*, finding_id: UUID, by: User, now: datetime) -> Finding:
    """Say yes to a finding; the last yes it needs carries it out. Repeating one's own yes changes nothing.

    Raises `NotApprovable`, `MayNotApprove`, `desk.TakenBySomebodyElse`, and `allocations.LineSpent`: then nothing
    happened. `finding.done_at` tells whether the money is credited.
    """
    for _attempt in range(_ATTEMPTS - 1):
        try:
            return _approve(finding_id, by=by, now=now)
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", "") != _DEADLOCK:
                raise
    return _approve(finding_id, by=by, now=now)


def why_not(finding: Finding, *, by: User) -> str:
    """Why this person may not approve the finding, for the page; empty when he may. The database decides in the end."""
    lines = tuple(share.line for share in finding.shares.select_related("line__file") if share.line)
    basis = Basis(
        lines=lines,
        organisation_ids=frozenset({finding.organisation_id}),
        evidence=Finding.Evidence(finding.evidence),
        given_by_id=finding.made_by_id,
    )
    if why := approvers.why_not(basis, by=by):
        return why
    return _("You have approved it; a second person is needed.") if finding.approvals.filter(by=by).exists() else ""


def persons_needed(finding: Finding) -> int:
    """How many have to approve it: one up to the limit of its currency, two above."""
    return approvers.persons_for_finding(finding)


def _approve(finding_id: UUID, *, by: User, now: datetime) -> Finding:
    with transaction.atomic(durable=True):
        finding = _lock(finding_id)
        if finding.transfer:
            desk.check_free(finding.transfer, by=by, now=now)
        if not finding.is_open:
            raise NotApprovable(str(finding))
        _say_yes(finding, by=by, now=now)
        if approvers.count_valid(finding) >= persons_needed(finding):
            confirmation.confirm_transfer(finding=finding, by=by, now=now)
        kill_points.reach("before-approval-commits")
        return finding


def _lock(finding_id: UUID) -> Finding:
    transfer_id = Finding.objects.values_list("transfer_id", flat=True).get(pk=finding_id)
    transfer = transfers.lock(transfer_id) if transfer_id else None
    finding = Finding.objects.select_for_update(of=("self",)).get(pk=finding_id)
    if transfer:
        finding.transfer = transfer
    return finding


def _say_yes(finding: Finding, *, by: User, now: datetime) -> None:
    if finding.approvals.filter(by=by).exists():
        return
    try:
        with transaction.atomic():
            Approval.objects.create(finding=finding, by=by, at=now)
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", "") == "IP020":
            raise MayNotApprove(why_not(finding, by=by) or _("You may not approve this.")) from error
        raise
    _log(DeskAct.Kind.APPROVED, finding, by=by, now=now)


def _log(kind: DeskAct.Kind, finding: Finding, *, by: User, now: datetime) -> None:
    """With the transfer; what fits no order is written down with each of its bank lines."""
    if finding.transfer:
        desk.log(kind, by=by, now=now, transfer=finding.transfer, detail=labelled(finding.received))
        return
    for share in finding.shares.select_related("line"):
        amount = Money(share.amount, finding.received.currency)
        desk.log(kind, by=by, now=now, line=share.line, detail=f"{labelled(amount)} → {finding.organisation}")


def _write(
    appraisal: Appraisal,
    *,
    organisation_id: UUID,
    transfer: Transfer | None,
    by: User,
    now: datetime,
    target: str = "",
) -> Finding:
    finding = Finding.objects.create(
        organisation_id=organisation_id,
        transfer=transfer,
        target=transfer.order.target if transfer else target,
        evidence=appraisal.evidence,
        received=appraisal.received,
        fee=appraisal.fee,
        surplus=appraisal.surplus,
        credited=appraisal.credited,
        surplus_credited=appraisal.surplus_credited,
        rate_choice=appraisal.rate_choice,
        rate=appraisal.rate.value if appraisal.rate else None,
        rate_source=appraisal.rate.source if appraisal.rate else "",
        rate_at=appraisal.rate.at if appraisal.rate else None,
        is_rule=appraisal.is_rule,
        surplus_rate=appraisal.surplus_rate.value if appraisal.surplus_rate else None,
        surplus_rate_source=appraisal.surplus_rate.source if appraisal.surplus_rate else "",
        surplus_rate_at=appraisal.surplus_rate.at if appraisal.surplus_rate else None,
        reason=appraisal.reason,
        made_by=by,
        made_at=now,
    )
    Share.objects.bulk_create([Share(finding=finding, **claim.as_share()) for claim in appraisal.claims])
    return finding
