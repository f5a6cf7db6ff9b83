"""What finance gives at its desk: the received facts of a transfer, why it is rejected, what to look for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from billing.forms import ExactAmountField
from payments.appraisals import Claim, Facts, TypedLine
from payments.candidates import Candidate
from payments.models import BankAccount, Finding, RejectionReason
from wallet import sentences

_OLDEST: Final = timedelta(days=400)
_MOST_WORDS: Final = 500
"""What the timeline of an order keeps of a reason."""

_TYPED_IN: Final = ("line_amount", "value_on", "bank_reference", "payer_name", "typed_amount")
TYPED: Final = ("account", *_TYPED_IN)
"""The account stands there beforehand: by itself it is nothing that somebody typed."""


def _amount_field(label: Any, **more: Any) -> ExactAmountField:
    attrs = {"inputmode": "decimal", "autocomplete": "off", "maxlength": "20"}
    return ExactAmountField(label=label, widget=UnfoldAdminTextInputWidget(attrs=attrs), **more)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A candidate with its two fields, for the page."""

    candidate: Candidate
    is_chosen: bool
    amount: forms.BoundField


class FactsForm(forms.Form):
    """Bank lines we have and how much of each, or one typed by hand; then the fee, the rate and the reason."""

    account = forms.ModelChoiceField(
        label=_("Receiving account"),
        queryset=BankAccount.objects.all(),
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    line_amount = _amount_field(_("Received at the bank"), required=False)
    value_on = forms.DateField(
        label=_("Value date"), required=False, widget=UnfoldAdminTextInputWidget(attrs={"type": "date"})
    )
    bank_reference = forms.CharField(
        label=_("Bank's number"), required=False, max_length=100, widget=UnfoldAdminTextInputWidget
    )
    payer_name = forms.CharField(label=_("Payer"), required=False, max_length=200, widget=UnfoldAdminTextInputWidget)
    typed_amount = _amount_field(_("Of that for this transfer"), required=False, help_text=_("Empty: all of it."))
    fee = _amount_field(_("Bank fee we bear"), required=False)
    rate_choice = forms.ChoiceField(
        label=_("Rate"),
        required=False,
        choices=[("", _("By the rule")), *Finding.Rate.choices],
    )
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=_MOST_WORDS,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text=_(
            "When it is short or over, we bear a fee, or another rate than the rule's counts. The customer reads this."
        ),
    )
    seen = forms.CharField(required=False, max_length=300, widget=forms.HiddenInput)
    """What the facts came to on the page that was sent."""

    def __init__(self, *args: Any, candidates: Sequence[Candidate], today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.candidates = {str(candidate.line.pk): candidate for candidate in candidates}
        self.today = today
        choices = [(pk, str(candidate.line)) for pk, candidate in self.candidates.items()]
        self.fields["line"] = forms.MultipleChoiceField(
            required=False,
            choices=choices,
            error_messages={"invalid_choice": _("One of these bank lines is spent, or is not money that came in.")},
        )
        for pk in self.candidates:
            self.fields[f"amount-{pk}"] = _amount_field(_("Use"), required=False)

    @property
    def rows(self) -> list[Row]:
        chosen = {str(pk) for pk in self["line"].value() or ()}
        return [
            Row(candidate=candidate, is_chosen=pk in chosen, amount=self[f"amount-{pk}"])
            for pk, candidate in self.candidates.items()
        ]

    @property
    def has_typed_line(self) -> bool:
        """Whether anything of the part that is typed by hand is filled in."""
        return any(self[name].value() for name in _TYPED_IN)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if any(given.get(name) for name in _TYPED_IN):
            for name in ("account", "line_amount", "value_on", "bank_reference"):
                if not given.get(name) and name not in self.errors:
                    self.add_error(name, _("Needed for a line that is typed by hand."))
        return given

    def clean_value_on(self) -> date | None:
        day: date | None = self.cleaned_data["value_on"]
        if day and not self.today - _OLDEST <= day <= self.today:
            raise ValidationError(_("The value date is a day of the last 400 that has begun."))
        return day

    def facts(self) -> Facts:
        """Of a valid form. Whether they can be taken is for `appraisals.appraise` to say."""
        given = self.cleaned_data
        claims = [self._claim(self.candidates[pk]) for pk in given["line"]]
        if any(given[name] for name in _TYPED_IN):
            claims.append(self._claim_typed(given["account"]))
        currency = claims[0].amount.currency.code if claims else ""
        return Facts(
            claims=tuple(claims),
            fee=Money(given["fee"], currency) if given["fee"] and currency else None,
            rate_choice=Finding.Rate(given["rate_choice"]) if given["rate_choice"] else None,
            reason=given["reason"],
        )

    def _claim(self, candidate: Candidate) -> Claim:
        amount: Decimal | None = self.cleaned_data[f"amount-{candidate.line.pk}"]
        line = candidate.line
        return Claim(amount=Money(amount, line.amount.currency) if amount else line.rest, line=line)

    def _claim_typed(self, account: BankAccount) -> Claim:
        given = self.cleaned_data
        typed = TypedLine(
            account=account,
            bank_reference=given["bank_reference"].strip(),
            value_on=given["value_on"],
            amount=Money(given["line_amount"], account.currency),
            payer_name=given["payer_name"],
        )
        return Claim(amount=Money(given["typed_amount"] or given["line_amount"], account.currency), typed=typed)


def propose(candidates: Sequence[Candidate], *, account: BankAccount) -> dict[str, Any]:
    """What the form says before anybody has touched it: the likely lines, with as much of each as is usual, and for a
    line typed by hand the account that the customer was shown.
    """
    likely = [str(candidate.line.pk) for candidate in candidates if candidate.is_likely]
    amounts = {f"amount-{candidate.line.pk}": f"{candidate.amount.amount:.2f}" for candidate in candidates}
    return {"line": likely, "account": str(account.pk), **amounts}


class ApprovalForm(forms.Form):
    """Which finding somebody says yes to: the one he saw."""

    finding = forms.UUIDField(widget=forms.HiddenInput)


class RejectionForm(forms.Form):
    """A reason out of the list, own words, or both; the customer reads them in his language."""

    template = forms.ModelChoiceField(
        label=_("Reason"), required=False, queryset=RejectionReason.objects.filter(is_offered=True)
    )
    words = forms.CharField(
        label=_("In your own words, in the customer's language"),
        required=False,
        max_length=_MOST_WORDS,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, language: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.language = language

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.errors and not self.text:
            raise ValidationError(_("Choose a reason, or write one."))
        if not self.errors and len(self.text) > _MOST_WORDS:
            raise ValidationError(_("This is too long: reason and words have 500 characters together."))
        return given

    @property
    def text(self) -> str:
        """What the customer reads; of a valid form."""
        template: RejectionReason | None = self.cleaned_data.get("template")
        parts = (word_for(template, self.language) if template else "", self.cleaned_data.get("words", ""))
        return sentences.join(*parts)


def word_for(reason: RejectionReason, language: str) -> str:
    return reason.text_zh if language.startswith("zh") else reason.text_en
