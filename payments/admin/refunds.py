"""Refunds for finance: what waits and for what, and one refund with everything that happened to it."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from billing import targets
from billing.models import Method, Refund
from payments import bank_refunds
from payments.admin import refund_acts, refund_payments, refund_stories
from payments.models import BankRefund, CardRefund
from wallet.admin import cells
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly
from wallet.money import labelled

_COLOURS: dict[str, str] = {
    Refund.State.ASKED: "warning",
    Refund.State.APPROVED: "info",
    Refund.State.SUCCEEDED: "success",
    Refund.State.RETURNED: "danger",
    Refund.State.FAILED: "danger",
    Refund.State.DECLINED: "",
    Refund.State.WITHDRAWN: "",
}
"""Every state stands here: the theme shows one without a colour by its code."""

_APPROVE = "billing_refund_approve"

_AGES = (("1", 1, _("Older than a day")), ("3", 3, _("Older than three days")), ("7", 7, _("Older than a week")))


class NeedFilter(admin.SimpleListFilter):
    """What has to be done next."""

    title = _("needs")
    parameter_name = "needs"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [
            ("decision", _("A decision")),
            ("preparing", _("A payment to be prepared")),
            ("approval", _("A prepared payment to be approved")),
            ("bank", _("To be paid at the bank")),
            ("statement", _("Recorded by hand, not yet on a statement")),
            ("failed", _("Failed or came back")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Refund]) -> QuerySet[Refund]:  # noqa: ARG002  # as above
        prepared = BankRefund.objects.current().values("refund_id")
        asked = Q(state=Refund.State.ASKED)
        wanted = {
            "decision": asked,
            "preparing": asked & Q(order__method=Method.OFFLINE) & ~Q(pk__in=prepared),
            "approval": asked & Q(pk__in=prepared),
            "bank": Q(state=Refund.State.APPROVED, pk__in=BankRefund.objects.to_pay().order_by().values("refund_id")),
            "statement": Q(pk__in=BankRefund.objects.paid_by_hand().values("refund_id")),
            "failed": Q(state__in=[Refund.State.FAILED, Refund.State.RETURNED]),
        }
        return queryset.filter(wanted[need]) if (need := self.value() or "") in wanted else queryset


class AgeFilter(admin.SimpleListFilter):
    """Open ones, by how long they wait."""

    title = _("open for")
    parameter_name = "age"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [(value, label) for value, _days, label in _AGES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Refund]) -> QuerySet[Refund]:  # noqa: ARG002  # as above
        days = next((days for value, days, _label in _AGES if value == self.value()), None)
        if days is None:
            return queryset
        return queryset.filter(state__in=Refund.OPEN, asked_at__lte=timezone.now() - timedelta(days=days))


@admin.register(Refund)
class RefundAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Every refund. Whatever is done with one is an act of its own."""

    list_display = ("number", "organisation", "order", "method", "amount_shown", "back_shown", "badge", "who", "asked")
    list_filter = (NeedFilter, "state", "order__method", "origin", AgeFilter)
    list_select_related = ("order", "organisation")
    list_filter_sheet = True
    list_fullwidth = True
    list_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None
    change_form_outer_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None
    change_form_outer_after_template = "staff/tables.html"  # type: ignore[assignment]  # unfold says None
    search_fields = ("number",)  # what really is searched stands in get_search_results
    search_help_text = _("Refund or order number, an id of Stripe's, organisation or payee")
    ordering = ("-id",)
    show_full_result_count = False
    fields = (
        *("number", "organisation", "order_shown", "method", "origin", "state", "place", "amount_shown", "back_shown"),
        *("rate", "reason", "who", "asked_at", "agreed_by", "approved_at", "succeeded_at", "ended_at", "failure"),
    )
    readonly_fields = fields

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("to-pay/", wrap(refund_payments.list_to_pay), name="billing_refund_to_pay"),
            path("<uuid:pk>/start/", wrap(refund_acts.start), name="billing_refund_start"),
            path("<uuid:pk>/approve/", wrap(refund_acts.approve), name="billing_refund_approve"),
            path("<uuid:pk>/decline/", wrap(refund_acts.decline), name="billing_refund_decline"),
            path("<uuid:pk>/prepare/", wrap(refund_payments.prepare), name="billing_refund_prepare"),
            path("<uuid:pk>/paid/", wrap(refund_payments.record_paid), name="billing_refund_paid"),
            path("<uuid:pk>/line/", wrap(refund_payments.confirm_line), name="billing_refund_line"),
            path("<uuid:pk>/not-paid/", wrap(refund_payments.refuse), name="billing_refund_refuse"),
            path("<uuid:pk>/returned/", wrap(refund_payments.record_returned), name="billing_refund_returned"),
            *super().get_urls(),
        ]

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002  # Django's contract
        queryset: QuerySet[Refund],
        search_term: str,
    ) -> tuple[QuerySet[Refund], bool]:
        text = search_term.strip().replace("\x00", "")
        if not text:
            return queryset, False
        by_bank = BankRefund.objects.filter(Q(payee_name__icontains=text) | Q(bank_reference__iexact=text))
        wanted = (
            Q(number__iexact=text)
            | Q(order__number__iexact=text)
            | Q(stripe_id=text)
            | Q(pk__in=CardRefund.objects.filter(stripe_id=text).values("refund_id"))
            | Q(organisation__name__icontains=text)
            | Q(pk__in=by_bank.values("refund_id"))
        )
        return queryset.filter(wanted), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        to_pay = {"title": _("To be paid at the bank"), "address": reverse("admin:billing_refund_to_pay")}
        return super().changelist_view(request, dict(extra_context or {}) | {"acts": [to_pay]})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        refund = self.get_object(request, object_id)
        more = dict(extra_context or {})
        if refund and self.has_view_permission(request, refund):
            advice = refund_acts.say_why_not(refund, by=request.user)
            acts = [act for act in _acts_on(refund, request.user) if not (advice and act["name"] == _APPROVE)]
            more |= {"acts": acts, "advice": advice, "tables": refund_stories.tell(refund)}
        return super().change_view(request, object_id, form_url, more)

    @display(description=_("state"), ordering="state", label=_COLOURS)  # type: ignore[arg-type]  # it takes lazy texts too
    def badge(self, refund: Refund) -> tuple[str, str]:
        return refund.state, refund.get_state_display()

    @admin.display(description=_("order"))
    def order_shown(self, refund: Refund) -> str:
        return cells.link_to(reverse("admin:billing_order_change", args=[refund.order_id]), refund.order)

    @admin.display(description=_("method"), ordering="order__method")
    def method(self, refund: Refund) -> str:
        return refund.order.get_method_display()

    @admin.display(description=_("where its money is"))
    def place(self, refund: Refund) -> str:
        return refund_stories.show_place(refund)

    @admin.display(description=_("taken from the balance"), ordering="amount")
    def amount_shown(self, refund: Refund) -> str:
        balance = targets.name(refund.order.target)
        return format_html('<span class="whitespace-nowrap">{}</span> · {}', labelled(refund.amount), balance)

    @admin.display(description=_("paid back"), ordering="back")
    def back_shown(self, refund: Refund) -> str:
        return format_html('<span class="whitespace-nowrap">{}</span>', labelled(refund.back))

    @admin.display(description=_("the order's rate"))
    def rate(self, refund: Refund) -> str:
        order = refund.order
        return f"1 USD = {order.rate:.4f} CNY · {order.rate_source}" if order.rate is not None else "—"

    @admin.display(description=_("asked for by"), ordering="asked_by_name")
    def who(self, refund: Refund) -> str:
        return refund.asked_by_name or refund.get_origin_display()

    @admin.display(description=_("approved by"), ordering="approved_by_name")
    def agreed_by(self, refund: Refund) -> str:
        return refund.approved_by_name or "—"

    @admin.display(description=_("asked for"), ordering="asked_at")
    def asked(self, refund: Refund) -> str:
        return cells.show_moment(refund.asked_at)


