"""Bank statements into the database: a file is imported whole or not at all, and coming twice it adds nothing."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils.translation import gettext as _
from djmoney.money import Money

from payments import continuity, expectations, matching, uploads
from payments.continuity import Comparison, ImportRefused, Key
from payments.expectations import Expectations
from payments.models import BankAccount, BankLine, StatementFile, Suggestion
from payments.statements.lines import Statement, StatementLine
from payments.uploads import Upload
from wallet import bank_numbers, kill_points
from wallet.calendar import business_date
from wallet.models import User
from wallet.money import labelled

_AT_ONCE: Final = 2000
"""Lines sorted and stored together."""

_ATTEMPTS: Final = 3
_SHOWN: Final = 20
_OUT_OF_THE_WAY: Final = 1_000_000
_MOST_REFERENCE: Final = 100
_OVERWRITTEN: Final = [
    *("file", "line_number", "bank_reference", "occurrence", "booked_on", "value_on", "payer_name", "payer_account"),
    *("text", "pile", "pile_reason", "pile_detail", "sorted_at"),
]


@dataclass(frozen=True, kw_only=True)
class Imported:
    """The statement, and whether it was imported now or stood there before."""

    file: StatementFile
    is_new: bool


@dataclass(frozen=True, kw_only=True)
class Sum:
    count: int
    total: Money


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What an import would do. `known` lines came with earlier files, `confirming` ones were typed by hand before."""

    statement: Statement
    imported: StatementFile | None
    known: int
    confirming: int
    piles: Mapping[BankLine.Pile, Sum]
    first: Sequence[BankLine]
    """The first new lines, sorted but not stored."""

    @property
    def new(self) -> int:
        return len(self.statement.lines) - self.known


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What of a statement is new: lines to store, and lines that confirm one typed by hand."""

    statement: Statement
    adding: Sequence[StatementLine]
    confirming: Sequence[tuple[BankLine, StatementLine]]


def import_statement(upload: Upload, *, by: User, now: datetime) -> Imported:
    """Store a statement with its lines, each sorted into its pile. The same file again gives the first import, a file
    that overlaps others adds what is new.

    Raises `StatementUnreadable` and `ImportRefused`: then nothing was stored. Its lines are not in the ledger yet:
    `holding.hold_due` posts them.
    """
    statement = uploads.read_upload(upload, today=business_date(now))
    if found := _find_import(upload, statement):
        return Imported(file=found, is_new=False)
    for attempt in range(_ATTEMPTS):
        try:
            return _store(upload, statement, by=by, now=now)
        except IntegrityError:  # somebody typed one of the lines by hand at this very moment
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def preview(upload: Upload, *, now: datetime) -> Preview:
    """What `import_statement` would do now, with the same refusals; nothing is stored."""
    statement = uploads.read_upload(upload, today=business_date(now))
    if imported := _find_import(upload, statement):
        return Preview(
            statement=statement, imported=imported, known=len(statement.lines), confirming=0, piles={}, first=()
        )
    plan = _plan(upload.account, statement)
    counts: Counter[BankLine.Pile] = Counter()
    totals: dict[BankLine.Pile, Decimal] = defaultdict(Decimal)
    first: list[BankLine] = []
    for lines, _suggested in _sorted(plan, upload.account, expectations.read(), now=now):
        for line in lines:
            counts[BankLine.Pile(line.pile)] += 1
            totals[BankLine.Pile(line.pile)] += line.amount.amount
        first += lines[: _SHOWN - len(first)]
    booked = [line for line, _read in plan.confirming]
    counts[BankLine.Pile.BOOKED] += len(booked)
    totals[BankLine.Pile.BOOKED] += sum((line.amount.amount for line in booked), start=Decimal(0))
    return Preview(
        statement=statement,
        imported=None,
        known=len(statement.lines) - len(plan.adding) - len(plan.confirming),
        confirming=len(plan.confirming),
        piles={pile: Sum(count=counts[pile], total=Money(totals[pile], statement.currency)) for pile in BankLine.Pile},
        first=first,
    )


def lock_account(account_id: UUID) -> BankAccount:
    """One import of an account at a time; orders that name the account do not wait for it."""
    return BankAccount.objects.select_for_update(no_key=True).get(pk=account_id)


def _find_import(upload: Upload, statement: Statement) -> StatementFile | None:
    """The import of this very file. Raises `ImportRefused` when other balances were given for it: equal lines may have
    come again, and the file cannot tell.
    """
    found = StatementFile.objects.filter(account=upload.account, sha256=upload.sha256).first()
    if found and (found.opening, found.closing) != _read_balances(statement):
        raise ImportRefused(
            _(
                "This file was imported before, with the balances %(opening)s and %(closing)s. If these are other lines"
                " that only look alike, export them together with the lines before them."
            )
            % {
                "opening": labelled(Money(found.opening, statement.currency)),
                "closing": labelled(Money(found.closing, statement.currency)),
            }
        )
    return found


def _read_balances(statement: Statement) -> tuple[Decimal, Decimal]:
    if statement.opening is None or statement.closing is None:
        raise ValueError("a statement is imported with its balances")
    return statement.opening.amount, statement.closing.amount


def _store(upload: Upload, statement: Statement, *, by: User, now: datetime) -> Imported:
    with transaction.atomic(durable=True):
        account = lock_account(upload.account.pk)
        if found := _find_import(upload, statement):
            return Imported(file=found, is_new=False)
        plan = _plan(account, statement)
        _make_way(account, plan)
        file = _make_file(upload, plan, by=by, now=now)
        expected = expectations.read()
        for lines, suggestions in _sorted(plan, account, expected, now=now, file=file):
            _copy(lines)
            Suggestion.objects.bulk_create(suggestions)
            kill_points.reach("between-statement-batches")
        _confirm(plan, file, expected, now=now)
        if upload.mapping and uploads.has_own_columns(account):
            BankAccount.objects.filter(pk=account.pk).update(columns=asdict(upload.mapping))
        return Imported(file=file, is_new=True)


def _plan(account: BankAccount, statement: Statement) -> _Plan:
    """What is new; raises `ImportRefused` when the statement does not fit to those before."""
    keys = [Key.of(line, bank_reference=shorten(line.bank_reference)) for line in statement.lines]
    known = _read_known(account, keys)
    continuity.check(account, Comparison(statement=statement, keys=keys, known=known))
    typed = _read_typed(account)
    adding: list[StatementLine] = []
    confirming: list[tuple[BankLine, StatementLine]] = []
    for line, key in zip(statement.lines, keys, strict=True):
        if key in known:
            continue
        number = bank_numbers.fold(line.bank_reference)
        is_money_in = line.direction.value == BankLine.Direction.IN and not line.is_reversal
        waiting = typed.get((line.amount.amount, number)) if is_money_in else None
        if number and waiting:
            confirming.append((waiting.pop(0), line))
        else:
            adding.append(line)
    return _Plan(statement=statement, adding=adding, confirming=confirming)


def _read_known(account: BankAccount, keys: Sequence[Key]) -> set[Key]:
    if not keys:
        return set()
    first, last = min(key.booked_on for key in keys), max(key.booked_on for key in keys)
    lines = BankLine.objects.filter(account=account, file__isnull=False, booked_on__range=(first, last))
    return continuity.read_keys(lines)


def _read_typed(account: BankAccount) -> dict[tuple[Decimal, str], list[BankLine]]:
    """Lines typed by hand that wait for their statement, by amount and number."""
    typed: dict[tuple[Decimal, str], list[BankLine]] = defaultdict(list)
    for line in BankLine.objects.incoming().filter(account=account, file=None, seen_again=None).order_by("id"):
        typed[line.amount.amount, line.folded_number].append(line)
    return typed


def _make_way(account: BankAccount, plan: _Plan) -> None:
    """A line typed by hand that was recognised in another one keeps its number, but not the place of the line that
    really has it: as an occurrence that no file counts up to.
    """
    typed = BankLine.objects.filter(account=account, file=None).exclude(
        pk__in=[line.pk for line, _read in plan.confirming]
    )
    wanted = {Key.of(line, bank_reference=shorten(line.bank_reference)) for line in plan.adding}
    for line in typed.filter(booked_on__range=(plan.statement.first_day, plan.statement.last_day)):
        key = Key(line.bank_reference, line.amount.amount, line.direction, line.booked_on, line.occurrence)
        if key in wanted:
            BankLine.objects.filter(pk=line.pk).update(occurrence=F("occurrence") + _OUT_OF_THE_WAY)


def _sorted(
    plan: _Plan, account: BankAccount, expected: Expectations, *, now: datetime, file: StatementFile | None = None
) -> Iterator[tuple[list[BankLine], list[Suggestion]]]:
    """The new lines as rows, each in its pile, with what is suggested for them; some at a time."""
    confirmed = {line.pk for line, _read in plan.confirming}
    expected.typed[:] = [line for line in expected.typed if line.pk not in confirmed]
    for start in range(0, len(plan.adding), _AT_ONCE):
        lines = [_make_line(line, account, file, now=now) for line in plan.adding[start : start + _AT_ONCE]]
        suggestions: list[Suggestion] = []
        for line, verdict in zip(lines, matching.judge(lines, expected), strict=True):
            suggestions += matching.put(line, verdict, now=now)
        yield lines, suggestions


def _copy(lines: Sequence[BankLine]) -> None:
    """As `bulk_create`, at a third of its time."""
    fields = [field for field in BankLine._meta.concrete_fields if not field.generated]  # noqa: SLF001  # public API
    names = ", ".join(str(field.column) for field in fields)
    statement = f"COPY payments_bankline ({names}) FROM STDIN"
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as rows:
        for line in lines:
            rows.write_row([_plain(getattr(line, field.attname)) for field in fields])


def _plain(value: object) -> object:
    """A field's value as the driver knows it."""
    if isinstance(value, Money):
        return value.amount
    return str(value) if isinstance(value, str) else value


