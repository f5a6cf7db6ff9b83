"""Our legal entities, in whose names receipts and refund notes are issued; and the documents, to read."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from billing.models import Document, LegalEntity
from wallet.admin.lookups import ModelAdmin


@admin.register(LegalEntity)
class LegalEntityAdmin(ModelAdmin):
    """What is changed here stands on documents issued from now on; those issued before stay as they are."""

    list_display = ("code", "name_en", "name_zh", "issues_by_default")
    fields = ("code", "name_en", "name_zh", "address", "tax_number", "issues_by_default")
    search_fields = ("code", "name_en", "name_zh")

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
