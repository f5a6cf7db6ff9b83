"""Orders for ops: find one, and read everything that happened to it on one page."""

from collections.abc import Iterable, Sequence
from typing import Any, cast
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from billing import search
from billing.models import Flag, Order, OrderEvent, OrderMail
from payments.models import InboxEvent, Payment
from wallet.admin.people import ReadOnly
from wallet.models import Entry
from wallet.money import labelled

Cells = Sequence[object]
Table = dict[str, Any]


class OpenFlagFilter(admin.SimpleListFilter):
    """Orders with an open question, by its reason."""

    title = _("open question")
    parameter_name = "flag"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [("any", _("Any")), *Flag.Reason.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:  # noqa: ARG002  # as above
        if not self.value():
            return queryset
        flags = Flag.objects.filter(resolved_at__isnull=True)
        if self.value() != "any":
            flags = flags.filter(reason=self.value())
        return queryset.filter(pk__in=flags.values("order_id"))


@admin.register(Order)
class OrderAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_display = ("number", "organisation", "created_by", "amount", "method", "state", "open_flags", "created_at")
    list_filter = ("state", "method", OpenFlagFilter)
    list_select_related = ("organisation", "created_by")
    search_fields = ("number",)  # what really is searched stands in get_search_results
    search_help_text = _("Order number, Stripe session or payment intent, amount, e-mail or organisation")
    ordering = ("-id",)
    show_full_result_count = False
    fields = (
        "number",
        "organisation",
        "state",
        "method",
        "target",
        "amount",
        "credited_amount",
        "rate",
        "created_by",
        "created_by_name",
        "created_at",
        "deadline_at",
        "paid_at",
        "follows",
    )
    readonly_fields = fields
    change_form_outer_after_template = "staff/tables.html"  # type: ignore[assignment]  # unfold says None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        return cast("QuerySet[Order]", super().get_queryset(request)).prefetch_related("flags")

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002  # Django's contract
        queryset: QuerySet[Order],
        search_term: str,
    ) -> tuple[QuerySet[Order], bool]:
        text = search_term.strip().replace("\x00", "")
        if not text:
            return queryset, False
        people = Q(created_by__email__startswith=text.lower()) | Q(organisation__name__icontains=text)
        return queryset.filter(search.matching(text) | people), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        order = self.get_object(request, object_id)
        tables = tell_story(order) if order else []
        return super().change_view(request, object_id, form_url, (extra_context or {}) | {"tables": tables})

    @admin.display(description=_("to pay"))
    def amount(self, order: Order) -> str:
        return labelled(order.paid)

    @admin.display(description=_("credited"))
    def credited_amount(self, order: Order) -> str:
        return labelled(order.credited)

    @admin.display(description=_("open questions"))
    def open_flags(self, order: Order) -> str:
        return ", ".join(flag.get_reason_display() for flag in order.flags.all() if flag.resolved_at is None)


def tell_story(order: Order) -> list[Table]:
    """Everything that happened to an order: timeline, payments, money, what Stripe told us, questions, mails."""
    payments = list(Payment.objects.filter(Q(order=order) | Q(credited_order=order)).order_by("id"))
    sessions = [payment.session_id for payment in payments if payment.session_id]
    events = OrderEvent.objects.filter(order=order).order_by("id")
    entries = (
        Entry.objects.filter(posting__organisation_id=order.organisation_id, posting__order_number=order.number)
        .select_related("posting", "account")
        .order_by("id")
    )
    told = InboxEvent.objects.filter(object_id__in=sessions).defer("raw").order_by("received_at")
    flags = Flag.objects.filter(order=order).select_related("resolved_by").order_by("since")
    mails = OrderMail.objects.filter(event__order=order).order_by("claimed_at")
    return [
        _table(_("Timeline"), (_("when"), _("state"), _("why"), _("by")), map(_event_cells, events)),
        _table(
            _("Payments"),
            (_("payment"), _("state"), _("amount"), _("payment intent"), _("what Stripe said last"), _("asked")),
            map(_payment_cells, payments),
        ),
        _table(
            _("Postings"),
            (_("when"), _("key"), _("account"), _("debit"), _("credit"), _("balance after")),
            map(_entry_cells, entries),
        ),
        _table(
            _("What Stripe told us"),
            (_("received"), _("event"), _("handled"), _("outcome"), _("last error")),
            map(_inbox_cells, told),
        ),
        _table(
            _("Questions"), (_("since"), _("reason"), _("detail"), _("resolved"), _("note")), map(_flag_cells, flags)
        ),
        _table(_("Mails"), (_("sent"), _("to"), _("subject"), _("last error")), map(_mail_cells, mails)),
    ]


def _table(title: object, headers: Sequence[object], rows: Iterable[Cells]) -> Table:
    return {"title": title, "headers": headers, "rows": [list(row) for row in rows]}


def _event_cells(event: OrderEvent) -> Cells:
    why = f"{event.get_note_display()}: {event.detail}" if event.detail else event.get_note_display()
    return _moment(event.at), event.get_state_display(), why, event.by


def _payment_cells(payment: Payment) -> Cells:
    return (
        _link("payments_payment", payment.pk, _shorten(payment.session_id or "—")),
        payment.get_state_display(),
        labelled(payment.amount),
        payment.payment_intent_id,
        payment.stripe_status,
        _moment(payment.asked_at),
    )


def _entry_cells(entry: Entry) -> Cells:
    amount = labelled(entry.amount)
    return (
        _moment(entry.posting.posted_at),
        _link("wallet_posting", entry.posting_id, entry.posting.key),
        entry.account.code,
        amount if entry.side == "DEBIT" else "",
        amount if entry.side == "CREDIT" else "",
        labelled(entry.balance_after),
    )


def _inbox_cells(event: InboxEvent) -> Cells:
    return (
        _moment(event.received_at),
        _link("payments_inboxevent", event.pk, f"{event.type} {event.event_id}"),
        _moment(event.handled_at),
        event.get_outcome_display(),
        event.error,
    )


def _flag_cells(flag: Flag) -> Cells:
    resolved = f"{_moment(flag.resolved_at)} {flag.resolved_by}" if flag.resolved_at else ""
    since = _link("billing_flag", flag.pk, _moment(flag.since))
    return since, flag.get_reason_display(), flag.detail, resolved, flag.note


def _mail_cells(mail: OrderMail) -> Cells:
    return _link("billing_ordermail", mail.pk, _moment(mail.sent_at) or "—"), mail.to, mail.subject, mail.error


def _link(model: str, pk: UUID, text: str) -> str:
    return format_html(
        '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>',
        reverse(f"admin:{model}_change", args=[pk]),
        text,
    )


def _shorten(text: str) -> str:
    """Stripe's session ids are too long for a table; the payment's own page has the whole."""
    return text if len(text) <= 30 else f"{text[:16]}…{text[-8:]}"


def _moment(moment: Any) -> str:
    return date_format(timezone.localtime(moment), "Y-m-d H:i:s") if moment else ""
