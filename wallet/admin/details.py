"""Billing details and payer names for staff: to read, and to find an organisation by its legal name or payer."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import linebreaksbr
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from wallet import details, details_history
from wallet.admin import cells
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly
from wallet.models import BillingDetails, PayerName


@admin.register(BillingDetails)
class BillingDetailsAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Every version; each says what it changed."""

    list_display = ("organisation", "version", "legal_name_zh", "legal_name_en", "tax_number", "recorded_at", "by_then")
    list_select_related = ("organisation",)
    search_fields = ("organisation__name", "legal_name_zh", "legal_name_en", "=tax_number")
    ordering = ("-recorded_at", "-version")
    show_full_result_count = False
    fields = (
        "organisation",
        "version",
        "legal_name_zh",
        "legal_name_en",
        "address",
        "tax_number",
        "recorded_at",
        "by",
        "by_then",
        "changes",
    )
    readonly_fields = fields
    by_then = cells.name_person("by_name", _("by (name at the time)"))

    @admin.display(description=_("changed with this version"))
    def changes(self, row: BillingDetails) -> str:
        since = details_history.read_since(row.organisation_id, version=row.version - 1)
        rows = [
            (difference.label, _spread(difference.before), _spread(difference.after))
            for happening in since
            if happening.version == row.version
            for difference in happening.differences
        ]
        return format_html_join("\n", "<div>{}: {} → {}</div>", rows)


def _spread(text: str) -> str:
    return linebreaksbr(text or "–", autoescape=True)


class LiveFilter(admin.SimpleListFilter):
    """Names that count today, or those that were taken off."""

    title = _("removed")
    parameter_name = "live"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [("live", _("Counts today")), ("removed", _("Removed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PayerName]) -> QuerySet[PayerName]:  # noqa: ARG002  # as above
        match self.value():
            case "live":
                return queryset.filter(removed_at=None)
            case "removed":
                return queryset.exclude(removed_at=None)
        return queryset


@admin.register(PayerName)
class PayerNameAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_display = ("name", "organisation", "added_at", "by_then", "removed_at", "removed_by_then")
    list_filter = (LiveFilter,)
    list_select_related = ("organisation",)
    search_fields = ("name", "organisation__name")
    ordering = ("-added_at",)
    show_full_result_count = False
    fields = (
        "organisation",
        "name",
        "folded",
        "added_at",
        "by",
        "by_then",
        "removed_at",
        "removed_by",
        "removed_by_then",
    )
    readonly_fields = fields
    by_then = cells.name_person("by_name", _("by (name at the time)"))
    removed_by_then = cells.name_person("removed_by_name", _("removed by (name at the time)"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PayerName], search_term: str
    ) -> tuple[QuerySet[PayerName], bool]:
        """Also by the folded name, so that a bank's way of writing it finds the row."""
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        if folded := details.fold(search_term):
            found |= queryset.filter(folded=folded)
        return found, may_repeat
