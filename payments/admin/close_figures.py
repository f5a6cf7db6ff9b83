"""What one figure of a daily close is the sum of: its orders, movements at Stripe, bank lines or postings."""

from typing import Any, Final
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from djmoney.money import Money

from payments.admin import close_filters
from payments.closing import figures, items
from payments.closing.items import Figure, Item
from payments.closing.measures import BANK, LEDGER, ORDERS, STRIPE, Measure
from payments.models import DayClose
from wallet.admin import cells
from wallet.money import labelled

NAMES: Final = {ORDERS: _("orders"), STRIPE: "Stripe", BANK: _("bank"), LEDGER: _("ledger")}

_PAGES: Final = {
    "order": "admin:billing_order_change",
    "refund": "admin:billing_refund_change",
    "dispute": "admin:billing_dispute_change",
    "transaction": "admin:payments_balancetransaction_change",
    "payout": "admin:payments_payout_change",
    "line": "admin:payments_bankline_change",
}


def address_of(close: DayClose, row: figures.Row, side: str) -> str:
    """Where a figure is taken apart. What is at Stripe is no sum of what moved on the day: the payouts tell it."""
    if row.measure == Measure.AT_STRIPE:
        return f"{reverse('admin:payments_payout_changelist')}?place=way"
    return reverse("admin:payments_close_figure", args=[close.pk, row.measure, row.currency, side])


def show(request: HttpRequest, pk: UUID, measure: str, currency: str, side: str) -> HttpResponse:
    """All that a figure consists of, as it is known now, and what it was when the day was drawn up."""
    if not request.user.has_perm("payments.view_dayclose"):
        raise PermissionDenied
    close = get_object_or_404(DayClose, pk=pk)
    figure = Figure(day=close.day, measure=measure, currency=currency, side=side)
    if not figure.is_listed:
        raise Http404
    listed = items.Items(figure)
    turned = close_filters.turn(request, listed)
    title = f"{Measure(measure).label} · {currency} · {NAMES[side]}"
    context = (
        admin.site.each_context(request)
        | turned
        | {
            "title": title,
            "close": close,
            "total": labelled(Money(listed.total, currency)),
            "count": len(listed),
            "kept": _find_kept(close, figure),
            "tables": [_tell(turned["page"].object_list, currency)],
            "back": reverse("admin:payments_dayclose_change", args=[close.pk]),
        }
    )
    context["has_changed"] = context["kept"] != context["total"]
    return render(request, "staff/close_figure.html", context)


def _find_kept(close: DayClose, figure: Figure) -> str:
    """The figure as it was drawn up."""
    rows = (figures.read_row(kept) for kept in close.figures)
    said = (
        getattr(row, figure.side) for row in rows if (row.measure, row.currency) == (figure.measure, figure.currency)
    )
    return labelled(Money(next(said, None) or 0, figure.currency))


def _tell(shown: list[Item], currency: str) -> dict[str, Any]:
    return {
        "title": pgettext_lazy("daily close", "What it consists of"),
        "headers": (_("when"), _("about"), _("amount")),
        "rows": [
            [
                cells.say_moment(item.moment),
                cells.link_to(_page_of(item), item.subject),
                labelled(Money(item.amount, currency)),
            ]
            for item in shown
        ],
    }


def _page_of(item: Item) -> str:
    if item.thing == "posting":
        return f"{reverse('show_posting')}?q={item.id}"
    return reverse(_PAGES[item.thing], args=[item.id])
