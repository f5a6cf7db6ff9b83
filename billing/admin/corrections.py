"""Corrections for finance: proposing one from an order's page, and approving or withdrawing what waits."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminRadioSelectWidget

from billing import corrections, targets
from billing.corrections import Shift
from billing.forms import NothingForm
from billing.models import Correction, Order
from wallet.admin import cells
from wallet.admin.fields import ReasonField
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly, find_person
from wallet.models import User
from wallet.money import labelled, shown

PROPOSES = "billing.add_correction"
DECIDES = "billing.change_correction"

_WAITING, _DONE, _WITHDRAWN = "waiting", "done", "withdrawn"
_STATES = {_WAITING: _("Waiting"), _DONE: _("Carried out"), _WITHDRAWN: _("Withdrawn")}
_COLOURS: dict[str, str] = {_WAITING: "warning", _DONE: "success", _WITHDRAWN: ""}
_REFUSALS = (
    corrections.MayNotCorrect,
    corrections.NotCorrectable,
    corrections.TargetRefused,
    corrections.MoneySpent,
)
"""Their messages are for whoever tried."""


class StateFilter(admin.SimpleListFilter):
    """What waits, unless others are asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [(_DONE, _STATES[_DONE]), (_WITHDRAWN, _STATES[_WITHDRAWN]), ("all", _("All"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Correction]) -> QuerySet[Correction]:  # noqa: ARG002  # as above
        match self.value():
            case "done":
                return queryset.filter(approved_at__isnull=False)
            case "withdrawn":
                return queryset.filter(withdrawn_at__isnull=False)
            case "all":
                return queryset
        return queryset.filter(approved_at__isnull=True, withdrawn_at__isnull=True)


class ProposalForm(forms.Form):
    """Which balance is the right one, each with what it holds now and would hold then."""

    target = forms.ChoiceField(label=_("Right balance"), widget=UnfoldAdminRadioSelectWidget)
    reason = ReasonField(label=_("Why; the customer reads it"))

    def __init__(self, *args: Any, order: Order, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(code, _say(corrections.foresee(order, target=code)[1])) for code in corrections.list_targets(order)]
        self.fields["target"].choices = choices  # type: ignore[attr-defined]  # a choice field


@admin.register(Correction)
class CorrectionAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Every correction that was ever proposed. Proposing, approving and withdrawing are acts of their own."""

    list_display = ("order", "organisation", "amount", "from_shown", "to_shown", "proposed_by", "made", "badge")
    list_filter = (StateFilter,)
    list_select_related = ("order", "organisation")
    search_fields = ("order__number", "credited_order__number", "organisation__name")
    ordering = ("made_at",)
    fields = (
        *("order_shown", "organisation", "amount", "from_shown", "to_shown", "reason", "proposed_by", "made_at"),
        *("agreed_by", "approved_at", "credited_shown", "withdrawn_by", "withdrawn_at"),
    )
    readonly_fields = fields
    change_form_outer_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None
    change_form_outer_after_template = "staff/tables.html"  # type: ignore[assignment]  # unfold says None

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:pk>/propose/", wrap(self.propose), name="billing_correction_propose"),
            path("<uuid:pk>/approve/", wrap(self.approve), name="billing_correction_approve"),
            path("<uuid:pk>/withdraw/", wrap(self.withdraw), name="billing_correction_withdraw"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        correction = self.get_object(request, object_id)
        more = dict(extra_context or {})
        if correction and correction.is_waiting:
            more["tables"] = [_tell(corrections.foresee(correction.order, target=correction.target))]
            more["acts"] = _acts_on(correction, request.user)
        return super().change_view(request, object_id, form_url, more)

    def propose(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """`pk` is the order's."""
        by = find_person(request, permission=PROPOSES)
        order = get_object_or_404(Order.objects.select_related("organisation"), pk=pk)
        back = reverse("admin:billing_order_change", args=[order.pk])
        if waiting := corrections.find_waiting(order):
            messages.info(request, _("A correction of this order waits already."))
            return redirect("admin:billing_correction_change", waiting.pk)
        why_not = corrections.why_not_correctable(order) or corrections.why_not_unspent(order)
        form = ProposalForm(request.POST or None, order=order)
        if not why_not and form.is_valid() and (proposed := self._propose(request, order, form, by=by)):
            return redirect("admin:billing_correction_change", proposed.pk)
        context = {
            "title": _("Correct the balance"),
            "subject": _describe(order),
            "explanation": why_not or _("Nothing moves before a second person approves it."),
            "tables": [] if why_not else [_tell(corrections.foresee(order, target=order.target)[:1])],
            "button": "" if why_not else _("Propose"),
            "form": NothingForm() if why_not else form,
            "back": back,
        }
        return render(request, "staff/confirm.html", self.admin_site.each_context(request) | context)

    def approve(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        by = find_person(request, permission=DECIDES)
        correction = get_object_or_404(Correction.objects.select_related("order__organisation", "made_by"), pk=pk)
        back = reverse("admin:billing_correction_change", args=[correction.pk])
        if request.method == "POST":
            self._approve(request, correction, by=by)
            return redirect(back)
        order = correction.order
        why_not = _why_not_approve(correction, by=by)
        facts = {"who": correction.made_by_name, "reason": correction.reason}
        context = {
            "title": _("Approve the correction"),
            "subject": _describe(order),
            "explanation": why_not or _("%(who)s says: %(reason)s") % facts,
            "tables": [_tell(corrections.foresee(order, target=correction.target))] if correction.is_waiting else [],
            "button": "" if why_not else _("Approve"),
            "form": NothingForm(),
            "back": back,
        }
        return render(request, "staff/confirm.html", self.admin_site.each_context(request) | context)

    def withdraw(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        by = find_person(request, permission=DECIDES)
        correction = get_object_or_404(Correction.objects.select_related("order__organisation"), pk=pk)
        back = reverse("admin:billing_correction_change", args=[correction.pk])
        if request.method == "POST":
            self._withdraw(request, correction, by=by)
            return redirect(back)
        context = {
            "title": _("Withdraw the correction"),
            "subject": _describe(correction.order),
            "explanation": _("Nobody approves it any more, and another may be proposed. Nothing has moved."),
            "button": _("Withdraw") if correction.is_waiting else "",
            "form": NothingForm(),
            "back": back,
        }
        return render(request, "staff/confirm.html", self.admin_site.each_context(request) | context)

    def _propose(self, request: HttpRequest, order: Order, form: ProposalForm, *, by: User) -> Correction | None:
        """None when it was refused; then the form says why."""
        given = form.cleaned_data
        try:
            proposed = corrections.propose(
                order_id=order.pk, target=given["target"], reason=given["reason"], by=by, now=timezone.now()
            )
        except corrections.AlreadyProposed:
            form.add_error(None, _("Somebody else has just proposed a correction of this order."))
            return None
        except _REFUSALS as refusal:
            form.add_error(None, str(refusal))
            return None
        self.log_addition(request, proposed, str(_("Proposed: %(reason)s") % {"reason": proposed.reason}))
        messages.success(request, _("Proposed. Somebody else has to approve it before anything moves."))
        return proposed

    def _approve(self, request: HttpRequest, correction: Correction, *, by: User) -> None:
        try:
            credited = corrections.approve(correction_id=correction.pk, by=by, now=timezone.now())
        except corrections.NotWaiting:
            messages.warning(request, _("It was approved or withdrawn before; nothing was done."))
        except _REFUSALS as refusal:
            messages.error(request, str(refusal))
        else:
            self.log_change(
                request, correction, str(_("Approved; credited as order %(number)s") % {"number": credited})
            )
            messages.success(request, _("Corrected: credited as order %(number)s.") % {"number": credited})

    def _withdraw(self, request: HttpRequest, correction: Correction, *, by: User) -> None:
        try:
            corrections.withdraw(correction_id=correction.pk, by=by, now=timezone.now())
        except corrections.NotWaiting:
            messages.warning(request, _("It was approved or withdrawn before; nothing was done."))
        except corrections.MayNotCorrect as refusal:
            messages.error(request, str(refusal))
        else:
            self.log_change(request, correction, str(_("Withdrawn")))
            messages.success(request, _("Withdrawn; nobody approves it any more."))

    @admin.display(description=_("proposed by"), ordering="made_by_name")
    def proposed_by(self, correction: Correction) -> str:
        return correction.made_by_name

    @admin.display(description=_("approved by"), ordering="approved_by_name")
    def agreed_by(self, correction: Correction) -> str:
        return correction.approved_by_name or "—"

    @admin.display(description=_("order"))
    def order_shown(self, correction: Correction) -> str:
        return _link(correction.order)

    @admin.display(description=_("credited as order"))
    def credited_shown(self, correction: Correction) -> str:
        return _link(correction.credited_order) if correction.credited_order else "—"

    @admin.display(description=_("amount"))
    def amount(self, correction: Correction) -> str:
        return labelled(correction.order.credited)

    @admin.display(description=_("wrong balance"))
    def from_shown(self, correction: Correction) -> str:
        return targets.name(correction.order.target)

    @admin.display(description=_("right balance"), ordering="target")
    def to_shown(self, correction: Correction) -> str:
        return targets.name(correction.target)

    @admin.display(description=_("proposed"), ordering="made_at")
    def made(self, correction: Correction) -> str:
        return cells.show_moment(correction.made_at)

    @display(description=_("state"), label=_COLOURS)  # type: ignore[arg-type]  # it takes lazy texts too
    def badge(self, correction: Correction) -> tuple[str, str]:
        state = _WAITING if correction.is_waiting else _DONE if correction.approved_at else _WITHDRAWN
        return state, str(_STATES[state])


def _acts_on(correction: Correction, user: Any) -> list[dict[str, Any]]:
    if not user.has_perm(DECIDES):
        return []
    verb = _("Withdraw") if correction.made_by_id == user.pk else _("Refuse")
    withdraw = {"title": verb, "address": reverse("admin:billing_correction_withdraw", args=[correction.pk])}
    if corrections.why_not_approve(correction, by=user):
        return [withdraw]
    return [
        {"title": _("Approve"), "address": reverse("admin:billing_correction_approve", args=[correction.pk])},
        withdraw,
    ]


def _why_not_approve(correction: Correction, *, by: User) -> str:
    if not correction.is_waiting:
        return str(_("It was approved or withdrawn before."))
    return (
        corrections.why_not_approve(correction, by=by)
        or corrections.why_not_correctable(correction.order)
        or corrections.why_not_unspent(correction.order)
    )


def _describe(order: Order) -> str:
    return f"{order.organisation} · {order} · {labelled(order.credited)} → {targets.name(order.target)}"


def _tell(shifts: tuple[Shift, ...]) -> dict[str, Any]:
    return {
        "title": _("Balances"),
        "headers": (_("balance"), _("now"), _("then")),
        "rows": [[shift.name, shown(shift.before), shown(shift.after)] for shift in shifts],
    }


def _say(shift: Shift) -> str:
    return f"{shift.name}: {shown(shift.before)} → {shown(shift.after)}"


def _link(order: Order) -> str:
    return cells.link_to(reverse("admin:billing_order_change", args=[order.pk]), order)
