"""Finance's queue of offline transfers: what waits, since when, and the way to the page of each."""

from datetime import datetime
from typing import Any, cast

from django.contrib import admin
from django.db.models import Count, DecimalField, Func, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from billing import search
from billing.models import Order, State
from payments import approvers, references
from payments.admin import slips, transfer_desk
from payments.admin.transfer_filters import (
    CurrencyFilter,
    DueFilter,
    NeedsFilter,
    StateFilter,
    TakenFilter,
    matched,
)
from payments.models import BankLine, Finding, Transfer
from wallet import bank_numbers
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly
from wallet.money import labelled

_COLOURS: dict[str, str] = {"EXACT": "success", "NEAR": "warning", "": ""}
_AT_STAKE = Func("pk", function="transfers_at_stake", output_field=DecimalField())
_PERSONS_NEEDED = Func(
    *("received_currency", _AT_STAKE), function="transfers_persons_needed", output_field=IntegerField()
)
"""The database's own rule (payments/sql/guards.sql), for a whole list at once."""


@admin.register(Transfer)
class TransferAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """The list; whatever is done with a transfer is done on its own page."""

    list_display = (
        *("reference_shown", "waiting", "amount_shown", "organisation_shown", "payer_name", "match"),
        *("taken", "approvals", "state_shown"),
    )
    list_display_links = None
    actions = None
    list_filter = (StateFilter, NeedsFilter, TakenFilter, DueFilter, CurrencyFilter, "account")
    list_select_related = ("order", "organisation", "taken_by")
    list_before_template = "staff/transfer_queue.html"  # type: ignore[assignment]  # unfold says None
    list_filter_sheet = True
    list_fullwidth = True
    search_fields = ("reference",)  # what really is searched stands in get_search_results
    search_help_text = _("Reference, order number, bank's number, organisation, payer or amount")
    ordering = ("declared_at", "id")
    show_full_result_count = False

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        acts = {
            "desk": transfer_desk.open_page,
            "take": transfer_desk.take,
            "give_back": transfer_desk.give_back,
            "propose": transfer_desk.record,
            "approve": transfer_desk.approve,
            "reject": transfer_desk.reject,
            "keep": transfer_desk.keep,
        }
        return [
            path("next/", wrap(transfer_desk.open_next), name="payments_transfer_next"),
            path("slips/<uuid:pk>/<int:page>/", wrap(slips.preview), name="payments_slip_preview"),
            path("slips/<uuid:pk>/download/", wrap(slips.download), name="payments_slip_download"),
            *(
                path(f"<uuid:pk>/{act.replace('_', '-')}/", wrap(view), name=f"payments_transfer_{act}")
                for act, view in acts.items()
            ),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        more = dict(extra_context or {}) | {"may_act": request.user.has_perm(transfer_desk.ACTS)}
        return super().changelist_view(request, more)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002  # Django's contract
        transfer = self.get_object(request, object_id)
        if transfer is None or not self.has_view_permission(request, transfer):
            return super().change_view(request, object_id)
        return redirect("admin:payments_transfer_desk", transfer.pk)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Transfer]:
        waiting = Finding.objects.open().filter(transfer=OuterRef("pk"))
        given = Count("approvals", filter=Q(approvals__in=approvers.list_valid()))
        return cast("QuerySet[Transfer]", super().get_queryset(request)).annotate(
            is_exact=matched(BankLine.Pile.EXACT),
            is_near=matched(BankLine.Pile.NEAR),
            given=Subquery(waiting.annotate(given=given).values("given")),
            needed=Subquery(waiting.annotate(needed=_PERSONS_NEEDED).values("needed")),
        )

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002  # Django's contract
        queryset: QuerySet[Transfer],
        search_term: str,
    ) -> tuple[QuerySet[Transfer], bool]:
        text = search_term.strip().replace("\x00", "")
        if not text:
            return queryset, False
        if reference := references.read(text):
            return queryset.filter(reference=reference), False
        named = Q(organisation__name__icontains=text) | Q(payer_name__icontains=text)
        told = Q(folded_number=bank_numbers.fold(text) or text) | Q(reference__startswith=text.upper())
        ordered = Q(order__in=Order.objects.filter(search.matching(text)).values("pk"))
        return queryset.filter(named | told | ordered), False

    @admin.display(description=_("reference"), ordering="reference")
    def reference_shown(self, transfer: Transfer) -> str:
        return format_html(
            '<a class="font-semibold text-primary-600 whitespace-nowrap dark:text-primary-500" href="{}">{}</a>',
            reverse("admin:payments_transfer_desk", args=[transfer.pk]),
            references.spaced(transfer.reference),
        )

    @admin.display(description=_("waiting"), ordering="declared_at")
    def waiting(self, transfer: Transfer) -> str:
        if transfer.declared_at is None or transfer.order.state != State.IN_REVIEW:
            return "—"
        age = timesince(transfer.declared_at, timezone.now(), depth=1)
        if transfer.expected_by and transfer.expected_by < timezone.now():
            late = gettext("overdue")
            return format_html('<span class="font-semibold text-red-600 dark:text-red-500">{} · {}</span>', age, late)
        return _in_one_line(age)

    @admin.display(description=_("amount"), ordering="amount")
    def amount_shown(self, transfer: Transfer) -> str:
        return _in_one_line(labelled(transfer.amount))

    @admin.display(description=_("organisation"), ordering="organisation__name")
    def organisation_shown(self, transfer: Transfer) -> str:
        return transfer.organisation.name

    @display(description=_("bank line"), label=_COLOURS)  # type: ignore[arg-type]  # it takes lazy texts too
    def match(self, transfer: Any) -> tuple[str, str]:
        if transfer.is_exact:
            return "EXACT", gettext("Exact")
        return ("NEAR", gettext("Near")) if transfer.is_near else ("", "—")

    @admin.display(description=_("taken by"), ordering="taken_until")
    def taken(self, transfer: Transfer) -> str:
        return _say_taken(transfer, now=timezone.now())

    @admin.display(description=_("approvals"))
    def approvals(self, transfer: Any) -> str:
        """Given and needed; nothing before the received facts are recorded."""
        return "" if transfer.given is None else _in_one_line(f"{transfer.given} / {transfer.needed}")

    @admin.display(description=_("state"), ordering="order__state")
    def state_shown(self, transfer: Transfer) -> str:
        return _in_one_line(transfer.order.get_state_display())


def _in_one_line(text: str) -> str:
    return format_html('<span class="whitespace-nowrap">{}</span>', text)


def _say_taken(transfer: Transfer, *, now: datetime) -> str:
    if not transfer.is_taken(now=now) or transfer.taken_until is None:
        return ""
    until = timezone.localtime(transfer.taken_until)
    return gettext("%(name)s until %(time)s") % {"name": transfer.taken_by, "time": f"{until:%H:%M}"}
