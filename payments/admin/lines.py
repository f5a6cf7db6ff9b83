"""Bank lines for finance: by pile, and one line with what it may be for and what became of it."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from payments import desk, outgoing
from payments.admin import house_moves, line_acts, line_stories
from payments.models import BankLine, BankRefund, DeskAct, StatementFile
from wallet.admin import cells
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly
from wallet.ids import read_id
from wallet.models import User
from wallet.money import WALLET_CURRENCY, AmountError, labelled, parse_amount

_COLOURS: dict[str, str] = {
    BankLine.Pile.BOOKED: "success",
    BankLine.Pile.EXACT: "success",
    BankLine.Pile.NEAR: "warning",
    BankLine.Pile.NONE: "danger",
    BankLine.Pile.OTHER: "info",
}
_FILES = 20
"""So many statements are offered to choose from."""

_AGES = (("1", 1, _("Older than a day")), ("7", 7, _("Older than a week")), ("30", 30, _("Older than a month")))


class RestFilter(admin.SimpleListFilter):
    """Lines somebody still has to decide about, by how long they wait."""

    title = _("undecided")
    parameter_name = "rest"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        ages = ((value, label) for value, _days, label in _AGES)
        return [("any", _("Something is left")), *ages, ("out", _("Money out, unexplained"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[BankLine]) -> QuerySet[BankLine]:  # noqa: ARG002  # as above
        if not self.value():
            return queryset
        if self.value() == "out":
            return queryset.filter(direction=BankLine.Direction.OUT, allocated__lt=F("amount"))
        waiting = queryset.filter(direction=BankLine.Direction.IN, allocated__lt=F("amount"))
        days = next((days for value, days, _label in _AGES if value == self.value()), 0)
        return waiting.filter(created_at__lte=timezone.now() - timedelta(days=days))


class HandFilter(admin.SimpleListFilter):
    """Lines approved by hand that no statement has confirmed."""

    title = _("source")
    parameter_name = "source"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [("hand", _("By hand, not yet on a statement")), ("statement", _("A statement"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[BankLine]) -> QuerySet[BankLine]:  # noqa: ARG002  # as above
        match self.value():
            case "hand":
                return queryset.filter(file=None, seen_again=None)
            case "statement":
                return queryset.exclude(file=None)
        return queryset


class FileFilter(admin.SimpleListFilter):
    """The statements imported last, and any other that a page leads to."""

    title = _("bank statement")
    parameter_name = "file"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        files = StatementFile.objects.select_related("account")
        shown = list(files.order_by("-imported_at")[:_FILES])
        asked = read_id(request.GET.get("file", ""))
        if asked and asked not in {file.pk for file in shown}:
            shown += files.filter(pk=asked)
        return [(str(file.pk), str(file)) for file in shown]

    def queryset(self, request: HttpRequest, queryset: QuerySet[BankLine]) -> QuerySet[BankLine]:  # noqa: ARG002  # as above
        asked = read_id(self.value() or "")
        return queryset.filter(file=asked) if asked else queryset


@admin.register(BankLine)
class BankLineAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """What the bank says. Whatever is done with a line is an act of its own."""

    list_display = (
        *("booked_on", "amount_shown", "rest_shown", "payer_name", "bank_reference", "badge", "why", "account_code"),
        "source",
    )
    list_filter = ("pile", "account", RestFilter, HandFilter, "direction", FileFilter)
    list_select_related = ("account", "file")
    list_filter_sheet = True
    list_fullwidth = True
    list_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None
    change_form_outer_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None
    change_form_outer_after_template = "staff/tables.html"  # type: ignore[assignment]  # unfold says None
    search_fields = ("bank_reference",)  # what really is searched stands in get_search_results
    search_help_text = _("Bank's number, payer, text or amount")
    ordering = ("-booked_on", "-id")
    show_full_result_count = False
    fields = (
        *("account", "amount_shown", "direction", "is_reversal", "booked_on", "value_on", "bank_reference"),
        *("payer_name", "payer_account", "text", "pile", "why", "rest_shown", "held_by", "file", "line_number"),
        *("entered_by", "known_since"),
    )
    readonly_fields = fields

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("exact/", wrap(line_acts.approve_exact), name="payments_exact_approve"),
            path("<uuid:pk>/assign/", wrap(line_acts.assign), name="payments_line_assign"),
            path("<uuid:pk>/return/", wrap(line_acts.send_back), name="payments_line_return"),
            path("<uuid:pk>/same/", wrap(line_acts.mark_same), name="payments_line_same"),
            path("<uuid:pk>/sent/", wrap(line_acts.confirm_sent), name="payments_line_sent"),
            *super().get_urls(),
        ]

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002  # Django's contract
        queryset: QuerySet[BankLine],
        search_term: str,
    ) -> tuple[QuerySet[BankLine], bool]:
        text = search_term.strip().replace("\x00", "")
        if not text:
            return queryset, False
        wanted = Q(bank_reference__icontains=text) | Q(payer_name__icontains=text) | Q(text__icontains=text)
        with suppress(AmountError):
            wanted |= Q(amount=parse_amount(text.replace(",", ""), WALLET_CURRENCY).amount)
        return queryset.filter(wanted), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        more = dict(extra_context or {}) | {"acts": _acts_on_all(request)}
        return super().changelist_view(request, more)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        line = self.get_object(request, object_id)
        more = dict(extra_context or {})
        if line and isinstance(request.user, User) and self.has_view_permission(request, line):
            desk.log(DeskAct.Kind.LOOKED, by=request.user, now=timezone.now(), line=line)
            more |= {"acts": _acts_on(line, request), "tables": line_stories.tell(line)}
        return super().change_view(request, object_id, form_url, more)

    @admin.display(description=_("amount"), ordering="amount")
    def amount_shown(self, line: BankLine) -> str:
        sign = "−" if line.direction == BankLine.Direction.OUT else ""
        return format_html('<span class="whitespace-nowrap">{}{}</span>', sign, labelled(line.amount))

    @admin.display(description=_("left"))
    def rest_shown(self, line: BankLine) -> str:
        if line.direction == BankLine.Direction.OUT:
            return ""
        return format_html('<span class="whitespace-nowrap">{}</span>', labelled(line.rest))

    @display(description=_("pile"), ordering="pile", label=_COLOURS)  # type: ignore[arg-type]  # it takes lazy texts too
    def badge(self, line: BankLine) -> tuple[str, str]:
        return line.pile, line.get_pile_display()

    @admin.display(description=_("why"))
    def why(self, line: BankLine) -> str:
        return line_stories.explain(line.get_pile_reason_display(), line.pile_detail)

    @admin.display(description=_("account"), ordering="account")
    def account_code(self, line: BankLine) -> str:
        return line.account.code

    @admin.display(description=_("source"))
    def source(self, line: BankLine) -> Any:
        return line.file.name if line.file else _("By hand, not yet on a statement")

    @admin.display(description=_("known since"), ordering="created_at")
    def known_since(self, line: BankLine) -> str:
        return cells.show_moment(line.created_at)


def _acts_on_all(request: HttpRequest) -> list[dict[str, Any]]:
    acts = []
    if request.user.has_perm(line_acts.PERMISSION):
        acts.append({"title": _("Approve the exact ones"), "address": reverse("admin:payments_exact_approve")})
    if request.user.has_perm("payments.add_statementfile"):
        address = reverse("admin:payments_statementfile_import")
        acts.append({"title": _("Import a statement"), "address": address})
    return acts


def _acts_on(line: BankLine, request: HttpRequest) -> list[dict[str, Any]]:
    if not request.user.has_perm(line_acts.PERMISSION):
        return []
    if line.direction == BankLine.Direction.OUT:
        refunds = [_act_of_refund(one.paid) for one in outgoing.suggest_refunds(line)]
        if outgoing.list_sent(line):
            address = reverse("admin:payments_line_sent", args=[line.pk])
            refunds.append({"title": _("It sent money back"), "address": address})
        return refunds + house_moves.list_acts(line, request.user)
    if line.rest.amount <= 0:
        return []
    acts = [
        {"title": _("Assign"), "address": reverse("admin:payments_line_assign", args=[line.pk])},
        {"title": _("Send back"), "address": reverse("admin:payments_line_return", args=[line.pk])},
    ]
    if line.pile == BankLine.Pile.EXACT:
        acts.insert(0, {"title": _("Approve"), "address": reverse("admin:payments_exact_approve")})
    if line_stories.list_typed(line):
        acts.insert(
            0,
            {"title": _("It was approved by hand"), "address": reverse("admin:payments_line_same", args=[line.pk])},
        )
    return acts + house_moves.list_acts(line, request.user)


def _act_of_refund(paid: BankRefund) -> dict[str, Any]:
    """To where a payment that this line may be is recorded."""
    title = _("It paid refund %(number)s") % {"number": paid.refund}
    return {"title": title, "address": reverse("admin:billing_refund_paid", args=[paid.refund_id])}
