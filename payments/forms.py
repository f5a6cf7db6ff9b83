"""What a customer gives on the pages of paying."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from billing import limits
from billing.models import Method
from payments import slip_files
from payments.slips import MOST
from payments.transfers import Declaration
from products.models import Product
from wallet import chart
from wallet.money import WALLET_CURRENCY, AmountError, decimal_places, parse_amount
from wallet.names import tidy

CARD: Final = "card"
OFFLINE: Final = "offline"
BALANCE: Final = "balance"

METHODS: Final = {CARD: Method.CARD, OFFLINE: Method.OFFLINE, BALANCE: Method.BALANCE}

PRESETS: Final = {
    (CARD, "USD"): "preset",
    (BALANCE, "USD"): "preset_balance",
    (OFFLINE, "USD"): "preset_offline_usd",
    (OFFLINE, "CNY"): "preset_offline_cny",
}
"""The field of the amounts offered for a method and currency: what was chosen for one never counts for another."""

_OF_PRODUCTS: Final = chart.product("")

OLDEST_TRANSFER: Final = timedelta(days=180)


class TopUpForm(forms.Form):
    """Method, currency and amount. A preset counts when no amount is written, so it works without a script."""

    method = forms.ChoiceField(
        choices=[(CARD, _("Credit card")), (OFFLINE, _("Offline transfer"))],
        error_messages={"required": _("Choose how to pay."), "invalid_choice": _("Choose how to pay.")},
    )
    currency = forms.ChoiceField(
        required=False,
        choices=[("USD", "USD $"), ("CNY", "CNY ¥")],
        error_messages={"invalid_choice": _("Choose USD or RMB.")},
    )
    amount = forms.CharField(required=False, strip=False, max_length=40)
    preset = forms.CharField(required=False, strip=False, max_length=40)
    preset_offline_usd = forms.CharField(required=False, strip=False, max_length=40)
    preset_offline_cny = forms.CharField(required=False, strip=False, max_length=40)

    def clean(self) -> dict[str, Any]:
        method, currency = self.cleaned_data.get("method", ""), self.cleaned_data.get("currency", "")
        if method in {CARD, BALANCE} and "currency" not in self.errors:
            currency = currency or WALLET_CURRENCY  # these need no choice
        if method == CARD and currency not in {"", WALLET_CURRENCY}:
            self.add_error("currency", _("Cards are charged in USD. Choose USD, or pay offline in RMB."))
        elif method == BALANCE and currency not in {"", WALLET_CURRENCY}:
            self.add_error("currency", _("The wallet holds USD. Choose USD, or pay offline in RMB."))
        elif method == OFFLINE and not currency and "currency" not in self.errors:
            self.add_error("currency", _("Choose a currency."))
        elif currency and "amount" not in self.errors and self._has_amount():
            self._read_wish(self.cleaned_data.get(PRESETS.get((method, currency), ""), ""), currency)
        return self.cleaned_data

    def _has_amount(self) -> bool:
        """Whether the amount is written, and not only told how to reckon."""
        return True

    def _read_wish(self, preset: str, currency: str) -> None:
        text = self.cleaned_data["amount"].strip(" \t") or preset
        if not text:
            self.add_error("amount", ValidationError(_("Choose an amount or write one.")))
            return
        try:
            self.cleaned_data["wish"] = parse_amount(text, currency)
        except AmountError as error:
            self.add_error("amount", str(error))

    @property
    def amount_field(self) -> str:
        """The field that the amount comes from."""
        return "amount"

    @property
    def paid_by(self) -> Method:
        """Only when a method was chosen, as when the form is valid."""
        return METHODS[self.cleaned_data["method"]]

    @property
    def wish(self) -> Money:
        """The amount asked for; only when the form is valid."""
        wish: Money = self.cleaned_data["wish"]
        return wish


class ProductTopUpForm(TopUpForm):
    """The same for a product, which can also be filled from the wallet: by an amount, by all of it, or up to one."""

    HOW = ("amount", "all", "fill")

    method = forms.ChoiceField(
        choices=[(CARD, _("Credit card")), (BALANCE, _("Wallet balance")), (OFFLINE, _("Offline transfer"))],
        error_messages={"required": _("Choose how to pay."), "invalid_choice": _("Choose how to pay.")},
    )
    preset_balance = forms.CharField(required=False, strip=False, max_length=40)
    how = forms.ChoiceField(
        required=False,
        choices=[(how, how) for how in HOW],
        error_messages={"invalid_choice": _("Choose how much to move.")},
    )
    fill_to = forms.CharField(required=False, strip=False, max_length=40)

    def _has_amount(self) -> bool:
        if self.cleaned_data.get("method") != BALANCE or self.reckoning == "amount":
            return True
        if self.reckoning == "fill":
            try:
                self.cleaned_data["level"] = parse_amount(self.cleaned_data.get("fill_to", ""), WALLET_CURRENCY)
            except AmountError as error:
                self.add_error("fill_to", str(error))
        return False

    @property
    def reckoning(self) -> str:
        """How the amount is told: one of `HOW`."""
        return self.cleaned_data.get("how") or "amount"

    @property
    def amount_field(self) -> str:
        if self.cleaned_data.get("method") != BALANCE:
            return "amount"
        return {"all": "how", "fill": "fill_to"}.get(self.reckoning, "amount")

    @property
    def is_to_be_reckoned(self) -> bool:
        """Whether `reckon` has to make the wish; only when the form is valid."""
        return self.paid_by == Method.BALANCE and self.reckoning != "amount"

    def reckon(self, *, wallet: Money, holds: Money) -> None:
        """Make an exact wish of “all of it” and “fill up to”, as the balances are now; an error where nothing is left
        to move.
        """
        unit = Decimal(1).scaleb(-decimal_places(WALLET_CURRENCY))
        if self.reckoning == "all":
            amount = wallet.amount.quantize(unit, rounding=ROUND_FLOOR)
            refusal = _("The wallet is empty.")
        else:
            amount = (self.cleaned_data["level"] - holds).amount.quantize(unit, rounding=ROUND_CEILING)
            refusal = _("The product holds that much already.")
        if amount <= 0:
            self.add_error("how", refusal)
        else:
            self.cleaned_data["wish"] = Money(amount, WALLET_CURRENCY)


class MovesForm(forms.Form):
    """An amount for each of these products, to be moved from the wallet; empty ones move nothing."""

    def __init__(self, *args: Any, products: Sequence[Product], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.products = products
        self.amounts: dict[str, Money] = {}
        for product in products:
            self.fields[product.code] = forms.CharField(required=False, strip=False, max_length=40, label=product.title)

    def clean(self) -> dict[str, Any]:
        if any(name.startswith(_OF_PRODUCTS) and self.data[name] for name in self.data.keys() - self.fields.keys()):
            raise ValidationError(_("One of the products cannot be topped up any more. Nothing was moved."))
        for product in self.products:
            if text := self.cleaned_data.get(product.code, "").strip(" \t"):
                self._read(product, text)
        if not self.amounts and not self.errors:
            raise ValidationError(_("Write an amount for at least one product."))
        return self.cleaned_data

    def _read(self, product: Product, text: str) -> None:
        try:
            amount = parse_amount(text, WALLET_CURRENCY)
            limits.check(method=Method.BALANCE, amount=amount)
            limits.check_product(product, credited=amount)
        except (AmountError, limits.OutsideLimits) as error:
            self.add_error(product.code, str(error))
        else:
            self.amounts[product.code] = amount


class SeveralFilesInput(forms.ClearableFileInput):
    """An input that takes more than one file."""

    allow_multiple_selected = True


class SeveralFilesField(forms.FileField):
    """Any number of files, none too; what is in them is judged elsewhere."""

    widget = SeveralFilesInput(attrs={"accept": ".jpg,.jpeg,.png,.webp,.pdf"})

    def clean(self, data: Any, initial: Any = None) -> Any:
        del initial
        files: Sequence[UploadedFile[Any]] = [file for file in data or [] if file]
        if len(files) > MOST:
            raise ValidationError(_("Choose at most %(most)d files."), params={"most": MOST})
        return files


class DeclarationForm(forms.Form):
    """“I have paid”: by whom, when, and the bank's own number of it."""

    payer_name = forms.CharField(
        label=_("Name of the payer"),
        max_length=120,
        help_text=_("As your bank writes it."),
        error_messages={"required": _("Write who paid.")},
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    paid_on = forms.DateField(
        label=_("Paid on"),
        input_formats=["%Y-%m-%d"],
        error_messages={"required": _("Choose the day."), "invalid": _("Write the day like 2026-01-31.")},
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    bank_number = forms.CharField(
        label=_("Your bank's number of the transfer"),
        max_length=60,
        required=False,
        help_text=_("If you have one: it makes the transfer easier to find."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        days = {"min": f"{today - OLDEST_TRANSFER:%Y-%m-%d}", "max": f"{today:%Y-%m-%d}"}
        self.fields["paid_on"].widget.attrs.update(days)

    def clean_payer_name(self) -> str:
        name = tidy(self.cleaned_data["payer_name"])
        if not name:
            raise ValidationError(_("Write who paid."))
        return name

    def clean_bank_number(self) -> str:
        return tidy(self.cleaned_data["bank_number"])

    def clean_paid_on(self) -> date:
        day: date = self.cleaned_data["paid_on"]
        if day > self.today:
            raise ValidationError(_("This day has not come yet. Say “I have paid” when the transfer is made."))
        if day < self.today - OLDEST_TRANSFER:
            raise ValidationError(_("This is more than 180 days ago. Contact our team."))
        return day

    @property
    def declaration(self) -> Declaration:
        """Only when the form is valid."""
        return Declaration(**{name: self.cleaned_data[name] for name in ("payer_name", "paid_on", "bank_number")})


class SlipDeclarationForm(DeclarationForm):
    """The same with slips."""

    slips = SeveralFilesField(
        label=_("Slips"),
        required=False,
        help_text=format_lazy(
            _("Optional: JPG, PNG, WebP or PDF, at most {megabytes} MB each."), megabytes=slip_files.MEGABYTES
        ),
    )
