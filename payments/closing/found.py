"""A difference as it was found, and the days it was looked for in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from djmoney.money import Money

from payments.models import BankLine, Difference
from wallet.calendar import BOOKS, business_date

_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Found:
    """One difference. `key` is the same whenever it is found; a timing one may only last until the next day."""

    key: str
    kind: Difference.Kind
    amount: Money
    subject: str
    detail: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What `words` tells subject and detail from; nothing where they say the same in every language."""
    is_timing: bool = False
    order_id: UUID | None = None
    line_id: UUID | None = None
    measure: str = ""
    """The only sums that it makes differ, if the kind does not say which."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """The business days looked at: the day itself, and those before it of which something was open."""

    first: date
    day: date

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time.min, BOOKS)

    @property
    def end(self) -> datetime:
        return datetime.combine(self.day + _DAY, time.min, BOOKS)

    def is_today(self, moment: datetime) -> bool:
        return business_date(moment) == self.day


def of_line(line: BankLine, kind: Difference.Kind, *, day: date) -> Found:
    """What is left of a bank line, on the close of `day`: that of the day it was booked on may be behind."""
    return Found(
        key=f"line:{line.pk}:{kind}",
        kind=kind,
        amount=Money(Decimal(line.amount.amount) - Decimal(line.allocated), line.amount.currency),
        subject=f"{line.account.code} {line.booked_on} {line.bank_reference}".strip(),
        facts={"direction": line.direction, "said": f"{line.payer_name} {line.text}".strip()},
        is_timing=line.booked_on == day,
        line_id=line.pk,
    )
