"""SWIFT MT940. The `mt-940` package reads the fields; where they begin, and what may stand in them, is decided here.

Left to itself the package reads `1.234,56` as 1, moves the 30th of February to the 28th, takes digits of any script and
adds what follows the closing balance to the last line; and it cannot name a line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Final

from django.utils.translation import gettext as _
from djmoney.money import Money
from mt940.models import Transactions
from mt940.options import Options
from mt940.tags import BalanceBase, Tag
from mt940.tags import Statement as EntryBase

from payments.statements.cells import read_balance
from payments.statements.lines import Direction, Statement, StatementLine, StatementUnreadable
from payments.statements.remittance import read_remittance
from payments.statements.texts import physical_lines
from wallet.money import AmountError, parse_amount

_FIELD = re.compile(r":(?P<tag>(?:13|20|21|25|28|34|60|61|62|64|65|86|90)[A-Z]?|NS):(?P<text>.*)", re.DOTALL)
_END: Final = "-"
_ENVELOPE = re.compile(r"-\}|\{[1-5S]:")
_INTERIM = re.compile(r"\{2:[IO]942")
_NO_REFERENCE: Final = frozenset({"NONREF", "EREF", "PREF", "MARF", "POS", "KREF+", "EREF+"})
"""What banks write where a reference would stand when there is none, or when it stands in the details."""
_ODD = (RuntimeError, ValueError, ArithmeticError)
"""What the package raises when a field is not as it should be; AmountError is a ValueError."""


class _Whole(Tag):
    """A field whose pattern must fit all of it; the package's own logs the content, with names, when it does not."""

    RE_FLAGS: ClassVar[re.RegexFlag] = re.VERBOSE | re.ASCII

    def parse(self, transactions: Transactions, value: str) -> dict[str, str | None]:  # noqa: ARG002  # the package's
        match = self.re.match(value)
        if match is None:
            raise ValueError(value)
        return match.groupdict()


class _Entry(_Whole, EntryBase):
    """Field 61, of which nothing may be left over: an amount with a point or too many digits is refused."""

    pattern: ClassVar[str] = r"""^
        (?P<year>\d{2})(?P<month>\d{2})(?P<day>\d{2})
        (?P<entry_month>\d{2}|[ ]{2})?(?P<entry_day>\d{2}|[ ]{2})?
        (?P<status>R?[DC])(?P<funds_code>[A-Z])?
        [\n ]?(?P<amount>\d{1,14}(?:,\d{0,3})?)(?![\d.,])
        [ ]?(?P<id>[A-Z][A-Z0-9 ]{3})?
        (?P<customer_reference>(?:(?!//)[^\n]){0,16})
        (?P<overlong_reference>(?:(?!//)[^\n])*)
        (?://(?P<bank_reference>[^\n]*))?
        (?:\n(?P<extra_details>(?s:.*)))?
        $"""


class _Balance(_Whole, BalanceBase):
    """Fields 60 and 62, read whole."""

    pattern: ClassVar[str] = r"""^
        (?P<status>[DC])(?P<year>\d{2})(?P<month>\d{2})(?P<day>\d{2})
        (?P<currency>[A-Z]{3})(?P<amount>\d{1,14},\d{0,3})
        $"""


_TAGS: Final[dict[int | str, Tag]] = {
    61: _Entry(),
    **dict.fromkeys([60, "60F", "60M", 62, "62F", "62M"], _Balance()),
}
_OPTIONS: Final = Options.all()


@dataclass(kw_only=True, slots=True)
class _Field:
    tag: str
    line: int
    lines: list[str]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Standing:
    """A balance and its day."""

    money: Money
    day: date


def is_mt940(text: str) -> bool:
    """Whether the text has what every statement in this format begins with."""
    return re.search(r"^:20:", text, re.MULTILINE) is not None and re.search(r"^:2[58]", text, re.MULTILINE) is not None


def read_mt940(text: str) -> list[Statement]:
    """The statements of a file; pages of one statement come as one each, since each has its own balances."""
    if _INTERIM.search(text, 0, 1000):
        raise _interim()
    statements: list[Statement] = []
    page: _Page | None = None
    for field in _fields(text):
        if page and field.tag in {"20", _END}:
            statements.append(page.finish())
            page = None
        if field.tag == "20":
            page = _Page(begins=field.line)
        elif page:
            page.take(field)
        elif field.tag != _END:
            raise StatementUnreadable(
                _("This stands outside of any statement: the line :20: that begins one is missing."), line=field.line
            )
    return statements


