"""Public holidays and the weekends worked for them, as the State Council announces them each year."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing import workdays
from billing.models import SpecialDay
from wallet.admin.lookups import ModelAdmin
from wallet.calendar import business_date


class YearFilter(admin.SimpleListFilter):
    title = _("year")
    parameter_name = "year"

    def lookups(self, *args: Any) -> list[tuple[str, str]]:  # noqa: ARG002  # Django's contract
        return [(str(day.year), str(day.year)) for day in SpecialDay.objects.dates("day", "year", order="DESC")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SpecialDay]) -> QuerySet[SpecialDay]:  # noqa: ARG002  # as above
        year = self.value() or ""
        return queryset.filter(day__year=int(year)) if year.isascii() and year.isdecimal() else queryset


@admin.register(SpecialDay)
class SpecialDayAdmin(ModelAdmin):
    """Only days that differ from the week stand here."""

    list_display = ("day", "name", "name_zh", "is_working_day")
    list_filter = (YearFilter,)
    search_fields = ("name", "name_zh")
    ordering = ("day",)
    fields = ("day", "is_working_day", "name", "name_zh")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        for year in workdays.missing_years(business_date(timezone.now())):
            messages.warning(
                request,
                _("No holidays of %(year)s are entered yet: waiting times would count its weekdays as worked.")
                % {"year": year},
            )
        return super().changelist_view(request, extra_context)
