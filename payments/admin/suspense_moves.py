"""Card money in suspense, for finance: what waits, and what becomes of it, as one says and another approves."""

import logging
from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.forms import NothingForm
from payments import card_suspense, desk, stripe_api, suspense_moves
from payments.admin import stories, suspense_move_stories
from payments.card_suspense import Held
from payments.models import SuspenseMove
from payments.suspense_move_forms import WhoseForm, WhyForm
from wallet.admin import cells
from wallet.admin.people import find_person
from wallet.admin.proposals import DONE, UNDER_WAY, WAITING, WITHDRAWN, ProposalAdmin
from wallet.models import User
from wallet.money import labelled

logger = logging.getLogger(__name__)

PROPOSES = suspense_move_stories.PROPOSES
DECIDES = "payments.change_suspensemove"


class OpenFilter(admin.SimpleListFilter):
    """What waits or is under way, or all."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [("all", _("All"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SuspenseMove]) -> QuerySet[SuspenseMove]:  # noqa: ARG002  # as above
        return queryset if self.value() == "all" else queryset.filter(withdrawn_at=None, ended_at=None)


@admin.register(SuspenseMove)
class SuspenseMoveAdmin(ProposalAdmin):
    """What was proposed; above it what waits."""

    decides = DECIDES
    states: ClassVar = {
        WAITING: _("Waiting"),
        UNDER_WAY: _("On its way to the card"),
        DONE: _("Done"),
        WITHDRAWN: _("Withdrawn"),
    }
    refusals = (suspense_moves.MayNotDecide, suspense_moves.NotMovable)
    decided_before = suspense_moves.NotWaiting

    list_display = ("made", "kind", "source_shown", "amount_shown", "to", "made_by_then", "badge")
    list_filter = (OpenFilter, "kind")
    list_select_related = ("payment__order", "charge", "to")
    list_fullwidth = True
    list_before_template = "staff/tables.html"  # type: ignore[assignment]  # unfold says None
    fields = (
        *("kind", "source_shown", "organisation", "to", "amount_shown", "reason", "made_by_then", "made"),
        *("approved_by_then", "approved", "withdrawn_by", "withdrawn", "order_shown", "key", "refund_shown"),
        *("stripe_status", "ask_at", "ended"),
    )
    readonly_fields = fields

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:pk>/credit/", wrap(self.credit), name="payments_suspensemove_credit"),
            path("<uuid:pk>/refund/", wrap(self.refund), name="payments_suspensemove_refund"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().changelist_view(
            request, dict(extra_context or {}) | {"tables": [suspense_move_stories.tell_held(request.user)]}
        )

    def find(self, pk: UUID) -> SuspenseMove:
        found = SuspenseMove.objects.select_related("payment__order", "charge", "to", "made_by")
        return get_object_or_404(found, pk=pk)

    def find_state(self, proposal: SuspenseMove) -> str:
        if proposal.ended_at:
            return DONE
        return WITHDRAWN if proposal.withdrawn_at else WAITING if proposal.is_waiting else UNDER_WAY

    def why_not(self, proposal: SuspenseMove, *, by: User) -> str:
        return suspense_moves.why_not_approve(proposal, by=by)

    def tell(self, proposal: SuspenseMove) -> dict[str, Any]:
        facts = [(_("amount"), labelled(proposal.amount)), (_("kind"), proposal.get_kind_display())]
        return {"facts": facts + ([(_("to whom"), proposal.to.name)] if proposal.to else [])}

    def carry_out(self, proposal: SuspenseMove, *, by: User) -> Any:
        decided = suspense_moves.approve(move_id=proposal.pk, by=by, now=timezone.now())
        if decided.credited_order:
            return _("Credited as order %(number)s.") % {"number": decided.credited_order}
        return _("Approved. Stripe is asked to send it back within a minute.")

    def take_back(self, proposal: SuspenseMove, *, by: User) -> None:
        suspense_moves.withdraw(move_id=proposal.pk, by=by, now=timezone.now())

    def decide(self, request: HttpRequest, proposal: SuspenseMove, act: Callable[[], Any]) -> HttpResponse:
        try:
            return super().decide(request, proposal, act)
        except stripe_api.StripeUnavailable:
            messages.warning(request, _("Stripe cannot be reached at the moment. Nothing was done; try again later."))
        except (stripe_api.StripeRefused, stripe_api.RefundUnreadable) as error:
            logger.warning("the movement %s cannot be decided: %s", proposal.pk, error)
            messages.error(
                request,
                _("Stripe does not say what it has given back of it. Nothing was done; look in Stripe's dashboard."),
            )
        except desk.OwnOrganisation:
            messages.error(request, _("You belong to this organisation."))
        return redirect("admin:payments_suspensemove_change", proposal.pk)

    def credit(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Say whose money it is; `pk` is the payment's, or the charge's."""
        by, held = find_person(request, permission=PROPOSES), _get_held(pk)
        form = WhyForm(request.POST or None) if held.payment else WhoseForm(request.POST or None)

        def propose() -> SuspenseMove:
            to = form.cleaned_data.get("to")
            return suspense_moves.propose_credit(
                source=held.source,
                reason=form.cleaned_data["reason"],
                by=by,
                now=timezone.now(),
                to=to.pk if to else None,
            )

        explanation = (
            _("Its order is credited with what arrived. Nothing is posted before a second person approves it.")
            if held.payment
            else _("The wallet is credited with it. Nothing is posted before a second person approves it.")
        )
        why_not = suspense_moves.why_not_credit(held)
        return self._propose(request, held, form, propose, title=_("Credit it"), said=why_not or explanation)

    def refund(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Have it sent back to the card; `pk` is the payment's, or the charge's."""
        by, held = find_person(request, permission=PROPOSES), _get_held(pk)
        form = WhyForm(request.POST or None)

        def propose() -> SuspenseMove:
            return suspense_moves.propose_refund(
                source=held.source, reason=form.cleaned_data["reason"], by=by, now=timezone.now()
            )

        explanation = _("Stripe is asked to send it back once a second person has approved it.")
        why_not = suspense_moves.why_not_refund(held)
        title = _("Send it back to the card")
        return self._propose(request, held, form, propose, title=title, said=why_not or explanation)

    def _propose(
        self,
        request: HttpRequest,
        held: Held,
        form: WhyForm,
        propose: Callable[[], SuspenseMove],
        *,
        title: Any,
        said: Any,
    ) -> HttpResponse:
        can = held.rest.amount > 0
        if can and form.is_valid():
            try:
                move = propose()
            except suspense_moves.AlreadyProposed:
                form.add_error(None, _("Somebody has proposed what becomes of it, or it is on its way to the card."))
            except desk.OwnOrganisation:
                form.add_error(None, _("You belong to this organisation."))
            except suspense_moves.NotMovable as refusal:
                form.add_error(None, str(refusal))
            else:
                self.log_addition(request, move, str(_("Proposed: %(reason)s") % {"reason": move.reason}))
                messages.success(request, _("Proposed. Somebody else has to approve it before anything is posted."))
                return redirect("admin:payments_suspensemove_change", move.pk)
        context = {
            "title": title,
            "subject": f"{suspense_move_stories.name(held.source)} · {labelled(held.rest)}",
            "explanation": said,
            "button": _("Propose") if can else "",
            "form": form if can else NothingForm(),
            "back": reverse("admin:payments_suspensemove_changelist"),
        }
        return render(request, "staff/confirm.html", self.admin_site.each_context(request) | context)

    @admin.display(description=_("ended"))
    def ended(self, move: SuspenseMove) -> str:
        return cells.show_moment(move.ended_at)

    @admin.display(description=_("payment"))
    def source_shown(self, move: SuspenseMove) -> str:
        source = move.payment or move.charge
        return suspense_move_stories.link_to_source(source) if source else "—"

    @admin.display(description=_("amount"))
    def amount_shown(self, move: SuspenseMove) -> str:
        return labelled(move.amount)

    @admin.display(description=_("credited as"))
    def order_shown(self, move: SuspenseMove) -> str:
        order = move.credited_order
        return cells.link_to(reverse("admin:billing_order_change", args=[order.pk]), order.number) if order else "—"

    @admin.display(description=_("idempotency key"))
    def key(self, move: SuspenseMove) -> str:
        return stories.show_id(move.idempotency_key)

    @admin.display(description=_("Refund at Stripe"))
    def refund_shown(self, move: SuspenseMove) -> str:
        return stories.show_id(move.stripe_id)


def _get_held(pk: UUID) -> Held:
    source = card_suspense.find_source(pk)
    if source is None:
        raise Http404
    return card_suspense.find(source)
