"""The daily close for finance: the days, one day's four sides and differences, and signing it."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminSingleDateWidget

from billing.forms import NothingForm
from payments.admin import close_charts, close_tables, months
from payments.admin.close_tables import SIGNS
from payments.closing import days, report
from payments.models import DayClose, Difference
from wallet.admin import cells
from wallet.admin.fields import ReasonField
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly, find_person
from wallet.calendar import business_date
from wallet.models import User
from wallet.money import labelled

_COLOURS: dict[str, str] = {DayClose.State.OPEN: "warning", DayClose.State.SIGNED: "success"}


class DayForm(forms.Form):
    """A business day that is over."""

    day = forms.DateField(label=_("Business date (Asia/Shanghai)"), widget=UnfoldAdminSingleDateWidget)


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


class WithdrawalForm(forms.Form):
    note = ReasonField(label=_("Why"))


@admin.register(DayClose)
class DayCloseAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Every business day that was drawn up, the newest first."""

    list_display = ("day", "badge", "open_shown", "timing_shown", "signed_by", "signed", "drawn_up")
    list_filter = ("state",)
    list_select_related = ("signed_by",)
    ordering = ("-day",)
    list_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None
    change_form_outer_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None
    change_form_outer_after_template = "staff/tables.html"  # type: ignore[assignment]  # unfold says None
    fields = ("day", "state", "drawn_up", "signed_by", "signed", "seal")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[DayClose]:
        still = Q(differences__gone_at__isnull=True, differences__isnull=False)
        closes: QuerySet[DayClose] = super().get_queryset(request)
        return closes.annotate(
            open_count=Count("differences", filter=still & Q(differences__is_timing=False)),
            timing_count=Count("differences", filter=still & Q(differences__is_timing=True)),
        )

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("draw-up/", wrap(self.draw_up), name="payments_close_draw_up"),
            path("charts/", wrap(close_charts.show), name="payments_close_charts"),
            path("month/", wrap(months.show), name="payments_close_month"),
            path("month/journal.csv", wrap(months.download_journal), name="payments_close_journal"),
            path("<uuid:pk>/sign/", wrap(self.sign), name="payments_close_sign"),
            path("<uuid:pk>/report.csv", wrap(self.download_csv), name="payments_close_csv"),
            path("<uuid:pk>/report.pdf", wrap(self.download_pdf), name="payments_close_pdf"),
            path("<uuid:pk>/withdraw/", wrap(self.withdraw), name="payments_close_withdraw"),
            path("differences/<uuid:pk>/", wrap(self.explain), name="payments_difference_explain"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        acts = [
            {"title": _("Month end"), "address": reverse("admin:payments_close_month")},
            {"title": _("Volume, times and queue"), "address": reverse("admin:payments_close_charts")},
        ]
        more: dict[str, Any] = {"acts": acts}
        if request.user.has_perm(SIGNS):
            more["acts"].insert(0, {"title": _("Draw up a day"), "address": reverse("admin:payments_close_draw_up")})
        return super().changelist_view(request, more | (extra_context or {}))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        close = self.get_object(request, object_id)
        more = dict(extra_context or {})
        if close:
            more |= {"tables": close_tables.tell(close, request), "acts": close_tables.list_acts(close, request)}
        return super().change_view(request, object_id, form_url, more)

    def download_csv(self, request: HttpRequest, pk: UUID) -> HttpResponseBase:
        """All of the close for spreadsheets."""
        close = self._find(request, pk)
        return StreamingHttpResponse(
            report.write_csv(close), content_type="text/csv; charset=utf-8", headers=_name_file(close, "csv")
        )

    def download_pdf(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """The same on paper, in the reader's language."""
        close = self._find(request, pk)
        drawn = report.draw_pdf(close, language=get_language() or "en", now=timezone.now())
        return HttpResponse(drawn, content_type="application/pdf", headers=_name_file(close, "pdf"))

    def _find(self, request: HttpRequest, pk: UUID) -> DayClose:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(DayClose, pk=pk)

    def draw_up(self, request: HttpRequest) -> HttpResponse:
        find_person(request, permission=SIGNS)
        yesterday = business_date(timezone.now()) - timedelta(days=1)
        form = DayForm(
            request.POST or None, initial={"day": request.GET.get("day") or days.next_to_sign() or yesterday}
        )
        if request.method == "POST" and form.is_valid() and (close := _draw_up(form, form.cleaned_data["day"])):
            return redirect("admin:payments_dayclose_change", close.pk)
        explanation = _(
            "Orders, Stripe, bank and ledger are compared as they are known now. Nothing is posted. On a day with many"
            " thousand orders it takes some seconds: press once, and wait for the page."
        )
        return self._ask(
            request,
            title=_("Draw up a day"),
            subject="",
            explanation=explanation,
            form=form,
            button=_("Draw up"),
            back=reverse("admin:payments_dayclose_changelist"),
        )

    def sign(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        by = find_person(request, permission=SIGNS)
        close = get_object_or_404(DayClose, pk=pk)
        back = reverse("admin:payments_dayclose_change", args=[close.pk])
        if request.method == "POST":
            try:
                days.sign(day=close.day, by=by, now=timezone.now())
            except days.NotSignable as refusal:
                messages.error(request, str(refusal))
            else:
                self.log_change(request, close, str(_("Signed")))
                messages.success(request, _("Signed. The day is sealed: nothing is posted on it any more."))
            return redirect(back)
        why_not = days.why_not_signable(close, now=timezone.now())
        explanation = _("The day is compared once more, then sealed in the ledger for good.")
        return self._ask(
            request,
            title=_("Sign the day"),
            subject=str(close),
            explanation=why_not or explanation,
            form=NothingForm(),
            button="" if why_not else _("Sign"),
            back=back,
        )

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
        back = reverse("admin:payments_dayclose_change", args=[found.close_id])
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
            subject=f"{found.close} · {found.subject} · {labelled(found.amount)}",
            explanation=found.detail,
            form=form,
            button=_("Save"),
            back=back,
        )

    def _ask(self, request: HttpRequest, **context: Any) -> HttpResponse:
        return render(request, "staff/confirm.html", self.admin_site.each_context(request) | context)

    @admin.display(description=_("drawn up"), ordering="drawn_up_at")
    def drawn_up(self, close: DayClose) -> str:
        return cells.show_moment(close.drawn_up_at)

    @admin.display(description=_("signed"), ordering="signed_at")
    def signed(self, close: DayClose) -> str:
        return cells.show_moment(close.signed_at)

    @admin.display(description=_("differences"))
    def open_shown(self, close: Any) -> int:
        return int(close.open_count)

    @admin.display(description=_("timing"))
    def timing_shown(self, close: Any) -> int:
        return int(close.timing_count)

    @display(description=_("state"), label=_COLOURS)  # type: ignore[arg-type]  # it takes lazy texts too
    def badge(self, close: DayClose) -> tuple[str, str]:
        return close.state, close.get_state_display()


def _draw_up(form: DayForm, day: date) -> DayClose | None:
    try:
        return days.draw_up(day=day, now=timezone.now())
    except days.DayNotOver:
        form.add_error("day", _("This day is not over yet in Shanghai."))
        return None


def _name_file(close: DayClose, ending: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="close-{close.day}.{ending}"', "Cache-Control": "no-store"}
