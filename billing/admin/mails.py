"""The mails sent of orders and of notices, for whoever is asked whether one was; ops send them again."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing import mail_retries
from billing.forms import NothingForm
from billing.models import NoticeMail, OrderMail
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly, find_person


class MailAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Sending one again is an act of its own."""

    list_filter = (("sent_at", admin.EmptyFieldListFilter),)
    ordering = ("-claimed_at",)
    change_form_outer_before_template = "staff/act.html"  # type: ignore[assignment]  # unfold says None

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.send_again)
        return [path("<uuid:pk>/again/", view, name=f"{self._name}_again"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        mail = self.get_object(request, object_id)
        more = dict(extra_context or {})
        if mail and mail.sent_at is None and request.user.has_perm(self._sends):
            more["act"] = {"title": _("Send again"), "address": reverse(f"admin:{self._name}_again", args=[object_id])}
        return super().change_view(request, object_id, form_url, more)

    def send_again(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        find_person(request, permission=self._sends)
        mail = get_object_or_404(self.model, pk=pk)
        back = reverse(f"admin:{self._name}_change", args=[mail.pk])
        if request.method == "POST":
            self._send_again(request, mail)
            return redirect(back)
        context = {
            "title": _("Send again"),
            "subject": mail,
            "explanation": _("It is tried at once, and from now on again after growing pauses, for three days."),
            "button": _("Send again"),
            "form": NothingForm(),
            "back": back,
        }
        return render(request, "staff/confirm.html", self.admin_site.each_context(request) | context)

    def _send_again(self, request: HttpRequest, mail: Any) -> None:
        mine = self.model._default_manager.filter(pk=mail.pk)  # noqa: SLF001  # public API
        if mail_retries.start_again(mine, now=timezone.now()):
            self.log_change(request, mail, str(_("Sent again")))
            messages.success(request, _("It is sent again within seconds."))
        else:
            messages.warning(request, _("It was sent, or is being sent at this moment; nothing was done."))

    @property
    def _name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"

    @property
    def _sends(self) -> str:
        return f"{self.opts.app_label}.change_{self.opts.model_name}"


@admin.register(OrderMail)
class OrderMailAdmin(MailAdmin):
    list_display = ("subject", "to", "event", "sent_at", "attempts", "error")
    list_select_related = ("event",)
    search_fields = ("to", "event__order__number")
    fields = ("event", "to", "subject", "claimed_at", "attempts", "sent_at", "error")
    readonly_fields = fields


@admin.register(NoticeMail)
class NoticeMailAdmin(MailAdmin):
    list_display = ("subject", "to", "notice", "sent_at", "attempts", "error")
    list_select_related = ("notice",)
    search_fields = ("to", "notice__organisation__name")
    fields = ("notice", "to", "subject", "claimed_at", "attempts", "sent_at", "error")
    readonly_fields = fields
