"""Exchange rates for finance: the history, a page to enter one, approving or refusing a jump; and the rule."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from billing import rates
from billing.forms import ExactRateField, NothingForm
from billing.models import ExchangeRate, RateRule
from wallet.admin.cells import say_moment
from wallet.admin.lookups import ModelAdmin
from wallet.admin.people import ReadOnly, find_person
from wallet.names import tidy

_COLOURS: dict[str, str] = {
    ExchangeRate.State.ACTIVE: "success",
    ExchangeRate.State.WAITING: "warning",
    ExchangeRate.State.REFUSED: "danger",
}
_LIST = "admin:billing_exchangerate_changelist"


class RateForm(forms.Form):
    rate = ExactRateField(
        label=_("1 USD in CNY"),
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal", "autocomplete": "off", "autofocus": True}),
    )
    source = forms.CharField(
        label=_("Source, as customers read it"),
        max_length=100,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": _("Bank of China, mid rate")}),
    )
    checked = forms.BooleanField(label=_("This change is meant"), required=False, widget=UnfoldBooleanWidget)

    def clean_source(self) -> str:
        """Customers read it: marks that cannot be seen name nobody."""
        source = tidy(self.cleaned_data["source"])
        if not source:
            raise forms.ValidationError(self.fields["source"].error_messages["required"], code="required")
        return source


class RefusalForm(forms.Form):
    note = forms.CharField(label=_("Why"), max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))


@admin.register(ExchangeRate)
class ExchangeRateAdmin(ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """Every rate that was ever named. Entering, approving and refusing are acts of their own."""

    list_display = ("written", "change", "source", "as_of", "badge", "counts_since", "named_by", "decided_by")
    list_filter = ("state",)
    list_select_related = ("entered_by", "approved_by", "refused_by")
    ordering = ("-created_at",)
    fields = (
        *("written", "rate_before", "change", "source", "as_of", "state", "counts_since", "created_at", "entered_by"),
        *("loaded_for", "approved_by", "approved_at", "refused_by", "refused_at", "note"),
    )
    readonly_fields = fields
    list_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None
    change_form_outer_before_template = "staff/acts.html"  # type: ignore[assignment]  # unfold says None

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("enter/", wrap(self.enter), name="billing_exchangerate_enter"),
            path("<uuid:pk>/approve/", wrap(self.approve), name="billing_exchangerate_approve"),
            path("<uuid:pk>/refuse/", wrap(self.refuse), name="billing_exchangerate_refuse"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        more = dict(extra_context or {})
        if request.user.has_perm("billing.add_exchangerate"):
            more["acts"] = [{"title": _("Enter a rate"), "address": reverse("admin:billing_exchangerate_enter")}]
        _warn_when_stale(request, now=timezone.now())
        return super().changelist_view(request, more)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        rate = self.get_object(request, object_id)
        more = dict(extra_context or {}) | {"acts": _acts_on(rate, request.user) if rate else []}
        return super().change_view(request, object_id, form_url, more)

    def enter(self, request: HttpRequest) -> HttpResponse:
        by = find_person(request, permission="billing.add_exchangerate")
        form = RateForm(request.POST or None)
        if form.is_valid() and _is_meant(form):
            entered = rates.enter(
                rate=form.cleaned_data["rate"], source=form.cleaned_data["source"], by=by, now=timezone.now()
            )
            self.log_addition(request, entered, str(_("Entered: %(rate)s") % {"rate": rates.shown(entered.rate)}))
            _tell(request, entered)
            return redirect(_LIST)
        if "checked" in form.fields and not form.has_error("checked"):
            del form.fields["checked"]
        context = {
            "title": _("Enter a rate"),
            "subject": _describe_last(rates.compare(rate=Decimal(1)).last),
            "explanation": _("It counts at once for new quotes; quotes given already keep their rate."),
            "button": _("Enter"),
            "form": form,
            "back": reverse(_LIST),
        }
        return render(request, "staff/confirm.html", self.admin_site.each_context(request) | context)

    def approve(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        by = find_person(request, permission="billing.change_exchangerate")
        rate = get_object_or_404(ExchangeRate, pk=pk)
        form = NothingForm(request.POST or None)
        if request.method != "POST":
            return self._ask(request, rate, form, _("Approve"), _("From now on new quotes are made with it."))
        try:
            rates.approve(rate_id=rate.pk, by=by, now=timezone.now())
        except rates.OwnRate:
            messages.error(request, _("You entered it yourself: somebody else has to approve it."))
        except rates.RateOvertaken:
            messages.error(request, _("A newer rate counts already. Refuse this one, or enter it anew."))
        except rates.RateDecided:
            messages.warning(request, _("Somebody else had decided before; nothing was changed."))
        else:
            self.log_change(request, rate, str(_("Approved")))
            messages.success(request, _("The rate counts from now on."))
        return redirect("admin:billing_exchangerate_change", rate.pk)

    def refuse(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        by = find_person(request, permission="billing.change_exchangerate")
        rate = get_object_or_404(ExchangeRate, pk=pk)
        form = RefusalForm(request.POST or None)
        if not form.is_valid():
            return self._ask(
                request, rate, form, _("Refuse"), _("It will never count; the last rate goes on counting.")
            )
        note = form.cleaned_data["note"]
        try:
            rates.refuse(rate_id=rate.pk, by=by, note=note, now=timezone.now())
        except rates.RateDecided:
            messages.warning(request, _("Somebody else had decided before; nothing was changed."))
        else:
            self.log_change(request, rate, str(_("Refused: %(note)s") % {"note": note}))
            messages.success(request, _("The rate is refused."))
        return redirect("admin:billing_exchangerate_change", rate.pk)

    def _ask(self, request: HttpRequest, rate: ExchangeRate, form: forms.Form, verb: Any, text: Any) -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "title": verb,
            "subject": f"{rates.shown(rate.rate)} · {rate.source} · {_change_of(rate)}",
            "explanation": text,
            "button": verb,
            "form": form,
            "back": reverse("admin:billing_exchangerate_change", args=[rate.pk]),
        }
        return render(request, "staff/confirm.html", context)

    @admin.display(description=_("rate"), ordering="rate")
    def written(self, rate: ExchangeRate) -> str:
        return rates.shown(rate.rate)

    @admin.display(description=_("rate before"))
    def rate_before(self, rate: ExchangeRate) -> str:
        return rates.shown(rate.compared_with) if rate.compared_with else ""

    @admin.display(description=_("change"))
    def change(self, rate: ExchangeRate) -> str:
        return _change_of(rate)

    @admin.display(description=_("as of"), ordering="stated_at")
    def as_of(self, rate: ExchangeRate) -> str:
        return say_moment(rate.stated_at)

    @admin.display(description=_("counts since"), ordering="effective_at")
    def counts_since(self, rate: ExchangeRate) -> str:
        return say_moment(rate.effective_at)

    @display(description=_("state"), ordering="state", label=_COLOURS)  # type: ignore[arg-type]  # it takes lazy texts too
    def badge(self, rate: ExchangeRate) -> tuple[str, str]:
        return rate.state, rate.get_state_display()

    @admin.display(description=_("entered by"))
    def named_by(self, rate: ExchangeRate) -> str:
        return str(rate.entered_by or _("daily load"))

    @admin.display(description=_("decided by"))
    def decided_by(self, rate: ExchangeRate) -> str:
        return str(rate.approved_by or rate.refused_by or "")


@admin.register(RateRule)
class RateRuleAdmin(ModelAdmin):
    """How old a rate may be, how far it may jump, how long a quote holds; it counts from the next quote on."""

    list_display = ("__str__", "max_age_hours", "jump_percent", "quote_hours")
    fields = ("base", "quote", "max_age_hours", "jump_percent", "quote_hours")
    readonly_fields = ("base", "quote")

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002  # a pair comes with a migration
        return False

    def has_delete_permission(self, request: HttpRequest, obj: RateRule | None = None) -> bool:  # noqa: ARG002  # as above
        return False


def _acts_on(rate: ExchangeRate, user: Any) -> list[dict[str, Any]]:
    if rate.state != ExchangeRate.State.WAITING or not user.has_perm("billing.change_exchangerate"):
        return []
    refuse = {"title": _("Refuse"), "address": reverse("admin:billing_exchangerate_refuse", args=[rate.pk])}
    if rate.entered_by_id == user.pk:
        return [refuse]
    return [{"title": _("Approve"), "address": reverse("admin:billing_exchangerate_approve", args=[rate.pk])}, refuse]


def _is_meant(form: RateForm) -> bool:
    """A jump, and the very first rate, are entered only after a second look."""
    comparison = rates.compare(rate=form.cleaned_data["rate"])
    if form.cleaned_data["checked"] or not (comparison.is_jump or comparison.last is None):
        return True
    if comparison.last is None:
        form.add_error("checked", _("There is no rate yet to compare it with. Is it right?"))
    else:
        form.add_error(
            "checked",
            _("%(percent)s away from the last rate. If it is right, a second person has to approve it.")
            % {"percent": _percent(comparison.percent)},
        )
    return False


def _tell(request: HttpRequest, entered: ExchangeRate) -> None:
    facts = {"rate": rates.shown(entered.rate), "change": _change_of(entered)}
    if entered.state == ExchangeRate.State.WAITING:
        messages.warning(request, _("%(rate)s (%(change)s) waits until a second person approves it.") % facts)
    else:
        messages.success(request, _("%(rate)s counts from now on (%(change)s).") % facts)


def _warn_when_stale(request: HttpRequest, *, now: datetime) -> None:
    try:
        rates.quote(now=now)
    except rates.RateStale:
        messages.warning(request, _("No rate is fresh enough: customers cannot choose RMB until one is entered."))
    waiting = ExchangeRate.objects.filter(state=ExchangeRate.State.WAITING).count()
    if waiting:
        text = ngettext("%(count)d rate waits for a decision.", "%(count)d rates wait for a decision.", waiting)
        messages.info(request, text % {"count": waiting})


def _describe_last(last: ExchangeRate | None) -> str:
    if last is None:
        return gettext("There is no rate yet.")
    facts = {"rate": rates.shown(last.rate), "source": last.source, "moment": f"{say_moment(last.stated_at)} (UTC+8)"}
    return gettext("Last rate: %(rate)s · %(source)s · %(moment)s") % facts


def _change_of(rate: ExchangeRate) -> str:
    if rate.compared_with is None:
        return gettext("first rate")
    return _percent(((rate.rate - rate.compared_with) * 100 / rate.compared_with).quantize(Decimal("0.01")))


def _percent(percent: Decimal | None) -> str:
    return f"{percent:+}%"
