"""ISO 20022 CAMT.053, versions 02 to 13: read as a stream, so that a large file needs little memory.

The amount of an entry is the truth; its details divide it only where their sum is the same.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.utils.translation import gettext as _
from djmoney.money import Money

from payments.statements.camt_elements import Node, read_nodes
from payments.statements.cells import DayUnreadable, read_balance, read_day
from payments.statements.lines import Direction, Statement, StatementLine, StatementUnreadable
from wallet.money import AmountError, parse_amount

_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T[0-9:.]{5,18})?(?:Z|[+-][0-9]{2}:[0-9]{2})?")
_TRAILING_ZEROS = re.compile(r"(?P<figure>[0-9]+(?:\.[0-9]*?)??)\.?0*")
_TEXTS: Final = (
    "/RmtInf/Ustrd",
    "/RmtInf/Strd/CdtrRefInf/Ref",
    "/RmtInf/Strd/AddtlRmtInf",
    "/Refs/EndToEndId",
    "/Refs/InstrId",
    "/AddtlTxInf",
    "/AddtlNtryInf",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """What becomes one line: an entry with all its details, or one of them."""

    details: Sequence[Node]
    amount: Money
    is_in: bool


def read_camt053(text: str) -> list[Statement]:
    """The statements of a file."""
    statements: list[Statement] = []
    booked: _Booked | None = None
    for node in read_nodes(text):
        if booked is None:
            booked = _Booked(node.parent or node)
        try:
            match node.name:
                case "Ntry":
                    booked.lines.extend(_lines(node, account=booked.account))
                case "Bal":
                    booked.take_balance(node)
                case "Stmt":
                    statements.append(booked.finish())
                    booked = None
        except (AmountError, DayUnreadable) as error:
            raise StatementUnreadable(str(error), line=node.line) from error
    return statements


class _Booked:
    """A statement while it is read."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._balances: dict[str, tuple[Money, date]] = {}
        self.lines: list[StatementLine] = []

    @property
    def account(self) -> str:
        """As written; the schema puts it above balances and entries."""
        return self._node.get("/Acct/Id/IBAN", "/Acct/Id/Othr/Id")

    def take_balance(self, node: Node) -> None:
        """Of several balances of a kind, as pages may have, the first opens and the last closes."""
        kind = node.get("/Tp/CdOrPrtry/Cd")
        if kind not in {"OPBD", "PRCD", "CLBD"}:
            return
        figure, currency = _figure(node.get("/Amt")), node.get("/Amt@Ccy")
        money = read_balance(figure if _is_credit(node) else f"-{figure}", currency)
        if kind == "CLBD" or kind not in self._balances:
            self._balances[kind] = (money, _day(node, "/Dt"))

    def finish(self) -> Statement:
        """The statement, when everything in it is in one currency."""
        opening = self._balances.get("OPBD") or self._balances.get("PRCD")
        closing = self._balances.get("CLBD")
        days = [line.booked_on for line in self.lines] or [day for _money, day in filter(None, [closing])]
        if (opening is None) != (closing is None) or not days:
            raise StatementUnreadable(
                _("The statement that begins here lacks its opening (OPBD, PRCD) or closing balance (CLBD)."),
                line=self._node.line,
            )
        return Statement(
            account=self.account,
            currency=self._currency(),
            opening=opening[0] if opening else None,
            closing=closing[0] if closing else None,
            first_day=min(days),
            last_day=max([*days, closing[1]] if closing else days),
            lines=self.lines,
        )

    def _currency(self) -> str:
        """The one currency of account, balances and lines."""
        named = [(self._node.get("/Acct/Ccy"), self._node.line)]
        named += [(money.currency.code, self._node.line) for money, _day in self._balances.values()]
        named += [(line.amount.currency.code, line.line_number) for line in self.lines]
        named = [(currency, line) for currency, line in named if currency]
        first = named[0][0]
        for currency, line in named:
            if currency != first:
                raise StatementUnreadable(
                    _("This is in %(other)s, but the account or what stands before is in %(currency)s.")
                    % {"other": currency, "currency": first},
                    line=line,
                )
        return first


