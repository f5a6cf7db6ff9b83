"""The ledger for staff: to read. Nothing here can write it; the database would refuse."""

from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly
from wallet.models import Account, AuditRun, Entry, Posting, SealedDay
from wallet.money import labelled


class EntryInline(ReadOnly, TabularInline):  # type: ignore[misc]  # unfold has no types
    model = Entry
    fields = ("account", "debit", "credit", "after")
    readonly_fields = fields
    ordering = ("line",)
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        entries: QuerySet[Entry] = super().get_queryset(request)
        return entries.select_related("account")

    @admin.display(description=_("debit"))
    def debit(self, entry: Entry) -> str:
        return labelled(entry.amount) if entry.side == "DEBIT" else ""

    @admin.display(description=_("credit"))
    def credit(self, entry: Entry) -> str:
        return labelled(entry.amount) if entry.side == "CREDIT" else ""

    @admin.display(description=_("balance after"))
    def after(self, entry: Entry) -> str:
        return labelled(entry.balance_after)


@admin.register(Posting)
class PostingAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_display = ("key", "kind", "organisation", "order_number", "posted_at", "business_date", "by")
    list_filter = ("kind", "business_date")
    list_select_related = ("organisation",)
    search_fields = ("=key", "=order_number", "organisation__name")
    search_help_text = _("Key, the request id of a charge, hold or capture, order number or organisation")
    ordering = ("-id",)
    show_full_result_count = False
    fields = (
        "key",
        "kind",
        "organisation",
        "order_number",
        "reverses",
        "memo",
        "by",
        "posted_at",
        "business_date",
        "hash",
    )
    readonly_fields = fields
    inlines: ClassVar[list[type]] = [EntryInline]
    change_form_outer_before_template = "staff/act.html"  # type: ignore[assignment]  # unfold says None

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        story = f"{reverse('show_posting')}?{urlencode({'q': object_id})}"
        more = dict(extra_context or {}) | {"act": {"title": _("Everything that explains it"), "address": story}}
        return super().change_view(request, object_id, form_url, more)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Posting], search_term: str
    ) -> tuple[QuerySet[Posting], bool]:
        """A request id is the end of a key."""
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        text = search_term.strip()
        return (found | queryset.filter(key__endswith=f":{text}") if text else found), may_repeat

    @admin.display(description=_("content hash"))
    def hash(self, posting: Posting) -> str:
        return bytes(posting.content_hash).hex()


@admin.register(Account)
class AccountAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_display = ("code", "organisation", "balance_shown", "account_class", "guarded", "entry_count")
    list_filter = ("account_class", "guarded", "code")
    list_select_related = ("organisation",)
    search_fields = ("code", "organisation__name")
    ordering = ("organisation", "code")
    show_full_result_count = False
    fields = (
        "organisation",
        "code",
        "balance_shown",
        "account_class",
        "normal_side",
        "guarded",
        "entry_count",
        "opened_at",
    )
    readonly_fields = fields

    @admin.display(description=_("balance"), ordering="balance")
    def balance_shown(self, account: Account) -> str:
        return labelled(account.balance)


@admin.register(Entry)
class EntryAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """One line at a time. An account's lines are found by its id, as the pages that link here name it."""

    list_display = ("posting", "organisation", "account", "side", "amount_shown", "after")
    list_filter = ("side",)
    list_select_related = ("posting", "organisation", "account")
    search_fields = ("=posting__key", "=posting__order_number", "organisation__name")
    ordering = ("-id",)
    show_full_result_count = False
    fields = ("posting", "line", "organisation", "account", "position", "side", "amount_shown", "after")
    readonly_fields = fields

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Entry], search_term: str
    ) -> tuple[QuerySet[Entry], bool]:
        try:
            return queryset.filter(account=UUID(search_term.strip())), False
        except ValueError:
            return super().get_search_results(request, queryset, search_term)

    @admin.display(description=_("amount"))
    def amount_shown(self, entry: Entry) -> str:
        return labelled(entry.amount)

    @admin.display(description=_("balance after"))
    def after(self, entry: Entry) -> str:
        return labelled(entry.balance_after)


@admin.register(SealedDay)
class SealedDayAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_display = ("day", "posting_count", "by", "sealed_at")
    ordering = ("-day",)
    fields = ("day", "posting_count", "by", "sealed_at", "seal")
    readonly_fields = fields

    @admin.display(description=_("hash"))
    def seal(self, sealed: SealedDay) -> str:
        return bytes(sealed.hash).hex()


@admin.register(AuditRun)
class AuditRunAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_display = ("started_at", "result", "finished_at", "found")
    list_filter = ("result",)
    ordering = ("-started_at",)
    fields = ("started_at", "finished_at", "result", "found")
    readonly_fields = fields

    @admin.display(description=_("differences"))
    def found(self, run: AuditRun) -> Any:
        return "; ".join(run.problems) or "—"
