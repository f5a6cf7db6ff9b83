"""The house's own money at the bank, for finance: what a line was, as one says and another approves."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money
from unfold.decorators import display

from billing import rates
from billing.forms import NothingForm
from payments import exchanges, house_moves, sightings
from payments.admin import house_move_stories, line_stories
from payments.house_move_forms import ExchangeForm, ReasonForm
from payments.models import BankLine, HouseMove
from wallet.admin import cells
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly, find_person
from wallet.money import labelled

PROPOSES = "payments.add_housemove"
DECIDES = "payments.change_housemove"

_WAITING, _DONE, _WITHDRAWN = "waiting", "done", "withdrawn"
_STATES = {_WAITING: _("Waiting"), _DONE: _("Posted"), _WITHDRAWN: _("Withdrawn")}
_COLOURS: dict[str, str] = {_WAITING: "warning", _DONE: "success", _WITHDRAWN: ""}


class StateFilter(admin.SimpleListFilter):
    """What waits, unless others are asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [(_DONE, _STATES[_DONE]), (_WITHDRAWN, _STATES[_WITHDRAWN]), ("all", _("All"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[HouseMove]) -> QuerySet[HouseMove]:  # noqa: ARG002  # as above
        match self.value():
            case "done":
                return queryset.filter(approved_at__isnull=False)
            case "withdrawn":
                return queryset.filter(withdrawn_at__isnull=False)
            case "all":
                return queryset
        return queryset.filter(approved_at=None, withdrawn_at=None)


@admin.register(HouseMove)
class HouseMoveAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Whatever was said to be the house's own. Proposing, approving and withdrawing are acts of their own."""

    list_display = ("made", "kind", "line_shown", "came_shown", "result_shown", "made_by_then", "badge")
    list_filter = (StateFilter, "kind")
    list_select_related = ("line__account", "came_as__account")
    list_fullwidth = True
    ordering = ("made_at",)
    fields = (
        *("kind", "line_shown", "came_shown", "rate_shown", "cost_shown", "result_shown", "reason", "made_by_then"),
        *("made", "approved_by_then", "approved", "withdrawn_by", "withdrawn"),
    )
    readonly_fields = fields
    made_by_then = cells.name_person("made_by_name", _("proposed by"))
    approved_by_then = cells.name_person("approved_by_name", _("approved by"))
    change_form_outer_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None
    change_form_outer_after_template = "staff/tables.html"  # type: ignore[assignment]  # unfold says None

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:pk>/charge/", wrap(self.charge), name="payments_housemove_charge"),
            path("<uuid:pk>/exchange/", wrap(self.exchange), name="payments_housemove_exchange"),
            path("<uuid:pk>/approve/", wrap(self.approve), name="payments_housemove_approve"),
            path("<uuid:pk>/withdraw/", wrap(self.withdraw), name="payments_housemove_withdraw"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        move = self.get_object(request, object_id)
        more = dict(extra_context or {})
        if move and move.is_waiting:
            more |= {"tables": house_move_stories.tell(move), "acts": _acts_on(move, request.user)}
        return super().change_view(request, object_id, form_url, more)

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

    def approve(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        by = find_person(request, permission=DECIDES)
        move = _get_move(pk)
        back = reverse("admin:payments_housemove_change", args=[move.pk])
        if request.method == "POST":
            self._decide(request, move, lambda: house_moves.approve(move_id=move.pk, by=by, now=timezone.now()))
            return redirect(back)
        why_not = house_moves.why_not_approve(move, by=by) if move.is_waiting else _("It was decided before.")
        context = {
            "title": _("Approve it"),
            "subject": str(move),
            "explanation": why_not or _("%(who)s says: %(reason)s") % {"who": move.made_by_name, "reason": move.reason},
            "tables": house_move_stories.tell(move) if move.is_waiting else [],
            "button": "" if why_not else _("Approve"),
            "form": NothingForm(),
            "back": back,
        }
        return render(request, "staff/confirm.html", self.admin_site.each_context(request) | context)

    def withdraw(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        by = find_person(request, permission=DECIDES)
        move = _get_move(pk)
        back = reverse("admin:payments_housemove_change", args=[move.pk])
        if request.method == "POST":
            self._decide(request, move, lambda: house_moves.withdraw(move_id=move.pk, by=by, now=timezone.now()))
            return redirect(back)
        context = {
            "title": _("Withdraw it"),
            "subject": str(move),
            "explanation": _("Nobody approves it any more, and another may be proposed. Nothing was posted."),
            "button": _("Withdraw") if move.is_waiting else "",
            "form": NothingForm(),
            "back": back,
        }
        return render(request, "staff/confirm.html", self.admin_site.each_context(request) | context)

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

    def _decide(self, request: HttpRequest, move: HouseMove, decide: Callable[[], HouseMove]) -> None:
        try:
            decided = decide()
        except house_moves.NotWaiting:
            messages.warning(request, _("It was decided before; nothing was done."))
        except (house_moves.MayNotDecide, house_moves.NotTheHouses) as refusal:
            messages.error(request, str(refusal))
        else:
            said = _("Posted.") if decided.approved_at else _("Withdrawn; nobody approves it any more.")
            self.log_change(request, move, str(said))
            messages.success(request, said)

    @admin.display(description=_("proposed"), ordering="made_at")
    def made(self, move: HouseMove) -> str:
        return cells.show_moment(move.made_at)

    @admin.display(description=_("approved"))
    def approved(self, move: HouseMove) -> str:
        return cells.show_moment(move.approved_at)

    @admin.display(description=_("withdrawn"))
    def withdrawn(self, move: HouseMove) -> str:
        return cells.show_moment(move.withdrawn_at)

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

    @display(description=_("state"), label=_COLOURS)  # type: ignore[arg-type]  # it takes lazy texts too
    def badge(self, move: HouseMove) -> tuple[str, str]:
        state = _WAITING if move.is_waiting else _DONE if move.approved_at else _WITHDRAWN
        return state, str(_STATES[state])


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


def _acts_on(move: HouseMove, user: Any) -> list[dict[str, Any]]:
    if not user.has_perm(DECIDES):
        return []
    verb = _("Withdraw") if move.made_by_id == user.pk else _("Refuse")
    withdraw = {"title": verb, "address": reverse("admin:payments_housemove_withdraw", args=[move.pk])}
    if house_moves.why_not_approve(move, by=user):
        return [withdraw]
    return [{"title": _("Approve"), "address": reverse("admin:payments_housemove_approve", args=[move.pk])}, withdraw]


def _get_line(pk: UUID) -> BankLine:
    return get_object_or_404(BankLine.objects.select_related("account", "file"), pk=pk)


def _get_move(pk: UUID) -> HouseMove:
    found = HouseMove.objects.select_related("line__account", "came_as__account", "made_by")
    return get_object_or_404(found, pk=pk)
