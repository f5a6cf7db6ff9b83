"""Corrections for finance: proposing one from an order's page, and approving or withdrawing what waits."""

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminRadioSelectWidget

from billing import corrections, targets
from billing.corrections import Shift
from billing.forms import NothingForm
from billing.models import Correction, Order
from wallet.admin import cells
from wallet.admin.fields import ReasonField
from wallet.admin.people import find_person
from wallet.admin.proposals import DONE, WAITING, WITHDRAWN, ProposalAdmin
from wallet.models import User
from wallet.money import labelled, shown

PROPOSES = "billing.add_correction"
DECIDES = "billing.change_correction"

_REFUSALS = (
    corrections.MayNotCorrect,
    corrections.NotCorrectable,
    corrections.TargetRefused,
    corrections.MoneySpent,
)
"""Their messages are for whoever tried."""


class ProposalForm(forms.Form):
    """Which balance is the right one, each with what it holds now and would hold then."""

    target = forms.ChoiceField(label=_("Right balance"), widget=UnfoldAdminRadioSelectWidget)
    reason = ReasonField(label=_("Why; the customer reads it"))

    def __init__(self, *args: Any, order: Order, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(code, _say(corrections.foresee(order, target=code)[1])) for code in corrections.list_targets(order)]
        self.fields["target"].choices = choices  # type: ignore[attr-defined]  # a choice field


@admin.register(Correction)
class CorrectionAdmin(ProposalAdmin):
    """Every correction that was ever proposed."""

    decides = DECIDES
    states: ClassVar = {WAITING: _("Waiting"), DONE: _("Carried out"), WITHDRAWN: _("Withdrawn")}
    refusals = _REFUSALS
    decided_before = corrections.NotWaiting

    list_display = ("order", "organisation", "amount", "from_shown", "to_shown", "made_by_then", "made", "badge")
    list_select_related = ("order", "organisation")
    search_fields = ("order__number", "credited_order__number", "organisation__name")
    fields = (
        *("order_shown", "organisation", "amount", "from_shown", "to_shown", "reason", "made_by_then", "made"),
        *("approved_by_then", "approved", "credited_shown", "withdrawn_by", "withdrawn"),
    )
    readonly_fields = fields
    change_form_outer_after_template = "staff/tables.html"  # type: ignore[assignment]  # unfold says None

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:pk>/propose/", wrap(self.propose), name="billing_correction_propose"),
            *super().get_urls(),
        ]

    def find(self, pk: UUID) -> Correction:
        return get_object_or_404(Correction.objects.select_related("order__organisation", "made_by"), pk=pk)

    def why_not(self, proposal: Correction, *, by: User) -> str:
        return corrections.why_not_approve(proposal, by=by)

    def why_not_now(self, proposal: Correction) -> str:
        return corrections.why_not_correctable(proposal.order) or corrections.why_not_unspent(proposal.order)

    def describe(self, proposal: Correction) -> str:
        return _describe(proposal.order)

    def tell(self, proposal: Correction) -> dict[str, Any]:
        return {"tables": [_tell(corrections.foresee(proposal.order, target=proposal.target))]}

    def carry_out(self, proposal: Correction, *, by: User) -> Any:
        credited = corrections.approve(correction_id=proposal.pk, by=by, now=timezone.now())
        return _("Corrected: credited as order %(number)s.") % {"number": credited}

    def take_back(self, proposal: Correction, *, by: User) -> None:
        corrections.withdraw(correction_id=proposal.pk, by=by, now=timezone.now())

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
