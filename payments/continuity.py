"""Whether a statement fits to those of its account imported before: by the balances, no day is missing between them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Self

from django.db.models import DecimalField, Max, Min, Q, QuerySet, Sum
from django.utils.translation import gettext as _
from djmoney.money import Money

from payments.models import BankAccount, BankLine, StatementFile
from payments.statements.lines import Statement, StatementLine
from wallet.money import labelled

_DAY = timedelta(days=1)


class ImportRefused(Exception):
    """Nothing of the file was imported; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Key:
    """What a line is known by in its account, in whatever file it comes."""

    bank_reference: str
    amount: Decimal
    direction: str
    booked_on: date
    occurrence: int

    @classmethod
    def of(cls, line: StatementLine, *, bank_reference: str) -> Self:
        return cls(bank_reference, line.amount.amount, line.direction.value, line.booked_on, line.occurrence)


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """The statements imported so far: one after the other, without a gap."""

    first_day: date
    last_day: date
    opening: Decimal
    closing: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A statement beside what is known of its days."""

    statement: Statement
    keys: Sequence[Key]
    known: Collection[Key]

    @property
    def opening(self) -> Decimal:
        return self.statement.opening.amount if self.statement.opening else Decimal(0)

    def sum_new(self, *, before: date = date.max) -> Decimal:
        """What the lines that nobody has imported yet change."""
        return sum(
            (
                line.change
                for line, key in zip(self.statement.lines, self.keys, strict=True)
                if key not in self.known and line.booked_on < before
            ),
            start=Decimal(0),
        )

    def find_new_days(self) -> set[date]:
        """The days of lines that nobody has imported yet."""
        return {key.booked_on for key in self.keys if key not in self.known}

    def sum_known(self) -> Decimal:
        return sum(
            (line.change for line, key in zip(self.statement.lines, self.keys, strict=True) if key in self.known),
            start=Decimal(0),
        )


def check(account: BankAccount, comparison: Comparison) -> None:
    """Raise `ImportRefused` unless the statement begins where another ends, or ends where another begins, or lies
    within what is known, and agrees with what is known of its days; the first one of an account begins the chain. Call
    it with the account locked.
    """
    chain = find_chain(account)
    if chain is None:
        return
    fits = (_follows, _lies_within, _precedes, _surrounds)
    if not any(fit(account, chain, comparison) for fit in fits):
        raise ImportRefused(_explain(account, chain, comparison))
    if covered := _find_covered(account, comparison):
        raise ImportRefused(_contradict(covered))
    _check_omitted(account, chain, comparison)


def find_chain(account: BankAccount) -> Chain | None:
    """None before the first import."""
    days = StatementFile.objects.filter(account=account).aggregate(first=Min("first_day"), last=Max("last_day"))
    if days["first"] is None:
        return None
    first = StatementFile.objects.filter(account=account, first_day=days["first"]).order_by("imported_at", "id")[0]
    return Chain(
        first_day=days["first"],
        last_day=days["last"],
        opening=first.opening,
        closing=first.opening + _sum(_lines(account)),
    )


def _follows(_account: BankAccount, chain: Chain, comparison: Comparison) -> bool:
    statement = comparison.statement
    if statement.first_day < chain.first_day or statement.last_day < chain.last_day:
        return False
    return comparison.opening + comparison.sum_known() == chain.closing


def _lies_within(account: BankAccount, chain: Chain, comparison: Comparison) -> bool:
    """An older export, or one of days in which the balance did not change and which nobody had exported."""
    statement = comparison.statement
    if statement.first_day < chain.first_day or statement.last_day > chain.last_day or comparison.sum_new() != 0:
        return False
    earlier = _sum(_lines(account).filter(booked_on__lt=statement.first_day))
    same_day = _lines(account).filter(booked_on=statement.first_day)
    quoted = {key for key in comparison.keys if key.booked_on == statement.first_day}
    start = chain.opening + earlier
    return comparison.opening in {start, start + _change(read_keys(same_day) - quoted)}


def _precedes(_account: BankAccount, chain: Chain, comparison: Comparison) -> bool:
    statement = comparison.statement
    if statement.first_day >= chain.first_day or statement.last_day > chain.last_day:
        return False
    return comparison.opening + comparison.sum_new() == chain.opening


def _surrounds(_account: BankAccount, chain: Chain, comparison: Comparison) -> bool:
    statement = comparison.statement
    if statement.first_day >= chain.first_day or statement.last_day < chain.last_day:
        return False
    earlier = comparison.sum_new(before=chain.first_day)
    reached = comparison.opening + earlier + comparison.sum_known()
    return comparison.opening + earlier == chain.opening and reached == chain.closing


def _find_covered(account: BankAccount, comparison: Comparison) -> date | None:
    """The first day for which the statement has new lines, though another has the days before and after it too, and so
    all its lines: the balances cannot tell when new ones sum to nothing.
    """
    new = comparison.find_new_days()
    if not new:
        return None
    spans = list(
        StatementFile.objects.filter(account=account, first_day__lt=max(new), last_day__gt=min(new)).values_list(
            "first_day", "last_day"
        )
    )
    return min((day for day in new if any(first < day < last for first, last in spans)), default=None)


def _check_omitted(account: BankAccount, chain: Chain, comparison: Comparison) -> None:
    """Raise `ImportRefused` when the statement lacks lines that an earlier one has of its days, and the balances do not
    show that it begins after them, or ends before.
    """
    statement, new = comparison.statement, comparison.find_new_days()
    theirs = _lines(account).filter(booked_on__range=(statement.first_day, statement.last_day))
    omitted: dict[date, set[Key]] = defaultdict(set)
    for key in read_keys(theirs) - set(comparison.keys):
        omitted[key.booked_on].add(key)
    start = chain.opening + _sum(_lines(account).filter(booked_on__lt=statement.first_day))
    for day in sorted(omitted):
        gap = _change(omitted[day])
        is_told_apart = day not in new or gap != 0
        if day == statement.first_day and comparison.opening == start + gap and is_told_apart:
            continue  # it begins after them
        if day == statement.last_day and (day not in new or (day == chain.first_day and gap != 0)):
            continue  # it ends before them
        raise ImportRefused(_contradict(day) if day in new else _lacking(account, omitted[day]))


def _contradict(day: date) -> str:
    return _(
        "The lines of %(day)s are not those that an earlier statement has of that day. They may be the same money under"
        " other numbers: export in the format used before, and that day whole."
    ) % {"day": day.isoformat()}


def _explain(account: BankAccount, chain: Chain, comparison: Comparison) -> str:
    statement = comparison.statement
    if statement.first_day > chain.last_day + _DAY:
        return _missing(chain.last_day + _DAY, statement.first_day - _DAY)
    if statement.last_day < chain.first_day - _DAY:
        return _missing(statement.last_day + _DAY, chain.first_day - _DAY)
    inner = _lines(account).filter(booked_on__gt=statement.first_day, booked_on__lt=statement.last_day)
    absent = read_keys(inner) - set(comparison.keys)
    if absent:
        return _lacking(account, absent)
    return _(
        "The balances do not fit to the statements imported before: those of %(first)s to %(last)s end with"
        " %(closing)s, this one of %(from)s to %(to)s begins with %(opening)s. Lines of the days where they meet are"
        " missing; export those days whole."
    ) % {
        "first": chain.first_day.isoformat(),
        "last": chain.last_day.isoformat(),
        "closing": labelled(Money(chain.closing, account.currency)),
        "from": statement.first_day.isoformat(),
        "to": statement.last_day.isoformat(),
        "opening": labelled(Money(comparison.opening, account.currency)),
    }


def _lacking(account: BankAccount, absent: Collection[Key]) -> str:
    key = min(absent, key=lambda key: (key.booked_on, key.bank_reference))
    return _(
        "The file has not the line of %(day)s over %(amount)s with the bank's number “%(number)s”, which an earlier"
        " statement has. It is incomplete or was changed; export it again."
    ) % {
        "day": key.booked_on.isoformat(),
        "amount": labelled(Money(key.amount, account.currency)),
        "number": key.bank_reference,
    }


def _missing(first: date, last: date) -> str:
    if first == last:
        return _(
            "The statement of %(day)s is missing: this one does not begin where the others end. Import that day first."
        ) % {"day": first.isoformat()}
    return _(
        "The statements of %(first)s to %(last)s are missing: this one does not begin where the others end. Import"
        " those days first."
    ) % {"first": first.isoformat(), "last": last.isoformat()}


def read_keys(lines: QuerySet[BankLine]) -> set[Key]:
    fields = ("bank_reference", "amount", "direction", "booked_on", "occurrence")
    return {Key(*row) for row in lines.values_list(*fields)}


def _change(keys: Iterable[Key]) -> Decimal:
    """What these lines do to the balance."""
    return sum(
        (key.amount if key.direction == BankLine.Direction.IN else -key.amount for key in keys), start=Decimal(0)
    )


def _lines(account: BankAccount) -> QuerySet[BankLine]:
    return BankLine.objects.filter(account=account, file__isnull=False)


def _sum(lines: QuerySet[BankLine]) -> Decimal:
    totals = lines.aggregate(
        came=Sum("amount", filter=Q(direction=BankLine.Direction.IN), output_field=DecimalField()),
        went=Sum("amount", filter=Q(direction=BankLine.Direction.OUT), output_field=DecimalField()),
    )
    return (totals["came"] or Decimal(0)) - (totals["went"] or Decimal(0))
