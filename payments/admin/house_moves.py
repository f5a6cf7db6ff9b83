"""The house's own money at the bank, for finance: what a line was, as one says and another approves."""

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from billing import rates
from billing.forms import NothingForm
from payments import exchanges, house_moves, sightings
from payments.admin import house_move_stories, line_stories
from payments.house_move_forms import ExchangeForm, ReasonForm
from payments.models import BankLine, HouseMove
from wallet.admin.people import find_person
from wallet.admin.proposals import DONE, WAITING, WITHDRAWN, ProposalAdmin, StateFilter
from wallet.models import User
from wallet.money import labelled

PROPOSES = "payments.add_housemove"
DECIDES = "payments.change_housemove"


@admin.register(HouseMove)
class HouseMoveAdmin(ProposalAdmin):
    """Whatever was said to be the house's own."""

    decides = DECIDES
    states: ClassVar = {WAITING: _("Waiting"), DONE: _("Posted"), WITHDRAWN: _("Withdrawn")}
    refusals = (house_moves.MayNotDecide, house_moves.NotTheHouses)
    decided_before = house_moves.NotWaiting

    list_display = ("made", "kind", "line_shown", "came_shown", "result_shown", "made_by_then", "badge")
    list_filter = (StateFilter, "kind")
    list_select_related = ("line__account", "came_as__account")
    list_fullwidth = True
    fields = (
        *("kind", "line_shown", "came_shown", "rate_shown", "cost_shown", "result_shown", "reason", "made_by_then"),
        *("made", "approved_by_then", "approved", "withdrawn_by", "withdrawn"),
    )
    readonly_fields = fields
    change_form_outer_after_template = "staff/tables.html"  # type: ignore[assignment]  # unfold says None

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:pk>/charge/", wrap(self.charge), name="payments_housemove_charge"),
            path("<uuid:pk>/exchange/", wrap(self.exchange), name="payments_housemove_exchange"),
            *super().get_urls(),
        ]

    def find(self, pk: UUID) -> HouseMove:
        found = HouseMove.objects.select_related("line__account", "came_as__account", "made_by")
        return get_object_or_404(found, pk=pk)

    def why_not(self, proposal: HouseMove, *, by: User) -> str:
        return house_moves.why_not_approve(proposal, by=by)

    def tell(self, proposal: HouseMove) -> dict[str, Any]:
        return {"tables": house_move_stories.tell(proposal)}

    def carry_out(self, proposal: HouseMove, *, by: User) -> Any:
        house_moves.approve(move_id=proposal.pk, by=by, now=timezone.now())
        return _("Posted.")

    def take_back(self, proposal: HouseMove, *, by: User) -> None:
        house_moves.withdraw(move_id=proposal.pk, by=by, now=timezone.now())

    def charge(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Say that a bank line is a charge; `pk` is the line's."""
        by, line = find_person(request, permission=PROPOSES), _get_line(pk)
        form = ReasonForm(request.POST or None)

        def propose() -> HouseMove:
            return house_moves.propose_charge(
                line_id=line.pk,
                reason=form.cleaned_data["reason"],
                by=by,
                now=timezone.now(),
                seen=request.POST.get("seen"),
            )

        return self._propose(
            request,
            line,
            form,
            propose,
            title=_("A charge of the bank, or interest"),
            why_not=house_moves.why_not_charge(line),
        )

    def exchange(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Say which line came for the one that left; `pk` is that one's."""
        by, line = find_person(request, permission=PROPOSES), _get_line(pk)
        arrivals = house_moves.list_arrivals(line)
        form = ExchangeForm(
            request.POST or None, offers=[(str(came.pk), house_move_stories.offer(line, came)) for came in arrivals]
        )

        def propose() -> HouseMove:
            return house_moves.propose_exchange(
                gone_id=line.pk,
                came_id=form.cleaned_data["came"],
                reason=form.cleaned_data["reason"],
                by=by,
                now=timezone.now(),
                seen=request.POST.get("seen"),
            )

        nothing = "" if arrivals else str(_("No free USD line came within a week of it. Import the statement first."))
        why_not = house_moves.why_not_gone(line) or nothing
        return self._propose(request, line, form, propose, title=_("An exchange of currencies"), why_not=why_not)

    def _propose(
        self,
        request: HttpRequest,
        line: BankLine,
        form: ReasonForm,
        propose: Callable[[], HouseMove],
        *,
        title: Any,
        why_not: str,
    ) -> HttpResponse:
        if request.method == "POST" and not why_not and form.is_valid():
            try:
                move = propose()
            except house_moves.AlreadyProposed:
                form.add_error(None, _("Somebody has said what this line is; it waits for an approval."))
            except (house_moves.NotTheHouses, sightings.ChangedMeanwhile) as refusal:
                form.add_error(None, str(refusal))
            else:
                self.log_addition(request, move, str(_("Proposed: %(reason)s") % {"reason": move.reason}))
                messages.success(request, _("Proposed. Somebody else has to approve it before anything is posted."))
                return redirect("admin:payments_housemove_change", move.pk)
        context = {
            "title": title,
            "subject": line_stories.describe(line),
            "explanation": why_not or _("Nothing is posted before a second person approves it."),
            "seen": sightings.of_line(line),
            "button": "" if why_not else _("Propose"),
            "form": NothingForm() if why_not else form,
            "back": reverse("admin:payments_bankline_change", args=[line.pk]),
        }
        return render(request, "staff/confirm.html", self.admin_site.each_context(request) | context)

    @admin.display(description=_("bank line"))
    def line_shown(self, move: HouseMove) -> str:
        return line_stories.link_to_line(move.line)

    @admin.display(description=_("came as"))
    def came_shown(self, move: HouseMove) -> str:
        return line_stories.link_to_line(move.came_as) if move.came_as else "—"

    @admin.display(description=_("rate of the bank"))
    def rate_shown(self, move: HouseMove) -> str:
        return rates.shown(exchanges.find_rate(move.line, move.came_as)) if move.came_as else "—"

    @admin.display(description=_("cost"))
    def cost_shown(self, move: HouseMove) -> str:
        if move.cost is None or move.came_as is None:
            return "—"
        return labelled(Money(move.cost, move.came_as.amount.currency))

    @admin.display(description=_("gain or loss"))
    def result_shown(self, move: HouseMove) -> str:
        return "—" if move.result is None else labelled(move.result)


def list_acts(line: BankLine, user: Any) -> list[dict[str, Any]]:
    """What of this page's can be said of a bank line, for the line's own page."""
    if not user.has_perm(PROPOSES):
        return []
    if waiting := HouseMove.objects.filter(withdrawn_at=None, line=line).first():
        return [{"title": waiting, "address": reverse("admin:payments_housemove_change", args=[waiting.pk])}]
    acts = []
    if not house_moves.why_not_gone(line):
        address = reverse("admin:payments_housemove_exchange", args=[line.pk])
        acts.append({"title": _("An exchange of currencies"), "address": address})
    is_houses = line.direction == BankLine.Direction.OUT or line.pile == BankLine.Pile.OTHER
    if is_houses and not house_moves.why_not_charge(line):
        address = reverse("admin:payments_housemove_charge", args=[line.pk])
        acts.append({"title": _("A charge of the bank, or interest"), "address": address})
    return acts


def _get_line(pk: UUID) -> BankLine:
    return get_object_or_404(BankLine.objects.select_related("account", "file"), pk=pk)
