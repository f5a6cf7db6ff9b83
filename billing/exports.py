"""The list of orders as a file, CSV or XLSX: columns that stay, times in UTC, amounts without ornament.

`amount` is what an order is about; the paid and credited columns are empty until it is, so that they may be added up.
`refunded` is what went back to whoever paid, in the currency that was paid. New columns stand at the end.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from tempfile import TemporaryFile
from typing import IO, Final
from uuid import UUID

import xlsxwriter
from django.db.models import Case, DecimalField, OuterRef, QuerySet, Subquery, Sum, When
from django.db.models.functions import Cast
from xlsxwriter.worksheet import Worksheet

from billing import csv_files, explanations, paging
from billing.models import Order, OrderEvent, Refund, State

COLUMNS = (
    "number",
    "created_at_utc",
    "state",
    "method",
    "target",
    "paid_amount",
    "paid_currency",
    "credited_amount",
    "credited_currency",
    "rate",
    "paid_at_utc",
    "created_by",
    "amount",
    "currency",
    "refunded_amount",
    "refunded_currency",
)
XLSX_MOST: Final = 50_000
"""So many orders one XLSX file holds: it goes out when its last row is written, which takes seconds. CSV has no end."""
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_WIDTHS: Final = {"number": 24, "created_at_utc": 20, "paid_at_utc": 20, "created_by": 24, "state": 20, "target": 20}
_WIDTH = 13
_CENT = Decimal("0.01")
_PLAIN = DecimalField(max_digits=20, decimal_places=6)

Cell = str | Decimal | datetime | None


@dataclass(frozen=True, slots=True)
class Row:
    """What the columns of one order are read from: plain values, because a list may have a million of them."""

    pk: UUID
    number: str
    created_at: datetime
    state: str
    method: str
    target: str
    paid: Decimal
    paid_currency: str
    credited: Decimal
    credited_currency: str
    rate: Decimal | None
    paid_at: datetime | None
    created_by_name: str
    ending: str | None
    """The note of the event that ended it as REFUNDED."""
    refunded: Decimal | None


def read(orders: QuerySet[Order]) -> Iterator[Row]:
    """The whole list, newest first, a chunk at a time."""
    endings = OrderEvent.objects.filter(order=OuterRef("pk"), state=State.REFUNDED).order_by("-id").values("note")[:1]
    refunds = Refund.objects.succeeded().filter(order=OuterRef("pk")).order_by().values("order")
    rows = orders.annotate(
        ending=Case(When(state=State.REFUNDED, then=Subquery(endings))),
        refunded=Case(When(paid_at__isnull=False, then=Subquery(refunds.values(total=Sum(Cast("back", _PLAIN)))))),
    )
    for values in paging.walk(rows.values_list(*(field.name for field in fields(Row)), named=True)):
        yield Row(*values)


def write_csv(rows: Iterable[Row]) -> Iterator[str]:
    """The file, line by line."""
    return csv_files.write(COLUMNS, ([_text(cell) for cell in _cells(row)] for row in rows))


def write_xlsx(rows: Iterable[Row], *, now: datetime) -> IO[bytes]:
    """The file, at its beginning; it goes when it is closed. Its rows are written to disk one by one.

    Texts are texts and never formulas. Amounts are numbers: the format knows only binary ones, and up to a billion of
    a currency's units 15 digits keep the cent exactly. What is added up for a decision stands in the CSV as it is.
    """
    file = TemporaryFile()  # noqa: SIM115  # handed on open, and closed by whoever sends it
    book = xlsxwriter.Workbook(file, {"constant_memory": True, "remove_timezone": True})
    book.set_properties({"created": now.astimezone(UTC).replace(tzinfo=None)})
    sheet = book.add_worksheet("orders")
    writer = _SheetWriter(book, sheet)
    for line, row in enumerate(rows, start=1):
        writer.write(line, _cells(row))
    book.close()
    file.seek(0)
    return file


class _SheetWriter:
    """Writes rows with the format that each kind of cell has."""

    def __init__(self, book: xlsxwriter.Workbook, sheet: Worksheet) -> None:
        self.sheet = sheet
        self.amount = book.add_format({"num_format": "#,##0.00"})
        self.rate = book.add_format({"num_format": "0.0000##"})
        self.moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet.freeze_panes(1, 1)
        head = book.add_format({"bold": True})
        for place, name in enumerate(COLUMNS):
            sheet.set_column(place, place, _WIDTHS.get(name, _WIDTH))
            sheet.write_string(0, place, name, head)

    def write(self, line: int, cells: Iterable[Cell]) -> None:
        for place, cell in enumerate(cells):
            if isinstance(cell, Decimal):
                self.sheet.write_number(
                    line, place, Fraction(cell), self.rate if COLUMNS[place] == "rate" else self.amount
                )
            elif isinstance(cell, datetime):
                self.sheet.write_datetime(line, place, cell.astimezone(UTC).replace(tzinfo=None), self.moment)
            elif cell:
                self.sheet.write_string(line, place, cell)


def _cells(row: Row) -> tuple[Cell, ...]:
    has_come = row.paid_at is not None
    return (
        row.number,
        row.created_at,
        explanations.code_ending(row.state, row.ending or ""),
        row.method,
        row.target,
        *_money(row.paid if has_come else None, row.paid_currency),
        *_money(row.credited if has_come else None, row.credited_currency),
        row.rate,
        row.paid_at,
        row.created_by_name,
        *_money(row.paid, row.paid_currency),
        *_money(row.refunded, row.paid_currency),
    )


def _money(amount: Decimal | None, currency: str) -> tuple[Cell, Cell]:
    return (None, None) if amount is None else (amount.quantize(_CENT), currency)


def _text(cell: Cell) -> str:
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    return csv_files.disarm(cell or "")
