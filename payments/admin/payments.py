"""Payments and signs of life for ops."""

import json

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from payments.models import Heartbeat, Payment
from wallet.admin.people import ReadOnly
from wallet.money import labelled


@admin.register(Payment)
class PaymentAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_display = ("order", "organisation", "state", "charged", "session_id", "stripe_status", "created_at")
    list_filter = ("state", "method")
    list_select_related = ("order", "organisation")
    search_fields = ("order__number", "=session_id", "=payment_intent_id")
    ordering = ("-id",)
    show_full_result_count = False
    fields = (
        "order",
        "credited_order",
        "organisation",
        "state",
        "charged",
        "session_id",
        "payment_intent_id",
        "stripe_status",
        "cancel_wished_by",
        "idempotency_key",
        "asked_of_stripe",
        "created_at",
        "asked_at",
        "ask_at",
        "session_expires_at",
        "confirmed_at",
    )
    readonly_fields = fields

    @admin.display(description=_("amount"))
    def charged(self, payment: Payment) -> str:
        return labelled(payment.amount)

    @admin.display(description=_("asked of Stripe"))
    def asked_of_stripe(self, payment: Payment) -> str:
        return format_html("<pre>{}</pre>", json.dumps(payment.session_request, indent=2, ensure_ascii=False))


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_display = ("name", "beat_at")
    ordering = ("name",)
    fields = ("name", "beat_at")
    readonly_fields = fields
