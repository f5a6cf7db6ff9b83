"""CSV exports of corporate online banking, read by the heads of their columns."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Final

from django.utils.translation import gettext as _
from djmoney.money import Money

from payments.statements.cells import (
    Change,
    DayUnreadable,
    NumberSpoilt,
    is_nothing,
    read_balance,
    read_change,
    read_day,
    read_identifier,
)
from payments.statements.columns import ColumnMapping, Columns, Profile, find_columns, missing_columns
from payments.statements.lines import Direction, Statement, StatementLine, StatementUnreadable
from payments.statements.texts import physical_lines
from wallet.money import AmountError

_HEAD_WITHIN: Final = 30
_SEPARATORS: Final = (",", "\t", "|", ";")
_TOTALS = re.compile(r"(?:合计|总计|小计|累计|总收入|总支出|总笔数|[^0-9]{0,6}合计|totals?\b)", re.IGNORECASE)
_SAYS: Final = r"(?:[\[(（][^\])）\n]{0,40}[\])）])?\"?[:：,]\[?\"?"
_ACCOUNT = re.compile(
    rf"(?:账号|帐号|卡号|account(?:number|no\.?)?){_SAYS}(?P<found>[A-Z]{{2}}[0-9]{{2}}[0-9A-Z]{{10,30}}|[0-9*-]{{6,40}})",
    re.IGNORECASE,
)
_CURRENCY = re.compile(rf"(?:币种|货币|currency){_SAYS}(?P<found>[A-Za-z]{{3}}|[\u4e00-\u9fff]{{2,3}})", re.IGNORECASE)
_CURRENCIES: Final = {"人民币": "CNY", "RMB": "CNY", "美元": "USD", "美金": "USD", "港币": "HKD", "欧元": "EUR"}
_IN: Final = frozenset({"贷", "贷方", "收入", "来账", "C", "CR", "CRDT", "CREDIT", "IN"})
_OUT: Final = frozenset({"借", "借方", "支出", "往账", "D", "DR", "DBIT", "DEBIT", "OUT"})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Table:
    """A file whose head row was found; what stood above it is searched for account and currency."""

    columns: Columns
    separator: str
    head: Sequence[str]
    head_line: int
    above: str


@dataclass(kw_only=True, slots=True)
class _Account:
    """The lines of one account, with the balance behind each that the file gives."""

    lines: list[StatementLine] = field(default_factory=list)
    balances: list[Decimal | None] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Movement:
    """What a row does to the balance. A minus in a column that needs none is a correction in red: a reversal."""

    change: Change
    is_in: bool
    is_reversal: bool


def read_csv(text: str, *, profile: Profile | None, mapping: ColumnMapping | None, currency: str) -> list[Statement]:
    """One statement for each account the file names. `currency` is that of files which name none."""
    table = _find_table(text, profile=profile, mapping=mapping)
    account = found["found"] if (found := _ACCOUNT.search(table.above)) else ""
    currency = _currency(found["found"]) if (found := _CURRENCY.search(table.above)) else currency
    accounts: dict[str, _Account] = {}
    for number, cells in _rows(text, table):
        line = _read_line(cells, table.columns, line=number, account=account, currency=currency)
        of_account = accounts.setdefault(line.account, _Account())
        of_account.lines.append(line)
        of_account.balances.append(_read_balance(cells, table.columns, line=line))
    if not accounts:
        raise StatementUnreadable(_("Below the heads of the columns stands no line."), line=table.head_line)
    return [_statement(of_account) for of_account in accounts.values()]


def _find_table(text: str, *, profile: Profile | None, mapping: ColumnMapping | None) -> _Table:
    profiles = [profile] if profile else [Profile.GENERIC] if mapping else list(Profile)
    for separator in _SEPARATORS:
        top: list[list[str]] = []
        for number, cells in _top_rows(text, separator):
            for candidate in profiles:
                columns = find_columns(cells, profile=candidate, mapping=mapping)
                if columns is None:
                    continue
                if mapping and (missing := missing_columns(columns, mapping)):
                    raise StatementUnreadable(
                        _("The file has no column (or more than one) called %(names)s.")
                        % {"names": ", ".join(missing)},
                        line=number,
                    )
                above = "\n".join(",".join(row) for row in top)
                return _Table(
                    columns=columns,
                    separator=separator,
                    head=cells,
                    head_line=number,
                    above="".join(above.split(" ")),
                )
            top.append(cells)
    raise StatementUnreadable(
        _(
            "In the first %(number)d lines stand no heads of columns that we know. Choose the bank it comes from, or"
            " name the columns."
        )
        % {"number": _HEAD_WITHIN}
    )


def _top_rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Line by line, for what stands above the table need not be well-formed."""
    for number, line in enumerate(islice(physical_lines(text), _HEAD_WITHIN), start=1):
        try:
            cells = next(csv.reader([line], delimiter=separator), [])
        except csv.Error:
            continue
        yield number, [cell.strip() for cell in cells]


def _rows(text: str, table: _Table) -> Iterator[tuple[int, list[str]]]:
    """The rows below the head with the line each begins in: no blank ones, no totals, no remarks, no repeated heads."""
    lines = islice(physical_lines(text), table.head_line, None)
    reader = csv.reader(lines, delimiter=table.separator, strict=True)
    while True:
        line = table.head_line + reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise StatementUnreadable(
                _("The quotation marks or cells of this row are broken; is the file complete?"), line=line
            ) from error
        if cells is None:
            return
        cells = [cell.strip(" \t") for cell in cells]
        if not _is_no_line(cells, table):
            _check_width(cells, table.columns, line=line)
            yield line, cells


