"""Card money in suspense, for finance: what waits, and what becomes of it, as one says and another approves."""

import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from billing.forms import NothingForm
from payments import card_suspense, desk, stripe_api, suspense_moves
from payments.admin import stories, suspense_move_stories
from payments.card_suspense import Held
from payments.models import SuspenseMove
from payments.suspense_move_forms import WhoseForm, WhyForm
from wallet.admin import cells
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly, find_person
from wallet.money import labelled

logger = logging.getLogger(__name__)

PROPOSES = suspense_move_stories.PROPOSES
DECIDES = "payments.change_suspensemove"

_WAITING, _UNDER_WAY, _DONE, _WITHDRAWN = "waiting", "under_way", "done", "withdrawn"
_STATES = {
    _WAITING: _("Waiting"),
    _UNDER_WAY: _("On its way to the card"),
    _DONE: _("Done"),
    _WITHDRAWN: _("Withdrawn"),
}
_COLOURS: dict[str, str] = {_WAITING: "warning", _UNDER_WAY: "info", _DONE: "success", _WITHDRAWN: ""}


class StateFilter(admin.SimpleListFilter):
    """What waits or is under way, or all."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [("all", _("All"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SuspenseMove]) -> QuerySet[SuspenseMove]:  # noqa: ARG002  # as above
        return queryset if self.value() == "all" else queryset.filter(withdrawn_at=None, ended_at=None)


@admin.register(SuspenseMove)
class SuspenseMoveAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """What was proposed; above it what waits. Proposing, approving and withdrawing are acts of their own."""

    list_display = ("made", "kind", "source_shown", "amount_shown", "to", "made_by_then", "badge")
    list_filter = (StateFilter, "kind")
    list_select_related = ("payment__order", "charge", "to")
    list_fullwidth = True
    list_before_template = "staff/tables.html"  # type: ignore[assignment]  # unfold says None
    ordering = ("made_at",)
    fields = (
        *("kind", "source_shown", "organisation", "to", "amount_shown", "reason", "made_by_then", "made"),
        *("approved_by_then", "approved", "withdrawn_by", "withdrawn", "order_shown", "key", "refund_shown"),
        *("stripe_status", "ask_at", "ended"),
    )
    readonly_fields = fields
    made_by_then = cells.name_person("made_by_name", _("proposed by"))
    approved_by_then = cells.name_person("approved_by_name", _("approved by"))
    change_form_outer_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:pk>/credit/", wrap(self.credit), name="payments_suspensemove_credit"),
            path("<uuid:pk>/refund/", wrap(self.refund), name="payments_suspensemove_refund"),
            path("<uuid:pk>/approve/", wrap(self.approve), name="payments_suspensemove_approve"),
            path("<uuid:pk>/withdraw/", wrap(self.withdraw), name="payments_suspensemove_withdraw"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        return super().changelist_view(
            request, dict(extra_context or {}) | {"tables": [suspense_move_stories.tell_held(request.user)]}
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        move = self.get_object(request, object_id)
        more = dict(extra_context or {})
        if move and move.is_waiting:
            more["acts"] = _acts_on(move, request.user)
        return super().change_view(request, object_id, form_url, more)

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

    def approve(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        by, move = find_person(request, permission=DECIDES), _get_move(pk)
        back = reverse("admin:payments_suspensemove_change", args=[move.pk])
        if request.method == "POST":
            self._decide(request, move, lambda: suspense_moves.approve(move_id=move.pk, by=by, now=timezone.now()))
            return redirect(back)
        why_not = suspense_moves.why_not_approve(move, by=by) if move.is_waiting else _("It was decided before.")
        facts = [(_("amount"), labelled(move.amount)), (_("kind"), move.get_kind_display())]
        context = {
            "title": _("Approve it"),
            "subject": str(move),
            "explanation": why_not or _("%(who)s says: %(reason)s") % {"who": move.made_by_name, "reason": move.reason},
            "facts": facts + ([(_("to whom"), move.to.name)] if move.to else []),
            "button": "" if why_not else _("Approve"),
            "form": NothingForm(),
            "back": back,
        }
        return render(request, "staff/confirm.html", self.admin_site.each_context(request) | context)

    def withdraw(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        by, move = find_person(request, permission=DECIDES), _get_move(pk)
        back = reverse("admin:payments_suspensemove_change", args=[move.pk])
        if request.method == "POST":
            self._decide(request, move, lambda: suspense_moves.withdraw(move_id=move.pk, by=by, now=timezone.now()))
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

    def _decide(self, request: HttpRequest, move: SuspenseMove, decide: Callable[[], SuspenseMove]) -> None:
        try:
            decided = decide()
        except suspense_moves.NotWaiting:
            messages.warning(request, _("It was decided before; nothing was done."))
        except stripe_api.StripeUnavailable:
            messages.warning(request, _("Stripe cannot be reached at the moment. Nothing was done; try again later."))
        except (stripe_api.StripeRefused, stripe_api.RefundUnreadable) as error:
            logger.warning("the movement %s cannot be decided: %s", move.pk, error)
            messages.error(
                request,
                _("Stripe does not say what it has given back of it. Nothing was done; look in Stripe's dashboard."),
            )
        except desk.OwnOrganisation:
            messages.error(request, _("You belong to this organisation."))
        except (suspense_moves.MayNotDecide, suspense_moves.NotMovable) as refusal:
            messages.error(request, str(refusal))
        else:
            said = _say(decided)
            self.log_change(request, move, str(said))
            messages.success(request, said)

    @admin.display(description=_("proposed"), ordering="made_at")
    def made(self, move: SuspenseMove) -> str:
        return cells.show_moment(move.made_at)

    @admin.display(description=_("approved"))
    def approved(self, move: SuspenseMove) -> str:
        return cells.show_moment(move.approved_at)

    @admin.display(description=_("withdrawn"))
    def withdrawn(self, move: SuspenseMove) -> str:
        return cells.show_moment(move.withdrawn_at)

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

    @display(description=_("state"), label=_COLOURS)  # type: ignore[arg-type]  # it takes lazy texts too
    def badge(self, move: SuspenseMove) -> tuple[str, str]:
        state = _WITHDRAWN if move.withdrawn_at else _WAITING if move.is_waiting else _UNDER_WAY
        state = _DONE if move.ended_at else state
        return state, str(_STATES[state])


def _acts_on(move: SuspenseMove, user: Any) -> list[dict[str, Any]]:
    if not user.has_perm(DECIDES):
        return []
    verb = _("Withdraw") if move.made_by_id == user.pk else _("Refuse")
    withdraw = {"title": verb, "address": reverse("admin:payments_suspensemove_withdraw", args=[move.pk])}
    if suspense_moves.why_not_approve(move, by=user):
        return [withdraw]
    return [
        {"title": _("Approve"), "address": reverse("admin:payments_suspensemove_approve", args=[move.pk])},
        withdraw,
    ]


def _say(decided: SuspenseMove) -> Any:
    if decided.withdrawn_at:
        return _("Withdrawn; nobody approves it any more.")
    if decided.credited_order:
        return _("Credited as order %(number)s.") % {"number": decided.credited_order}
    return _("Approved. Stripe is asked to send it back within a minute.")


def _get_held(pk: UUID) -> Held:
    source = card_suspense.find_source(pk)
    if source is None:
        raise Http404
    return card_suspense.find(source)


def _get_move(pk: UUID) -> SuspenseMove:
    found = SuspenseMove.objects.select_related("payment__order", "charge", "to", "made_by")
    return get_object_or_404(found, pk=pk)
