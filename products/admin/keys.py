"""API keys for ops: all of them, making one for a product's back end, and revoking any."""

import secrets
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from products import keys
from products.forms import NamedForm
from products.models import ApiKey, Product
from wallet.admin import cells
from wallet.admin.cells import show_moment
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly, find_person

_LIST = "admin:products_apikey_changelist"
_MAKES = "products.add_apikey"
_REVOKES = "products.change_apikey"


class ServiceKeyForm(NamedForm):
    """Asks for a key of a product's back end."""

    product = forms.ModelChoiceField(Product.objects.in_order(), label=_("Product"), widget=UnfoldAdminSelectWidget)
    name = forms.CharField(
        label=_("Name, like the system that uses it"),
        max_length=60,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )
    requests_per_minute = forms.IntegerField(
        label=_("Requests a minute"),
        min_value=1,
        max_value=10**6,
        initial=keys.SERVICE_RATE,
        widget=UnfoldAdminIntegerFieldWidget,
    )

    field_order = ["product", "name", "requests_per_minute"]


class LifeFilter(admin.SimpleListFilter):
    """Live ones unless others are asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [("revoked", _("Revoked")), ("all", _("All"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:  # noqa: ARG002  # as above
        match self.value():
            case "revoked":
                return queryset.filter(revoked_at__isnull=False)
            case "all":
                return queryset
        return queryset.filter(revoked_at__isnull=True)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Making and revoking are acts of their own; what a key is and may, never changes."""

    list_display = ("name", "kind", "whose", "begins", "requests_per_minute", "made", "used", "revoked")
    list_filter = (LifeFilter, "kind", "product")
    list_select_related = ("product", "organisation", "created_by")
    search_fields = ("name", "prefix", "organisation__name")
    ordering = ("-created_at",)
    fields = (
        *("name", "kind", "product", "organisation", "begins", "requests_per_minute"),
        *("made_by_then", "made", "used", "revoked", "revoked_by"),
    )
    readonly_fields = fields
    made_by_then = cells.name_person("created_by_name", _("made by"))
    list_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None
    change_form_outer_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("issue/", wrap(never_cache(self.issue)), name="products_apikey_issue"),
            path("<uuid:pk>/revoke/", wrap(self.revoke), name="products_apikey_revoke"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        more = dict(extra_context or {})
        if request.user.has_perm(_MAKES):
            address = reverse("admin:products_apikey_issue")
            more["acts"] = [{"title": _("Make a key for a product's back end"), "address": address}]
        return super().changelist_view(request, more)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        key = self.get_object(request, object_id)
        more = dict(extra_context or {})
        if key and key.revoked_at is None and request.user.has_perm(_REVOKES):
            address = reverse("admin:products_apikey_revoke", args=[key.pk])
            more["acts"] = [{"title": _("Revoke"), "address": address}]
        return super().change_view(request, object_id, form_url, more)

    def issue(self, request: HttpRequest) -> HttpResponse:
        """The one answer that holds the key. A form sent twice makes one."""
        by = find_person(request, permission=_MAKES)
        form = ServiceKeyForm(request.POST or None)
        if not form.is_valid():
            return self._ask(request, form)
        token = request.POST.get("seen", "")
        try:
            issued = keys.issue_for_product(**form.cleaned_data, form_token=token, by=by, now=timezone.now())
        except keys.SentBefore:
            messages.warning(
                request,
                _("This form was sent before, and its key made. A key is shown once: if you missed it, revoke it."),
            )
            return redirect(_LIST)
        self.log_addition(request, issued.key, str(_("Made: %(key)s") % {"key": issued.key}))
        context = {"title": _("The new API key"), "issued": issued, "back": reverse(_LIST)}
        return render(request, "staff/key_made.html", self.admin_site.each_context(request) | context)

    def revoke(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        by = find_person(request, permission=_REVOKES)
        key = get_object_or_404(ApiKey, pk=pk)
        back = reverse("admin:products_apikey_change", args=[key.pk])
        if request.method != "POST":
            context = {
                "title": _("Revoke"),
                "subject": str(key),
                "explanation": _("Whatever uses it is answered nothing any more, at once and for good."),
                "button": _("Revoke"),
                "back": back,
            }
            return render(request, "staff/confirm.html", self.admin_site.each_context(request) | context)
        keys.revoke(key_id=key.pk, by=by, now=timezone.now())
        self.log_change(request, key, str(_("Revoked")))
        messages.success(request, _("The key is revoked: nothing is answered to it any more."))
        return redirect(back)

    def _ask(self, request: HttpRequest, form: ServiceKeyForm) -> HttpResponse:
        context = {
            "title": _("Make a key for a product's back end"),
            "subject": _("Whoever holds it charges every customer's balance of this product."),
            "explanation": _("It is shown once, on the next page. Hand it over by a way nobody else reads."),
            "button": _("Make the key"),
            "form": form,
            "seen": secrets.token_urlsafe(18),
            "back": reverse(_LIST),
        }
        return render(request, "staff/confirm.html", self.admin_site.each_context(request) | context)

    @admin.display(description=_("whose"))
    def whose(self, key: ApiKey) -> str:
        return str(key.product or key.organisation)

    @admin.display(description=_("begins with"), ordering="prefix")
    def begins(self, key: ApiKey) -> str:
        return f"{key.prefix}…"

    @admin.display(description=_("made"), ordering="created_at")
    def made(self, key: ApiKey) -> str:
        return show_moment(key.created_at)

    @admin.display(description=_("last used"), ordering="last_used_at")
    def used(self, key: ApiKey) -> str:
        return show_moment(key.last_used_at)

    @admin.display(description=_("revoked"), ordering="revoked_at")
    def revoked(self, key: ApiKey) -> str:
        return show_moment(key.revoked_at)
