"""Callback addresses of customers, without their secrets, and what was sent there; ops send it again."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from billing import callbacks
from billing.forms import NothingForm
from billing.models import Callback, CallbackEndpoint
from wallet.admin import cells
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly, find_person

_SENDS = "billing.change_callback"


@admin.register(CallbackEndpoint)
class CallbackEndpointAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_display = ("url", "organisation", "events", "is_on", "created_at", "removed_at")
    list_filter = ("is_on", ("removed_at", admin.EmptyFieldListFilter))
    list_select_related = ("organisation",)
    search_fields = ("url", "organisation__name")
    ordering = ("-created_at",)
    fields = ("organisation", "url", "username", "events", "is_on", "added_by_then", "created_at", "removed_at")
    readonly_fields = fields
    added_by_then = cells.name_person("created_by_name", _("added by"))


@admin.register(Callback)
class CallbackAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Sending one again is an act of its own."""

    list_display = ("created_at", "organisation", "event", "endpoint", "attempts", "delivered_at", "answer", "error")
    list_filter = ("event", ("delivered_at", admin.EmptyFieldListFilter), ("next_at", admin.EmptyFieldListFilter))
    list_select_related = ("organisation", "endpoint")
    search_fields = ("organisation__name", "endpoint__url")
    ordering = ("-id",)
    show_full_result_count = False
    fields = (
        *("organisation", "endpoint", "event", "sent", "created_at", "next_at", "attempts", "delivered_at"),
        *("answer", "error"),
    )
    readonly_fields = fields
    change_form_outer_before_template = "staff/act.html"  # type: ignore[assignment]  # unfold says None

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.send_again)
        return [path("<uuid:pk>/again/", view, name="billing_callback_again"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        callback = self.get_object(request, object_id)
        more = dict(extra_context or {})
        if callback and callback.next_at is None and request.user.has_perm(_SENDS):
            more["act"] = {
                "title": _("Send again"),
                "address": reverse("admin:billing_callback_again", args=[object_id]),
            }
        return super().change_view(request, object_id, form_url, more)

    def send_again(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        find_person(request, permission=_SENDS)
        callback = get_object_or_404(Callback.objects.select_related("organisation", "endpoint"), pk=pk)
        back = reverse("admin:billing_callback_change", args=[callback.pk])
        if request.method == "POST":
            self._send_again(request, callback)
            return redirect(back)
        context = {
            "title": _("Send again"),
            "subject": f"{callback.organisation} · {callback.get_event_display()} · {callback.endpoint}",
            "explanation": _("With the same event id and the same body, so that the receiver knows it again."),
            "button": _("Send again"),
            "form": NothingForm(),
            "back": back,
        }
        return render(request, "staff/confirm.html", self.admin_site.each_context(request) | context)

    def _send_again(self, request: HttpRequest, callback: Callback) -> None:
        if callbacks.send_again(callback, now=timezone.now()):
            self.log_change(request, callback, str(_("Sent again")))
            messages.success(request, _("It is sent again within seconds."))
        else:
            messages.warning(request, _("It is under way already, or its address was removed; nothing was done."))

    @admin.display(description=_("body"))
    def sent(self, callback: Callback) -> str:
        return format_html('<span style="overflow-wrap: anywhere">{}</span>', callback.body)

    @admin.display(description=_("last answer"), ordering="last_status")
    def answer(self, callback: Callback) -> str:
        return str(callback.last_status or "—")

    @admin.display(description=_("last error"), ordering="last_error")
    def error(self, callback: Callback) -> str:
        return callback.last_error or "—"
