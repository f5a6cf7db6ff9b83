"""Payouts for finance: on their way, at the bank, failed; what each holds; and finding one that is not beyond doubt."""

from collections.abc import Callable, Iterable
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
from django.utils.translation import pgettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminRadioSelectWidget

from payments import clearing, payouts
from payments.admin import line_stories, payout_stories
from payments.admin.balance_transactions import show
from payments.models import BankLine, Payout
from wallet.admin import cells
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly, find_person
from wallet.models import User
from wallet.money import labelled

PERMISSION = "payments.change_payout"

_COLOURS: dict[str, str] = {
    Payout.State.PENDING: "info",
    Payout.State.IN_TRANSIT: "info",
    Payout.State.PAID: "success",
    Payout.State.FAILED: "danger",
    Payout.State.CANCELLED: "",
    Payout.State.OTHER: "danger",
}


class PlaceFilter(admin.SimpleListFilter):
    """Where the money is."""

    title = _("place")
    parameter_name = "place"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [
            ("way", pgettext_lazy("payout", "On its way")),
            ("late", _("Not at the bank 5 business days after it was expected")),
            ("bank", pgettext_lazy("payout", "At the bank")),
            ("suspense", _("Failed, and not taken back by the bank yet")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Payout]) -> QuerySet[Payout]:  # noqa: ARG002  # as above
        match self.value():
            case "way":
                return queryset.filter(pk__in=Payout.objects.on_their_way().order_by().values("pk"))
            case "late":
                return queryset.filter(pk__in=clearing.list_late_payouts(timezone.now()).order_by().values("pk"))
            case "bank":
                return queryset.filter(line__isnull=False, reversed_at=None)
            case "suspense":
                return queryset.filter(pk__in=clearing.list_unmatched_failures().order_by().values("pk"))
        return queryset


