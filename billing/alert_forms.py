"""What people give to the pages of low-balance alerts and auto-fill."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from billing import alerts
from billing.auto_fill_terms import Terms
from billing.forms import ExactAmountField, ExactField
from wallet.forms import ShownForm
from wallet.models import Role
from wallet.money import WALLET_CURRENCY

_ZERO = frozenset({"0", "0.0", "0.00"})
_MONEY = {"inputmode": "decimal", "autocomplete": "off", "maxlength": "40"}


class AmountOrNothingField(ExactAmountField):
    """As an exact amount, but 0 may be written too."""

    def to_python(self, value: object) -> Any:
        text = ExactField.to_python(self, value)
        return Decimal("0.00") if text in _ZERO else super().to_python(text)


class AlertForm(ShownForm):
    """Asks when a balance is low, and who is told."""

    target = forms.CharField(max_length=80, widget=forms.HiddenInput)
    threshold = ExactAmountField(
        label=_("Threshold in US dollars"),
        required=False,
        help_text=_("Leave it empty to use the default."),
        widget=forms.TextInput(attrs=_MONEY),
    )
    roles = forms.MultipleChoiceField(
        label=_("Who gets the mail"), choices=Role.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    is_on = forms.BooleanField(label=_("Watch this balance"), required=False)

    @property
    def wish(self) -> alerts.Wish:
        given = self.cleaned_data
        threshold: Decimal | None = given["threshold"]
        return alerts.Wish(
            threshold=None if threshold is None else Money(threshold, WALLET_CURRENCY),
            roles=tuple(Role(role) for role in given["roles"]),
            is_on=given["is_on"],
        )


BY_AMOUNT, UP_TO = "amount", "fill_to"


class AutoFillForm(ShownForm):
    """Asks what a rule of auto-fill says."""

    threshold = ExactAmountField(
        label=_("Fill it when the balance falls below (USD)"), widget=forms.TextInput(attrs=_MONEY)
    )
    way = forms.ChoiceField(
        label=_("How much"),
        choices=[(BY_AMOUNT, _("Always the same amount")), (UP_TO, _("Whatever is missing up to a balance"))],
        widget=forms.RadioSelect,
    )
    size = ExactAmountField(label=_("This amount, or up to this balance (USD)"), widget=forms.TextInput(attrs=_MONEY))
    floor = AmountOrNothingField(
        label=_("Always leave in the wallet (USD)"),
        help_text=_("Auto-fill stops rather than take the wallet below this. 0 is possible."),
        widget=forms.TextInput(attrs=_MONEY),
    )
    daily_cap = ExactAmountField(
        label=_("Move at most a day (USD)"),
        help_text=_("Days end at midnight in Shanghai (UTC+8)."),
        widget=forms.TextInput(attrs=_MONEY),
    )

    @property
    def terms(self) -> Terms:
        given = {
            name: Money(self.cleaned_data[name], WALLET_CURRENCY)
            for name in ("threshold", "size", "floor", "daily_cap")
        }
        size = given.pop("size")
        return Terms(**given, **{self.cleaned_data["way"]: size})

    def blame(self, field: str, message: str) -> None:
        """Put the error of a rule's terms beside the field it came from."""
        self.add_error("size" if field in {BY_AMOUNT, UP_TO} else field, message)
