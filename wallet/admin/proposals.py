"""What one member of staff proposes and another approves: the pages, columns and filter that such lists share."""

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from wallet.admin import cells
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly, find_person
from wallet.models import User

WAITING, UNDER_WAY, DONE, WITHDRAWN = "waiting", "under_way", "done", "withdrawn"
_COLOURS: dict[str, str] = {WAITING: "warning", UNDER_WAY: "info", DONE: "success", WITHDRAWN: ""}


class StateFilter(admin.SimpleListFilter):
    """What waits, unless others are asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [(state, model_admin.states[state]) for state in (DONE, WITHDRAWN)] + [("all", _("All"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002  # as above
        match self.value():
            case "done":
                return queryset.filter(approved_at__isnull=False)
            case "withdrawn":
                return queryset.filter(withdrawn_at__isnull=False)
            case "all":
                return queryset
        return queryset.filter(approved_at=None, withdrawn_at=None)


class ProposalAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Every proposal there was; approving and withdrawing one are acts of their own, and proposing is each admin's.

    `decides` is the permission of who approves or withdraws, `states` what its stages are called. What is raised of
    `refusals` says itself why; `decided_before` means a proposal that does not wait any more.
    """

    decides: str
    states: ClassVar[dict[str, Any]]
    refusals: tuple[type[Exception], ...]
    decided_before: type[Exception]

    ordering = ("made_at",)
    list_filter: ClassVar[tuple[Any, ...]] = (StateFilter,)
    made_by_then = cells.name_person("made_by_name", _("proposed by"))
    approved_by_then = cells.name_person("approved_by_name", _("approved by"))
    change_form_outer_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None

    def find(self, pk: UUID) -> Any:
        """A proposal with what its pages tell of it. Raises `Http404`."""
        raise NotImplementedError

    def why_not(self, proposal: Any, *, by: User) -> str:
        """Why this person may not approve what waits, in words; empty when he may."""
        raise NotImplementedError

    def why_not_now(self, proposal: Any) -> str:  # noqa: ARG002  # those that override it ask
        """Why nobody can approve what waits as things are, in words; empty when one can."""
        return ""

    def describe(self, proposal: Any) -> str:
        """What its pages are about, in one line."""
        return str(proposal)

    def tell(self, proposal: Any) -> dict[str, Any]:
        """What whoever approves has to see of it: `tables`, `facts`."""
        raise NotImplementedError

    def carry_out(self, proposal: Any, *, by: User) -> Any:
        """Approve it, and what to say of that."""
        raise NotImplementedError

    def take_back(self, proposal: Any, *, by: User) -> None:
        """Withdraw it."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:pk>/approve/", wrap(self.approve), name=f"{self._name}_approve"),
            path("<uuid:pk>/withdraw/", wrap(self.withdraw), name=f"{self._name}_withdraw"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        proposal = self.get_object(request, object_id)
        more = dict(extra_context or {})
        if proposal and proposal.is_waiting:
            more |= {"tables": self.tell(proposal).get("tables", []), "acts": self._list_acts(proposal, request.user)}
        return super().change_view(request, object_id, form_url, more)

    def approve(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        by, proposal = find_person(request, permission=self.decides), self.find(pk)
        if request.method == "POST":
            return self.decide(request, proposal, lambda: self.carry_out(proposal, by=by))
        why_not = self._find_hindrance(proposal, by=by)
        facts = {"who": proposal.made_by_name, "reason": proposal.reason}
        context = {
            "title": _("Approve it"),
            "explanation": why_not or _("%(who)s says: %(reason)s") % facts,
            "button": "" if why_not else _("Approve"),
        }
        return self._ask(request, proposal, context | (self.tell(proposal) if proposal.is_waiting else {}))

    def withdraw(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        by, proposal = find_person(request, permission=self.decides), self.find(pk)
        if request.method == "POST":
            return self.decide(request, proposal, lambda: self._take_back(proposal, by=by))
        context = {
            "title": _("Withdraw it"),
            "explanation": _("Nobody approves it any more, and another may be proposed. Nothing was posted."),
            "button": _("Withdraw") if proposal.is_waiting else "",
        }
        return self._ask(request, proposal, context)

    def decide(self, request: HttpRequest, proposal: Any, act: Callable[[], Any]) -> HttpResponse:
        """Carry an act out, say what came of it, and go back to the proposal."""
        try:
            said = act()
        except self.decided_before:
            messages.warning(request, _("It was approved or withdrawn before; nothing was done."))
        except self.refusals as refusal:
            messages.error(request, str(refusal))
        else:
            self.log_change(request, proposal, str(said))
            messages.success(request, said)
        return redirect(self._page_of(proposal))

    @admin.display(description=_("proposed"), ordering="made_at")
    def made(self, proposal: Any) -> str:
        return cells.show_moment(proposal.made_at)

    @admin.display(description=_("approved"))
    def approved(self, proposal: Any) -> str:
        return cells.show_moment(proposal.approved_at)

    @admin.display(description=_("withdrawn"))
    def withdrawn(self, proposal: Any) -> str:
        return cells.show_moment(proposal.withdrawn_at)

    @display(description=_("state"), label=_COLOURS)  # type: ignore[arg-type]  # it takes lazy texts too
    def badge(self, proposal: Any) -> tuple[str, str]:
        state = self.find_state(proposal)
        return state, str(self.states[state])

    def find_state(self, proposal: Any) -> str:
        return WAITING if proposal.is_waiting else DONE if proposal.approved_at else WITHDRAWN

    @property
    def _name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"

    def _page_of(self, proposal: Any, act: str = "change") -> str:
        return reverse(f"admin:{self._name}_{act}", args=[proposal.pk])

    def _find_hindrance(self, proposal: Any, *, by: User) -> Any:
        if not proposal.is_waiting:
            return _("It was approved or withdrawn before.")
        return self.why_not(proposal, by=by) or self.why_not_now(proposal)

    def _take_back(self, proposal: Any, *, by: User) -> Any:
        self.take_back(proposal, by=by)
        return _("Withdrawn; nobody approves it any more.")

    def _ask(self, request: HttpRequest, proposal: Any, context: dict[str, Any]) -> HttpResponse:
        shown = self.admin_site.each_context(request) | {
            "subject": self.describe(proposal),
            "back": self._page_of(proposal),
        }
        return render(request, "staff/confirm.html", shown | context)

    def _list_acts(self, proposal: Any, user: Any) -> list[dict[str, Any]]:
        if not user.has_perm(self.decides):
            return []
        verb = _("Withdraw") if proposal.made_by_id == user.pk else _("Refuse")
        withdraw = {"title": verb, "address": self._page_of(proposal, "withdraw")}
        if self.why_not(proposal, by=user):
            return [withdraw]
        return [{"title": _("Approve"), "address": self._page_of(proposal, "approve")}, withdraw]
