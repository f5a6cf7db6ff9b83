"""What organisations were told beside their orders, for whoever is asked. Its mails: see mails."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from billing import targets
from billing.models import Notice
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly


@admin.register(Notice)
class NoticeAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_display = ("at", "organisation", "kind", "balance", "roles")
    list_filter = ("kind",)
    list_select_related = ("organisation",)
    search_fields = ("organisation__name", "target")
    ordering = ("-id",)
    show_full_result_count = False
    fields = ("organisation", "kind", "balance", "told", "roles", "at")
    readonly_fields = fields

    @admin.display(description=_("balance"), ordering="target")
    def balance(self, notice: Notice) -> str:
        return targets.name(notice.target) if notice.target else "—"

    @admin.display(description=_("facts"))
    def told(self, notice: Notice) -> str:
        return ", ".join(f"{name}: {value}" for name, value in notice.facts.items()) or "—"
