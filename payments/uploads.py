"""A statement file as somebody gives it: read, of our account, in one piece, and with its balances."""

import codecs
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

from django.utils.translation import gettext as _
from djmoney.money import Money

from payments.continuity import ImportRefused
from payments.models import BankAccount
from payments.statements.columns import ColumnMapping, Profile, read_mapping
from payments.statements.lines import Statement, StatementUnreadable, with_balances
from payments.statements.reading import read

_SEPARATORS = re.compile(r"[^0-9A-Z*]")
_FEWEST_DIGITS = 4


class BalancesNeeded(ImportRefused):
    """The file names no balances, so whoever imports it has to."""


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file as somebody gives it; balances and columns only where the file does not say them itself."""

    account: BankAccount
    name: str
    raw: bytes
    opening: Money | None = None
    closing: Money | None = None
    mapping: ColumnMapping | None = None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()

    @property
    def format(self) -> str:
        if self.raw[:200].removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<"):
            return "CAMT.053"
        return "MT940" if b":60F:" in self.raw or b":60M:" in self.raw else "CSV"


def read_upload(upload: Upload, *, today: date) -> Statement:
    """The one statement a file holds of the account, with its balances.

    Raises `StatementUnreadable`, and `ImportRefused` when it is not of the account or the balances are still to be
    given.
    """
    account = upload.account
    statements = read(
        upload.raw,
        name=upload.name,
        profile=None if has_own_columns(account) else Profile(account.profile),
        mapping=upload.mapping or _saved_mapping(account),
        currency=account.currency,
        today=today,
    )
    for statement in statements:
        _check_ours(statement, account)
        _check_signs(statement)
    whole = _join(sorted(statements, key=lambda statement: (statement.first_day, statement.last_day)))
    if whole.opening is not None and whole.closing is not None:
        return whole
    if upload.opening is None or upload.closing is None:
        raise BalancesNeeded(_("The file names no balances. Give the opening and the closing balance."))
    return with_balances(whole, opening=upload.opening, closing=upload.closing)


def has_own_columns(account: BankAccount) -> bool:
    """Whether finance names the columns of its exports: those of a bank we know are never remembered."""
    return account.profile == Profile.GENERIC


def _saved_mapping(account: BankAccount) -> ColumnMapping | None:
    """The columns as somebody named them last."""
    return read_mapping(json.dumps(account.columns)) if account.columns and has_own_columns(account) else None


def _check_ours(statement: Statement, account: BankAccount) -> None:
    if statement.currency != account.currency:
        raise ImportRefused(
            _("The file is in %(currency)s, but the account %(account)s is in %(ours)s.")
            % {"currency": statement.currency, "account": account.code, "ours": account.currency}
        )
    if statement.account and not _is_number_of(account, statement.account):
        raise ImportRefused(
            _("The file is of account %(theirs)s, not of %(account)s.")
            % {"theirs": statement.account, "account": account}
        )


def _check_signs(statement: Statement) -> None:
    """PostgreSQL keeps every sign but one."""
    for line in statement.lines:
        if "\x00" in f"{line.bank_reference}{line.payer_name}{line.payer_account}{line.text}":
            raise StatementUnreadable(
                _("This line holds a sign that is no text (NUL). Export the file again."), line=line.line_number
            )


def _is_number_of(account: BankAccount, written: str) -> bool:
    """Banks write numbers with blanks, after their own code and a stroke, or with stars in the middle."""
    ours = _SEPARATORS.sub("", account.number.upper())
    for part in {written, written.rpartition("/")[2]}:
        theirs = _SEPARATORS.sub("", part.upper())
        pattern = "[0-9A-Z]+".join(map(re.escape, re.split(r"\*+", theirs)))
        if len(theirs.replace("*", "")) >= _FEWEST_DIGITS and re.fullmatch(pattern, ours):
            return True
    return False


def _join(statements: Sequence[Statement]) -> Statement:
    """Several statements of one file as one: each has to begin where the one before ends."""
    first, last = statements[0], statements[-1]
    if len(statements) == 1:
        return first
    for before, after in pairwise(statements):
        if before.closing != after.opening:
            raise ImportRefused(
                _("Within the file, the statement of %(after)s does not begin where that of %(before)s ends.")
                % {"after": after.first_day.isoformat(), "before": before.last_day.isoformat()}
            )
    return replace(
        first,
        closing=last.closing,
        last_day=max(statement.last_day for statement in statements),
        lines=[line for statement in statements for line in statement.lines],
    )
