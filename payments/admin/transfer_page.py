"""The one page of a transfer: what its customer declared, what the bank says, and all that helps to decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from djmoney.money import Money

from billing import rates, targets
from billing.models import OrderEvent, State
from payments import candidates, findings, references, warnings
from payments.admin import transfer_trials
from payments.admin.transfer_trials import Trial
from payments.appraisals import Claim, TypedLine
from payments.candidates import Candidate
from payments.desk_forms import TYPED, FactsForm
from payments.models import RECORDABLE, Approval, Finding, Share, Slip, Transfer
from wallet import details
from wallet.calendar import business_date
from wallet.ids import read_ids
from wallet.models import PayerName, User
from wallet.money import labelled

_HISTORY = 10
_ACTS = 30


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The finding that waits for approval, and what this person can do about it."""

    finding: Finding
    claims: Sequence[Claim]
    approvals: Sequence[Approval]
    needed: int
    why_not: str

    @property
    def missing(self) -> int:
        return max(self.needed - len(self.approvals), 0)


@dataclass(frozen=True, kw_only=True)
class Received:
    """What the bank says beside what was declared: as the form names it, as it is recorded, or as it was credited."""

    amount: Money
    claims: Sequence[Claim]
    evidence: str
    persons: int


def find_transfer(pk: UUID) -> Transfer:
    rows = Transfer.objects.select_related("order__created_by", "organisation", "account", "taken_by", "declared_by")
    return get_object_or_404(rows, pk=pk)


def collect(request: HttpRequest, transfer: Transfer) -> list[Candidate]:
    """The lines offered: also those named in the address or chosen before, and what a search found."""
    sent = request.POST if request.method == "POST" else request.GET
    offered = candidates.list_for(transfer, named=read_ids(sent.getlist("line")))
    known = {candidate.line.pk for candidate in offered}
    found = candidates.search(transfer, sent.get("find", ""))
    return [*offered, *(candidate for candidate in found if candidate.line.pk not in known)]


def show(
    request: HttpRequest, transfer: Transfer, form: FactsForm, *, by: User, now: datetime, refusal: str = ""
) -> HttpResponse:
    """The page with the form as it was filled in; `refusal` is a verb's no to it."""
    trial, standing = transfer_trials.hold(transfer, form, by=by), _find_standing(transfer, by=by)
    done = _list_done(transfer)
    received = _find_received(trial, standing, done)
    context = admin.site.each_context(request) | {
        "title": f"{transfer.organisation} · {references.spaced(transfer.reference)}",
        "transfer": transfer,
        "order": transfer.order,
        "reference": references.spaced(transfer.reference),
        "goes_into": targets.name(transfer.order.target),
        "find": request.POST.get("find", "") if request.method == "POST" else request.GET.get("find", ""),
        "form": form,
        "typed_fields": TYPED,
        "trial": trial,
        "refusal": refusal,
        "standing": standing,
        "done": done,
        "received": received,
        "warnings": warnings.find(transfer) if standing or not transfer.order.paid_at else [],
        "persons": transfer_trials.list_persons(received.evidence if received else ""),
        "queue": reverse("admin:payments_transfer_changelist"),
        **_tell_rates(transfer, form, now=now),
        **_tell_where_it_stands(transfer, trial, by=by, now=now),
        **_tell_background(transfer, by=by),
    }
    return render(request, "staff/transfer_desk.html", context)


def _tell_rates(transfer: Transfer, form: FactsForm, *, now: datetime) -> dict[str, Any]:
    try:
        return {"rates": transfer_trials.list_rates(transfer, form, today=business_date(now))}
    except rates.RateUnknown as unknown:
        return {"rates": [], "no_rate": str(unknown)}


def _tell_where_it_stands(transfer: Transfer, trial: Trial | None, *, by: User, now: datetime) -> dict[str, Any]:
    is_taken = transfer.is_taken(now=now)
    is_own = by.belongs_to(transfer.organisation_id)
    is_somebody_elses = is_taken and transfer.taken_by_id != by.pk
    may_act = by.has_perm("payments.change_transfer")
    limit = transfer_trials.find_limit(transfer.amount.currency.code)
    is_waiting = transfer.order.state == State.IN_REVIEW
    return {
        "is_waiting": is_waiting,
        "is_overdue": is_waiting and bool(transfer.expected_by and transfer.expected_by < now),
        "is_mine": is_taken and transfer.taken_by_id == by.pk,
        "may_act": may_act and not is_own and not is_somebody_elses,
        "may_take": may_act and not is_own and not is_taken and is_waiting,
        "may_record": transfer.order.state in RECORDABLE,
        "is_own": may_act and is_own,
        "taken": transfer_trials.say_taken(transfer) if is_somebody_elses else "",
        "difference": _find_difference(transfer, trial),
        "limit": limit,
    }


