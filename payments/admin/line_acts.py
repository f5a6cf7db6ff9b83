"""What finance does with bank lines: approve the exact ones, assign, send back, recognise what was approved by hand."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from billing.forms import NothingForm
from billing.rates import RateUnknown
from payments import assignments, desk, exact_lines, findings, matching, outgoing, returns, sightings
from payments.admin import line_stories
from payments.appraisals import FactsRefused
from payments.assignments import NobodyFound, Part
from payments.models import Allocation, BankLine, Transfer
from payments.sightings import ChangedMeanwhile
from payments.statement_forms import ReturnForm, SentForm, ShareFormSet, WhyForm
from wallet.admin.people import find_person
from wallet.ids import read_ids
from wallet.models import User
from wallet.money import labelled

PERMISSION = "payments.change_bankline"

_MOST = 200
"""Exact lines on one page."""


def approve_exact(request: HttpRequest) -> HttpResponse:
    """The exact lines together; those above one person's limit, or one's own import, only with the reason why not."""
    by = find_person(request, permission=PERMISSION)
    if request.method == "POST":
        _approve_all(request, by=by, now=timezone.now())
        return redirect("admin:payments_exact_approve")
    exact = BankLine.objects.with_rest().filter(pile=BankLine.Pile.EXACT).select_related("account", "file")
    rows = _list_exact(exact.order_by("booked_on", "id")[:_MOST], by=by)
    context = admin.site.each_context(request) | {
        "title": _("Approve the exact bank lines"),
        "rows": rows,
        "can_approve": any(not row["why_not"] for row in rows),
        "back": reverse("admin:payments_bankline_changelist"),
    }
    return render(request, "staff/line_exact.html", context)


def assign(request: HttpRequest, pk: UUID) -> HttpResponse:
    by, line = find_person(request, permission=PERMISSION), _get_line(pk)
    formset = ShareFormSet(request.POST or None, initial=_first_shares(line))
    why = WhyForm(request.POST or None)
    if request.method == "POST" and formset.is_valid() and why.is_valid():
        try:
            proposed = assignments.propose(
                line_id=line.pk,
                parts=_read_parts(formset, line),
                reason=why.cleaned_data["reason"],
                by=by,
                now=timezone.now(),
                seen=request.POST.get("seen", ""),
            )
        except (NobodyFound, FactsRefused, ChangedMeanwhile) as error:
            line.refresh_from_db()
            why.add_error(None, str(error))
        except RateUnknown:
            why.add_error(None, _("There is no rate for the bank's value date; enter one first."))
        except desk.OwnOrganisation:
            why.add_error(None, _("You belong to one of these organisations."))
        except desk.TakenBySomebodyElse as error:
            why.add_error(None, _("%(who)s works on this transfer.") % {"who": error.transfer.taken_by})
        except findings.NotRecordable:
            why.add_error(None, _("One of these orders has come to an end that no transfer changes any more."))
        else:
            messages.success(request, _("Proposed; it is credited once it is approved."))
            return redirect(line_stories.address_of(proposed[0]) if len(proposed) == 1 else _address(line))
    context = admin.site.each_context(request) | {
        "title": _("Assign a bank line"),
        "subject": _subject(line),
        "seen": sightings.of_line(line),
        "formset": formset,
        "why": why,
        "back": _address(line),
    }
    return render(request, "staff/line_assign.html", context)


def send_back(request: HttpRequest, pk: UUID) -> HttpResponse:
    by, line = find_person(request, permission=PERMISSION), _get_line(pk)
    form = ReturnForm(request.POST or None, initial={"amount": line.rest.amount})
    if form.is_valid():
        amount = Money(form.cleaned_data["amount"], line.amount.currency)
        try:
            returns.send_back(
                line_id=line.pk,
                amount=amount,
                note=form.cleaned_data["note"],
                by=by,
                now=timezone.now(),
                seen=request.POST.get("seen", ""),
            )
        except ChangedMeanwhile as changed:
            line.refresh_from_db()
            form.add_error(None, str(changed))
        except returns.NotInSuspense:
            form.add_error("amount", _("Only %(rest)s is left of this bank line.") % {"rest": labelled(line.rest)})
        else:
            messages.success(request, _("Recorded: the bank sent it back."))
            return redirect(_address(line))
    explanation = _(
        "For money that fits no order. Order the payment at the bank first; this records it and takes the money out of "
        "suspense."
    )
    return _confirm(request, line, title=_("Send back"), explanation=explanation, form=form)


def mark_same(request: HttpRequest, pk: UUID) -> HttpResponse:
    by, line = find_person(request, permission=PERMISSION), _get_line(pk)
    typed = line_stories.list_typed(line)
    if request.method == "POST":
        seen = request.POST.get("seen", "")
        try:
            sightings.check(sightings.of_line(line), seen=seen)
            same_as = next(one for one in typed if str(one.pk) == request.POST.get("same_as"))
            returns.mark_same(line_id=line.pk, same_as_id=same_as.pk, by=by, now=timezone.now(), seen=seen)
        except ChangedMeanwhile as changed:
            messages.error(request, str(changed))
        except (StopIteration, returns.NotTheSame, returns.NotInSuspense):
            messages.error(request, _("These two lines cannot be the same money; nothing was done."))
        else:
            messages.success(request, _("Recorded: it is the money that was approved by hand."))
        return redirect(_address(line))
    context = admin.site.each_context(request) | {
        "title": _("It was approved by hand"),
        "subject": _subject(line),
        "typed": typed,
        "seen": sightings.of_line(line),
        "back": _address(line),
    }
    return render(request, "staff/line_same.html", context)


def confirm_sent(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Which of what was recorded as sent back a line of money that went out shows."""
    by = find_person(request, permission=PERMISSION)
    line = get_object_or_404(BankLine.objects.select_related("account", "file"), pk=pk)
    recorded = outgoing.list_sent(line)
    form = SentForm(request.POST or None, offers=[(str(one.pk), _describe_sent(one)) for one in recorded])
    if recorded and form.is_valid():
        try:
            sent = returns.confirm_sent(
                line_id=line.pk, allocation_id=form.cleaned_data["sent"], by=by, now=timezone.now()
            )
        except returns.NotSentBack:
            form.add_error(None, _("It was recognised as something else meanwhile; nothing was done."))
        else:
            messages.success(request, _("Recorded: it is the money that was sent back."))
            return redirect(_address(sent.line))
    explanation = _(
        "It was posted when it was recorded. This says that the bank has carried it out; nothing is posted."
    )
    nothing = _("Nothing of this amount was recorded as sent back from this account, or it was found already.")
    context = admin.site.each_context(request) | {
        "title": _("It sent money back"),
        "subject": _subject(line),
        "explanation": explanation if recorded else nothing,
        "button": _("It sent money back") if recorded else "",
        "form": form if recorded else NothingForm(),
        "back": _address(line),
    }
    return render(request, "staff/confirm.html", context)


