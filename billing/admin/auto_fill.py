"""Auto-fills and low-balance alerts of customers, for staff to read: their owners set them."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from billing import targets
from billing.models import AutoFill, LowBalanceAlert
from wallet.admin import cells
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly
from wallet.money import shown


@admin.register(AutoFill)
class AutoFillAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_display = ("organisation", "product", "threshold_shown", "fills", "daily_cap", "is_on", "stop_reason", "moves")
    list_filter = ("is_on", "stop_reason")
    list_select_related = ("organisation", "product")
    search_fields = ("organisation__name", "product__slug")
    ordering = ("-set_at",)
    fields = (
        *(
            "organisation",
            "product",
            "threshold_shown",
            "fills",
            "floor",
            "daily_cap",
            "is_on",
            "set_by_then",
            "set_at",
        ),
        *("stopped_at", "stop_reason", "moves"),
    )
    readonly_fields = fields
    set_by_then = cells.name_person("set_by_name", _("set by"))

    @admin.display(description=_("when the balance falls below"), ordering="threshold")
    def threshold_shown(self, rule: AutoFill) -> str:
        return shown(rule.threshold)

    @admin.display(description=_("adds"))
    def fills(self, rule: AutoFill) -> str:
        """An amount, or what is missing up to one."""
        if rule.amount is not None:
            return shown(rule.product.money(rule.amount))
        return str(_("up to %(amount)s") % {"amount": shown(rule.product.money(rule.fill_to))})

    @admin.display(description=_("moves"), ordering="move_count")
    def moves(self, rule: AutoFill) -> int:
        return rule.move_count


@admin.register(LowBalanceAlert)
class LowBalanceAlertAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_display = ("organisation", "balance", "counts", "is_on", "roles", "dipped_at")
    list_filter = ("is_on", ("dipped_at", admin.EmptyFieldListFilter))
    list_select_related = ("organisation",)
    search_fields = ("organisation__name", "target")
    ordering = ("-id",)
    fields = ("organisation", "balance", "counts", "is_on", "roles", "dipped_at")
    readonly_fields = fields

    @admin.display(description=_("balance"), ordering="target")
    def balance(self, alert: LowBalanceAlert) -> str:
        return targets.name(alert.target)

    @admin.display(description=_("threshold"))
    def counts(self, alert: LowBalanceAlert) -> str:
        """The customer's own, or the one taken from the average daily use."""
        if alert.threshold is not None:
            return f"${alert.threshold:,}"
        return str(_("$%(amount)s, from daily use") % {"amount": f"{alert.default_threshold:,}"})