def _find_standing(transfer: Transfer, *, by: User) -> Standing | None:
    finding = transfer.findings.open().select_related("made_by").first()
    if finding is None:
        return None
    return Standing(
        finding=finding,
        claims=_read_claims(finding),
        approvals=list(finding.approvals.select_related("by").order_by("at")),
        needed=findings.persons_needed(finding),
        why_not=findings.why_not(finding, by=by),
    )


def _find_received(trial: Trial | None, standing: Standing | None, done: Sequence[Finding]) -> Received | None:
    if trial and (seen := trial.appraisal):
        return Received(amount=seen.received, claims=seen.claims, evidence=seen.evidence, persons=trial.persons)
    finding = standing.finding if standing else done[-1] if done else None
    if finding is None:
        return None
    return Received(
        amount=finding.received,
        claims=standing.claims if standing else _read_claims(finding),
        evidence=finding.evidence,
        persons=standing.needed if standing else findings.persons_needed(finding),
    )


def _read_claims(finding: Finding) -> list[Claim]:
    """What of which bank line the finding rests on, as somebody chose or typed it."""
    shares = finding.shares.select_related("line__account", "line__file", "line__entered_by", "account").order_by("pk")
    currency = finding.received.currency
    return [
        Claim(amount=Money(share.amount, currency), line=share.line, typed=None if share.line else _read_typed(share))
        for share in shares
    ]


def _read_typed(share: Share) -> TypedLine:
    if share.account is None or share.value_on is None or share.line_amount is None:
        raise ValueError("a share is of a line we have, or typed in full")
    return TypedLine(
        account=share.account,
        bank_reference=share.bank_reference,
        value_on=share.value_on,
        amount=Money(share.line_amount, share.account.currency),
        payer_name=share.payer_name,
    )


def _find_difference(transfer: Transfer, trial: Trial | None) -> str:
    """Whether what arrived is short or over, in a word; empty when it is what was asked for."""
    done = trial.appraisal if trial else None
    if done is None or done.received.currency != transfer.amount.currency or transfer.order.paid_at:
        return ""
    if done.surplus.amount > 0:
        more = _("%(amount)s more than asked for: that becomes an order of its own.")
        return more % {"amount": labelled(done.surplus)}
    missing = transfer.amount - done.received - done.fee
    return _("%(amount)s less than asked for.") % {"amount": labelled(missing)} if missing.amount > 0 else ""


def _tell_background(transfer: Transfer, *, by: User) -> dict[str, Any]:
    organisation_id = transfer.organisation_id
    transfers = Transfer.objects.filter(organisation_id=organisation_id).exclude(pk=transfer.pk)
    return {
        "slips": _list_slips(transfer) if by.has_perm("payments.view_slip") else [],
        "hidden_slips": 0 if by.has_perm("payments.view_slip") else transfer.slips.filter(removed_at=None).count(),
        "history": transfers.select_related("order").order_by("-id")[:_HISTORY],
        "details": details.current(organisation_id),
        "payers": PayerName.objects.live(organisation_id).order_by("name"),
        "is_known_payer": details.is_known_payer(organisation_id=organisation_id, name=transfer.payer_name),
        "acts": transfer.acts.select_related("by", "line").order_by("-id")[:_ACTS],
        "events": OrderEvent.objects.filter(order_id=transfer.order_id).order_by("id"),
    }


def _list_slips(transfer: Transfer) -> list[dict[str, Any]]:
    return [
        {
            "slip": slip,
            "pictures": [
                reverse("admin:payments_slip_preview", args=[slip.pk, page])
                for page in range(1, len(slip.preview_names) + 1)
            ],
            "download": reverse("admin:payments_slip_download", args=[slip.pk]),
        }
        for slip in Slip.objects.filter(transfer=transfer, removed_at__isnull=True).order_by("id")
    ]


def _list_done(transfer: Transfer) -> Sequence[Finding]:
    """What was carried out for it: who gave the facts, who approved them, and which order was credited."""
    approvals = Prefetch("approvals", Approval.objects.select_related("by").order_by("at"))
    done = transfer.findings.filter(done_at__isnull=False).select_related("made_by", "credited_order")
    return list(done.prefetch_related(approvals).order_by("done_at"))
