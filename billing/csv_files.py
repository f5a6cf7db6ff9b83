"""CSV as spreadsheets take it: with a mark for their encoding, and with no text that they would run as a formula."""

import csv
from collections.abc import Iterable, Iterator, Sequence

_BYTE_ORDER_MARK = "\ufeff"  # without it spreadsheets misread Chinese names
_FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n")
"""With the full-width forms, which spreadsheets set to Chinese or Japanese read alike."""


class _Echo:
    """Gives a written line back instead of storing it."""

    def write(self, line: str) -> str:
        return line


def write(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The file, line by line. Cells are texts, disarmed where they are not our own figures."""
    writer = csv.writer(_Echo())
    yield _BYTE_ORDER_MARK + writer.writerow(columns)
    for row in rows:
        yield writer.writerow(row)


def disarm(cell: str) -> str:
    """A text that a spreadsheet would run as a formula is given an apostrophe in front."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
