"""What finance gives with a refund: how much and why, whom it is paid to at the bank, and what the bank did with it."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money
from unfold.widgets import (
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from billing.forms import ExactAmountField
from payments.bank_refunds import Facts
from payments.models import BankAccount, BankLine
from payments.payees import Payee
from wallet.admin.fields import LineField, ReasonField
from wallet.money import labelled

_OLDEST: Final = timedelta(days=90)


class StartForm(forms.Form):
    """A refund that finance begins."""

    amount = ExactAmountField(
        label=_("Amount, out of the balance"),
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal", "autocomplete": "off", "maxlength": "20"}),
    )
    reason = ReasonField(label=_("Why; the customer reads it"))


class DeclineForm(forms.Form):
    reason = ReasonField(label=_("Why; the customer reads it"))


class PaymentForm(forms.Form):
    """Exactly what is typed at the bank; amount and remittance text stand fast."""

    account = forms.ModelChoiceField(
        label=_("Paid from our account"), queryset=BankAccount.objects.none(), widget=UnfoldAdminSelectWidget
    )
    payee_name = LineField(label=_("Payee"), max_length=200)
    payee_account = LineField(label=_("Payee's account"), max_length=60)
    payee_bank = LineField(label=_("Payee's bank and branch, with its CNAPS or SWIFT code"), max_length=200)
    reason = ReasonField(
        label=_("Why it goes to another account than the money came from"),
        required=False,
        help_text=_("Only when it does. Whoever approves it reads this."),
    )

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["account"].queryset = BankAccount.objects.filter(currency=currency)  # type: ignore[attr-defined]  # a model choice

    @property
    def facts(self) -> Facts:
        given = self.cleaned_data
        payee = Payee(name=given["payee_name"], account=given["payee_account"], bank=given["payee_bank"])
        return Facts(account=given["account"], payee=payee, reason=given["reason"])


class PaidForm(forms.Form):
    """What the bank says of the payment."""

    paid_on = forms.DateField(label=_("Paid at the bank on"), widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}))
    bank_reference = LineField(label=_("Bank's number"), max_length=100)

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today

    def clean_paid_on(self) -> date:
        day: date = self.cleaned_data["paid_on"]
        if day > self.today:
            raise ValidationError(_("This day has not come yet."))
        if day < self.today - _OLDEST:
            raise ValidationError(_("This day is too long ago."))
        return day


class RefusedForm(forms.Form):
    failure = ReasonField(label=_("What the bank said; the customer reads it"))


class ReturnedForm(forms.Form):
    """Which incoming line it is, and what the bank said."""

    line = forms.ChoiceField(label=_("Bank line"), widget=UnfoldAdminRadioSelectWidget)
    failure = ReasonField(label=_("What the bank said; the customer reads it"))

    def __init__(self, *args: Any, lines: Sequence[BankLine], paid: Money, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(line.pk), _describe(line, paid)) for line in lines]
        self.fields["line"].choices = choices  # type: ignore[attr-defined]  # a choice field


def _describe(line: BankLine, paid: Money) -> str:
    facts = [line.booked_on.isoformat(), labelled(line.amount), line.payer_name, line.text[:80], line.bank_reference]
    if line.amount < paid:
        facts.append(str(_("%(kept)s less than was paid: our bank charge") % {"kept": labelled(paid - line.amount)}))
    return " · ".join(filter(None, facts))
