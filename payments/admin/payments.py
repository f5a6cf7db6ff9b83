"""Payments and signs of life for ops."""

import json

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from billing import numbers, search
from payments.admin import stories
from payments.models import Heartbeat, Payment
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly
from wallet.money import labelled


@admin.register(Payment)
class PaymentAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_display = ("order", "organisation", "state", "charged", "session", "stripe_status", "created_at")
    list_filter = ("state", "method")
    list_select_related = ("order", "organisation")
    search_fields = ("order__number",)  # what really is searched stands in get_search_results
    search_help_text = _("Order number, Stripe session or payment intent")
    ordering = ("-id",)
    show_full_result_count = False
    fields = (
        "order",
        "credited_order",
        "organisation",
        "state",
        "charged",
        "whole_session",
        "payment_intent_id",
        "stripe_status",
        "cancel_wished_by",
        "key",
        "asked_of_stripe",
        "created_at",
        "asked_at",
        "ask_at",
        "session_expires_at",
        "confirmed_at",
    )
    readonly_fields = fields

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002  # Django's contract
        queryset: QuerySet[Payment],
        search_term: str,
    ) -> tuple[QuerySet[Payment], bool]:
        text = search_term.strip().replace("\x00", "")
        if not text:
            return queryset, False
        found = search.stripe_id("session_id", text) | search.stripe_id("payment_intent_id", text)
        return queryset.filter(found | Q(order__number=numbers.read(text) or text.upper())), False

    @admin.display(description=_("amount"), ordering="amount")
    def charged(self, payment: Payment) -> str:
        return format_html('<span class="whitespace-nowrap">{}</span>', labelled(payment.amount))

    @admin.display(description=_("Checkout Session"))
    def whole_session(self, payment: Payment) -> str:
        return stories.show_id(payment.session_id)

    @admin.display(description=_("idempotency key"))
    def key(self, payment: Payment) -> str:
        return stories.show_id(payment.idempotency_key)

    @admin.display(description=_("Checkout Session"), ordering="session_id")
    def session(self, payment: Payment) -> str:
        return stories.shorten(payment.session_id or "—")

    @admin.display(description=_("asked of Stripe"))
    def asked_of_stripe(self, payment: Payment) -> str:
        return stories.show_verbatim(json.dumps(payment.session_request, indent=2, ensure_ascii=False))


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_display = ("name", "beat_at")
    ordering = ("name",)
    fields = ("name", "beat_at")
    readonly_fields = fields
