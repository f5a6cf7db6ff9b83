"""What people give to the pages of orders and to the admin of limits and rates."""

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from billing.models import Method, State
from billing.rates import RateError, parse_rate
from billing.search import OrderFilter
from products.models import Product
from wallet import chart
from wallet.forms import NameField, ShownForm
from wallet.money import AmountError, parse_amount

_SANE_DAYS = (MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31)))  # others overflow
_FILTERS = ("q", "state", "method", "target", "from", "to")
_NAME_LENGTH = 60  # as the column has it
_ANY = ("", _("Any"))
STATE_LABELS = {**dict(State.choices), State.REFUNDED.value: _("Refunded, undone or corrected")}
"""By the state as it is stored: which of the three it is depends on each order's own ending."""


class OrderFilterForm(forms.Form):
    """The filters of the list as they stand in its address."""

    q = forms.CharField(
        label=_("Search"),
        required=False,
        max_length=120,
        help_text=_(
            "Finds any number that stands on an order, a receipt or a transfer, a product, or an exact amount. Of an"
            " order, a refund or a reference the first 4 characters are enough."
        ),
        widget=forms.TextInput(attrs={"type": "search", "placeholder": _("Number, product or amount")}),
    )
    state = forms.ChoiceField(label=_("State"), required=False, choices=[_ANY, *STATE_LABELS.items()])
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
        self.order_fields(_FILTERS)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        first, last = cleaned.get("from"), cleaned.get("to")
        if first and last and last < first:
            self.add_error("to", _("This day lies before the first one."))
        return cleaned

    @property
    def is_understood(self) -> bool:
        """Whether every filter given is valid, wherever in the list the address stands."""
        return not self.errors.keys() & set(_FILTERS)

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

    def address(self) -> str:
        """What stands after the question mark of an address that narrows the list alike: one way to write each."""
        self.is_valid()
        return urlencode([(name, self.cleaned_data[name]) for name in _FILTERS if self.cleaned_data.get(name)])

    def told(self) -> list[tuple[Any, Any]]:
        """What it narrows the list to, in the words of the page: label and value of each filter given."""
        self.is_valid()
        given = [(self.fields[name], self.cleaned_data[name]) for name in _FILTERS if self.cleaned_data.get(name)]
        return [(field.label, dict(getattr(field, "choices", ())).get(value, value)) for field, value in given]


class FilterNameForm(ShownForm):
    """Asks what the filters of an address are to be called."""

    name = NameField(
        label=_("Name"),
        max_length=_NAME_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    address = forms.CharField(max_length=2000, widget=forms.HiddenInput)


class FilterRenameForm(ShownForm):
    """Asks what a kept filter, known by its name, is to be called from now on."""

    name = forms.CharField(max_length=_NAME_LENGTH, widget=forms.HiddenInput)
    new_name = NameField(
        label=_("New name"), max_length=_NAME_LENGTH, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


class FilterForm(ShownForm):
    """Names one kept filter."""

    name = forms.CharField(max_length=_NAME_LENGTH)


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
