"""From the bytes of a file to its statements: which format it is, and what must hold of every statement."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from django.utils.translation import gettext as _

from payments.statements.camt053 import read_camt053
from payments.statements.columns import ColumnMapping, Profile
from payments.statements.csv_exports import read_csv
from payments.statements.lines import Statement, StatementLine, StatementUnreadable, check_balances
from payments.statements.mt940 import is_mt940, read_mt940
from payments.statements.texts import decode

MAX_BYTES: Final = 50 * 1024 * 1024
_SHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")
_XML = re.compile(r"\s*<[?!A-Za-z]")


def read(  # each is a fact of its own that only the caller knows
    raw: bytes,
    *,
    name: str,
    profile: Profile | None,
    mapping: ColumnMapping | None,
    currency: str,
    today: date,
) -> Sequence[Statement]:
    """All statements of a file, or StatementUnreadable: for every file one of the two.

    `profile` and `mapping` say how a CSV is to be read (None: by the heads we know); `currency` is that of a CSV which
    names none, or empty. A CSV without balances has statements whose balances are None: `with_balances` adds them.
    """
    if len(raw) > MAX_BYTES:
        raise StatementUnreadable(_("The file is larger than 50 MB. Export fewer days at a time."))
    if raw.startswith(_SHEETS):
        raise StatementUnreadable(
            _("%(name)s is a spreadsheet or PDF. Export the statement as CSV, MT940 or CAMT.053.") % {"name": name}
        )
    text = decode(raw)
    if not text.strip():
        raise StatementUnreadable(_("%(name)s is empty.") % {"name": name})
    if _XML.match(text):
        statements = read_camt053(text)
    elif is_mt940(text):
        statements = read_mt940(text)
    else:
        statements = read_csv(text, profile=profile, mapping=mapping, currency=currency)
    if not statements:
        raise StatementUnreadable(_("%(name)s holds no statement.") % {"name": name})
    for statement in statements:
        _check_days(statement, today=today)
        check_balances(statement)
    return _numbered(statements)


def _check_days(statement: Statement, *, today: date) -> None:
    for line in statement.lines:
        if max(line.booked_on, line.value_on) > today:
            raise StatementUnreadable(
                _("This line is dated %(day)s, which is still to come.")
                % {"day": max(line.booked_on, line.value_on).isoformat()},
                line=line.line_number,
            )
    if statement.last_day > today:
        raise StatementUnreadable(
            _("The statement ends on %(day)s, which is still to come.") % {"day": statement.last_day.isoformat()}
        )


def _numbered(statements: Sequence[Statement]) -> Sequence[Statement]:
    """Give each line its number among its equals, so that two genuine ones stay two and a file read twice adds none."""
    references = Counter(line.bank_reference for statement in statements for line in statement.lines)
    seen: Counter[tuple[object, ...]] = Counter()
    return [
        replace(
            statement,
            lines=[line if references[line.bank_reference] == 1 else _number(line, seen) for line in statement.lines],
        )
        for statement in statements
    ]


def _number(line: StatementLine, seen: Counter[tuple[object, ...]]) -> StatementLine:
    key = (line.account, line.bank_reference, line.amount.amount, line.direction, line.booked_on)
    seen[key] += 1
    return line if seen[key] == 1 else replace(line, occurrence=seen[key])
