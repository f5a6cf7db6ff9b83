"""What finance does with a daily close: saying who looks after a difference, signing the day, withdrawing that."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from billing.forms import NothingForm
from payments import sightings
from payments.admin import close_filters, close_tables
from payments.admin.close_tables import SIGNS
from payments.closing import days, words
from payments.models import DayClose, Difference
from wallet.admin.fields import ReasonField
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import find_person
from wallet.models import User
from wallet.money import labelled


class ExplanationForm(forms.Form):
    """Who looks after a difference, and why it is there."""

    owner = forms.ModelChoiceField(
        label=_("Owner"), queryset=User.objects.none(), widget=UnfoldAdminSelectWidget, empty_label=None
    )
    note = ReasonField(label=_("Note"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        staff = User.objects.filter(is_staff=True, is_active=True).order_by("name", "email")
        self.fields["owner"].queryset = staff  # type: ignore[attr-defined]  # a model choice field


class SigningForm(forms.Form):
    note = ReasonField(label=_("Note, if there is anything to say"), required=False)


class WithdrawalForm(forms.Form):
    note = ReasonField(label=_("Why"))


class CloseActs(ModelAdmin):
    """The pages of these acts, each with its form."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:pk>/sign/", wrap(self.sign), name="payments_close_sign"),
            path("<uuid:pk>/withdraw/", wrap(self.withdraw), name="payments_close_withdraw"),
            path("differences/<uuid:pk>/", wrap(self.explain), name="payments_difference_explain"),
            *super().get_urls(),
        ]

    def sign(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Sign a day as this very page shows it."""
        by = find_person(request, permission=SIGNS)
        close = get_object_or_404(DayClose, pk=pk)
        form = SigningForm(request.POST if request.method == "POST" else None)
        shown_at, warning = close.drawn_up_at, ""
        if form.is_valid():
            try:
                self._sign(request, close, form.cleaned_data["note"], by=by)
            except days.FoundOtherwise as changed:
                warning = str(changed)
                close.refresh_from_db()
            else:
                return redirect("admin:payments_dayclose_change", close.pk)
        why_not = days.why_not_signable(close, now=timezone.now())
        explanation = _(
            "The day is compared once more. If it is still as it stands here, it is signed, and sealed in the ledger"
            " for good; if not, nothing is signed, and you see what has changed."
        )
        news = close_tables.tell_news(close, request, since=shown_at) if warning else []
        return self._ask(
            request,
            title=_("Sign the day"),
            subject=str(close),
            warning=warning,
            explanation=why_not or explanation,
            tables=[*news, *close_tables.tell_picture(close, request)],
            seen=sightings.of_close(close),
            form=NothingForm() if why_not else form,
            button="" if why_not else _("Sign"),
            back=reverse("admin:payments_dayclose_change", args=[close.pk]),
        )

    def _sign(self, request: HttpRequest, close: DayClose, note: str, *, by: User) -> None:
        """Raises `FoundOtherwise`."""
        try:
            days.sign(day=close.day, by=by, now=timezone.now(), seen=request.POST.get("seen", ""), note=note)
        except days.NotSignable as refusal:
            messages.error(request, str(refusal))
        else:
            self.log_change(request, close, str(_("Signed")))
            messages.success(request, _("Signed. The day is sealed: nothing is posted on it any more."))

    def withdraw(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        by = find_person(request, permission=SIGNS)
        close = get_object_or_404(DayClose, pk=pk)
        back = reverse("admin:payments_dayclose_change", args=[close.pk])
        form = WithdrawalForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                days.withdraw(day=close.day, by=by, note=form.cleaned_data["note"], now=timezone.now())
            except days.NotWithdrawable as refusal:
                messages.error(request, str(refusal))
            else:
                self.log_change(request, close, str(_("Signature withdrawn: %(note)s") % form.cleaned_data))
                messages.success(
                    request, _("Withdrawn. Owners and notes can be changed; the ledger's day stays sealed.")
                )
            return redirect(back)
        why_not = days.why_not_withdrawable(close, by=by) if close.is_signed else _("The day is not signed.")
        explanation = _("Owners and notes of its differences can be changed again. No posting is touched.")
        return self._ask(
            request,
            title=_("Withdraw the signature"),
            subject=str(close),
            explanation=why_not or explanation,
            form=NothingForm() if why_not else form,
            button="" if why_not else _("Withdraw"),
            back=back,
        )

    def explain(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        by = find_person(request, permission=SIGNS)
        found = get_object_or_404(Difference.objects.select_related("close", "owner"), pk=pk)
        back = reverse("admin:payments_dayclose_change", args=[found.close_id]) + close_filters.keep(request)
        form = ExplanationForm(request.POST or None, initial={"owner": found.owner or by, "note": found.note})
        if request.method == "POST" and form.is_valid():
            try:
                days.explain(difference_id=found.pk, now=timezone.now(), **form.cleaned_data)
            except days.DaySigned:
                messages.error(request, _("The day is signed. Somebody else has to withdraw the signature first."))
            except days.NotExplained:
                messages.error(request, _("An owner of the team and a note are needed; nothing was changed."))
            else:
                messages.success(request, _("Kept. It is carried over to the next day while it lasts."))
            return redirect(back)
        return self._ask(
            request,
            title=found.get_kind_display(),
            subject=f"{found.close} · {words.tell_subject(found)} · {labelled(found.amount)}",
            explanation=words.tell_detail(found),
            form=form,
            button=_("Save"),
            back=back,
        )

    def _ask(self, request: HttpRequest, **context: Any) -> HttpResponse:
        return render(request, "staff/confirm.html", self.admin_site.each_context(request) | context)
