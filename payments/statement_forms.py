"""What finance gives with a bank statement, and for a bank line: balances, columns, shares, and why."""

import json
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money
from unfold.widgets import (
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from billing.forms import ExactAmountField
from payments.kept_files import KeptFile
from payments.models import BankAccount
from payments.statements.cells import DayOrder, read_balance
from payments.statements.columns import ColumnMapping, MappingUnusable, read_mapping
from payments.statements.reading import MAX_BYTES
from wallet.money import AmountError

COLUMNS: Final = {
    "booked_on": _("Day"),
    "value_on": _("Value date"),
    "amount": _("Amount with its sign"),
    "credit": _("Money in"),
    "debit": _("Money out"),
    "balance": _("Balance"),
    "bank_reference": _("Bank's number"),
    "payer_name": _("Payer"),
    "payer_account": _("Payer's account"),
    "text": _("Text"),
}
"""The columns that finance names for a CSV of another bank."""

_COLUMN: Final = "column_"


class BalanceField(forms.CharField):
    """A balance as a statement shows it: its sign and well-formed thousands commas may stand."""

    def __init__(self, **more: Any) -> None:
        attrs = {"inputmode": "decimal", "autocomplete": "off", "maxlength": "24"}
        widget = UnfoldAdminTextInputWidget(attrs=attrs)
        super().__init__(required=False, strip=False, max_length=24, widget=widget, **more)


class StatementForm(forms.Form):
    """A file with what it does not say itself. The file may be one that is kept since the page before."""

    account = forms.ModelChoiceField(
        label=_("Receiving account"), queryset=BankAccount.objects.all(), widget=UnfoldAdminSelectWidget
    )
    file = forms.FileField(
        label=_("Bank statement"),
        required=False,
        max_length=200,
        help_text=_("MT940, CAMT.053 or CSV, at most 50 MB. You may drop the file here."),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.tsv,.sta,.940,.mt940,.xml,.camt,.053"}),
    )
    opening = BalanceField(label=_("Opening balance"))
    closing = BalanceField(label=_("Closing balance"))
    day_order = forms.ChoiceField(
        label=_("How days are written"), required=False, choices=DayOrder.choices, widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args: Any, kept: KeptFile | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept = kept
        for name, label in COLUMNS.items():
            self.fields[_COLUMN + name] = forms.CharField(
                label=label, required=False, max_length=60, widget=UnfoldAdminTextInputWidget
            )

    @property
    def columns(self) -> list[forms.BoundField]:
        """The fields that name columns."""
        return [self[_COLUMN + name] for name in COLUMNS] + [self["day_order"]]

    @property
    def names_columns(self) -> bool:
        return any(field.value() for field in self.columns[:-1])

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file is None and self.kept is None:
            raise ValidationError(_("Choose a file."))
        if file is not None and file.size > MAX_BYTES:
            raise ValidationError(_("The file is larger than 50 MB. Export fewer days at a time."))
        return file

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        account = given.get("account")
        for name in ("opening", "closing"):
            given[name] = self._balance(name, account.currency) if account else None
        given["mapping"] = self._mapping()
        return given

    def _balance(self, name: str, currency: str) -> Money | None:
        text = self.cleaned_data.get(name, "").strip(" \t")
        if not text:
            return None
        try:
            return read_balance(text, currency)
        except AmountError as error:
            self.add_error(name, str(error))
            return None

    def _mapping(self) -> ColumnMapping | None:
        named = {name: self.cleaned_data.get(_COLUMN + name, "").strip() for name in COLUMNS}
        if not any(named.values()):
            return None
        text = named.pop("text")
        order = self.cleaned_data.get("day_order") or DayOrder.YEAR_FIRST
        try:
            return ColumnMapping(**named, text=(text,) if text else (), day_order=DayOrder(order))
        except MappingUnusable as error:
            self.add_error(_COLUMN + "booked_on", str(error))
            return None


def columns_of(account: BankAccount) -> dict[str, str]:
    """The fields of the columns as they were named last for this account."""
    try:
        mapping = read_mapping(json.dumps(account.columns))
    except MappingUnusable:
        return {}
    named = asdict(mapping) | {"text": "".join(mapping.text[:1])}
    return {_COLUMN + name: named[name] for name in COLUMNS} | {"day_order": str(mapping.day_order)}


class ReturnForm(forms.Form):
    """Money that the bank sent back."""

    amount = ExactAmountField(
        label=_("Amount"),
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal", "autocomplete": "off", "maxlength": "20"}),
    )
    note = forms.CharField(
        label=_("Why, and the bank's number of the payment"),
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class SentForm(forms.Form):
    """Which of what was recorded as sent back a bank line shows."""

    sent = forms.TypedChoiceField(label=_("What was sent back"), widget=UnfoldAdminRadioSelectWidget, coerce=UUID)

    def __init__(self, *args: Any, offers: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["sent"].choices = offers  # type: ignore[attr-defined]  # a choice field


class ShareForm(forms.Form):
    """One part of a line: for an order, or for an organisation's wallet."""

    to = forms.CharField(
        label=_("Order, reference, organisation or member's e-mail"),
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )
    amount = ExactAmountField(
        label=_("Amount"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal", "autocomplete": "off", "maxlength": "20"}),
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.errors and bool(given.get("to")) != bool(given.get("amount")):
            raise ValidationError(_("Say for whom and how much, or leave both empty."))
        return given


ShareFormSet = forms.formset_factory(ShareForm, extra=0, min_num=5, max_num=20)


class WhyForm(forms.Form):
    reason = forms.CharField(
        label=_("How you know whose money it is"),
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )
