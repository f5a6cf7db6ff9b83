"""The text of a file: its encoding, its lines."""

import codecs
import re
from collections.abc import Iterator
from typing import Final

from django.utils.translation import gettext as _

from payments.statements.lines import StatementUnreadable

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_DECLARED = re.compile(rb"\s*<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_LONGEST_LINE: Final = 100_000
_KNOWN = re.compile(r"utf-?8|us-ascii|gb2312|gbk|gb18030|big5|iso-8859-\d{1,2}|windows-125\d", re.IGNORECASE)


def decode(raw: bytes) -> str:
    """As its mark or XML declaration says, else UTF-8, else GB18030; a byte that is neither refuses the file."""
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return _decode(raw.removeprefix(mark), encoding)
    if declared := _DECLARED.match(raw):
        encoding = declared[1].decode()
        if not _KNOWN.fullmatch(encoding):
            raise StatementUnreadable(
                _("The file says it is written in %(name)s. Export it in UTF-8 or GB18030.") % {"name": encoding},
                line=1,
            )
        return _decode(raw, encoding)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return _decode(raw, "gb18030")


def physical_lines(text: str) -> Iterator[str]:
    """The lines with their ends. `io.StringIO` would hold the whole text again, at four bytes a letter."""
    start = number = 0
    while start < len(text):
        number += 1
        end = text.find("\n", start) + 1 or len(text)
        if end - start > _LONGEST_LINE:
            raise StatementUnreadable(_("This line is longer than any of a statement."), line=number)
        yield text[start:end]
        start = end


def _decode(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        start = error.start if isinstance(error, UnicodeDecodeError) else 0
        raise StatementUnreadable(
            _("This is not text in UTF-8 or GB18030. Export the statement again as CSV, MT940 or CAMT.053."),
            line=raw.count(b"\n", 0, start) + 1,
        ) from error
