"""Money that was assigned to an organisation without an order: what waits for approval, and approving it."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing import targets
from billing.forms import NothingForm
from payments import allocations, approvers, desk, findings
from payments.admin import line_stories
from payments.admin.line_acts import PERMISSION
from payments.models import Finding
from wallet.admin import cells
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly, find_person
from wallet.models import User
from wallet.money import labelled


class StateFilter(admin.SimpleListFilter):
    """Open ones unless others are asked for."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [("done", _("Carried out")), ("all", _("All"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Finding]) -> QuerySet[Finding]:  # noqa: ARG002  # as above
        match self.value():
            case "done":
                return queryset.filter(done_at__isnull=False)
            case "all":
                return queryset
        return queryset.filter(pk__in=Finding.objects.open())


@admin.register(Finding)
class FindingAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Only those without a transfer: the others stand on their transfer's page."""

    list_display = ("organisation", "received_shown", "credited_shown", "reason", "made_by", "made", "approvals_shown")
    list_filter = (StateFilter,)
    list_select_related = ("organisation", "made_by")
    search_fields = ("organisation__name",)
    ordering = ("made_at",)
    change_form_outer_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None
    fields = (
        *("organisation", "goes_into", "received_shown", "credited_shown", "rate", "rate_source", "evidence", "reason"),
        *("made_by", "made", "approvals_shown", "superseded_at", "done_at", "credited_order"),
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Finding]:
        waiting: QuerySet[Finding] = super().get_queryset(request).filter(transfer=None)
        return waiting.prefetch_related("approvals__by")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:pk>/approve/", wrap(self.approve), name="payments_assignment_approve"),
            path("<uuid:pk>/withdraw/", wrap(self.withdraw), name="payments_assignment_withdraw"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        finding = self.get_object(request, object_id)
        more = dict(extra_context or {})
        if finding and finding.is_open and request.user.has_perm(PERMISSION):
            withdraw = reverse("admin:payments_assignment_withdraw", args=[finding.pk])
            more["acts"] = [{"title": _("Withdraw"), "address": withdraw}]
            if not findings.why_not(finding, by=find_person(request, permission=PERMISSION)):
                more["acts"].insert(0, {"title": _("Approve"), "address": line_stories.address_of(finding)})
        return super().change_view(request, object_id, form_url, more)

    def approve(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        by = find_person(request, permission=PERMISSION)
        finding = get_object_or_404(Finding.objects.select_related("organisation", "made_by"), pk=pk, transfer=None)
        if request.method == "POST":
            _approve(request, finding, by=by)
            return redirect("admin:payments_finding_change", finding.pk)
        said = _("%(who)s says: %(reason)s") % {"who": finding.made_by, "reason": finding.reason}
        why_not = findings.why_not(finding, by=by)
        button = "" if why_not else _("Approve")
        return self._confirm(request, finding, title=_("Approve"), explanation=why_not or said, button=button)

    def withdraw(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        by = find_person(request, permission=PERMISSION)
        finding = get_object_or_404(Finding.objects.select_related("organisation"), pk=pk, transfer=None)
        if request.method == "POST":
            _withdraw(request, finding, by=by)
            return redirect("admin:payments_finding_change", finding.pk)
        explanation = _("Nobody approves it any more, and its bank lines are free for others. Nothing was credited.")
        return self._confirm(request, finding, title=_("Withdraw"), explanation=explanation, button=_("Withdraw"))

    def _confirm(
        self, request: HttpRequest, finding: Finding, *, title: Any, explanation: Any, button: Any
    ) -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "title": title,
            "subject": f"{finding.organisation} · {labelled(finding.received)} → {labelled(finding.credited)}",
            "explanation": explanation,
            "button": button,
            "form": NothingForm(),
            "back": reverse("admin:payments_finding_change", args=[finding.pk]),
        }
        return render(request, "staff/confirm.html", context)

    @admin.display(description=_("for"))
    def goes_into(self, finding: Finding) -> str:
        return targets.full_name(organisation_id=finding.organisation_id, code=finding.target)

    @admin.display(description=_("received"), ordering="received")
    def received_shown(self, finding: Finding) -> str:
        return labelled(finding.received)

    @admin.display(description=_("to be credited"), ordering="credited")
    def credited_shown(self, finding: Finding) -> str:
        return labelled(finding.credited)

    @admin.display(description=_("given"), ordering="made_at")
    def made(self, finding: Finding) -> str:
        return cells.show_moment(finding.made_at)

    @admin.display(description=_("approved by"))
    def approvals_shown(self, finding: Finding) -> str:
        given = ", ".join(str(approval.by) for approval in finding.approvals.all())
        return f"{given or '—'} ({approvers.count_valid(finding)} / {findings.persons_needed(finding)})"


def _withdraw(request: HttpRequest, finding: Finding, *, by: User) -> None:
    try:
        findings.withdraw(finding_id=finding.pk, by=by, now=timezone.now())
    except desk.OwnOrganisation:
        messages.error(request, _("You belong to this organisation."))
    except findings.NotApprovable:
        messages.warning(request, _("It was replaced or carried out before; nothing was done."))
    else:
        messages.success(request, _("Withdrawn; nobody approves it any more."))


def _approve(request: HttpRequest, finding: Finding, *, by: User) -> None:
    try:
        done = findings.approve(finding_id=finding.pk, by=by, now=timezone.now())
    except findings.MayNotApprove as error:
        messages.error(request, str(error))
    except findings.NotApprovable:
        messages.warning(request, _("It was replaced or carried out before; nothing was done."))
    except allocations.LineSpent:
        messages.error(request, _("The bank line was used for something else meanwhile; nothing was done."))
    else:
        counts = {"given": approvers.count_valid(done), "needed": findings.persons_needed(done)}
        first = _("Approved, %(given)d of %(needed)d; somebody else has to approve it too.") % counts
        messages.success(request, _("Approved and credited.") if done.done_at else first)
