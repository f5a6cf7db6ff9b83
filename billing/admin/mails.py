"""The mails sent of orders, for whoever is asked whether one was."""

from django.contrib import admin

from billing.models import OrderMail
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly


@admin.register(OrderMail)
class OrderMailAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_display = ("subject", "to", "event", "sent_at", "attempts", "error")
    list_filter = (("sent_at", admin.EmptyFieldListFilter),)
    list_select_related = ("event",)
    search_fields = ("to", "event__order__number")
    ordering = ("-claimed_at",)
    fields = ("event", "to", "subject", "claimed_at", "attempts", "sent_at", "error")
    readonly_fields = fields