class LineForm(forms.Form):
    """Which of several bank lines it is."""

    line = forms.TypedChoiceField(label=_("Bank line"), widget=UnfoldAdminRadioSelectWidget, coerce=UUID)

    def __init__(self, *args: Any, lines: Iterable[BankLine], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["line"].choices = [(str(line.pk), line_stories.describe(line)) for line in lines]  # type: ignore[attr-defined]  # a choice field


@admin.register(Payout)
class PayoutAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """As Stripe has them. One is posted by itself when its bank line is beyond doubt."""

    list_display = ("arrival_on", "amount_shown", "badge", "place", "is_automatic", "reconciliation", "stripe_id")
    list_filter = (PlaceFilter, "state", "is_automatic", "reconciliation")
    list_select_related = ("line__account",)
    list_filter_sheet = True
    list_fullwidth = True
    list_before_template = "staff/tables.html"  # type: ignore[assignment]  # unfold says None
    change_form_outer_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None
    change_form_outer_after_template = "staff/tables.html"  # type: ignore[assignment]  # unfold says None
    search_fields = ("stripe_id", "trace")
    search_help_text = _("Payout or trace number")
    ordering = ("-arrival_on", "-id")
    show_full_result_count = False
    fields = (
        *("stripe_id", "amount_shown", "state", "failure", "arrival_on", "place", "line_shown", "found", "reversed"),
        *("back_shown", "is_automatic", "reconciliation", "items", "trace", "made", "asked"),
    )
    readonly_fields = fields

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:pk>/match/", wrap(self.match), name="payments_payout_match"),
            path("<uuid:pk>/back/", wrap(self.back), name="payments_payout_back"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        more = dict(extra_context or {}) | {"tables": [payout_stories.tell_clearing()]}
        return super().changelist_view(request, more)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        payout = self.get_object(request, object_id)
        more = dict(extra_context or {})
        if payout:
            more |= {"acts": _acts_on(payout, request.user), "tables": payout_stories.tell(payout)}
        return super().change_view(request, object_id, form_url, more)

    def match(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Choose the bank line that a payout is."""
        payout = get_object_or_404(Payout, pk=pk)
        return self._choose(
            request,
            payout,
            title=_("Find the payout at the bank"),
            explanation=_("The payout is posted as the bank line you choose: out of Stripe, and at the bank."),
            lines=payouts.list_lines(payout),
            verb=payouts.choose,
        )

    def back(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Choose the bank line by which a failed payout's money left the bank again."""
        payout = get_object_or_404(Payout.objects.select_related("line"), pk=pk)
        return self._choose(
            request,
            payout,
            title=_("The bank sent it back"),
            explanation=_("The payout failed after it had arrived. Choose the line by which the bank sent it back."),
            lines=payouts.list_back_lines(payout),
            verb=payouts.give_back,
        )

    def _choose(
        self,
        request: HttpRequest,
        payout: Payout,
        *,
        title: Any,
        explanation: Any,
        lines: list[BankLine],
        verb: Callable[..., Payout],
    ) -> HttpResponse:
        by = find_person(request, permission=PERMISSION)
        form = LineForm(request.POST or None, lines=lines)
        back = reverse("admin:payments_payout_change", args=[payout.pk])
        if lines and form.is_valid():
            self._carry_out(request, payout, verb, line_id=form.cleaned_data["line"], by=by)
            return redirect(back)
        nothing = _("No bank line of this amount is free. Import the statement first, then come back.")
        context = {
            "title": title,
            "subject": f"{payout} · {labelled(payout.amount)} · {payout.arrival_on.isoformat()}",
            "explanation": explanation if lines else nothing,
            "button": title if lines else "",
            "form": form if lines else forms.Form(),
            "back": back,
        }
        return render(request, "staff/confirm.html", self.admin_site.each_context(request) | context)

    def _carry_out(
        self, request: HttpRequest, payout: Payout, verb: Callable[..., Payout], *, line_id: UUID, by: User
    ) -> None:
        try:
            verb(payout_id=payout.pk, line_id=line_id, by=by, now=timezone.now())
        except payouts.NotThisPayout as refusal:
            messages.error(request, str(refusal))
        else:
            self.log_change(request, payout, str(_("Bank line chosen")))
            messages.success(request, _("Posted."))

    @admin.display(description=_("amount"), ordering="amount")
    def amount_shown(self, payout: Payout) -> str:
        return show(payout.amount)

    @display(description=_("state"), ordering="state", label=_COLOURS)  # type: ignore[arg-type]  # it takes lazy texts too
    def badge(self, payout: Payout) -> tuple[str, str]:
        return payout.state, payout.get_state_display()

    @admin.display(description=_("place"))
    def place(self, payout: Payout) -> str:
        return str(payout_stories.say_place(payout))

    @admin.display(description=_("bank line"))
    def line_shown(self, payout: Payout) -> str:
        return line_stories.link_to_line(payout.line) if payout.line else "—"

    @admin.display(description=_("sent back as"))
    def back_shown(self, payout: Payout) -> str:
        return line_stories.link_to_line(payout.back_line) if payout.back_line else "—"

    @admin.display(description=_("found at the bank"))
    def found(self, payout: Payout) -> str:
        return f"{cells.say_moment(payout.matched_at)} · {payout.matched_by}" if payout.matched_at else "—"

    @admin.display(description=_("reversed"))
    def reversed(self, payout: Payout) -> str:
        return cells.show_moment(payout.reversed_at)

    @admin.display(description=_("its transactions"))
    def items(self, payout: Payout) -> str:
        """Whether what Stripe lists for it is what it is."""
        missing = clearing.find_missing(payout)
        if not payout.is_automatic:
            return str(_("Stripe cannot say which transactions a payout started by hand holds."))
        if missing is None:
            return str(_("Stripe has not itemised it yet."))
        if missing.amount:
            return str(_("They differ from it by %(amount)s.") % {"amount": labelled(missing)})
        return str(_("They are just its amount."))

    @admin.display(description=_("made at Stripe"))
    def made(self, payout: Payout) -> str:
        return cells.show_moment(payout.stripe_created_at)

    @admin.display(description=_("Stripe was asked"))
    def asked(self, payout: Payout) -> str:
        return cells.show_moment(payout.asked_at)


def _acts_on(payout: Payout, user: Any) -> list[dict[str, Any]]:
    if not user.has_perm(PERMISSION):
        return []
    if payout.is_open and payout.amount.amount > 0:
        address = reverse("admin:payments_payout_match", args=[payout.pk])
        return [{"title": _("Find the payout at the bank"), "address": address}]
    if payout.reversed_at and payout.back_line_id is None:
        address = reverse("admin:payments_payout_back", args=[payout.pk])
        return [{"title": _("The bank sent it back"), "address": address}]
    return []
