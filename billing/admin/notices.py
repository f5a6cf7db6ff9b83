"""What organisations were told beside their orders, and the mails about it, for whoever is asked."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from billing import targets
from billing.models import Notice, NoticeMail
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


@admin.register(NoticeMail)
class NoticeMailAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_display = ("subject", "to", "notice", "sent_at", "attempts", "error")
    list_filter = (("sent_at", admin.EmptyFieldListFilter),)
    list_select_related = ("notice",)
    search_fields = ("to", "notice__organisation__name")
    ordering = ("-claimed_at",)
    fields = ("notice", "to", "subject", "claimed_at", "attempts", "sent_at", "error")
    readonly_fields = fields
