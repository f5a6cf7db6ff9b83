"""The daily close for finance: the days, one day's four sides and differences, and signing it."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from payments.admin import close_charts, close_figures, close_filters, close_tables, months
from payments.admin.close_acts import CloseActs
from payments.admin.close_tables import SIGNS
from payments.closing import days, report, selections
from payments.models import DayClose
from wallet.admin import cells
from wallet.admin.people import ReadOnly, find_person
from wallet.calendar import business_date

_COLOURS: dict[str, str] = {DayClose.State.OPEN: "warning", DayClose.State.SIGNED: "success"}


class DayForm(forms.Form):
    """A business day that is over."""

    day = forms.DateField(
        label=_("Business date (Asia/Shanghai)"), widget=UnfoldAdminTextInputWidget(attrs={"type": "date"})
    )


@admin.register(DayClose)
class DayCloseAdmin(ReadOnly, CloseActs):  # type: ignore[misc]  # unfold has no types
    """Every business day that was drawn up, the newest first."""

    list_display = ("day", "badge", "open_shown", "timing_shown", "signed_by", "signed", "drawn_up")
    list_filter = ("state",)
    list_select_related = ("signed_by",)
    ordering = ("-day",)
    list_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None
    change_form_outer_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None
    change_form_outer_after_template = "staff/close.html"  # type: ignore[assignment]  # unfold says None
    fields = ("day", "state_shown", "drawn_up", "signed_by", "signed", "seal_shown")
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
            path("<uuid:pk>/report.csv", wrap(self.download_csv), name="payments_close_csv"),
            path("<uuid:pk>/report.pdf", wrap(self.download_pdf), name="payments_close_pdf"),
            path(
                "<uuid:pk>/figures/<slug:measure>/<slug:currency>/<slug:side>/",
                wrap(close_figures.show),
                name="payments_close_figure",
            ),
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
            more |= _lay_out(close, request)
        return super().change_view(request, object_id, form_url, more)

    def download_csv(self, request: HttpRequest, pk: UUID) -> HttpResponseBase:
        """All of the close for spreadsheets."""
        close = self._find(request, pk)
        return StreamingHttpResponse(
            report.write_csv(close, language=get_language() or "en"),
            content_type="text/csv; charset=utf-8",
            headers=_name_file(close, "csv"),
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

    @admin.display(description=_("drawn up"), ordering="drawn_up_at")
    def drawn_up(self, close: DayClose) -> str:
        return cells.show_moment(close.drawn_up_at)

    @admin.display(description=_("signed"), ordering="signed_at")
    def signed(self, close: DayClose) -> str:
        return cells.show_moment(close.signed_at)

    @admin.display(description=_("state"))
    def state_shown(self, close: DayClose) -> str:
        return str(close_tables.say_state(close))

    @admin.display(description=_("hash of the sealed day"))
    def seal_shown(self, close: DayClose) -> str:
        """It outlives a signature that was withdrawn: the ledger's day stays sealed."""
        if not close.seal or close.is_signed:
            return close.seal or "—"
        explanation = _(
            "The signature was withdrawn, so owners and notes can be changed; the day stays sealed in the ledger, with"
            " this hash. It is signed again under the same."
        )
        return format_html('{}<p class="mt-2">{}</p>', close.seal, explanation)

    @admin.display(description=_("differences"))
    def open_shown(self, close: Any) -> int:
        return int(close.open_count)

    @admin.display(description=_("timing"))
    def timing_shown(self, close: Any) -> int:
        return int(close.timing_count)

    @display(description=_("state"), label=_COLOURS)  # type: ignore[arg-type]  # it takes lazy texts too
    def badge(self, close: DayClose) -> tuple[str, str]:
        return close.state, str(close_tables.say_state(close))


def _lay_out(close: DayClose, request: HttpRequest) -> dict[str, Any]:
    form, selection = close_filters.read(request, close)
    found = selections.choose(close, selection)
    turned = close_filters.turn(request, found)
    title = f"{_('Differences and timing')}: {turned['page'].paginator.count}"
    return turned | {
        "acts": close_tables.list_acts(close, request),
        "sides": [close_tables.tell_sides(close)],
        "filters": form,
        "is_narrowed": selection != selections.Selection(),
        "differences": [close_tables.tell_differences(turned["page"], close, request, title=title)],
        "signatures": [close_tables.tell_acts(close)],
    }


def _draw_up(form: DayForm, day: date) -> DayClose | None:
    try:
        return days.draw_up(day=day, now=timezone.now())
    except days.DayNotOver:
        form.add_error("day", _("This day is not over yet in Shanghai."))
    except days.DaySealed as sealed:
        form.add_error("day", str(sealed))
    return None


def _name_file(close: DayClose, ending: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="close-{close.day}.{ending}"', "Cache-Control": "no-store"}
