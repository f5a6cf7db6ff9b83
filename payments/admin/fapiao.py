"""Fapiao for finance: what waits, oldest first, then what was issued, with everything recorded of each."""

from typing import Any

from django.contrib import admin
from django.db.models import Case, F, QuerySet, When
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from unfold.decorators import display

from billing import fapiao_remainders
from billing.models import Fapiao
from payments.admin import fapiao_acts
from wallet.admin import cells
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly
from wallet.money import labelled

_COLOURS: dict[str, str] = {
    Fapiao.State.REQUESTED: "warning",
    Fapiao.State.ISSUED: "success",
    Fapiao.State.REVERSED: "danger",
    Fapiao.State.REJECTED: "",
    Fapiao.State.WITHDRAWN: "",
}
"""Every state stands here: the theme shows one without a colour by its code."""


@admin.register(Fapiao)
class FapiaoAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Every fapiao. Whatever is done with one is an act of its own."""

    list_display = ("asked", "waits", "badge", "warning", "buyer_shown", "amount_and_kind", "order", "number")
    list_filter = ("state", "kind", "entity")
    list_select_related = ("order", "organisation", "entity")
    list_filter_sheet = True
    list_fullwidth = True
    change_form_outer_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None
    search_fields = ("=number", "=red_number", "=tax_number", "title", "=order__number", "organisation__name")
    search_help_text = _("Number of a fapiao or an order, taxpayer number, title or organisation")
    ordering = (Case(When(state="REQUESTED", then=F("asked_at"))).asc(nulls_last=True), "-id")
    show_full_result_count = False
    fields = (
        *("organisation", "order_shown", "entity", "state", "warning", "kind", "buyer", "title", "tax_number"),
        *("address", "phone", "bank", "bank_account", "amount_shown", "asked_by_then", "asked_at"),
        *("number", "issued_on", "file_shown", "sha256", "issued_by_then", "issued_at"),
        *("red_number", "red_on", "reason", "ended_by_then", "ended_at"),
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Fapiao]:
        return super().get_queryset(request).defer("file")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:pk>/issue/", wrap(fapiao_acts.issue), name="billing_fapiao_issue"),
            path("<uuid:pk>/reject/", wrap(fapiao_acts.reject), name="billing_fapiao_reject"),
            path("<uuid:pk>/reverse/", wrap(fapiao_acts.reverse_by_red_letter), name="billing_fapiao_reverse"),
            path("<uuid:pk>/file/", wrap(fapiao_acts.download), name="billing_fapiao_download"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        found = self.get_object(request, object_id)
        more = dict(extra_context or {})
        if found and request.user.has_perm(fapiao_acts.HANDLES):
            more["acts"] = _acts_on(found)
        return super().change_view(request, object_id, form_url, more)

    @display(description=_("state"), ordering="state", label=_COLOURS)  # type: ignore[arg-type]  # it takes lazy texts too
    def badge(self, found: Fapiao) -> tuple[str, str]:
        return found.state, found.get_state_display()

    @admin.display(description=_("waits for"), ordering="asked_at")
    def waits(self, found: Fapiao) -> str:
        return timesince(found.asked_at, timezone.now(), depth=1) if found.state == Fapiao.State.REQUESTED else "—"

    @admin.display(description=_("what to heed"))
    def warning(self, found: Fapiao) -> str:
        why = fapiao_remainders.why_not_issue(found) if found.state == Fapiao.State.REQUESTED else ""
        return _show_long(why) if why else "—"

    @admin.display(description=pgettext_lazy("fapiao", "title"), ordering="title")
    def buyer_shown(self, found: Fapiao) -> str:
        return _show_long(found.title)

    @admin.display(description=_("order"))
    def order_shown(self, found: Fapiao) -> str:
        return cells.link_to(reverse("admin:billing_order_change", args=[found.order_id]), found.order)

    @admin.display(description=_("amount"), ordering="amount")
    def amount_and_kind(self, found: Fapiao) -> str:
        return format_html("{}<br>{}", self.amount_shown(found), found.get_kind_display())

    @admin.display(description=_("amount"), ordering="amount")
    def amount_shown(self, found: Fapiao) -> str:
        return format_html('<span class="whitespace-nowrap">{}</span>', labelled(found.amount))

    @admin.display(description=_("asked for"), ordering="asked_at")
    def asked(self, found: Fapiao) -> str:
        return cells.show_moment(found.asked_at)

    @admin.display(description=_("asked for by (name at the time)"))
    def asked_by_then(self, found: Fapiao) -> str:
        return found.asked_by_name

    @admin.display(description=_("recorded by (name at the time)"))
    def issued_by_then(self, found: Fapiao) -> str:
        return found.issued_by_name or "—"

    @admin.display(description=_("ended by (name at the time)"))
    def ended_by_then(self, found: Fapiao) -> str:
        return found.ended_by_name or "—"

    @admin.display(description=_("file"))
    def file_shown(self, found: Fapiao) -> str:
        if not found.number:
            return "—"
        return cells.link_to(reverse("admin:billing_fapiao_download", args=[found.pk]), found.file_kind)


def _show_long(text: str) -> str:
    """In a column wide enough for it."""
    return format_html('<span class="inline-block w-48 whitespace-normal">{}</span>', text)


def _acts_on(found: Fapiao) -> list[dict[str, Any]]:
    """What can be done with it as it stands."""
    acts = {
        Fapiao.State.REQUESTED: [
            (_("Record the fapiao"), "billing_fapiao_issue"),
            (_("Reject the request"), "billing_fapiao_reject"),
        ],
        Fapiao.State.ISSUED: [(_("Record the red-letter fapiao"), "billing_fapiao_reverse")],
    }.get(Fapiao.State(found.state), [])
    return [{"title": title, "address": reverse(f"admin:{name}", args=[found.pk])} for title, name in acts]