def _is_no_line(cells: list[str], table: _Table) -> bool:
    first = next((cell for cell in cells if cell), "")
    if not first or cells == table.head:
        return True
    try:
        day = table.columns.cell(cells, "booked_on")
    except IndexError:
        day = ""
    return day in {"", first} and (first.startswith("#") or _TOTALS.match(first) is not None)


def _check_width(cells: list[str], columns: Columns, *, line: int) -> None:
    if len(cells) < columns.width or any(cells[columns.width :]):
        raise StatementUnreadable(
            _("This row has %(cells)d cells below %(heads)d heads; was the file cut off or edited?")
            % {"cells": len(cells), "heads": columns.width},
            line=line,
        )


def _read_line(cells: list[str], columns: Columns, *, line: int, account: str, currency: str) -> StatementLine:
    try:
        currency = _currency(columns.cell(cells, "currency")) or currency
        if not currency:
            raise StatementUnreadable(_("The file names no currency; say which the account has."), line=line)
        movement = _movement(cells, columns, currency)
        booked_on = read_day(columns.cell(cells, "booked_on"), columns.day_order)
        value_on = columns.cell(cells, "value_on")
        other = "payer" if movement.is_in or not columns.has("payee_name") else "payee"
        return StatementLine(
            account=read_identifier(columns.cell(cells, "account")) or account,
            amount=movement.change.amount,
            direction=Direction.IN if movement.is_in else Direction.OUT,
            is_reversal=movement.is_reversal,
            booked_on=booked_on,
            value_on=read_day(value_on, columns.day_order) if value_on else booked_on,
            bank_reference=read_identifier(columns.cell(cells, "bank_reference")),
            payer_name=columns.cell(cells, f"{other}_name"),
            payer_account=read_identifier(columns.cell(cells, f"{other}_account")),
            text="\n".join(columns.cells(cells, "text")),
            line_number=line,
        )
    except (AmountError, DayUnreadable, NumberSpoilt) as error:
        raise StatementUnreadable(str(error), line=line) from error


def _read_balance(cells: list[str], columns: Columns, *, line: StatementLine) -> Decimal | None:
    text = columns.cell(cells, "balance")
    try:
        return read_balance(text, line.amount.currency.code).amount if text else None
    except AmountError as error:
        raise StatementUnreadable(
            _("“%(text)s” is no balance. %(reason)s") % {"text": text[:40], "reason": error},
            line=line.line_number,
        ) from error


def _movement(cells: list[str], columns: Columns, currency: str) -> _Movement:
    if columns.has("amount"):
        change = read_change(columns.cell(cells, "amount"), currency)
        if not columns.has("direction"):
            return _Movement(change=change, is_in=not change.is_minus, is_reversal=False)
        is_credit = _is_credit(columns.cell(cells, "direction"))
        return _Movement(change=change, is_in=is_credit != change.is_minus, is_reversal=change.is_minus)
    credit, debit = columns.cell(cells, "credit"), columns.cell(cells, "debit")
    if not is_nothing(credit) and not is_nothing(debit):
        raise AmountError(_("Both credit and debit have an amount."))
    is_credit = not is_nothing(credit)
    change = read_change(credit if is_credit else debit, currency)
    return _Movement(change=change, is_in=is_credit != change.is_minus, is_reversal=change.is_minus)


def _is_credit(word: str) -> bool:
    word = word.upper()
    if word not in _IN | _OUT:
        raise AmountError(_("“%(word)s” says neither money in nor money out.") % {"word": word[:20]})
    return word in _IN


def _currency(word: str) -> str:
    return _CURRENCIES.get(word.upper(), word.upper())


def _statement(of_account: _Account) -> Statement:
    lines = of_account.lines
    currency = lines[0].amount.currency.code
    for line in lines:
        if line.amount.currency.code != currency:
            raise StatementUnreadable(
                _("This line is in %(other)s, those before it in %(currency)s.")
                % {"other": line.amount.currency.code, "currency": currency},
                line=line.line_number,
            )
    balances = [balance for balance in of_account.balances if balance is not None]
    chain = _chain(lines, balances) if len(balances) == len(lines) else None
    return Statement(
        account=lines[0].account,
        currency=currency,
        opening=None if chain is None else Money(balances[chain[0]] - lines[chain[0]].change, currency),
        closing=None if chain is None else Money(balances[chain[-1]], currency),
        first_day=min(line.booked_on for line in lines),
        last_day=max(line.booked_on for line in lines),
        lines=lines,
    )


def _chain(lines: Sequence[StatementLine], balances: Sequence[Decimal]) -> Sequence[int]:
    """The places of the lines in the order in which the balances follow one another: oldest or newest first."""
    written = range(len(lines))
    breaks = []
    for order in (
        written,
        written[::-1],
        sorted(written, key=lambda place: lines[place].booked_on),
        sorted(written, key=lambda place: (lines[place].booked_on, -place)),
    ):
        broken = next(
            (step for step in range(1, len(order)) if not _follows(order[step - 1], order[step], lines, balances)), None
        )
        if broken is None:
            return order
        breaks.append((broken, lines[order[broken]].line_number))
    raise StatementUnreadable(
        _("The balance of this line does not follow from the line next to it; a line is missing or was changed."),
        line=max(breaks)[1],
    )


def _follows(earlier: int, later: int, lines: Sequence[StatementLine], balances: Sequence[Decimal]) -> bool:
    return balances[earlier] + lines[later].change == balances[later]
