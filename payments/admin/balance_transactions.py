"""What moved in our balance at Stripe, for finance: every transaction with what became of it, and the differences."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money
from unfold.decorators import display

from payments import clearing
from payments.admin import suspense_move_stories
from payments.models import BalanceTransaction
from wallet.admin import cells
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly
from wallet.models import Posting
from wallet.money import labelled

Outcome = BalanceTransaction.Outcome

COLOURS: dict[str, str] = {
    Outcome.NEW: "",
    Outcome.POSTED: "success",
    Outcome.AGREED: "success",
    Outcome.DIFFERENCE: "danger",
}


class DifferenceFilter(admin.SimpleListFilter):
    """What Stripe lists and nothing here agrees with, and what should have been paid out."""

    title = _("attention")
    parameter_name = "attention"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [
            ("differences", _("Differences")),
            ("late", _("Differences older than 5 business days")),
            ("unpaid", _("Not paid out 5 business days after it could be")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002  # as above
        now = timezone.now()
        match self.value():
            case "differences":
                return queryset.filter(outcome=Outcome.DIFFERENCE)
            case "late":
                return queryset.filter(pk__in=clearing.list_late_differences(now).order_by().values("pk"))
            case "unpaid":
                return queryset.filter(pk__in=clearing.list_late_transactions(now).order_by().values("pk"))
        return queryset


@admin.register(BalanceTransaction)
class BalanceTransactionAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """As Stripe lists them. They are loaded, judged and posted by themselves."""

    list_display = ("made", "type", "amount_shown", "fee_shown", "net_shown", "badge", "why", "payout", "stripe_id")
    list_filter = (DifferenceFilter, "outcome", "reason", "type")
    list_select_related = ("payout",)
    list_filter_sheet = True
    list_fullwidth = True
    change_form_outer_after_template = "staff/tables.html"  # type: ignore[assignment]  # unfold says None
    search_fields = ("stripe_id",)  # what really is searched stands in get_search_results
    search_help_text = _("An id of Stripe's: balance transaction, charge, refund, dispute, payout or payment intent")
    ordering = ("-stripe_created_at", "-id")
    show_full_result_count = False
    fields = (
        *("stripe_id", "type", "category", "amount_shown", "fee_shown", "net_shown", "source_id", "payment_intent_id"),
        *("description", "made", "available", "payout", "outcome", "why", "organisation", "judged"),
    )
    readonly_fields = fields

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002  # Django's contract
        queryset: QuerySet[BalanceTransaction],
        search_term: str,
    ) -> tuple[QuerySet[BalanceTransaction], bool]:
        text = search_term.strip().replace("\x00", "")
        if not text:
            return queryset, False
        wanted = Q(stripe_id=text) | Q(source_id=text) | Q(payment_intent_id=text) | Q(payout__stripe_id=text)
        return queryset.filter(wanted), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        found = self.get_object(request, object_id)
        more = dict(extra_context or {}) | (_tell(found, request.user) if found else {})
        return super().change_view(request, object_id, form_url, more)

    @admin.display(description=_("made at Stripe"), ordering="stripe_created_at")
    def made(self, found: BalanceTransaction) -> str:
        return cells.show_moment(found.stripe_created_at)

    @admin.display(description=_("available"))
    def available(self, found: BalanceTransaction) -> str:
        return cells.show_moment(found.available_at)

    @admin.display(description=_("looked at"))
    def judged(self, found: BalanceTransaction) -> str:
        return cells.show_moment(found.judged_at)

    @admin.display(description=_("amount"), ordering="amount")
    def amount_shown(self, found: BalanceTransaction) -> str:
        return show(found.amount)

    @admin.display(description=_("fee"))
    def fee_shown(self, found: BalanceTransaction) -> str:
        return show(Money(found.fee, found.amount.currency))

    @admin.display(description=_("net"))
    def net_shown(self, found: BalanceTransaction) -> str:
        return show(Money(found.net, found.amount.currency))

    @display(description=_("what became of it"), ordering="outcome", label=COLOURS)  # type: ignore[arg-type]  # it takes lazy texts too
    def badge(self, found: BalanceTransaction) -> tuple[str, str]:
        return found.outcome, found.get_outcome_display()

    @admin.display(description=_("difference"))
    def why(self, found: BalanceTransaction) -> str:
        return explain(found) or "—"


def explain(found: BalanceTransaction) -> str:
    """The difference in words, with what it is about, and whether it goes away by itself."""
    if not found.reason:
        return ""
    said = f"{found.get_reason_display()}: {found.detail}" if found.detail else str(found.get_reason_display())
    return f"{said} ({_('should be gone by tomorrow')})" if found.is_timing else said


def show(amount: Money) -> str:
    return format_html('<span class="whitespace-nowrap">{}</span>', labelled(amount))


def _tell(found: BalanceTransaction, user: Any) -> dict[str, Any]:
    return {"tables": [*suspense_move_stories.tell_acts(found, user), _tell_postings(found)]}


def _tell_postings(found: BalanceTransaction) -> dict[str, Any]:
    postings = Posting.objects.filter(organisation=found.organisation, key__in=found.posting_keys)
    return {
        "title": _("Postings"),
        "headers": (_("posted"), _("key"), _("kind"), _("order"), _("memo")),
        "rows": [
            (
                cells.show_moment(posting.posted_at),
                cells.link_to(reverse("admin:wallet_posting_change", args=[posting.pk]), posting.key),
                posting.kind,
                posting.order_number,
                posting.memo,
            )
            for posting in postings.order_by("posted_at", "id")
        ],
    }