def _describe_sent(sent: Allocation) -> str:
    """What was recorded, and of which line: who is to get it."""
    came = sent.line
    parts = (
        came.booked_on.isoformat(),
        labelled(came.amount),
        came.payer_name,
        came.bank_reference,
        sent.note,
        sent.by,
    )
    return " · ".join(part for part in parts if part)


def _approve_all(request: HttpRequest, *, by: User, now: datetime) -> None:
    chosen = BankLine.objects.filter(pk__in=read_ids(request.POST.getlist("line"))).order_by("booked_on", "id")
    approved = 0
    for line in chosen[:_MOST]:
        try:
            exact_lines.approve_line(line_id=line.pk, by=by, now=now)
            approved += 1
        except exact_lines.NotApproved as error:
            messages.error(request, f"{line.bank_reference or line.pk}: {error}")
    if approved:
        messages.success(request, _("Approved and credited: %(count)d.") % {"count": approved})


def _list_exact(found: Iterable[BankLine], *, by: User) -> list[dict[str, Any]]:
    lines = list(found)
    asked = matching.still_exact(lines)
    ids = {one.transfer_id for several in asked.values() for one in several}
    transfers = Transfer.objects.select_related("organisation").in_bulk(ids)
    reasons = exact_lines.why_not_each(lines, asked, by=by)
    return [
        _exact_row(
            line,
            [transfers[one.transfer_id] for one in asked[line.pk]],
            reasons[line.pk] if asked[line.pk] else str(_("It does not fit exactly any more.")),
        )
        for line in lines
    ]


def _exact_row(line: BankLine, transfers: list[Transfer], why_not: str) -> dict[str, Any]:
    return {
        "line": line,
        "amount": labelled(line.rest),
        "address": _address(line),
        "transfers": [
            {
                "title": transfer,
                "address": f"{reverse('admin:payments_transfer_desk', args=[transfer.pk])}?line={line.pk}",
            }
            for transfer in transfers
        ],
        "whose": ", ".join(dict.fromkeys(transfer.organisation.name for transfer in transfers)),
        "why_not": why_not,
    }


def _first_shares(line: BankLine) -> list[dict[str, Any]]:
    """What is suggested, as long as it lasts."""
    left = line.rest
    shares_: list[dict[str, Any]] = []
    for suggestion in line.suggestions.select_related("transfer").order_by("id")[:20]:
        asked = suggestion.transfer.amount
        amount = min(left, asked) if asked.currency == left.currency else left
        if amount.amount > 0:
            shares_.append({"to": suggestion.transfer.reference, "amount": amount.amount})
            left -= amount
    return shares_


def _read_parts(formset: Any, line: BankLine) -> list[Part]:
    rows = [form.cleaned_data for form in formset if form.cleaned_data.get("to")]
    return [Part(whose=assignments.find(row["to"]), amount=Money(row["amount"], line.amount.currency)) for row in rows]


def _get_line(pk: UUID) -> BankLine:
    return get_object_or_404(BankLine.objects.incoming().select_related("account", "file"), pk=pk)


def _address(line: BankLine) -> str:
    return reverse("admin:payments_bankline_change", args=[line.pk])


def _subject(line: BankLine) -> str:
    parts = (line.booked_on.isoformat(), labelled(line.rest), line.payer_name, line.text[:80], line.account.code)
    return " · ".join(filter(None, parts))


def _confirm(request: HttpRequest, line: BankLine, *, title: Any, explanation: Any, form: Any) -> HttpResponse:
    context = admin.site.each_context(request) | {
        "title": title,
        "subject": _subject(line),
        "explanation": explanation,
        "button": title,
        "form": form,
        "seen": sightings.of_line(line),
        "back": _address(line),
    }
    return render(request, "staff/confirm.html", context)
