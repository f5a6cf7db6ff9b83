"""The inbox for ops: what Stripe told us, what became of it, and handling it once more."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from billing import numbers, search
from payments import inbox
from payments.admin import stories
from payments.models import InboxEvent, Payment
from wallet.admin import cells
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly

_SHOWN_BYTES = 64 * 1024
_SHORT_ID = 20


class HandledFilter(admin.SimpleListFilter):
    title = _("handled")
    parameter_name = "handled"

    def lookups(self, *args: Any) -> list[tuple[str, Any]]:  # noqa: ARG002  # Django's contract
        return [("no", _("Not yet")), ("failing", _("Failing")), ("yes", _("Yes"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[InboxEvent]) -> QuerySet[InboxEvent]:  # noqa: ARG002  # as above
        match self.value():
            case "no":
                return queryset.filter(handled_at__isnull=True)
            case "failing":
                return queryset.filter(handled_at__isnull=True).exclude(error="")
            case "yes":
                return queryset.filter(handled_at__isnull=False)
        return queryset


@admin.register(InboxEvent)
class InboxEventAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_display = ("event_id", "type", "object", "received", "handled", "outcome", "error_shown")
    list_filter = (HandledFilter, "outcome", "type")
    search_fields = ("event_id",)  # what really is searched stands in get_search_results
    search_help_text = _("Event id, Stripe session, or order number")
    ordering = ("-received_at",)
    show_full_result_count = False
    fields = (
        "event_id",
        "type",
        "whole_object",
        "order",
        "api_version",
        "received_at",
        "due_at",
        "attempts",
        "handled_at",
        "outcome",
        "error",
        "body",
    )
    readonly_fields = fields
    change_form_outer_before_template = "staff/act.html"  # type: ignore[assignment]  # unfold says None

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.replay)
        return [path("<uuid:pk>/replay/", view, name="payments_inboxevent_replay"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        event = self.get_object(request, object_id)
        more = dict(extra_context or {})
        if event and may_replay(request, event):
            address = reverse("admin:payments_inboxevent_replay", args=[event.pk])
            more["act"] = {"title": _("Replay"), "address": address}
        return super().change_view(request, object_id, form_url, more)

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboxEvent]:
        events: QuerySet[InboxEvent] = super().get_queryset(request)
        return events.defer("raw")

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002  # Django's contract
        queryset: QuerySet[InboxEvent],
        search_term: str,
    ) -> tuple[QuerySet[InboxEvent], bool]:
        text = search_term.strip().replace("\x00", "")
        if not text:
            return queryset, False
        if number := numbers.read(text):
            payments = Payment.objects.filter(Q(order__number=number) | Q(credited_order__number=number))
            sessions = payments.exclude(session_id=None).values("session_id")
            intents = payments.exclude(payment_intent_id="").values("payment_intent_id")
            return queryset.filter(Q(object_id__in=sessions) | Q(payment_intent_id__in=intents)), False
        return queryset.filter(search.stripe_id("event_id", text) | search.stripe_id("object_id", text)), False

    @admin.display(description=_("object"), ordering="object_id")
    def object(self, event: InboxEvent) -> str:
        text = event.object_id
        return text if len(text) <= _SHORT_ID else f"{text[:8]}…{text[-6:]}"

    @admin.display(description=_("object"))
    def whole_object(self, event: InboxEvent) -> str:
        return stories.show_id(event.object_id)

    @admin.display(description=_("order"))
    def order(self, event: InboxEvent) -> str:
        """Of the session or the Payment Intent that the event is about."""
        about = Q(session_id=event.object_id)
        if event.payment_intent_id:
            about |= Q(payment_intent_id=event.payment_intent_id)
        payment = Payment.objects.filter(about).select_related("order", "credited_order").first()
        if payment is None:
            return "—"
        order = payment.credited_order or payment.order
        return stories.link("billing_order", order.pk, order.number)

    @admin.display(description=_("received"), ordering="received_at")
    def received(self, event: InboxEvent) -> str:
        return cells.show_moment(event.received_at)

    @admin.display(description=_("handled"), ordering="handled_at")
    def handled(self, event: InboxEvent) -> str:
        return cells.show_moment(event.handled_at)

    @admin.display(description=_("last error"), ordering="error")
    def error_shown(self, event: InboxEvent) -> str:
        return Truncator(event.error).chars(60)

    @admin.display(description=_("body as received"))
    def body(self, event: InboxEvent) -> str:
        """As text and never as markup; what is no UTF-8 is shown as escapes."""
        return stories.show_verbatim(bytes(event.raw)[:_SHOWN_BYTES].decode("utf-8", errors="backslashreplace"))

    def replay(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        event = get_object_or_404(InboxEvent.objects.defer("raw"), pk=pk)
        if not may_replay(request, event):
            raise PermissionDenied
        back = reverse("admin:payments_inboxevent_change", args=[event.pk])
        if request.method == "POST":
            event = inbox.replay(event_id=event.pk, by=str(request.user), now=timezone.now())
            self._tell_what_became_of_it(request, event)
            return redirect(back)
        context = self.admin_site.each_context(request) | {
            "title": _("Replay"),
            "subject": event,
            "explanation": _(
                "The event is handled once more. Stripe is asked what is true now; nothing is ever credited twice."
            ),
            "button": _("Replay"),
            "back": back,
        }
        return render(request, "staff/confirm.html", context)

    def _tell_what_became_of_it(self, request: HttpRequest, event: InboxEvent) -> None:
        if event.handled_at is None:
            said = _("Not handled: %(error)s It is tried again by itself.") % {"error": event.error}
            messages.warning(request, said)
        else:
            said = _("Outcome: %(outcome)s") % {"outcome": event.get_outcome_display()}
            messages.success(request, said)
        self.log_change(request, event, str(_("Replayed. %(result)s") % {"result": said}))


def may_replay(request: HttpRequest, event: InboxEvent) -> bool:
    """Whether this person may, and the event is of a kind that is handled at all."""
    is_needed = event.outcome != InboxEvent.Outcome.IGNORED
    return is_needed and request.user.has_perm("payments.change_inboxevent")
