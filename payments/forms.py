"""What a customer gives on the top-up page."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from wallet.money import AmountError, parse_amount

CARD = "card"
OFFLINE = "offline"


class TopUpForm(forms.Form):
    """Method, currency and amount. A preset counts when no amount is written, so it works without a script."""

    method = forms.ChoiceField(
        choices=[(CARD, _("Credit card")), (OFFLINE, _("Offline transfer"))],
        error_messages={"required": _("Choose how to pay."), "invalid_choice": _("Choose how to pay.")},
    )
    currency = forms.ChoiceField(
        error_messages={
            "required": _("Choose a currency."),
            "invalid_choice": _("Cards are charged in USD; choose another currency."),
        }
    )
    amount = forms.CharField(required=False, strip=False, max_length=40)
    preset = forms.CharField(required=False, max_length=40)

    def __init__(self, *args: Any, currencies: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["currency"] = forms.ChoiceField(
            choices=[(code, code) for code in currencies],
            error_messages=self.base_fields["currency"].error_messages,
        )

    def clean_method(self) -> str:
        method: str = self.cleaned_data["method"]
        if method == OFFLINE:
            raise ValidationError(_("Offline transfer is coming. Today you can pay by card, or contact our team."))
        return method

    def clean(self) -> dict[str, Any]:
        if "currency" not in self.cleaned_data or "amount" in self.errors:
            return self.cleaned_data
        text = self.cleaned_data["amount"].strip(" \t") or self.cleaned_data.get("preset", "")
        if not text:
            self.add_error("amount", ValidationError(_("Choose an amount or write one.")))
            return self.cleaned_data
        try:
            self.cleaned_data["wish"] = parse_amount(text, self.cleaned_data["currency"])
        except AmountError as error:
            self.add_error("amount", str(error))
        return self.cleaned_data

    @property
    def wish(self) -> Money:
        """The amount asked for; only when the form is valid."""
        wish: Money = self.cleaned_data["wish"]
        return wish
