"""Orders for ops: find one, read everything that happened to it on one page, and end one that is in doubt."""

from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Substr
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from billing import corrections, explanations, search, targets
from billing.models import Flag, Order, State
from payments import checkout, stripe_api
from payments.admin import order_trails, stories, stripe_stories, transfer_stories
from payments.models import InboxEvent, Payment
from products import numbers
from products.models import Product, ProductBalance
from wallet import chart
from wallet.admin import cells
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly
from wallet.money import labelled

_COLOURS: dict[str, str] = {
    State.PENDING: "info",
    State.IN_REVIEW: "warning",
    State.PAID: "success",
    State.PARTIALLY_REFUNDED: "info",
    State.REFUNDED: "info",
    State.DISPUTED: "warning",
    State.CHARGED_BACK: "danger",
    State.REJECTED: "danger",
    State.FAILED: "danger",
    State.EXPIRED: "",
    State.CANCELLED: "",
}
"""Every state stands here: the theme shows one without a colour by its code."""


class OpenFlagFilter(admin.SimpleListFilter):
    """Orders with an open flag, by its reason."""

    title = _("open flag")
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


class EndingForm(forms.Form):
    note = forms.CharField(
        label=_("What was found; the customer reads it"),
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )


@admin.register(Order)
class OrderAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_display = (
        "number",
        "organisation",
        "created_by",
        "tops_up",
        "amount",
        "method",
        "badge",
        "open_flags",
        "created",
    )
    list_filter = ("state", "method", OpenFlagFilter)
    list_select_related = ("organisation", "created_by")
    search_fields = ("number",)  # what really is searched stands in get_search_results
    search_help_text = _("Order number, product number, an id of Stripe's, amount, e-mail or organisation")
    ordering = ("-id",)
    show_full_result_count = False
    change_form_outer_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None
    change_form_outer_after_template = "staff/tables.html"  # type: ignore[assignment]  # unfold says None

    def get_fields(self, request: HttpRequest, obj: Order | None = None) -> tuple[str, ...]:  # noqa: ARG002  # Django's contract
        """Amounts under a label that claims no more than has happened."""
        amounts: tuple[str, ...] = ("amount", "would_have_been_credited")
        if obj and obj.paid_at:
            amounts = ("amount_paid", "amount_credited")
        elif obj and obj.is_on_its_way:
            amounts = ("amount_to_pay", "amount_to_be_credited")
        return (
            *("number", "organisation", "state", "method", "goes_into", *amounts, "rate_in_words", "created_by"),
            *("name_at_the_time", "created_at", "deadline_at", "paid_at", "follows"),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Order | None = None) -> tuple[str, ...]:
        return self.get_fields(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        orders = cast("QuerySet[Order]", super().get_queryset(request)).prefetch_related("flags")
        product = Product.objects.filter(slug=Substr(OuterRef("target"), len(chart.product("")) + 1))
        name = "name_zh" if (get_language() or "").startswith("zh") else "name"
        return orders.annotate(product_name=Subquery(product.values(name)))

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002  # Django's contract
        queryset: QuerySet[Order],
        search_term: str,
    ) -> tuple[QuerySet[Order], bool]:
        text = search_term.strip().replace("\x00", "")
        if not text:
            return queryset, False
        if numbers.is_number(text):
            return queryset.filter(_into(text)), False
        people = Q(created_by__email__startswith=text.lower()) | Q(organisation__name__icontains=text)
        return queryset.filter(search.matching(text) | people | _told_by(text)), False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.end)
        return [path("<uuid:pk>/end/", view, name="billing_order_end"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        order = self.get_object(request, object_id)
        more = dict(extra_context or {})
        if order:
            more |= {"tables": _tell(order, request), "acts": _acts_on(order, request)}
        return super().change_view(request, object_id, form_url, more)

    def end(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        if not _may_end(request):
            raise PermissionDenied
        order = get_object_or_404(Order, pk=pk)
        back = reverse("admin:billing_order_change", args=[order.pk])
        form = EndingForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            self._end(request, order, note=form.cleaned_data["note"])
            return redirect(back)
        context = self.admin_site.each_context(request) | {
            "title": _("End order"),
            "subject": order,
            "explanation": _(
                "For an order that waits although nothing more will come of it. The customer may start a new one; "
                "money that arrives all the same is credited and flagged. Its flags stay until they are resolved."
            ),
            "button": _("End order"),
            "form": form,
            "back": back,
        }
        return render(request, "staff/confirm.html", context)

    def _end(self, request: HttpRequest, order: Order, *, note: str) -> None:
        try:
            checkout.end_flagged(order_id=order.pk, by=str(request.user), note=note, now=timezone.now())
        except checkout.NotFlagged:
            messages.warning(
                request, _("It does not wait any more, or nothing about it is in doubt; nothing was done.")
            )
        except stripe_api.StripeUnavailable:
            messages.warning(request, _("Stripe cannot be reached at the moment. Nothing was done; try again later."))
        else:
            self.log_change(request, order, str(_("Ended: %(note)s") % {"note": note}))
            messages.success(request, _("The order is ended."))

    @display(description=_("state"), ordering="state", label=_COLOURS)  # type: ignore[arg-type]  # it takes lazy texts too
    def badge(self, order: Order) -> tuple[str, str]:
        return order.state, order.get_state_display()

    @admin.display(description=_("amount"), ordering="paid")
    def amount(self, order: Order) -> str:
        return format_html('<span class="whitespace-nowrap">{}</span>', labelled(order.paid))

    @admin.display(description=_("rate"))
    def rate_in_words(self, order: Order) -> str:
        return explanations.explain_rate(order) or "—"

    @admin.display(description=_("to pay"))
    def amount_to_pay(self, order: Order) -> str:
        return labelled(order.paid)

    @admin.display(description=_("paid"))
    def amount_paid(self, order: Order) -> str:
        return labelled(order.paid)

    @admin.display(description=_("to be credited"))
    def amount_to_be_credited(self, order: Order) -> str:
        return labelled(order.credited)

    @admin.display(description=_("credited"))
    def amount_credited(self, order: Order) -> str:
        return labelled(order.credited)

    @admin.display(description=_("would have been credited"))
    def would_have_been_credited(self, order: Order) -> str:
        return labelled(order.credited)

    @admin.display(description=_("created"), ordering="created_at")
    def created(self, order: Order) -> str:
        return cells.show_moment(order.created_at)

    @admin.display(description=_("creator's name at the time"))
    def name_at_the_time(self, order: Order) -> str:
        return order.created_by_name

    @admin.display(description=_("for"), ordering="target")
    def tops_up(self, order: Any) -> str:
        return order.product_name or targets.name(order.target)

    @admin.display(description=_("for"))
    def goes_into(self, order: Order) -> str:
        return targets.full_name(organisation_id=order.organisation_id, code=order.target)

    @admin.display(description=_("open flags"))
    def open_flags(self, order: Order) -> str:
        return ", ".join(flag.get_reason_display() for flag in order.flags.all() if flag.resolved_at is None)


def _tell(order: Order, request: HttpRequest) -> list[stories.Table]:
    timeline, *others = stories.tell(order)
    paid_by = [*transfer_stories.tell(order), *stripe_stories.tell(order, by=request.user)]
    return [timeline, *paid_by, *others, *order_trails.tell(order)]


def _into(number: str) -> Q:
    """The orders that credit the balance with this product number."""
    balance = ProductBalance.objects.filter(number=number).select_related("product").first()
    return Q(organisation_id=balance.organisation_id, target=balance.product.code) if balance else Q(pk__in=[])


def _told_by(text: str) -> Q:
    """The orders that an event of Stripe's is about, or a charge that Stripe told us of."""
    if not text.startswith(("evt_", "ch_", "py_")):
        return Q(pk__in=[])
    told = InboxEvent.objects.filter(Q(event_id=text) | Q(object_id=text))
    intents = told.exclude(payment_intent_id="").values("payment_intent_id")
    about = Q(session_id__in=told.values("object_id")) | Q(payment_intent_id__in=intents)
    return Q(pk__in=Payment.objects.filter(about).values("order_id"))


def _acts_on(order: Order, request: HttpRequest) -> list[dict[str, Any]]:
    acts = []
    if _may_end(request) and _is_in_doubt(order):
        acts.append({"title": _("End order"), "address": reverse("admin:billing_order_end", args=[order.pk])})
    if request.user.has_perm("billing.add_correction") and not corrections.why_not_correctable(order):
        correct = reverse("admin:billing_correction_propose", args=[order.pk])
        acts.append({"title": _("Correct the balance"), "address": correct})
    if request.user.has_perm("billing.add_refund") and order.is_credited:
        acts.append({"title": _("Refund"), "address": reverse("admin:billing_refund_start", args=[order.pk])})
    return acts


def _may_end(request: HttpRequest) -> bool:
    return request.user.has_perm("billing.change_order")


def _is_in_doubt(order: Order) -> bool:
    return order.is_on_its_way and any(flag.resolved_at is None for flag in order.flags.all())
