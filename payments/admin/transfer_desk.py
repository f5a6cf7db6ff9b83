"""What finance does with one transfer: take it, give the received facts, approve, keep, reject, and on to the next."""

from datetime import datetime, timedelta
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from payments import candidates, desk, findings, keeping, references
from payments.admin import transfer_page, transfer_trials
from payments.admin.transfer_trials import REFUSALS, Trial, explain
from payments.desk_forms import ApprovalForm, FactsForm, RejectionForm, propose, word_for
from payments.models import DeskAct, Finding, RejectionReason, Transfer
from payments.sightings import ChangedMeanwhile
from wallet import kill_points
from wallet.admin.people import find_person
from wallet.calendar import business_date
from wallet.ids import read_ids
from wallet.models import User
from wallet.money import labelled

ACTS = "payments.change_transfer"
QUEUE = "admin:payments_transfer_changelist"
_PASSED = "transfers_passed_over"
_KEPT_REST = timedelta(days=1)


def open_page(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Look at a transfer; posting the form here shows what the facts come to, and records nothing."""
    by = find_person(request, permission="payments.view_transfer")
    transfer, now = transfer_page.find_transfer(pk), timezone.now()
    if request.method == "GET":
        desk.log(DeskAct.Kind.LOOKED, by=by, now=now, transfer=transfer)
    return transfer_page.show(request, transfer, _read_form(request, transfer, now=now), by=by, now=now)


@require_POST
def take(request: HttpRequest, pk: UUID) -> HttpResponse:
    by = find_person(request, permission=ACTS)
    transfer = get_object_or_404(Transfer, pk=pk)
    try:
        desk.take(transfer_id=transfer.pk, by=by, now=timezone.now())
    except REFUSALS as refused:
        messages.error(request, explain(refused))
    return _to_desk(transfer)


@require_POST
def give_back(request: HttpRequest, pk: UUID) -> HttpResponse:
    by = find_person(request, permission=ACTS)
    transfer = get_object_or_404(Transfer, pk=pk)
    desk.give_back(transfer_id=transfer.pk, by=by, now=timezone.now())
    return redirect(QUEUE)


@require_POST
def open_next(request: HttpRequest) -> HttpResponse:
    """The next one nobody has taken. `passed` is one to leave for later; without it, none is left out any more."""
    by = find_person(request, permission=ACTS)
    passed = request.POST.get("passed", "")
    request.session[_PASSED] = [*request.session.get(_PASSED, []), passed] if passed else []
    for transfer in Transfer.objects.filter(pk__in=read_ids([passed])):
        desk.give_back(transfer_id=transfer.pk, by=by, now=timezone.now())
    return _go_on(request, by=by)


@require_POST
def record(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Record the received facts as they were seen, and with `then=approve` say the first yes to them at once."""
    by = find_person(request, permission=ACTS)
    transfer, now = transfer_page.find_transfer(pk), timezone.now()
    form = _read_form(request, transfer, now=now)
    trial = transfer_trials.hold(transfer, form, by=by)
    if trial is None or trial.refusal or trial.seen != form.cleaned_data["seen"]:
        said = _say_what_moved(trial, form.cleaned_data["seen"]) if trial and not trial.refusal else ""
        return transfer_page.show(request, transfer, form, by=by, now=now, refusal=said)
    try:
        finding = findings.record(transfer_id=transfer.pk, facts=form.facts(), by=by, now=now, seen=trial.sighting)
    except REFUSALS as refused:
        transfer = transfer_page.find_transfer(pk)
        return transfer_page.show(request, transfer, form, by=by, now=now, refusal=explain(refused))
    if request.POST.get("then") == "approve":
        return _approve(request, transfer, finding, by=by, now=now)
    _say(request, transfer, _("%(reference)s: recorded: %(what)s."), what=transfer_trials.describe_finding(finding))
    if findings.why_not(finding, by=by):
        return _leave_to_others(request, transfer, by=by, now=now)
    return _to_desk(transfer)


@require_POST
def approve(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say yes to the finding that was on the page, and to no other."""
    by = find_person(request, permission=ACTS)
    transfer = get_object_or_404(Transfer, pk=pk)
    form = ApprovalForm(request.POST)
    shown = form.cleaned_data["finding"] if form.is_valid() else None
    finding = Finding.objects.filter(transfer=transfer, pk=shown).first() if shown else None
    if finding is None:
        messages.error(request, explain(findings.NotApprovable()))
        return _to_desk(transfer)
    return _approve(request, transfer, finding, by=by, now=timezone.now())


@require_POST
def keep(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Wait for the rest: what arrived goes to the organisation's own suspense."""
    by = find_person(request, permission=ACTS)
    transfer, now = transfer_page.find_transfer(pk), timezone.now()
    form = _read_form(request, transfer, now=now)
    if not form.is_valid():
        return transfer_page.show(request, transfer, form, by=by, now=now)
    try:
        kept = keeping.keep_part(transfer_id=transfer.pk, claims=form.facts().claims, by=by, now=now)
    except REFUSALS as refused:
        return transfer_page.show(request, transfer, form, by=by, now=now, refusal=explain(refused))
    said = ", ".join(labelled(line.rest) for line in kept) or _("nothing new")
    _say(request, transfer, _("%(reference)s: kept until the rest arrives: %(what)s."), what=said)
    return _go_on(request, by=by)


def reject(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Reading shows what the customer would read; sending it rejects."""
    by = find_person(request, permission=ACTS)
    transfer = transfer_page.find_transfer(pk)
    language = transfer.order.created_by.language
    given = request.POST if request.method == "POST" else request.GET
    form = RejectionForm(given if "words" in given else None, language=language)
    refusal = ""
    if form.is_valid() and request.method == "POST":
        try:
            desk.reject(transfer_id=transfer.pk, by=by, reason=form.text, now=timezone.now())
        except REFUSALS as refused:
            refusal = explain(refused)
        else:
            said = _("Rejected: %(reference)s. The customer is told why by mail, and may declare it again.")
            messages.success(request, said % {"reference": transfer.reference})
            return _go_on(request, by=by)
    return _ask_for_reason(request, transfer, form, refusal=refusal)


def _say_what_moved(trial: Trial, seen: str) -> str:
    if seen and not seen.endswith(f"|{trial.sighting}"):
        return explain(ChangedMeanwhile())
    return _("This is what it comes to now. Look at it, then record it.")


def _ask_for_reason(request: HttpRequest, transfer: Transfer, form: RejectionForm, *, refusal: str) -> HttpResponse:
    reasons = RejectionReason.objects.filter(is_offered=True)
    chosen = str(form["template"].value() or "")
    context = admin.site.each_context(request) | {
        "title": _("Reject"),
        "subject": f"{transfer.organisation} · {labelled(transfer.amount)} · {references.spaced(transfer.reference)}",
        "form": form,
        "refusal": refusal,
        "arrived": candidates.list_arrived(transfer),
        "reasons": [
            {"reason": reason, "text": word_for(reason, form.language), "is_chosen": str(reason.pk) == chosen}
            for reason in reasons
        ],
        "preview": form.text if form.is_valid() else "",
        "is_chinese": form.language.startswith("zh"),
        "back": reverse("admin:payments_transfer_desk", args=[transfer.pk]),
    }
    return render(request, "staff/transfer_reject.html", context)


def _approve(request: HttpRequest, transfer: Transfer, finding: Finding, *, by: User, now: datetime) -> HttpResponse:
    try:
        finding = findings.approve(finding_id=finding.pk, by=by, now=now)
    except REFUSALS as refused:
        messages.error(request, explain(refused))
        return _to_desk(transfer)
    kill_points.reach("after-approval-committed")
    if finding.done_at is None:
        said = _("%(reference)s: your approval is recorded; %(credited)s is credited once a second person approves.")
        _say(request, transfer, said, credited=labelled(finding.credited + finding.surplus_credited))
        return _leave_to_others(request, transfer, by=by, now=now)
    said = _("%(reference)s: approved and credited: %(what)s.")
    _say(request, transfer, said, what=transfer_trials.describe_finding(finding))
    return _go_on(request, by=by)


def _say(request: HttpRequest, transfer: Transfer, sentence: str, **more: str) -> None:
    """What was done, and with which transfer: it is read on the page of another."""
    messages.success(request, sentence % {"reference": references.spaced(transfer.reference), **more})


def _leave_to_others(request: HttpRequest, transfer: Transfer, *, by: User, now: datetime) -> HttpResponse:
    """Somebody else has to go on with it now, and could not while it is taken."""
    desk.give_back(transfer_id=transfer.pk, by=by, now=now)
    return _go_on(request, by=by)


def _go_on(request: HttpRequest, *, by: User) -> HttpResponse:
    """To the next one that this person can do something about."""
    now = timezone.now()
    passed = read_ids(request.session.get(_PASSED, []))
    following = desk.take_next(by=by, now=now, besides=[*passed, *_list_kept(now=now)])
    if following:
        return _to_desk(following)
    messages.info(request, _("Nothing else waits for you."))
    return redirect(QUEUE)


def _list_kept(*, now: datetime) -> list[UUID]:
    """Those of which a part was kept a short while ago."""
    kept = DeskAct.objects.filter(kind=DeskAct.Kind.KEPT, transfer__isnull=False, at__gt=now - _KEPT_REST)
    return [transfer_id for transfer_id in kept.values_list("transfer_id", flat=True) if transfer_id]


def _read_form(request: HttpRequest, transfer: Transfer, *, now: datetime) -> FactsForm:
    """As it was sent; or filled with what is likely."""
    offered = transfer_page.collect(request, transfer)
    data = request.POST if request.method == "POST" else propose(offered, account=transfer.account)
    return FactsForm(data, candidates=offered, today=business_date(now))


def _to_desk(transfer: Transfer) -> HttpResponse:
    return redirect("admin:payments_transfer_desk", transfer.pk)
