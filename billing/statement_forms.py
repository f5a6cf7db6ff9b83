"""What people give to the page of statements: which balance, which days, which kind of entries."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from billing.statements import MOST_DAYS, Balance, Kind

_SANE_DAYS = (MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31)))  # others overflow
_MOST_MONTHS = 60
_NO_CHOICE = {"invalid_choice": _("This is not in the list. Choose one that is.")}


class StatementForm(forms.Form):
    """The choice as it stands in the address. Days given count instead of the month; nothing given is this month."""

    kind = forms.ChoiceField(
        label=_("Entries"), required=False, choices=[("", _("All")), *Kind.choices], error_messages=_NO_CHOICE
    )
    before = forms.CharField(required=False, max_length=18, widget=forms.HiddenInput)

    def __init__(self, *args: Any, balances: Sequence[Balance], since: date, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.balances = {balance.code: balance for balance in balances}
        self.today = today
        names = [(balance.code, f"{balance.name} ({balance.currency})") for balance in balances]
        months = [(month, month) for month in list_months(since, today)]
        day = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        self.fields["balance"] = forms.ChoiceField(
            label=_("Balance"), required=False, choices=names, error_messages=_NO_CHOICE
        )
        self.fields["month"] = forms.ChoiceField(
            label=_("Month"), required=False, choices=months, error_messages=_NO_CHOICE
        )
        # `from` is a word of Python's, so these two cannot be class attributes.
        self.fields["from"] = forms.DateField(label=_("From"), required=False, widget=day, validators=_SANE_DAYS)
        self.fields["to"] = forms.DateField(label=_("To"), required=False, widget=day, validators=_SANE_DAYS)
        self.order_fields(["balance", "month", "from", "to", "kind"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        first, last = cleaned.get("from"), cleaned.get("to")
        if first and (last or self.today) < first:
            self.add_error(
                "to" if last else "from",
                _("This day lies before the first one.") if last else _("This day is still to come."),
            )
        elif last and not first:
            self.add_error("from", _("Choose the first day, too."))
        elif first and ((last or self.today) - first).days >= MOST_DAYS:
            self.add_error("to", _("At most %(days)d days at once.") % {"days": MOST_DAYS})
        return cleaned

    @property
    def chosen(self) -> Balance:
        """The balance that is valid, else the first: the wallet."""
        code = self.cleaned_data.get("balance", "")
        return self.balances.get(code) or next(iter(self.balances.values()))

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day."""
        first = self.cleaned_data.get("from")
        if first:
            return first, self.cleaned_data.get("to") or self.today
        return month_of(self.cleaned_data.get("month") or f"{self.today:%Y-%m}")

    @property
    def is_month(self) -> bool:
        return not self.cleaned_data.get("from")

    @property
    def place(self) -> int:
        """Where the page begins; anything odd counts as not given."""
        text = self.cleaned_data.get("before", "")
        return int(text) if text.isascii() and text.isdigit() else 0


def list_months(since: date, today: date) -> list[str]:
    """Newest first."""
    months: list[str] = []
    month = today.replace(day=1)
    while month >= since.replace(day=1) and len(months) < _MOST_MONTHS:
        months.append(f"{month:%Y-%m}")
        month = (month - timedelta(days=1)).replace(day=1)
    return months


def month_of(text: str) -> tuple[date, date]:
    """The first and the last day of a month written like 2026-07. Raises ValueError for anything else."""
    first = date.fromisoformat(f"{text}-01")
    following = (first + timedelta(days=32)).replace(day=1)
    return first, following - timedelta(days=1)
