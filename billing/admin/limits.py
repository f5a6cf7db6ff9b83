"""What a top-up may amount to, and how long an offline one may take."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from billing.forms import ExactAmountField, ExactAmountsField
from billing.models import Method, TopUpLimit
from wallet.admin.lookups import ModelAdmin
from wallet.money import shown


class TopUpLimitForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    minimum = ExactAmountField(label=_("minimum"), widget=UnfoldAdminTextInputWidget)
    maximum = ExactAmountField(label=_("maximum"), widget=UnfoldAdminTextInputWidget)
    presets = ExactAmountsField(
        label=_("amounts offered"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("With blanks between them, like 50 100 200."),
    )
    days_to_pay = forms.IntegerField(
        label=_("days to pay"),
        required=False,
        min_value=1,
        max_value=60,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text=_("For offline transfers only: an order that is not paid within so many days expires."),
    )

    class Meta:
        model = TopUpLimit
        fields = ("method", "currency", "minimum", "maximum", "presets", "days_to_pay")

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        is_offline = given.get("method", self.instance.method) == Method.OFFLINE
        if "days_to_pay" in given and is_offline != bool(given["days_to_pay"]):
            self.add_error(
                "days_to_pay", _("An offline transfer has 1 to 60 days to be paid; other methods have none.")
            )
        return given


@admin.register(TopUpLimit)
class TopUpLimitAdmin(ModelAdmin):
    """What a top-up may amount to; it counts from the next top-up on."""

    form = TopUpLimitForm
    list_display = ("method", "currency", "show_minimum", "show_maximum", "show_presets", "days_to_pay")
    ordering = ("method", "currency")

    @admin.display(description=_("minimum"), ordering="minimum")
    def show_minimum(self, limit: TopUpLimit) -> str:
        return shown(limit.lowest)

    @admin.display(description=_("maximum"), ordering="maximum")
    def show_maximum(self, limit: TopUpLimit) -> str:
        return shown(limit.highest)

    @admin.display(description=_("amounts offered"))
    def show_presets(self, limit: TopUpLimit) -> str:
        return " · ".join(shown(amount) for amount in limit.offers) or "—"

    def get_readonly_fields(self, request: HttpRequest, obj: TopUpLimit | None = None) -> tuple[str, ...]:  # noqa: ARG002  # Django's contract
        return ("method", "currency") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: TopUpLimit | None = None) -> bool:  # noqa: ARG002  # nobody could top up
        return False
