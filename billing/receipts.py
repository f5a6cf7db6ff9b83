"""The receipt of a paid order, as lines for a page and as a PDF."""

from datetime import datetime
from html import escape
from io import BytesIO

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from billing import explanations, targets
from billing.models import Method, Note, Order
from wallet.calendar import BOOKS
from wallet.money import labelled

_CHINESE = "STSong-Light"  # one of the fonts that every PDF reader has; nothing is embedded
_LATIN = "Helvetica"


def lines(order: Order, *, readable: QuerySet[Order]) -> list[tuple[str, str]]:
    """What the receipt says, label and value, in the reader's language. It names no order that he may not read."""
    is_move = order.method == Method.BALANCE
    said = [
        (_("Order number"), order.number),
        (_("Organisation") if is_move else _("Received from"), order.organisation.name),
        (_("Moved at") if is_move else _("Paid at"), _moment(order)),
        (_("Paid by"), order.get_method_display()),
        *_describe_paid(order),
        (_("Credited"), labelled(order.credited)),
        *_describe_target(order),
    ]
    if rate := explanations.explain_rate(order):
        said.append((_("Rate"), rate))
    if reference := _reference(order):
        said.append((_("Reference"), reference))
    said += [(_("Follows order"), followed.number) for followed in readable.filter(followers=order)]
    return [*said, *_describe_return(order, readable)]


def _describe_target(order: Order) -> list[tuple[str, str]]:
    said = [(_("Credited to"), targets.name(order.target))]
    if number := targets.number(organisation_id=order.organisation_id, code=order.target):
        said.append((_("Product number"), number))
        said.append((_("Use"), _("Only within %(product)s") % {"product": targets.name(order.target)}))
    return said


def _describe_return(order: Order, readable: QuerySet[Order]) -> list[tuple[str, str]]:
    """That the money did not stay there; with the order that has it, if one does."""
    labels = {Note.UNDONE: _("Undone at"), Note.TAKEN_BACK: _("Taken back at")}
    returned = max(order.events.filter(note__in=labels), key=lambda event: event.pk, default=None)
    if returned is None:
        return []
    instead = readable.filter(follows=order, events__note=Note.CORRECTED)
    return [
        (labels[Note(returned.note)], _shown(returned.at)),
        *((_("Credited instead by order"), follower.number) for follower in instead),
    ]


def _describe_paid(order: Order) -> list[tuple[str, str]]:
    fee = explanations.fee_we_bear(order)
    if order.method == Method.BALANCE:
        return [(_("Moved from the wallet"), labelled(order.paid))]
    if fee is None:
        return [(_("Amount paid"), labelled(order.paid))]
    return [
        (_("Amount received"), labelled(explanations.received(order))),
        (_("Bank fee borne by us"), labelled(fee)),
    ]


def _reference(order: Order) -> str:
    """Of its transfer, or of the one of the order that it follows; these lie one layer up, the relation is data."""
    transfer = getattr(order, "transfer", None) or getattr(order.follows, "transfer", None)
    return str(transfer.reference) if transfer else ""


def disclaimer(order: Order) -> str:
    if order.method == Method.BALANCE:
        return _("This receipt confirms a move between balances. It is not a tax invoice (fapiao).")
    return _("This receipt confirms a prepayment. It is not a tax invoice (fapiao).")


def draw(order: Order, *, readable: QuerySet[Order]) -> BytesIO:
    """The receipt as one PDF page, with the same lines; the same order gives the same bytes."""
    pdfmetrics.registerFont(UnicodeCIDFont(_CHINESE))
    file = BytesIO()
    SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=22 * mm,
        rightMargin=22 * mm,
        topMargin=24 * mm,
        bottomMargin=20 * mm,
        title=f"{_('Receipt')} {order.number}",
        author="InnoPaaS",
        invariant=1,
    ).build(
        [
            _text("InnoPaaS", size=11),
            Spacer(0, 3 * mm),
            _text(_("Receipt"), size=22),
            Spacer(0, 10 * mm),
            _table(lines(order, readable=readable)),
            Spacer(0, 10 * mm),
            _text(disclaimer(order), size=9),
        ]
    )
    file.seek(0)
    return file


def _table(said: list[tuple[str, str]]) -> Table:
    rows = [[_text(label, size=10), _text(value, size=10)] for label, value in said]
    table = Table(rows, colWidths=[48 * mm, 118 * mm])
    table.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, "#cfd8d4"),
                ("TOPPADDING", (0, 0), (-1, -1), 6),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 6),
            ]
        )
    )
    return table


def _text(text: str, *, size: int) -> Paragraph:
    """Text is data here, never markup. Latin letters look poor in the Chinese font, so it is used where needed."""
    is_latin = all(ord(character) < 256 for character in text)
    style = ParagraphStyle(
        "line",
        fontName=_LATIN if is_latin else _CHINESE,
        fontSize=size,
        leading=size * 1.4,
        wordWrap=None if is_latin else "CJK",
    )
    return Paragraph(escape(text), style)


def _moment(order: Order) -> str:
    if order.paid_at is None:
        raise ValueError(f"{order.number} was never paid, so it has no receipt")
    return _shown(order.paid_at)


def _shown(at: datetime) -> str:
    return f"{timezone.localtime(at, BOOKS):%Y-%m-%d %H:%M:%S} (UTC+8)"
