"""Our legal entities, in whose names receipts and refund notes are issued; and the documents, to read."""

from types import MappingProxyType
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldBooleanWidget

from billing import legal_entities
from billing.models import Document, LegalEntity
from wallet.admin.lookups import ModelAdmin


class LegalEntityForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    is_issuing = forms.BooleanField(
        label=_("issues for cards and moves"),
        required=False,
        widget=UnfoldBooleanWidget,
        help_text=_("Transfers are documented by the entity whose bank account received them; all else by this one."),
    )

    class Meta:
        model = LegalEntity
        fields = ("code", "name_en", "name_zh", "address", "tax_number")
        help_texts = MappingProxyType(
            {
                "code": _("Stands in the number of every document, as in RC-IP-2026-000001, and never changes."),
                "address": _("As it is to stand on documents issued from now on."),
            }
        )
        widgets = MappingProxyType({"address": UnfoldAdminTextareaWidget(attrs={"rows": 3})})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["is_issuing"].initial = self.instance.issues_by_default

    def clean_is_issuing(self) -> bool:
        is_issuing: bool = self.cleaned_data["is_issuing"]
        if self.instance.issues_by_default and not is_issuing:
            raise ValidationError(_("One entity has to issue: tick this at the one that is to take over instead."))
        return is_issuing


class LacksFilter(admin.SimpleListFilter):
    title = _("complete")
    parameter_name = "lacks"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [("any", _("Address or tax number missing"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LegalEntity]) -> QuerySet[LegalEntity]:  # noqa: ARG002  # as above
        return queryset.filter(pk__in=LegalEntity.objects.incomplete()) if self.value() == "any" else queryset


@admin.register(LegalEntity)
class LegalEntityAdmin(ModelAdmin):
    """What is changed here stands on documents issued from now on; those issued before stay as they are."""

    form = LegalEntityForm
    list_display = ("code", "name_en", "name_zh", "missing", "issues_by_default")
    list_filter = (LacksFilter,)
    fields = ("code", "name_en", "name_zh", "address", "tax_number", "is_issuing")
    search_fields = ("code", "name_en", "name_zh")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:  # noqa: ARG002  # Django's contract
        obj.issues_by_default = form.cleaned_data["is_issuing"]
        legal_entities.keep(obj)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        entity = self.get_object(request, object_id)
        if entity and entity.lacks and request.method == "GET":
            said = _("Its documents are issued without: %(missing)s. They stay as they were issued: complete it soon.")
            messages.warning(request, said % {"missing": self.missing(entity)})
        return super().change_view(request, object_id, form_url, extra_context)

    @admin.display(description=_("missing"))
    def missing(self, entity: LegalEntity) -> str:
        return ", ".join(map(str, entity.lacks)) or "—"

    def get_readonly_fields(self, request: HttpRequest, obj: LegalEntity | None = None) -> tuple[str, ...]:  # noqa: ARG002  # Django's contract
        return ("code",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: LegalEntity | None = None) -> bool:  # noqa: ARG002  # its documents stay
        return False


@admin.register(Document)
class DocumentAdmin(ModelAdmin):
    """Kept as issued: only read."""

    list_display = ("number", "kind", "entity", "organisation", "order", "dated_on", "issued_at")
    list_filter = ("kind", "entity")
    search_fields = ("number__istartswith", "order__number__istartswith", "refund_number__istartswith")
    search_help_text = _("The beginning of a document's, an order's or a refund's number")
    ordering = ("-id",)
    list_select_related = ("entity", "organisation", "order")
    show_full_result_count = False
    fields = (
        *("number", "kind", "entity", "organisation", "order", "refund_number", "dated_on", "issued_at"),
        *("language", "sha256", "file"),
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        return super().get_queryset(request).defer("pdf", "content")

    def get_urls(self) -> list[URLPattern]:
        download = self.admin_site.admin_view(self.download)
        return [path("<uuid:pk>/pdf/", download, name="billing_document_pdf"), *super().get_urls()]

    def download(self, request: HttpRequest, pk: object) -> HttpResponseBase:
        document = get_object_or_404(Document, pk=pk)
        if not self.has_view_permission(request, document):
            raise PermissionDenied
        return HttpResponse(
            bytes(document.pdf),
            content_type="application/pdf",
            headers={"Content-Disposition": f'attachment; filename="{document.number}.pdf"'},
        )

    @admin.display(description=_("file"))
    def file(self, document: Document) -> SafeString:
        address = reverse("admin:billing_document_pdf", args=[document.pk])
        return format_html('<a href="{}">{}.pdf</a>', address, document.number)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002  # only issued
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002  # never changed
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002  # as above
        return False
