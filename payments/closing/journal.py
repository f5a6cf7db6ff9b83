"""The journal of a month for the company's general ledger: one row a day, code and currency, as CSV."""

import csv
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS

from billing import csv_files
from payments.closing.months import Month
from payments.models import GlNumber
from wallet.audit import read

COLUMNS: Final = ("business_date", "gl_number", "gl_name", "code", "currency", "debit", "credit")
"""Amounts as plain decimals with six places, tax included."""


class _Echo:
    def write(self, line: str) -> str:
        return line


def write_csv(month: Month) -> Iterator[str]:
    """The file, line by line. A code without a number has none: `find_unmapped` names it."""
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    numbers = list(GlNumber.objects.all())
    for day, code, currency, debit, credit in _read(month):
        found = _find(numbers, code)
        typed = (csv_files.disarm(found.number), csv_files.disarm(found.name)) if found else ("", "")
        yield writer.writerow([day.isoformat(), *typed, code, currency, f"{debit:.6f}", f"{credit:.6f}"])


def find_unmapped(codes: Iterable[str]) -> list[str]:
    """The codes that have no number of the general ledger."""
    numbers = list(GlNumber.objects.all())
    return sorted({code for code in codes if _find(numbers, code) is None})


def _find(numbers: Iterable[GlNumber], code: str) -> GlNumber | None:
    """The mapping of the code itself, else the longest of those that begin like it."""
    fitting = [
        number
        for number in numbers
        if number.code == code or (number.code.endswith("*") and code.startswith(number.code[:-1]))
    ]
    return max(fitting, key=lambda number: (number.code == code, len(number.code)), default=None)


def _read(month: Month) -> list[tuple[Any, ...]]:
    return read(
        DEFAULT_DB_ALIAS,
        """
        SELECT posting.business_date, account.code, entry.currency,
               coalesce(sum(entry.amount) FILTER (WHERE entry.side = 'DEBIT'), 0),
               coalesce(sum(entry.amount) FILTER (WHERE entry.side = 'CREDIT'), 0)
        FROM wallet_posting AS posting
        JOIN wallet_entry AS entry ON entry.posting_id = posting.id
        JOIN wallet_account AS account ON account.id = entry.account_id
        WHERE posting.business_date BETWEEN %s AND %s
        GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        """,
        [month.first, month.last],
    )
