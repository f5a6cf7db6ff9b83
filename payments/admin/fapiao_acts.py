"""What finance does with a fapiao: records that it was issued, rejects the request, records its red letter."""

from datetime import datetime
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_safe

from billing import fapiao, fapiao_remainders, fapiao_responses
from billing.forms import NothingForm
from billing.models import Fapiao
from payments.fapiao_forms import IssueForm, RedLetterForm, RejectForm
from wallet.admin.people import find_person
from wallet.calendar import business_date
from wallet.models import User
from wallet.money import labelled

SEES = "billing.view_fapiao"
HANDLES = "billing.change_fapiao"

_DECIDED = _("It was issued, rejected, withdrawn or reversed before; nothing was done.")


def issue(request: HttpRequest, pk: UUID) -> HttpResponse:
    by, found, now = find_person(request, permission=HANDLES), find_fapiao(pk), timezone.now()
    why_not = _why_not(found, Fapiao.State.REQUESTED, by=by) or fapiao_remainders.why_not_issue(found)
    form = IssueForm(request.POST or None, request.FILES or None, initial={"issued_on": business_date(now)})
    if not why_not and form.is_valid() and _issue(request, found, form, by=by, now=now):
        return redirect(address_of(found))
    explanation = _("Make it in the tax office's system exactly as it stands here, then record it with its file.")
    return _render(
        request,
        found,
        title=_("Record the fapiao"),
        explanation=why_not or explanation,
        button="" if why_not else _("Record as issued"),
        form=NothingForm() if why_not else form,
    )


def reject(request: HttpRequest, pk: UUID) -> HttpResponse:
    by, found = find_person(request, permission=HANDLES), find_fapiao(pk)
    why_not = _why_not(found, Fapiao.State.REQUESTED, by=by)
    form = RejectForm(request.POST or None)
    if not why_not and form.is_valid():
        _reject(request, found, form, by=by)
        return redirect(address_of(found))
    explanation = _("The customer reads the reason by mail and can ask again.")
    return _render(
        request,
        found,
        title=_("Reject the request"),
        explanation=why_not or explanation,
        button="" if why_not else _("Reject"),
        form=NothingForm() if why_not else form,
    )


def reverse_by_red_letter(request: HttpRequest, pk: UUID) -> HttpResponse:
    by, found, now = find_person(request, permission=HANDLES), find_fapiao(pk), timezone.now()
    why_not = _why_not(found, Fapiao.State.ISSUED, by=by)
    form = RedLetterForm(request.POST or None, initial={"dated_on": business_date(now)})
    if not why_not and form.is_valid() and _reverse(request, found, form, by=by, now=now):
        return redirect(address_of(found))
    explanation = _(
        "Make the red-letter fapiao of the whole amount in the tax office's system, then record it. After that its"
        " amount can be refunded, or asked for again."
    )
    return _render(
        request,
        found,
        title=_("Record the red-letter fapiao"),
        explanation=why_not or explanation,
        button="" if why_not else _("Record as reversed"),
        form=NothingForm() if why_not else form,
    )


@require_safe
def download(request: HttpRequest, pk: UUID) -> HttpResponse:
    find_person(request, permission=SEES)
    return fapiao_responses.attachment(get_object_or_404(Fapiao, pk=pk, number__isnull=False))


def find_fapiao(pk: UUID) -> Fapiao:
    light = Fapiao.objects.light().select_related("order", "organisation", "entity")
    return get_object_or_404(light, pk=pk)


def address_of(found: Fapiao) -> str:
    return reverse("admin:billing_fapiao_change", args=[found.pk])


def _issue(request: HttpRequest, found: Fapiao, form: IssueForm, *, by: User, now: datetime) -> bool:
    """False when it was refused; then the form says why."""
    given = form.cleaned_data
    issued = fapiao.Issued(
        number=given["number"],
        issued_on=given["issued_on"],
        file_kind=given["file"].kind,
        file=given["file"].content,
    )
    try:
        fapiao.issue(fapiao_id=found.pk, issued=issued, by=by, now=now)
    except (fapiao.CannotBeIssued, fapiao.MayNotHandle) as refusal:
        form.add_error(None, str(refusal))
        return False
    except fapiao.NotWaiting:
        messages.warning(request, _DECIDED)
    else:
        messages.success(request, _("Recorded; the customer is told by mail and can save the file."))
    return True


def _reject(request: HttpRequest, found: Fapiao, form: RejectForm, *, by: User) -> None:
    try:
        fapiao.reject(fapiao_id=found.pk, reason=form.cleaned_data["reason"], by=by, now=timezone.now())
    except fapiao.NotWaiting:
        messages.warning(request, _DECIDED)
    except fapiao.MayNotHandle as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Rejected; the customer is told why by mail."))


def _reverse(request: HttpRequest, found: Fapiao, form: RedLetterForm, *, by: User, now: datetime) -> bool:
    """As `_issue`."""
    red_letter = fapiao.RedLetter(**form.cleaned_data)
    try:
        fapiao.reverse(fapiao_id=found.pk, red_letter=red_letter, by=by, now=now)
    except (fapiao.CannotBeIssued, fapiao.MayNotHandle) as refusal:
        form.add_error(None, str(refusal))
        return False
    except fapiao.NotIssued:
        messages.warning(request, _DECIDED)
    else:
        messages.success(request, _("Recorded; the customer is told by mail."))
    return True


def _why_not(found: Fapiao, state: Fapiao.State, *, by: User) -> str:
    if found.state != state:
        return str(_DECIDED)
    return fapiao.why_not_finance(found, by=by)


def _render(  # what differs between the pages
    request: HttpRequest,
    found: Fapiao,
    *,
    title: str | Promise,
    explanation: str | Promise,
    button: str | Promise,
    form: forms.Form,
) -> HttpResponse:
    context = {
        "title": title,
        "subject": f"{found.organisation} · {found.order} · {found.get_kind_display()} · {labelled(found.amount)}",
        "explanation": explanation,
        "facts": _list_facts(found),
        "button": button,
        "form": form,
        "back": address_of(found),
    }
    return render(request, "staff/confirm.html", admin.site.each_context(request) | context)


def _list_facts(found: Fapiao) -> list[tuple[object, str]]:
    """What stands on it, in the order of its form."""
    said: list[tuple[object, str]] = [
        (pgettext_lazy("fapiao", "Issued by"), found.entity.name),
        (_("Kind"), found.get_kind_display()),
        (_("Made out to"), found.get_buyer_display()),
        (pgettext_lazy("fapiao", "Title"), found.title),
        (_("Taxpayer number"), found.tax_number),
        (_("Address and telephone"), f"{found.address} {found.phone}".strip()),
        (_("Bank and account"), f"{found.bank} {found.bank_account}".strip()),
        (_("Amount, tax included"), labelled(found.amount)),
        (_("Fapiao number"), found.number or ""),
    ]
    return [fact for fact in said if fact[1]]