def _confirm(plan: _Plan, file: StatementFile, expected: Expectations, *, now: datetime) -> None:
    """Let the statement's word stand in lines typed by hand: what was booked for them is booked once."""
    lines = [_overwrite(line, read, file) for line, read in plan.confirming]
    suggestions: list[Suggestion] = []
    for line, verdict in zip(lines, matching.judge(lines, expected), strict=True):
        suggestions += matching.put(line, verdict, now=now)
    BankLine.objects.bulk_update(lines, _OVERWRITTEN)
    Suggestion.objects.filter(line__in=[line.pk for line in lines]).delete()
    Suggestion.objects.bulk_create(suggestions)


def shorten(reference: str) -> str:
    """A bank's number as it is stored: one too long keeps its beginning, and what tells it from others."""
    if len(reference) <= _MOST_REFERENCE:
        return reference
    return reference[:60] + "~" + hashlib.sha256(reference.encode()).hexdigest()[: _MOST_REFERENCE - 61]


def _make_file(upload: Upload, plan: _Plan, *, by: User, now: datetime) -> StatementFile:
    statement = plan.statement
    opening, closing = _read_balances(statement)
    return StatementFile.objects.create(
        account=upload.account,
        name=upload.name[:200],
        sha256=upload.sha256,
        size=len(upload.raw),
        format=upload.format,
        first_day=statement.first_day,
        last_day=statement.last_day,
        opening=opening,
        closing=closing,
        lines_read=len(statement.lines),
        lines_added=len(plan.adding),
        imported_by=by,
        imported_at=now,
    )


def _make_line(read: StatementLine, account: BankAccount, file: StatementFile | None, *, now: datetime) -> BankLine:
    line = BankLine(
        account=account,
        direction=BankLine.Direction(read.direction.value),
        is_reversal=read.is_reversal,
        amount=read.amount,
        created_at=now,
    )
    return _overwrite(line, read, file)


def _overwrite(line: BankLine, read: StatementLine, file: StatementFile | None) -> BankLine:
    line.file, line.line_number = file, read.line_number
    line.bank_reference, line.occurrence = shorten(read.bank_reference), read.occurrence
    line.booked_on, line.value_on = read.booked_on, read.value_on
    line.payer_name, line.payer_account = read.payer_name[:200], read.payer_account[:60]
    line.text = read.text[:2000]
    return line
