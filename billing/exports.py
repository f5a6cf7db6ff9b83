"""The list of orders as CSV: columns that stay, times in UTC, amounts without ornament.

`amount` is what an order is about; the paid and credited columns are empty until it is, so that they may be added up.
"""

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from djmoney.money import Money

from billing import explanations
from billing.models import Order

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
)
_BYTE_ORDER_MARK = "\ufeff"  # without it spreadsheets misread Chinese names
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


class _Echo:
    """Gives a written line back instead of storing it."""

    def write(self, line: str) -> str:
        return line


def write_csv(orders: Iterable[Order]) -> Iterator[str]:
    """The file, line by line. A text that a spreadsheet would run as a formula is given an apostrophe in front."""
    writer = csv.writer(_Echo())
    yield _BYTE_ORDER_MARK + writer.writerow(COLUMNS)
    for order in orders:
        yield writer.writerow([_disarm(cell) for cell in _cells(order)])


def _cells(order: Order) -> tuple[str, ...]:
    return (
        order.number,
        _utc(order.created_at),
        explanations.code_state(order),
        order.method,
        order.target,
        *(_money(order.paid) if order.paid_at else ("", "")),
        *(_money(order.credited) if order.paid_at else ("", "")),
        "" if order.rate is None else f"{order.rate:f}",
        _utc(order.paid_at),
        order.created_by_name,
        *_money(order.paid),
    )


def _money(amount: Money) -> tuple[str, str]:
    return f"{amount.amount:.2f}", amount.currency.code


def _utc(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""


def _disarm(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
