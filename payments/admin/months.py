"""The end of a month for finance: trial balance, prepaid balances, what is open, and the journal as CSV."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from payments.closing import journal, months, open_money, prepaid, trials
from payments.closing.months import Month
from payments.closing.open_money import Position
from payments.closing.prepaid import Flow
from payments.closing.trials import TrialLine
from payments.models import GlNumber
from wallet.admin.lookups import ModelAdmin
from wallet.calendar import business_date
from wallet.models import AccountClass

_SEES = "payments.view_dayclose"
_AGES = (_("to 7 days"), _("to 30 days"), _("to 90 days"), _("older"))


class MonthForm(forms.Form):
    """Which month; the last whole one, where none is given."""

    month = forms.CharField(
        label=_("Month (YYYY-MM)"), max_length=7, widget=UnfoldAdminTextInputWidget(attrs={"type": "month"})
    )

    def clean_month(self) -> Month:
        try:
            return Month.read(self.cleaned_data["month"])
        except ValueError as error:
            raise forms.ValidationError(_("Write the month as 2026-07."), code="month") from error


@admin.register(GlNumber)
class GlNumberAdmin(ModelAdmin):
    """Under which account of the general ledger each code of ours goes."""

    list_display = ("code", "number", "name")
    search_fields = ("code", "number", "name")
    ordering = ("number", "code")


def show(request: HttpRequest) -> HttpResponse:
    """One month's figures; a month that is not signed whole says which day is missing, and stays readable."""
    form = _read(request)
    month: Month | None = form.cleaned_data["month"] if form.is_valid() else None
    positions = open_money.open_position(month) if month else []
    context = admin.site.each_context(request) | {
        "title": _("Month end"),
        "form": form,
        "month": month,
        "unsigned": months.find_unsigned(month) if month else None,
        "together": months.find_sealed_together(month) if month else None,
        **_tell_rates(positions),
        "tables": _tell(month, positions) if month else [],
        "journal": f"{reverse('admin:payments_close_journal')}?month={month}",
    }
    return render(request, "staff/month.html", context)


def download_journal(request: HttpRequest) -> HttpResponseBase:
    """The journal as CSV, streamed."""
    form = _read(request)
    if not form.is_valid():
        return show(request)
    month: Month = form.cleaned_data["month"]
    return StreamingHttpResponse(
        journal.write_csv(month),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="journal-{month}.csv"', "Cache-Control": "no-store"},
    )


def _read(request: HttpRequest) -> MonthForm:
    if not request.user.has_perm(_SEES):
        raise PermissionDenied
    last = business_date(timezone.now()).replace(day=1) - timedelta(days=1)
    return MonthForm({"month": request.GET.get("month") or f"{last:%Y-%m}"})


def _tell(month: Month, positions: list[Position]) -> list[dict[str, Any]]:
    trial = trials.balance_trial(month)
    unmapped = journal.find_unmapped(line.code for line in trial)
    return [
        {
            "title": _("Trial balance"),
            "headers": (_("code"), _("currency"), _("class"), _("debit"), _("credit"), _("balance")),
            "rows": _tell_trial(trial),
        },
        {
            "title": _("Prepaid balances"),
            "headers": (_("code"), _("currency"), _("opening"), *Flow.labels, _("closing"), _("adds up")),
            "rows": [
                [row.code, row.currency, *map(_say, row.cells), _("yes") if row.adds_up else _("no")]
                for row in prepaid.roll_forward(month)
            ],
        },
        {
            "title": _("Open money by age"),
            "headers": (
                _("code"),
                _("currency"),
                _("to 7 days"),
                _("to 30 days"),
                _("to 90 days"),
                _("older"),
                _("sum"),
            ),
            "rows": [
                [aged.code, aged.currency, *map(_say, aged.classes), _say(aged.total)]
                for aged in open_money.age_open_money(month)
            ],
        },
        {
            "title": _("Open currency position (told, not posted)"),
            "headers": (_("currency"), _("amount"), _("booked at USD"), _("rate"), _("worth USD"), _("result USD")),
            "rows": [
                [
                    position.currency,
                    _say(position.amount),
                    _say(position.booked_at),
                    f"{position.rate} ({position.rate_on})" if position.rate else _("no rate"),
                    _say(position.worth),
                    _say(position.result),
                ]
                for position in positions
            ],
        },
        {
            "title": _("At Stripe, by payout"),
            "headers": (_("payout"), _("expected"), _("currency"), _("net")),
            "rows": [
                [payout or _("not paid out yet"), expected_on or "", currency, _say(amount)]
                for payout, expected_on, currency, amount in open_money.list_clearing(month)
            ],
        },
        {
            "title": _("Codes without a general ledger number"),
            "headers": (_("code"),),
            "rows": [[code] for code in unmapped],
        },
    ]


def _tell_trial(trial: list[TrialLine]) -> list[list[object]]:
    """Every code, then the sum of each currency, which has to come to nothing."""
    rows: list[list[object]] = [
        [line.code, line.currency, AccountClass(line.account_class).label, *_say_sides(line)] for line in trial
    ]
    for line in trials.sum_up(trial):
        title = _("Sum: does not come to nothing") if line.balance else _("Sum")
        rows.append([title, line.currency, "", *_say_sides(line)])
    return rows


def _say_sides(line: TrialLine) -> list[str]:
    return [_say(line.debit), _say(line.credit), _say(line.balance)]


def _tell_rates(positions: list[Position]) -> dict[str, Any]:
    """Where a rate is missing: why, and the way to the rates."""
    lacking = next((position.lacks_rate for position in positions if position.lacks_rate), "")
    return {"lacks_rate": lacking, "rates": reverse("admin:billing_exchangerate_changelist")}


def _say(amount: Decimal | None) -> str:
    return "—" if amount is None else trials.say(amount)
