"""What people give to the pages of orders and to the admin of limits and rates."""

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from billing.models import Method, State
from billing.rates import RateError, parse_rate
from billing.search import OrderFilter
from products.models import Product
from wallet import chart
from wallet.money import AmountError, parse_amount

_SANE_DAYS = (MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31)))  # others overflow
_ANY = ("", _("Any"))
_STATES = [
    _ANY,
    *({**dict(State.choices), State.REFUNDED: _("Refunded, undone or corrected")}).items(),
]


class OrderFilterForm(forms.Form):
    """The filters of the list as they stand in its address."""

    q = forms.CharField(
        label=_("Search"),
        required=False,
        max_length=120,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": _("Number, reference, Stripe id or amount")}),
    )
    state = forms.ChoiceField(label=_("State"), required=False, choices=_STATES)
    method = forms.ChoiceField(label=_("Method"), required=False, choices=[_ANY, *Method.choices])
    target = forms.ChoiceField()
    after = forms.CharField(required=False, max_length=30, widget=forms.HiddenInput)
    before = forms.CharField(required=False, max_length=30, widget=forms.HiddenInput)

    def __init__(self, *args: Any, products: Iterable[Product] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        of_products = [(product.code, product.title) for product in products]
        self.fields["target"] = forms.ChoiceField(
            label=_("For"), required=False, choices=[_ANY, (chart.WALLET, _("Wallet")), *of_products]
        )
        day = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        # `from` is a word of Python's, so these two cannot be class attributes.
        self.fields["from"] = forms.DateField(label=_("From"), required=False, widget=day, validators=_SANE_DAYS)
        self.fields["to"] = forms.DateField(label=_("To"), required=False, widget=day, validators=_SANE_DAYS)

    def narrowed_to(self) -> OrderFilter:
        """The filters that are valid; the others narrow nothing and show their error."""
        self.is_valid()
        given = self.cleaned_data
        return OrderFilter(
            q=given.get("q", ""),
            state=given.get("state", ""),
            method=given.get("method", ""),
            target=given.get("target", ""),
            first_day=given.get("from"),
            last_day=given.get("to"),
        )


class ExactField(forms.CharField):
    """A text whose blanks count as they do in the strict parsers: those of ASCII around it mean nothing, no others."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strip=False, **kwargs)

    def to_python(self, value: object) -> Any:
        return (super().to_python(value) or "").strip(" \t")


class ExactAmountField(ExactField):
    """A decimal typed by staff, read by the site's one strict parser."""

    def to_python(self, value: object) -> Any:
        text = super().to_python(value)
        return _read(text) if text else None

    def prepare_value(self, value: object) -> object:
        return f"{value:.2f}" if isinstance(value, Decimal) else value


class ExactAmountsField(ExactField):
    """Several decimals with blanks between them, after commas or not."""

    def to_python(self, value: object) -> Any:
        text = super().to_python(value)
        return [_read(part) for part in re.split(r",?[ \t]+", text)] if text else []

    def prepare_value(self, value: object) -> object:
        return " ".join(f"{amount:.2f}" for amount in value) if isinstance(value, list) else value


class ExactRateField(ExactField):
    """An exchange rate typed by staff, read strictly."""

    def to_python(self, value: object) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            return parse_rate(text)
        except RateError as error:
            raise ValidationError(str(error)) from error


def _read(text: str) -> Decimal:
    try:
        return parse_amount(text, "USD").amount  # every currency a limit may have counts in hundredths
    except AmountError as error:
        raise ValidationError(str(error)) from error


class NothingForm(forms.Form):
    """An act that needs nothing but the button."""
