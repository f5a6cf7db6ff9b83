"""What a customer gives to the page that asks for a fapiao."""

import re
import unicodedata
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from djmoney.money import Money

from billing import fapiao
from billing.models import Fapiao
from wallet.forms import NameField
from wallet.money import AmountError, parse_amount

_PHONE: Final = re.compile(r"[0-9+() -]{5,40}")
_ACCOUNT: Final = re.compile(r"[0-9A-Z]{5,40}")
_FOR_SPECIAL: Final = ("address", "phone", "bank", "bank_account")


class FapiaoForm(forms.Form):
    """The amount, whom it is made out to, and what a special one needs besides."""

    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=Fapiao.Kind.choices,
        widget=forms.RadioSelect,
        help_text=_("With a special one a general taxpayer deducts input VAT; it is made out to companies only."),
    )
    buyer = forms.ChoiceField(label=_("Made out to"), choices=Fapiao.Buyer.choices, widget=forms.RadioSelect)
    title = NameField(
        label=pgettext_lazy("fapiao", "Title"),
        max_length=200,
        help_text=_("The full name as the tax office has it."),
        error_messages={"required": _("Write the title: the name that the fapiao is made out to.")},
    )
    tax_number = forms.CharField(
        label=_("Taxpayer number"),
        max_length=40,
        error_messages={"required": _("A company's fapiao bears its taxpayer number. Write its 18 characters.")},
        help_text=_("The 18 characters of the unified social credit code. An individual has none."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    amount = forms.CharField(
        label=_("Amount in CNY, tax included"),
        strip=False,
        max_length=40,
        error_messages={"required": _("Write an amount.")},
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    address = NameField(
        label=_("Registered address"), max_length=200, required=False, help_text=_("Needed for a special fapiao.")
    )
    phone = NameField(
        label=_("Telephone"),
        max_length=40,
        required=False,
        help_text=_("Needed for a special fapiao."),
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "tel"}),
    )
    bank = NameField(
        label=_("Bank and branch"), max_length=200, required=False, help_text=_("Needed for a special fapiao.")
    )
    bank_account = NameField(
        label=_("Bank account"),
        max_length=60,
        required=False,
        help_text=_("Needed for a special fapiao."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tax_number"].required = self.data.get("buyer") != Fapiao.Buyer.INDIVIDUAL
        for name in _FOR_SPECIAL:
            self.fields[name].required = self.data.get("kind") == Fapiao.Kind.SPECIAL
            self.fields[name].error_messages["required"] = _("A special fapiao needs this.")

    def clean_tax_number(self) -> str:
        if self.data.get("buyer") == Fapiao.Buyer.INDIVIDUAL:
            return ""  # whatever stood there from the billing details
        try:
            return fapiao.read_tax_number(self.cleaned_data["tax_number"])
        except fapiao.WrongTaxNumber:
            raise ValidationError(
                _("This is no taxpayer number: compare its 18 characters with the business licence.")
            ) from None

    def clean_amount(self) -> Money:
        try:
            return parse_amount(self.cleaned_data["amount"], "CNY")
        except AmountError as error:
            raise ValidationError(str(error)) from error

    def clean_phone(self) -> str:
        phone = unicodedata.normalize("NFKC", self.cleaned_data["phone"])
        if phone and not _PHONE.fullmatch(phone):
            raise ValidationError(_("Write the number in digits, like 021-5555 0100 or +86 21 5555 0100."))
        return phone

    def clean_bank_account(self) -> str:
        plain = unicodedata.normalize("NFKC", self.cleaned_data["bank_account"])
        account = plain.replace(" ", "").replace("-", "").upper()
        if account and not _ACCOUNT.fullmatch(account):
            raise ValidationError(_("Write the account number in digits: five of them at least."))
        return account

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if (cleaned.get("kind"), cleaned.get("buyer")) == (Fapiao.Kind.SPECIAL, Fapiao.Buyer.INDIVIDUAL):
            self.add_error("buyer", _("A special fapiao is made out to companies only. Choose a plain one."))
        return cleaned

    @property
    def wish(self) -> fapiao.Wish:
        given = self.cleaned_data
        return fapiao.Wish(
            kind=Fapiao.Kind(given["kind"]),
            buyer=Fapiao.Buyer(given["buyer"]),
            **{name: given[name] for name in ("title", "amount", "tax_number", *_FOR_SPECIAL)},
        )
