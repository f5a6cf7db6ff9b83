"""Statements of a bank that tests write themselves: CSV with or without balances, MT940."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from djmoney.money import Money

from payments.models import BankAccount
from payments.uploads import Upload

DAY = date(2026, 7, 10)
"""The day most stories happen on, in the week before `now`."""

HEADS = "Date,Value date,Amount,Bank reference,Payer,Text"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a CSV; `amount` with its sign."""

    amount: str
    reference: str = ""
    text: str = ""
    payer: str = "Acme Messaging Ltd"
    day: date = DAY
    value_day: date | None = None

    def __str__(self) -> str:
        value = self.value_day or self.day
        return f'{self.day},{value},"{self.amount}",{self.reference},"{self.payer}","{self.text}"'


def csv(*rows: Row) -> bytes:
    return "\n".join([HEADS, *map(str, rows)]).encode()


def upload(
    account: BankAccount, *rows: Row, opening: str | int = 0, name: str = "july.csv", raw: bytes = b""
) -> Upload:
    """A CSV without balances, with the two that its importer gives."""
    start = Decimal(opening)
    end = start + sum((Decimal(row.amount.replace(",", "")) for row in rows), start=Decimal(0))
    return Upload(
        account=account,
        name=name,
        raw=raw or csv(*rows),
        opening=Money(start, account.currency),
        closing=Money(end, account.currency),
    )


def mt940(account: BankAccount, days: Sequence[Sequence[Row]], *, opening: str = "0", first: date = DAY) -> bytes:
    """One statement a day; all amounts are money in."""
    lines: list[str] = []
    reached = Decimal(opening)
    for number, rows in enumerate(days, start=1):
        day = f"{first + timedelta(days=number - 1):%y%m%d}"
        lines += [":20:STMT", f":25:{account.number.upper()}", f":28C:{number}/1"]
        lines.append(f":60F:C{day}{account.currency}{_figure(reached)}")
        for row in rows:
            reached += Decimal(row.amount)
            lines.append(f":61:{day}{day[2:]}C{_figure(Decimal(row.amount))}NTRFNONREF//{row.reference}")
            lines.append(f":86:{row.text}")
        lines += [f":62F:C{day}{account.currency}{_figure(reached)}", "-"]
    return "\r\n".join(lines).encode()


def _figure(amount: Decimal) -> str:
    return f"{amount:.2f}".replace(".", ",")
