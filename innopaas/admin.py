"""The audit trail for staff: to read."""

from operator import itemgetter
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from pghistory.models import Event

from innopaas import edits, history
from innopaas.models import StaffEdit
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly
from wallet.models import User


def _events() -> dict[str, type[Event]]:
    return {event._meta.label: event for event in history.list_events()}  # noqa: SLF001  # public API


ACTS = {"insert": _("added"), "update": _("changed"), "delete": _("deleted")}


class ModelFilter(admin.SimpleListFilter):
    title = _("what")
    parameter_name = "what"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return sorted(((label, edits.name_tracked(event)) for label, event in _events().items()), key=itemgetter(1))

    def queryset(self, request: HttpRequest, queryset: QuerySet[StaffEdit]) -> QuerySet[StaffEdit]:  # noqa: ARG002  # as above
        event = _events().get(self.value() or "")
        return queryset.across(event) if event else queryset  # type: ignore[attr-defined]  # pghistory's own


class PersonFilter(admin.SimpleListFilter):
    title = _("by")
    parameter_name = "by"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [(str(user.pk), user.email) for user in User.objects.filter(is_staff=True).order_by("email")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[StaffEdit]) -> QuerySet[StaffEdit]:  # noqa: ARG002  # as above
        return queryset.filter(pgh_context__user=self.value()) if self.value() else queryset


@admin.register(StaffEdit)
class StaffEditAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Every change of what staff edit: limits, who may act, and what else innopaas.models tracks."""

    list_display = ("at", "who", "what", "act", "changes", "url")
    list_filter = (ModelFilter, PersonFilter, "pgh_created_at")
    ordering = ("-pgh_created_at", "-pgh_slug")
    list_per_page = 50
    show_full_result_count = False
    fields = ("at", "who", "url", "what", "act", "row", "changes")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[StaffEdit]:  # noqa: ARG002  # Django's contract
        return edits.find_all()

    @admin.display(description=_("time"), ordering="pgh_created_at")
    def at(self, edit: StaffEdit) -> Any:
        return edit.pgh_created_at

    @admin.display(description=_("by"))
    def who(self, edit: StaffEdit) -> str:
        user = User.objects.filter(pk=edit.user_id).first() if edit.user_id else None
        return user.email if user else "—"

    @admin.display(description=_("what"))
    def what(self, edit: StaffEdit) -> str:
        return edits.name_tracked(_events()[edit.pgh_model])

    @admin.display(description=_("act"))
    def act(self, edit: StaffEdit) -> Any:
        return ACTS.get(edit.pgh_label, edit.pgh_label)

    @admin.display(description=_("row"))
    def row(self, edit: StaffEdit) -> str:
        return edit.pgh_obj_id or "—"

    @admin.display(description=_("changes"))
    def changes(self, edit: StaffEdit) -> str:
        return "; ".join(f"{capfirst(change.field)}: {change}" for change in edits.list_changes(edit))
