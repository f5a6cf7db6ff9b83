"""What finance reads of one daily close, as tables, and the acts it may do there."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from payments.closing import figures, report
from payments.models import DayClose, Difference
from wallet.admin import cells
from wallet.money import labelled

SIGNS = "payments.change_dayclose"

_MOST = 300
"""So many differences of a class stand on the page."""


def list_acts(close: DayClose, request: HttpRequest) -> list[dict[str, Any]]:
    """What this person may do with the close."""
    files = [
        {"title": _("Report as PDF"), "address": reverse("admin:payments_close_pdf", args=[close.pk])},
        {"title": _("Report as CSV"), "address": reverse("admin:payments_close_csv", args=[close.pk])},
    ]
    if not request.user.has_perm(SIGNS):
        return files
    if close.is_signed:
        address = reverse("admin:payments_close_withdraw", args=[close.pk])
        return [*files, {"title": _("Withdraw the signature"), "address": address}]
    return [
        {"title": _("Sign the day"), "address": reverse("admin:payments_close_sign", args=[close.pk])},
        {"title": _("Draw up again"), "address": f"{reverse('admin:payments_close_draw_up')}?day={close.day}"},
        *files,
    ]


def tell(close: DayClose, request: HttpRequest) -> list[dict[str, Any]]:
    """The four sides, what does not agree, and who signed."""
    rows = [figures.read_row(kept) for kept in close.figures]
    open_ = close.differences.open().select_related("owner", "order").order_by("kind", "subject")
    acts = close.acts.order_by("id")
    return [
        {
            "title": _("The four sides"),
            "headers": (_("what"), _("count"), _("orders"), "Stripe", _("bank"), _("ledger"), _("agrees")),
            "rows": [
                [f"{row.label} · {row.currency}", row.count, *(said or "" for said in row.sides), _says(row)]
                for row in rows
            ],
        },
        _list(close, open_.filter(is_timing=False), request, title=str(_("Differences"))),
        _list(close, open_.filter(is_timing=True), request, title=str(_("Timing: to be gone the next day"))),
        {
            "title": _("Signatures"),
            "headers": (_("when"), _("what"), _("by"), _("note")),
            "rows": [[cells.say_moment(act.at), act.get_kind_display(), act.by_name, act.note] for act in acts],
        },
    ]


def _list(close: DayClose, found: QuerySet[Difference], request: HttpRequest, *, title: str) -> dict[str, Any]:
    """The first of them; the report has all."""
    count = found.count()
    words = {"title": title, "shown": _MOST, "count": count}
    return {
        "title": _("%(title)s: the first %(shown)s of %(count)s, all in the report") % words
        if count > _MOST
        else f"{title}: {count}",
        "headers": (_("what"), _("about"), _("amount"), _("detail"), _("age"), _("owner and note")),
        "rows": [_difference_cells(difference, close, request) for difference in found[:_MOST]],
    }


def _says(row: figures.Row) -> str:
    return f"{'✓' if row.agrees else '≠'} {report.tell_agreement(row)}"


def _difference_cells(difference: Difference, close: DayClose, request: HttpRequest) -> list[object]:
    may_explain = request.user.has_perm(SIGNS) and not close.is_signed
    return [
        difference.get_kind_display(),
        _link_subject(difference),
        labelled(difference.amount),
        difference.detail,
        report.tell_age(close, difference),
        _link_note(difference) if may_explain else report.tell_owner(difference),
    ]


def _link_subject(difference: Difference) -> str:
    if difference.order_id:
        return cells.link_to(reverse("admin:billing_order_change", args=[difference.order_id]), difference.subject)
    if difference.line_id:
        return cells.link_to(reverse("admin:payments_bankline_change", args=[difference.line_id]), difference.subject)
    return difference.subject


def _link_note(difference: Difference) -> str:
    address = reverse("admin:payments_difference_explain", args=[difference.pk])
    return cells.link_to(address, report.tell_owner(difference) if difference.owner else _("Explain"))
