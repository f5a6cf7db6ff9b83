"""What finance reads of one daily close, as tables, and the acts it may do there."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from payments.admin import close_figures, close_filters
from payments.closing import figures, months, report, selections, words
from payments.closing.measures import SIDES
from payments.closing.selections import Selection
from payments.models import DayClose, Difference
from wallet.admin import cells
from wallet.money import labelled

SIGNS = "payments.change_dayclose"

MOST = 300
"""So many differences stand on the page of a signature."""


def list_acts(close: DayClose, request: HttpRequest) -> list[dict[str, Any]]:
    """What this person may do with the close."""
    files = [
        {"title": _("Report as PDF"), "address": reverse("admin:payments_close_pdf", args=[close.pk])},
        {"title": _("Report as CSV"), "address": reverse("admin:payments_close_csv", args=[close.pk])},
    ]
    if not request.user.has_perm(SIGNS):
        return files
    if months.find_seal_over(close.day):
        return files
    if close.is_signed:
        address = reverse("admin:payments_close_withdraw", args=[close.pk])
        return [*files, {"title": _("Withdraw the signature"), "address": address}]
    return [
        {"title": _("Sign the day"), "address": reverse("admin:payments_close_sign", args=[close.pk])},
        {"title": _("Draw up again"), "address": f"{reverse('admin:payments_close_draw_up')}?day={close.day}"},
        *files,
    ]


def say_state(close: DayClose) -> Any:
    """Its state; of a day that was drawn up and then sealed with a later one, with which."""
    sealed = None if close.is_signed else months.find_seal_over(close.day)
    return _("Sealed with %(day)s") % {"day": sealed.isoformat()} if sealed else close.get_state_display()


def tell_sides(close: DayClose) -> dict[str, Any]:
    """The four sides; each figure leads to what it is the sum of."""
    return {
        "title": _("The four sides"),
        "headers": (_("what"), _("count"), *close_figures.NAMES.values(), _("agrees")),
        "rows": [
            [f"{row.label} · {row.currency}", row.count, *_link_figures(close, row), _says(row)]
            for row in map(figures.read_row, close.figures)
        ],
    }


def tell_differences(
    found: Iterable[Difference], close: DayClose, request: HttpRequest, *, title: Any
) -> dict[str, Any]:
    """Differences, with who looks after them; whoever may explains them."""
    return {
        "title": title,
        "headers": (_("what"), _("about"), _("amount"), _("detail"), _("age"), _("owner and note")),
        "rows": [_difference_cells(difference, close, request) for difference in found],
    }


def tell_acts(close: DayClose) -> dict[str, Any]:
    """Who signed, and who withdrew that."""
    return {
        "title": _("Signatures"),
        "headers": (_("when"), _("what"), _("by"), _("note")),
        "rows": [
            [cells.say_moment(act.at), act.get_kind_display(), act.by_name, act.note]
            for act in close.acts.order_by("id")
        ],
    }


def tell_picture(close: DayClose, request: HttpRequest) -> list[dict[str, Any]]:
    """What is signed: the four sides and what does not agree."""
    found = selections.choose(close, Selection())
    count = found.count()
    title: Any = f"{_('Differences and timing')}: {count}"
    if count > MOST:
        words = {"title": _("Differences and timing"), "shown": MOST, "count": count}
        title = _("%(title)s: the first %(shown)s of %(count)s, all in the report") % words
    return [tell_sides(close), tell_differences(found[:MOST], close, request, title=title)]


def tell_news(close: DayClose, request: HttpRequest, *, since: datetime) -> list[dict[str, Any]]:
    """What was found, or found no more, after a moment."""
    new = close.differences.open().filter(found_at__gt=since).select_related("owner").order_by("kind", "subject")
    gone = close.differences.filter(gone_at__gt=since).select_related("owner").order_by("kind", "subject")
    tables = ((_("Found since then"), new), (_("Gone since then"), gone))
    return [tell_differences(found[:MOST], close, request, title=title) for title, found in tables if found]


def _link_figures(close: DayClose, row: figures.Row) -> list[str]:
    return [
        "" if said is None else cells.link_to(close_figures.address_of(close, row, side), f"{Decimal(said):,.2f}")
        for side, said in zip(SIDES, row.sides, strict=True)
    ]


def _says(row: figures.Row) -> str:
    return f"{'✓' if row.agrees else '≠'} {report.tell_agreement(row)}"


def _difference_cells(difference: Difference, close: DayClose, request: HttpRequest) -> list[object]:
    may_explain = request.user.has_perm(SIGNS) and not close.is_signed
    return [
        difference.get_kind_display(),
        _link_subject(difference),
        labelled(difference.amount),
        words.tell_detail(difference),
        report.tell_age(close, difference),
        _link_note(difference, request) if may_explain else report.tell_owner(difference),
    ]


def _link_subject(difference: Difference) -> str:
    subject = words.tell_subject(difference)
    if difference.order_id:
        return cells.link_to(reverse("admin:billing_order_change", args=[difference.order_id]), subject)
    if difference.line_id:
        return cells.link_to(reverse("admin:payments_bankline_change", args=[difference.line_id]), subject)
    return subject


def _link_note(difference: Difference, request: HttpRequest) -> str:
    address = reverse("admin:payments_difference_explain", args=[difference.pk]) + close_filters.keep(request)
    return cells.link_to(address, report.tell_owner(difference) if difference.owner else _("Explain"))
