"""The bank sheet as a PDF."""

from html import escape
from io import BytesIO
from itertools import groupby

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Flowable, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from payments.sheets import Row, Section, Sheet

_CHINESE = "STSong-Light"  # one of the fonts that every PDF reader has; nothing is embedded
_LATIN, _STRONG = "Helvetica", "Helvetica-Bold"
_INK, _QUIET = HexColor("#14211d"), HexColor("#54635e")


def draw(sheet: Sheet) -> BytesIO:
    """The sheet on A4; the same orders give the same bytes."""
    pdfmetrics.registerFont(UnicodeCIDFont(_CHINESE))
    file = BytesIO()
    story: list[Flowable] = [
        _text("InnoPaaS", size=11),
        Spacer(0, 2 * mm),
        _text("Bank sheet 汇款单", size=20),
        Spacer(0, 2 * mm),
        _text("  ".join(transfer.order.number for transfer in sheet.transfers), size=10),
        _text(sheet.transfers[0].organisation.name, size=10),
        Spacer(0, 4 * mm),
        *map(_draw_section, sheet.sections),
        Spacer(0, 3 * mm),
        _text(sheet.reminder.en, size=10, font=_STRONG),
        _text(sheet.reminder.zh, size=10),
    ]
    SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=20 * mm,
        rightMargin=20 * mm,
        topMargin=18 * mm,
        bottomMargin=16 * mm,
        title=f"InnoPaaS {sheet.title}",
        author="InnoPaaS",
        invariant=1,
    ).build(story)
    file.seek(0)
    return file


def _draw_section(section: Section) -> Flowable:
    rows = [[_text(f"{row.en} {row.zh}", size=9, colour=_QUIET), _value(row)] for row in section.rows]
    table = Table(rows, colWidths=[64 * mm, 101 * mm], hAlign="LEFT")
    table.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, "#cfd8d4"),
                ("LEFTPADDING", (0, 0), (0, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 3),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
            ]
        )
    )
    head = _text(f"{section.en} {section.zh}", size=12, font=_STRONG)
    return KeepTogether([head, Spacer(0, 1 * mm), table, Spacer(0, 3 * mm)])


def _value(row: Row) -> list[Paragraph]:
    font, size = (_STRONG, 13) if row.is_strong else (_LATIN, 10)
    return [_text(value.text, size=size, font=font) for value in row.values]


def _text(text: str, *, size: int, font: str = _LATIN, colour: Color = _INK) -> Paragraph:
    """Text is data here, never markup. Each run of letters stands in the font that has them."""
    runs = (
        (font if is_latin else _CHINESE, "".join(letters))
        for is_latin, letters in groupby(text, lambda letter: ord(letter) < 256)
    )
    marked = "".join(f'<font name="{name}">{escape(letters)}</font>' for name, letters in runs)
    has_chinese = any(ord(letter) >= 256 for letter in text)
    style = ParagraphStyle(
        "line",
        fontName=font,
        fontSize=size,
        leading=size * 1.3,
        textColor=colour,
        wordWrap="CJK" if has_chinese else None,
    )
    return Paragraph(marked, style)
