"""Disputes for finance: how long evidence can be sent, where the money is, what is owed, who may not pay by card."""

from datetime import datetime
from typing import Any, Final

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import display

from billing import targets
from billing.models import CardBlock, CardRule, DebtPayment, Dispute, DisputeMovement, OrderEvent, WriteOff
from payments.admin import dispute_acts
from payments.admin.dispute_advice import advise
from payments.admin.stories import Cells, Table, link, table
from payments.admin.stripe_pages import find_page
from wallet import chart
from wallet.admin import cells
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly
from wallet.models import Entry
from wallet.money import labelled, round_up

_COLOURS: dict[str, str] = {
    Dispute.State.INQUIRY: "info",
    Dispute.State.OPEN: "warning",
    Dispute.State.WON: "success",
    Dispute.State.LOST: "danger",
    Dispute.State.CLOSED: "",
}
_KINDS: Final = ("DISPUTE", "DISPUTE_FEE", "DISPUTE_WON", "DEBT_WRITE_OFF")


class NeedsFilter(admin.SimpleListFilter):
    """What somebody has to do something about."""

    title = _("needs")
    parameter_name = "needs"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [("answer", _("An answer")), ("money", _("Money from the customer"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Dispute]) -> QuerySet[Dispute]:  # noqa: ARG002  # as above
        match self.value():
            case "answer":
                return queryset.filter(state__in=Dispute.UNDECIDED, has_evidence=False)
            case "money":
                return queryset.filter(debt__gt=0)
        return queryset


@admin.register(Dispute)
class DisputeAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Every dispute that Stripe told of. Evidence is sent on Stripe's page; writing off is an act of its own."""

    list_display = ("order", "organisation", "badge", "disputed", "due", "is_withdrawn", "open_debt", "opened")
    list_filter = (NeedsFilter, "state", "is_withdrawn")
    list_select_related = ("order", "organisation")
    search_fields = ("order__number", "stripe_id", "organisation__name")
    ordering = (F("evidence_due_at").asc(nulls_last=True), "-id")
    fields = (
        *("order_shown", "organisation", "state", "at_stripe", "reason", "disputed", "costs", "is_withdrawn", "parts"),
        *("open_debt", "due", "has_evidence", "opened_at", "ended_at", "asked_at", "block"),
    )
    readonly_fields = fields
    change_form_outer_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None
    change_form_outer_after_template = "staff/tables.html"  # type: ignore[assignment]  # unfold says None

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:pk>/write-off/", wrap(dispute_acts.write_off), name="billing_dispute_write_off"),
            path("refund/<uuid:pk>/write-off/", wrap(dispute_acts.write_off_refund), name="billing_refund_write_off"),
            path("<uuid:pk>/ask/", wrap(dispute_acts.ask), name="billing_dispute_ask"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        dispute = self.get_object(request, object_id)
        more = dict(extra_context or {})
        if dispute:
            more |= {"tables": tell(dispute), "acts": dispute_acts.list_acts(dispute, request.user)}
            more["advice"] = advise(dispute, now=timezone.now())
        return super().change_view(request, object_id, form_url, more)

    @display(description=_("state"), ordering="state", label=_COLOURS)  # type: ignore[arg-type]  # it takes lazy texts too
    def badge(self, dispute: Dispute) -> tuple[str, str]:
        return dispute.state, dispute.get_state_display()

    @admin.display(description=_("order"))
    def order_shown(self, dispute: Dispute) -> str:
        return link("billing_order", dispute.order_id, dispute.order.number)

    @admin.display(description=_("at Stripe"))
    def at_stripe(self, dispute: Dispute) -> str:
        """Where evidence is sent."""
        return cells.link_to(find_page(dispute.stripe_id), dispute.stripe_id)

    @admin.display(description=_("disputed"), ordering="amount")
    def disputed(self, dispute: Dispute) -> str:
        return labelled(dispute.amount)

    @admin.display(description=_("fees, borne by us"))
    def costs(self, dispute: Dispute) -> str:
        return labelled(dispute.fee)

    @admin.display(description=_("owed"), ordering="debt")
    def open_debt(self, dispute: Dispute) -> str:
        return labelled(round_up(dispute.owed)) if dispute.debt else "—"

    @admin.display(description=_("where the money was taken from"))
    def parts(self, dispute: Dispute) -> str:
        parts = {
            targets.name(dispute.code): dispute.from_target,
            targets.name(chart.WALLET): dispute.from_wallet,
            str(_("owed")): dispute.debt,
            str(_("written off")): dispute.written_off,
        }
        return "; ".join(f"{name} {labelled(dispute.money(part))}" for name, part in parts.items() if part) or "—"

    @admin.display(description=_("evidence until"), ordering="evidence_due_at")
    def due(self, dispute: Dispute) -> str:
        return say_due(dispute, now=timezone.now())

    @admin.display(description=_("opened"), ordering="opened_at")
    def opened(self, dispute: Dispute) -> str:
        return cells.show_moment(dispute.opened_at)

    @admin.display(description=_("top-ups by card"))
    def block(self, dispute: Dispute) -> str:
        found = dispute.card_blocks.filter(lifted_at__isnull=True).first()
        return link("billing_cardblock", found.pk, str(_("Blocked"))) if found else str(_("Not blocked"))


@admin.register(CardBlock)
class CardBlockAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_display = ("organisation", "order_shown", "since", "lifted_at", "lifted_by_then", "note")
    list_filter = (("lifted_at", admin.EmptyFieldListFilter),)
    list_select_related = ("organisation", "dispute__order")
    search_fields = ("organisation__name", "dispute__order__number")
    ordering = ("-since",)
    fields = ("organisation", "dispute_shown", "since", "lifted_at", "lifted_by_then", "note")
    readonly_fields = fields
    lifted_by_then = cells.name_person("lifted_by_name", _("lifted by"))
    change_form_outer_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(dispute_acts.lift)
        return [path("<uuid:pk>/lift/", view, name="billing_cardblock_lift"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        found = self.get_object(request, object_id)
        more = dict(extra_context or {})
        if found and found.lifted_at is None and request.user.has_perm(dispute_acts.LIFTS):
            address = reverse("admin:billing_cardblock_lift", args=[found.pk])
            more["acts"] = [{"title": _("Lift the card block"), "address": address}]
        return super().change_view(request, object_id, form_url, more)

    @admin.display(description=_("order"))
    def order_shown(self, found: CardBlock) -> str:
        return found.dispute.order.number

    @admin.display(description=_("dispute"))
    def dispute_shown(self, found: CardBlock) -> str:
        return link("billing_dispute", found.dispute_id, str(found.dispute))


@admin.register(CardRule)
class CardRuleAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """The newest counts; deciding anew is an act of its own, and no row is ever changed."""

    list_display = ("__str__", "reason", "by", "at")
    list_select_related = ("by",)
    ordering = ("-id",)
    fields = ("blocks_cards", "reason", "by", "at")
    readonly_fields = fields
    list_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(dispute_acts.decide)
        return [path("decide/", view, name="billing_cardrule_decide"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        more = dict(extra_context or {})
        if request.user.has_perm(dispute_acts.RULES):
            more["acts"] = [{"title": _("Decide anew"), "address": reverse("admin:billing_cardrule_decide")}]
        return super().changelist_view(request, more)


def say_due(dispute: Dispute, *, now: datetime) -> str:
    """The deadline, and how many days are left, where evidence still counts."""
    due = dispute.evidence_due_at
    if due is None or not dispute.is_undecided:
        return "—"
    moment = cells.say_moment(due)
    if dispute.has_evidence:
        return str(_("%(at)s; sent") % {"at": moment})
    if due <= now:
        return str(_("%(at)s; over") % {"at": moment})
    days = (due - now).days
    left = ngettext("%(days)d day left", "%(days)d days left", days) % {"days": days}
    return f"{moment}; {left}"


def tell(dispute: Dispute) -> list[Table]:
    """The story of a dispute: what Stripe moved, who paid of the debt or wrote it off, timeline, postings."""
    headers = (_("when"), _("what happened"), _("amount"), _("fee"), _("balance transaction"), _("owed after it"))
    moved = [_movement_cells(each, dispute) for each in dispute.movements.order_by("id")]
    paid = map(_payment_cells, dispute.debt_payments.select_related("order").order_by("id"))
    off = map(_write_off_cells, dispute.write_offs.order_by("id"))
    events = map(_event_cells, OrderEvent.objects.filter(order=dispute.order).order_by("id"))
    entries = Entry.objects.filter(
        posting__kind__in=_KINDS,
        posting__organisation_id=dispute.organisation_id,
        posting__order_number=dispute.order.number,
    )
    postings = map(_entry_cells, entries.select_related("posting", "account").order_by("id"))
    return [
        table(_("What moved at Stripe"), headers, moved),
        table(_("Paid by top-ups of the wallet"), (_("when"), _("order"), _("amount")), paid),
        table(_("Written off"), (_("when"), _("amount"), _("by"), _("reason")), off),
        table(_("Timeline of the order"), (_("when"), _("state"), _("why"), _("by")), events),
        table(_("Postings"), (_("when"), _("key"), _("account"), _("debit"), _("credit")), postings),
    ]


def _movement_cells(moved: DisputeMovement, dispute: Dispute) -> Cells:
    return (
        cells.say_moment(moved.at),
        moved.get_kind_display(),
        labelled(moved.amount),
        labelled(moved.fee),
        moved.transaction_id,
        labelled(dispute.money(moved.owed)),
    )


def _payment_cells(paid: DebtPayment) -> Cells:
    order = link("billing_order", paid.order_id, paid.order.number)
    return cells.say_moment(paid.at), order, labelled(paid.amount)


def _write_off_cells(off: WriteOff) -> Cells:
    return cells.say_moment(off.at), labelled(off.amount), off.by_name, off.reason


def _event_cells(event: OrderEvent) -> Cells:
    return cells.say_moment(event.at), event.get_state_display(), event.get_note_display(), event.by


def _entry_cells(entry: Entry) -> Cells:
    amount = labelled(entry.amount)
    return (
        cells.say_moment(entry.posting.posted_at),
        link("wallet_posting", entry.posting_id, entry.posting.key),
        entry.account.code,
        amount if entry.side == "DEBIT" else "",
        amount if entry.side == "CREDIT" else "",
    )
