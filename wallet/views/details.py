"""Billing details of the organisation and its payer names: reading, changing, and how they came about."""

from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from wallet import details, details_history
from wallet.access import MemberRequest, find_acting, member_required
from wallet.forms import DetailsForm, PayerForm, ShownForm
from wallet.models import BillingDetails, Member, PayerName


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def show(request: MemberRequest) -> HttpResponse:
    if request.method == "POST":
        return _record(request)
    return _render(request, request.member)


@require_POST
@member_required
def add_payer(request: MemberRequest) -> HttpResponse:
    form = PayerForm(request.POST)
    acting = _find_acting(request, form)
    if not acting.may_top_up:
        return _refuse(request, acting)
    if not form.is_valid():
        return _render(request, acting, payer_form=form, status=422)
    name = form.cleaned_data["name"]
    try:
        details.add_payer(organisation_id=acting.organisation_id, name=name, by=request.user, now=timezone.now())
    except details.MayNotChangeDetails:  # since a moment ago
        return _refuse(request, acting)
    except details.TooManyPayerNames:
        form.add_error(
            "name", _("There are %(most)d names already. Remove one first.") % {"most": details.MOST_PAYER_NAMES}
        )
        return _render(request, acting, payer_form=form, status=422)
    whose = {"name": name, "organisation": acting.organisation.name}
    messages.success(request, _("“%(name)s” is a known payer of %(organisation)s now.") % whose)
    return redirect("wallet:details")


@require_POST
@member_required
def remove_payer(request: MemberRequest) -> HttpResponse:
    """Repeating it changes nothing, and says so."""
    form = PayerForm(request.POST)
    acting = _find_acting(request, form)
    if not acting.may_top_up:
        return _refuse(request, acting)
    if not form.is_valid():
        raise Http404
    name = form.cleaned_data["name"]
    try:
        is_removed = details.remove_payer(
            organisation_id=acting.organisation_id, name=name, by=request.user, now=timezone.now()
        )
    except details.MayNotChangeDetails:  # since a moment ago
        return _refuse(request, acting)
    whose = {"name": name, "organisation": acting.organisation.name}
    if is_removed:
        messages.success(request, _("“%(name)s” is no payer of %(organisation)s any more.") % whose)
    else:
        messages.info(request, _("“%(name)s” had been removed before.") % whose)
    return redirect("wallet:details")


def _record(request: MemberRequest) -> HttpResponse:
    form = DetailsForm(request.POST)
    acting = _find_acting(request, form)
    if not acting.may_top_up:
        return _refuse(request, acting)
    if not form.is_valid():
        return _render(request, acting, form=form, status=422)
    seen, before = form.cleaned_data["seen_version"], details.current(acting.organisation_id)
    try:
        recorded = details.record(
            form.facts,
            organisation_id=acting.organisation_id,
            seen_version=seen,
            by=request.user,
            now=timezone.now(),
        )
    except details.MayNotChangeDetails:  # since a moment ago
        return _refuse(request, acting)
    except details.ChangedMeanwhile as error:
        return _show_changed(request, acting, seen=seen, version=error.current.version)
    if recorded == before:
        messages.info(request, _("Nothing differs from what was recorded before."))
    else:
        messages.success(
            request, _("The billing details of %(name)s are recorded.") % {"name": acting.organisation.name}
        )
    return redirect("wallet:details")


def _show_changed(request: MemberRequest, acting: Member, *, seen: int, version: int) -> HttpResponse:
    """What was typed is kept; sent again, it follows the version that is shown now."""
    again = DetailsForm({**request.POST.dict(), "seen_version": version})
    meanwhile = details_history.read_since(acting.organisation_id, version=seen)
    return _render(request, acting, form=again, meanwhile=meanwhile, status=409)


def _find_acting(request: MemberRequest, form: ShownForm) -> Member:
    """The reader's membership in the organisation the form was shown for; 404 when he has none."""
    form.is_valid()
    return find_acting(request, form.cleaned_data.get("organisation"))


def _render(
    request: MemberRequest,
    acting: Member,
    *,
    form: DetailsForm | None = None,
    payer_form: PayerForm | None = None,
    meanwhile: list[details_history.Happening] | None = None,
    status: int = 200,
) -> HttpResponse:
    current = details.current(acting.organisation_id)
    history = details_history.read(acting.organisation_id)
    shown = {"organisation": acting.organisation_id}
    context = {
        "acting": acting,
        "current": current,
        "form": form or DetailsForm(initial=shown | _fill(current)),
        "payer_form": payer_form or PayerForm(initial=shown),
        "meanwhile": meanwhile,
        "payers": PayerName.objects.live(acting.organisation_id).order_by("added_at"),
        "most_payers": details.MOST_PAYER_NAMES,
        "history": history,
        "is_cut": len(history) == details_history.LONGEST,
    }
    return render(request, "wallet/details.html", context, status=status)


def _fill(current: BillingDetails | None) -> dict[str, Any]:
    return {"seen_version": current.version if current else 0} | asdict(details.read(current))


def _refuse(request: MemberRequest, member: Member) -> HttpResponse:
    able = Member.objects.able_to_top_up(member.organisation_id)
    return render(request, "wallet/details_refused.html", {"able": able, "acting": member}, status=403)
