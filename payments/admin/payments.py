"""Payments and signs of life for ops; and asking Stripe about a payment at once."""

import json
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from billing import numbers, search
from billing.forms import NothingForm
from payments import checkout, stripe_api
from payments.admin import stories, suspense_move_stories
from payments.models import Heartbeat, Payment
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly, find_person
from wallet.money import labelled

ASKS = "payments.change_inboxevent"
"""Whoever may replay an event may ask Stripe: it is the same question."""


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
    change_form_outer_before_template = "staff/act.html"  # type: ignore[assignment]  # unfold says None
    change_form_outer_after_template = "staff/tables.html"  # type: ignore[assignment]  # unfold says None

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.ask)
        return [path("<uuid:pk>/ask/", view, name="payments_payment_ask"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        more = dict(extra_context or {})
        if request.user.has_perm(ASKS) and (payment := self.get_object(request, object_id)):
            address = reverse("admin:payments_payment_ask", args=[payment.pk])
            more["act"] = {"title": _("Ask Stripe now"), "address": address}
        if payment := self.get_object(request, object_id):
            more["tables"] = suspense_move_stories.tell_acts(payment, request.user)
        return super().change_view(request, object_id, form_url, more)

    def ask(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        find_person(request, permission=ASKS)
        payment = get_object_or_404(Payment.objects.select_related("order"), pk=pk)
        if request.method == "POST":
            self._ask(request, payment)
            return redirect(reverse("admin:billing_order_change", args=[payment.order_id]))
        context = {
            "title": _("Ask Stripe now"),
            "subject": payment,
            "explanation": _("Stripe is asked what is true, and the order becomes that; nothing is credited twice."),
            "button": _("Ask Stripe now"),
            "form": NothingForm(),
            "back": reverse("admin:payments_payment_change", args=[payment.pk]),
        }
        return render(request, "staff/confirm.html", self.admin_site.each_context(request) | context)

    def _ask(self, request: HttpRequest, payment: Payment) -> None:
        try:
            asked = checkout.ask_about(payment_id=payment.pk, by=str(request.user), now=timezone.now())
        except stripe_api.StripeUnavailable:
            messages.warning(request, _("Stripe cannot be reached at the moment. Nothing was done; try again later."))
        except (stripe_api.StripeRefused, stripe_api.SessionUnreadable) as error:
            messages.warning(request, _("Stripe's answer helps no further: %(error)s") % {"error": error})
        else:
            said = asked.stripe_status or _("never started at Stripe")
            self.log_change(request, payment, str(_("Asked Stripe: %(said)s") % {"said": said}))
            messages.success(request, _("Stripe said: %(said)s") % {"said": said})

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
