"""Volume, shares, times to credit and the queue's age as pictures, each with its figures."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models import Method
from payments.closing import charts
from wallet.calendar import business_date
from wallet.money import labelled


def show(request: HttpRequest) -> HttpResponse:
    """The thirty business days that are over, and the queue as it is."""
    if not request.user.has_perm("payments.view_dayclose"):
        raise PermissionDenied
    now = timezone.now()
    volume = charts.draw_volume(business_date(now) - timedelta(days=1))
    context = admin.site.each_context(request) | {
        "title": _("Volume, times and queue"),
        "volume": volume,
        "queue": [(_say_age(aged), aged) for aged in charts.age_queue(now)],
        "shares": [_tell_shares(volume)],
        "days": [_tell_days(volume)],
    }
    return render(request, "staff/close_charts.html", context)


def _tell_shares(volume: charts.Volume) -> dict[str, Any]:
    return {
        "title": _("Share by method, and time from order to credit"),
        "headers": (_("method"), _("credited"), _("share"), _("half within"), _("nine of ten within")),
        "rows": [
            [share.label, labelled(share.amount), f"{share.percent} %", _say(share.median), _say(share.slow)]
            for share in volume.shares
        ],
    }


def _tell_days(volume: charts.Volume) -> dict[str, Any]:
    return {
        "title": _("Credited by business day, in figures"),
        "headers": (_("business date"), *Method.labels, _("sum")),
        "rows": [
            [day.day.isoformat(), *map(labelled, day.amounts), labelled(day.total)] for day in reversed(volume.days)
        ],
    }


def _say(length: timedelta | None) -> str:
    """Minutes up to two hours, hours beyond."""
    if length is None:
        return "—"
    minutes = length / timedelta(minutes=1)
    if minutes < 120:  # two hours
        return str(_("%(minutes)s min") % {"minutes": f"{minutes:.1f}"})
    return str(_("%(hours)s h") % {"hours": f"{minutes / 60:.1f}"})


def _say_age(aged: charts.Aged) -> str:
    if aged.hours is None:
        return str(_("longer than %(hours)s h") % {"hours": charts.AGES[-1]})
    return str(_("up to %(hours)s h") % {"hours": aged.hours})
