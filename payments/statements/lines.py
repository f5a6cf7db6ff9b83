"""What a bank statement says, in our words: statements, their lines, and why a file cannot be read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from djmoney.money import Money

from wallet.money import labelled


class StatementUnreadable(Exception):
    """Nothing of the file may be used. The message says what is wrong, in which line, and what to do."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        self.line = line
        self.message = message
        super().__init__(message if line is None else f"{_('Line %(line)d:') % {'line': line}} {message}")


class Direction(TextChoices):
    """Seen from the account: a credit is money in."""

    IN = "IN", gettext_lazy("In")
    OUT = "OUT", gettext_lazy("Out")


@dataclass(frozen=True, kw_only=True, slots=True)
class StatementLine:
    """One booked movement of money."""

    account: str
    """As written in the file; empty where it names none."""
    amount: Money
    """Always above zero."""
    direction: Direction
    is_reversal: bool
    """The bank takes back an earlier line; `direction` is that of this one."""
    booked_on: date
    value_on: date
    bank_reference: str
    payer_name: str
    """The other side, as far as the bank names it; whoever was paid when the money went out."""
    payer_account: str
    text: str
    """The whole remittance text. Line breaks may stand anywhere, also inside a reference."""
    line_number: int
    """Where in the file the line begins."""
    occurrence: int = 1
    """Its number among the file's lines of equal account, reference, amount, direction and day."""

    @property
    def text_without_blanks(self) -> str:
        """The text as references are looked for in it."""
        return "".join(self.text.split())

    @property
    def change(self) -> Decimal:
        """What the line does to the balance."""
        return self.amount.amount if self.direction is Direction.IN else -self.amount.amount


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """One statement of one account in one currency; balances are below zero when the account is overdrawn."""

    account: str
    currency: str
    opening: Money | None
    closing: Money | None
    first_day: date
    last_day: date
    lines: Sequence[StatementLine]


def with_balances(statement: Statement, *, opening: Money, closing: Money) -> Statement:
    """The statement with the balances somebody gives for it, which must add up with its lines."""
    completed = replace(statement, opening=opening, closing=closing)
    check_balances(completed)
    return completed


def check_balances(statement: Statement) -> None:
    """Refuse a statement whose opening balance and lines do not make its closing balance."""
    opening, closing = statement.opening, statement.closing
    if opening is None or closing is None:
        return
    if {opening.currency.code, closing.currency.code} != {statement.currency}:
        raise StatementUnreadable(_("The balances are not in %(currency)s.") % {"currency": statement.currency})
    reached = Money(opening.amount + sum(line.change for line in statement.lines), statement.currency)
    if reached != closing:
        raise StatementUnreadable(
            _(
                "The lines do not add up: the opening balance of %(opening)s and the lines make %(reached)s, but the"
                " closing balance is %(closing)s. The file is incomplete or was changed; export it again."
            )
            % {"opening": labelled(opening), "reached": labelled(reached), "closing": labelled(closing)}
        )
