"""Doubts about orders: found by finance and ops, resolved with a note."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from billing import flags
from billing.models import Flag
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly
from wallet.models import User


class OpenFilter(admin.SimpleListFilter):
    """Open flags first: that is what somebody comes for."""

    title = _("flag")
    parameter_name = "open"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [("open", _("Unresolved")), ("resolved", _("Resolved"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Flag]) -> QuerySet[Flag]:  # noqa: ARG002  # as above
        match self.value():
            case "open":
                return queryset.filter(resolved_at__isnull=True)
            case "resolved":
                return queryset.filter(resolved_at__isnull=False)
        return queryset


class ResolutionForm(forms.Form):
    note = forms.CharField(
        label=_("What was found and done"), max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 4})
    )


@admin.register(Flag)
class FlagAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Doubts about orders. Resolving one is an act of its own, with a note."""

    list_display = ("order", "reason", "organisation", "since", "resolved_at", "resolved_by")
    list_filter = (OpenFilter, "reason")
    list_select_related = ("order", "organisation", "resolved_by")
    search_fields = ("order__number", "organisation__name")
    ordering = ("-since",)
    fields = ("order", "organisation", "reason", "detail", "since", "resolved_by", "resolved_at", "note")
    readonly_fields = fields
    change_form_outer_before_template = "staff/act.html"  # type: ignore[assignment]  # unfold says None

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.resolve)
        return [path("<uuid:pk>/resolve/", view, name="billing_flag_resolve"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        flag = self.get_object(request, object_id)
        more = dict(extra_context or {})
        if flag and flag.resolved_at is None and request.user.has_perm("billing.change_flag"):
            more["act"] = {"title": _("Resolve"), "address": reverse("admin:billing_flag_resolve", args=[flag.pk])}
        return super().change_view(request, object_id, form_url, more)

    def resolve(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        if not request.user.has_perm("billing.change_flag"):
            raise PermissionDenied
        flag = get_object_or_404(Flag.objects.select_related("order"), pk=pk)
        back = reverse("admin:billing_flag_change", args=[flag.pk])
        form = ResolutionForm(request.POST or None)
        if request.method != "POST" or not form.is_valid():
            context = self.admin_site.each_context(request) | {
                "title": _("Resolve"),
                "subject": flag,
                "explanation": _("The customer sees “being checked” until the flag is resolved."),
                "button": _("Resolve"),
                "form": form,
                "back": back,
            }
            return render(request, "staff/confirm.html", context)
        self._resolve(request, flag, note=form.cleaned_data["note"])
        return redirect(back)

    def _resolve(self, request: HttpRequest, flag: Flag, *, note: str) -> None:
        if not isinstance(request.user, User):
            raise TypeError("staff are users of ours")
        if flags.resolve(flag_id=flag.pk, by=request.user, note=note, now=timezone.now()):
            self.log_change(request, flag, str(_("Resolved: %(note)s") % {"note": note}))
            messages.success(request, _("The flag is resolved."))
        else:
            messages.warning(request, _("Somebody else had resolved it before; nothing was changed."))
