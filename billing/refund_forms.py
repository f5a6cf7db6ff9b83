"""What a customer gives to the page that asks for a refund."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from wallet import names
from wallet.money import AmountError, parse_amount


class RefundForm(forms.Form):
    """An amount of the credited currency, and why."""

    amount = forms.CharField(
        label=_("Amount"), strip=False, max_length=40, error_messages={"required": _("Write an amount.")}
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        error_messages={"required": _("Write why, in a few words: our finance team reads it.")},
    )

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency
        self.fields["amount"].widget.attrs |= {"inputmode": "decimal", "autocomplete": "off"}
        self.fields["amount"].label = _("Amount in %(currency)s") % {"currency": currency}

    def clean_amount(self) -> Money:
        try:
            return parse_amount(self.cleaned_data["amount"], self.currency)
        except AmountError as error:
            raise ValidationError(str(error)) from error

    def clean_reason(self) -> str:
        """One line, without marks that make it read otherwise."""
        if reason := names.tidy(self.cleaned_data["reason"]):
            return reason
        raise ValidationError(self.fields["reason"].error_messages["required"])