class _Page:
    """What stands between one :20: and the next."""

    def __init__(self, *, begins: int) -> None:
        self._begins = begins
        self._account = ""
        self._opening: _Standing | None = None
        self._closing: _Standing | None = None
        self._entry: _Field | None = None
        self._details: list[str] = []
        self._lines: list[StatementLine] = []

    def take(self, field: _Field) -> None:
        """The next field; those that say nothing about booked money are passed over."""
        match field.tag[:2]:
            case "25":
                self._account = field.text.strip()
            case "34" if self._opening is None:
                raise _interim(line=field.line)
            case "60":
                self._opening = self._only(self._opening, field)
            case "61":
                self._finish_line()
                self._begin_line(field)
            case "86" | "NS" if self._entry:
                self._details.append(field.text)
            case "62":
                self._finish_line()
                self._closing = self._only(self._closing, field)

    def finish(self) -> Statement:
        """The statement, if nothing that makes one is missing."""
        self._finish_line()
        opening, closing = self._opening, self._closing
        if not self._account or opening is None or closing is None:
            raise StatementUnreadable(
                _(
                    "The statement that begins here has no account (:25:), opening (:60F:) or closing balance (:62F:);"
                    " the file is incomplete. Export it again."
                ),
                line=self._begins,
            )
        days = [line.booked_on for line in self._lines] or [closing.day]
        return Statement(
            account=self._account,
            currency=opening.money.currency.code,
            opening=opening.money,
            closing=closing.money,
            first_day=min(days),
            last_day=max(*days, closing.day),
            lines=self._lines,
        )

    def _only(self, known: _Standing | None, field: _Field) -> _Standing:
        if known:
            raise StatementUnreadable(_("The statement has this balance twice."), line=field.line)
        return _standing(field)

    def _begin_line(self, field: _Field) -> None:
        if self._opening is None or self._closing:
            raise StatementUnreadable(
                _("This line does not stand between an opening and a closing balance."), line=field.line
            )
        self._entry, self._details = field, []

    def _finish_line(self) -> None:
        if self._entry and self._opening:
            currency = self._opening.money.currency.code
            self._lines.append(_line(self._entry, self._details, account=self._account, currency=currency))
        self._entry = None


def _fields(text: str) -> Iterator[_Field]:
    """The fields with their lines joined, and a field END wherever a statement ends."""
    field: _Field | None = None
    number = 0
    for number, ended in enumerate(physical_lines(text), start=1):
        line = ended.rstrip()
        match = _FIELD.match(line)
        if match or line == _END or _ENVELOPE.match(line):
            if field:
                yield field
            field = None
        if match:
            field = _Field(tag=match["tag"], line=number, lines=[match["text"]])
        elif line == _END or line.startswith("-}"):
            yield _Field(tag=_END, line=number, lines=[])
        elif field:
            field.lines.append(line)
    if field:
        yield field
    yield _Field(tag=_END, line=number, lines=[])


def _line(field: _Field, details: list[str], *, account: str, currency: str) -> StatementLine:
    try:
        entry = _read(f":61:{field.text}").transactions[0].data
        amount = parse_amount(f"{abs(entry['amount'].amount):f}", currency)
    except _ODD as error:
        raise _unreadable(error, field) from error
    if entry["funds_code"] not in {None, currency[2]}:
        raise StatementUnreadable(
            _("The currency of this line is not that of the statement, %(currency)s.") % {"currency": currency},
            line=field.line,
        )
    told = read_remittance("\n".join(details))
    own = (entry["customer_reference"] or "") + (entry["overlong_reference"] or "")
    return StatementLine(
        account=account,
        amount=amount,
        direction=Direction.IN if entry["status"] in {"C", "RD"} else Direction.OUT,
        is_reversal=entry["status"].startswith("R"),
        booked_on=_plain(entry.get("guessed_entry_date") or entry["date"]),
        value_on=_plain(entry["date"]),
        bank_reference=_reference(entry["bank_reference"]) or _reference(own),
        payer_name=told.name,
        payer_account=told.account,
        text=_joined(told.text, _reference(own), entry["extra_details"]),
        line_number=field.line,
    )


def _standing(field: _Field) -> _Standing:
    try:
        balance = _read(f":{field.tag}:{field.text}").data["balance"]
        money = read_balance(f"{balance.amount.amount:f}", balance.amount.currency)
    except _ODD as error:
        raise _unreadable(error, field) from error
    return _Standing(money=money, day=_plain(balance.date))


def _read(text: str) -> Transactions:
    transactions = Transactions(tags=_TAGS, options=_OPTIONS)
    transactions.parse(text)
    return transactions


def _unreadable(error: Exception, field: _Field) -> StatementUnreadable:
    reason = str(error) if isinstance(error, AmountError) else _("A day, mark or amount in it is not as MT940 has it.")
    return StatementUnreadable(
        _("Field :%(tag)s: cannot be read. %(reason)s") % {"tag": field.tag, "reason": reason}, line=field.line
    )


def _interim(line: int | None = None) -> StatementUnreadable:
    return StatementUnreadable(
        _("This is an interim report (MT942): its lines are not booked yet. Import the day's statement, MT940."),
        line=line,
    )


def _plain(day: date) -> date:
    """Of the package's own kind of date the plain one."""
    return date(day.year, day.month, day.day)


def _reference(text: str | None) -> str:
    found = (text or "").strip()
    return "" if found in _NO_REFERENCE else found


def _joined(*parts: str | None) -> str:
    return "\n".join(part.strip() for part in parts if part and part.strip())