def _lines(entry: Node, *, account: str) -> Iterator[StatementLine]:
    """The entry's lines: none unless booked, one for each detail where these make up the entry, else one."""
    status = entry.get("/Sts/Cd", "/Sts")
    if not status:
        raise StatementUnreadable(_("The entry does not say whether it is booked."), line=entry.line)
    if status != "BOOK":
        return
    amount = parse_amount(_figure(entry.get("/Amt")), entry.get("/Amt@Ccy"))
    parts = _parts(entry, amount)
    for part in parts or [_Part(details=entry.details, amount=amount, is_in=_is_credit(entry))]:
        yield _line(entry, part, account=account)


def _parts(entry: Node, amount: Money) -> list[_Part]:
    """The details with what each moves, where all say it in the entry's currency and together they are the entry."""
    if len(entry.details) < 2:
        return []
    total = amount.amount if _is_credit(entry) else -amount.amount
    parts = []
    for detail in entry.details:
        path = "/Amt" if "/Amt" in detail.texts else "/AmtDtls/TxAmt/Amt"
        if detail.get(f"{path}@Ccy") != amount.currency.code:
            return []
        try:
            money = parse_amount(_figure(detail.get(path)), amount.currency.code)
        except AmountError:
            return []
        is_in = _is_credit(detail if "/CdtDbtInd" in detail.texts else entry)
        parts.append(_Part(details=[detail], amount=money, is_in=is_in))
        total -= money.amount if is_in else -money.amount
    return [] if total else parts


def _line(entry: Node, part: _Part, *, account: str) -> StatementLine:
    is_reversal = entry.get("/RvslInd") in {"true", "1"}
    party = "Dbtr" if part.is_in != is_reversal else "Cdtr"
    only = part.details[0] if len(part.details) == 1 else Node(name="", line=entry.line)
    booked_on = _day(entry, "/BookgDt")
    return StatementLine(
        account=account,
        amount=part.amount,
        direction=Direction.IN if part.is_in else Direction.OUT,
        is_reversal=is_reversal,
        booked_on=booked_on,
        value_on=_day(entry, "/ValDt") if "/ValDt/Dt" in entry.texts or "/ValDt/DtTm" in entry.texts else booked_on,
        bank_reference=only.get("/Refs/AcctSvcrRef") or entry.get("/AcctSvcrRef", "/NtryRef"),
        payer_name=only.get(*_below(party, "{}/Nm", "{}/Pty/Nm", "Ultmt{}/Nm", "Ultmt{}/Pty/Nm")),
        payer_account=only.get(*_below(party, "{}Acct/Id/IBAN", "{}Acct/Id/Othr/Id")),
        text=_text([*part.details, entry]),
        line_number=only.line,
    )


def _text(nodes: Sequence[Node]) -> str:
    texts = (text for node in nodes for path in _TEXTS for text in node.texts.get(path, ()))
    return "\n".join(dict.fromkeys(text for text in texts if text != "NOTPROVIDED"))


def _below(party: str, *paths: str) -> Iterator[str]:
    return (f"/RltdPties/{path.format(party)}" for path in paths)


def _is_credit(node: Node) -> bool:
    mark = node.get("/CdtDbtInd")
    if mark not in {"CRDT", "DBIT"}:
        raise StatementUnreadable(_("Neither credit nor debit is said here (CdtDbtInd)."), line=node.line)
    return mark == "CRDT"


def _day(node: Node, path: str) -> date:
    """As the bank writes it, whatever the zone of the time behind it."""
    match = _DAY.fullmatch(node.get(f"{path}/Dt", f"{path}/DtTm"))
    if match is None:
        raise StatementUnreadable(_("A day is missing here or cannot be read."), line=node.line)
    return read_day(match[1])


def _figure(text: str) -> str:
    """XML writes 8.85 also as 8.85000; the zeros go, `parse_amount` judges the rest."""
    match = _TRAILING_ZEROS.fullmatch(text)
    return match["figure"] if match else text