@admin.register(CardRefund)
class CardRefundAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """What Stripe was asked to give back, and what it said; nothing is changed here."""

    list_display = ("refund", "organisation", "amount_shown", "stripe_id", "stripe_status", "attempts", "asked")
    list_filter = ("stripe_status",)
    list_select_related = ("refund", "organisation")
    search_fields = ("stripe_id", "refund__number", "refund__order__number", "organisation__name")
    ordering = ("-id",)
    show_full_result_count = False
    fields = (
        *("refund_shown", "organisation", "payment", "amount_shown", "stripe_id", "stripe_status", "failure"),
        *("idempotency_key", "attempts", "error", "created_at", "asked_at", "ask_at"),
    )
    readonly_fields = fields

    @admin.display(description=_("refund"))
    def refund_shown(self, found: CardRefund) -> str:
        return cells.link_to(reverse("admin:billing_refund_change", args=[found.refund_id]), found.refund)

    @admin.display(description=_("amount"), ordering="amount")
    def amount_shown(self, found: CardRefund) -> str:
        return labelled(found.amount)

    @admin.display(description=_("asked"), ordering="asked_at")
    def asked(self, found: CardRefund) -> str:
        return cells.show_moment(found.asked_at)


def _acts_on(refund: Refund, user: Any) -> list[dict[str, Any]]:
    """What this person may do with it as it stands."""
    paid = bank_refunds.find_current(refund) if refund.order.method == Method.OFFLINE else None
    acts: list[tuple[Any, str]] = []
    if refund.state == Refund.State.ASKED:
        acts = _acts_on_asked(refund, paid, user)
    elif paid and user.has_perm(refund_payments.RECORDS):
        acts = _acts_on_payment(paid)
    return [
        {"title": title, "name": name, "address": reverse(f"admin:{name}", args=[refund.pk])} for title, name in acts
    ]


def _acts_on_asked(refund: Refund, paid: BankRefund | None, user: Any) -> list[tuple[Any, str]]:
    acts: list[tuple[Any, str]] = []
    is_offline = refund.order.method == Method.OFFLINE
    if user.has_perm(refund_acts.DECIDES) and (paid or not is_offline):
        acts.append((_("Approve"), _APPROVE))
    if is_offline and user.has_perm(refund_payments.PREPARES):
        title = _("Prepare the payment anew") if paid else _("Prepare the payment")
        acts.append((title, "billing_refund_prepare"))
    if user.has_perm(refund_acts.DECIDES):
        acts.append((_("Decline"), "billing_refund_decline"))
    return acts


def _acts_on_payment(paid: BankRefund) -> list[tuple[Any, str]]:
    if paid.is_to_be_paid:
        return [(_("Record as paid"), "billing_refund_paid"), (_("The bank did not pay it"), "billing_refund_refuse")]
    acts: list[tuple[Any, str]] = []
    if paid.paid_at and paid.line_id is None:
        acts.append((_("Confirm it by a bank line"), "billing_refund_paid"))
    if paid.paid_at and paid.returned_at is None:
        acts.append((_("It came back"), "billing_refund_returned"))
    return acts
