"""The ledger's verb: `post`. The rules stand in the database (wallet/sql/post.sql); this module only speaks to it."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NoReturn
from uuid import UUID

from django.db import DatabaseError, connection
from djmoney.money import Money

from wallet import kill_points
from wallet.calendar import business_date
from wallet.ids import new_id
from wallet.models import Entry, Posting, Side

__all__ = [
    "Draft",
    "Left",
    "Line",
    "Posted",
    "Side",
    "credit",
    "debit",
    "post",
    "post_and_read",
    "reversal",
    "reverse",
    "seal_day",
]


class LedgerError(Exception):
    """The ledger refused, and nothing was written. Inside `atomic` PostgreSQL takes no further statement until the
    block that holds the call has been left, so a caller who wants to go on wraps the call in an `atomic` of its own.
    """

    def __init__(self, message: str, **facts: str | None) -> None:
        super().__init__(message)
        self.facts = facts


class InsufficientFunds(LedgerError):
    """A guarded account would fall below zero; `code` and `currency` say which."""

    @property
    def code(self) -> str:
        return self.facts["code"] or ""

    @property
    def currency(self) -> str:
        return self.facts["currency"] or ""


class KeyReused(LedgerError):
    """The key was posted before, with other content."""


class Unbalanced(LedgerError):
    """The lines of a draft do not sum to zero in one of their currencies, or there are none."""


class DaySealed(LedgerError):
    """The business day is sealed; a correction is a new posting on an open day."""


class UnknownCode(LedgerError):
    """The chart of accounts has no such code."""


class LineRefused(LedgerError):
    """A line's amount is not above zero, not finite, too large or finer than six decimals, or its currency no code."""


class AlreadyReversed(LedgerError):
    """The posting has been reversed before, under another key."""


class PostingNotFound(LedgerError):
    """The organisation has no such posting."""


class DayNotSealable(LedgerError):
    """The day is not over yet, here or in the database, or another day comes first: `facts["next"]`."""


class NotReadCommitted(LedgerError):
    """The transaction's isolation is not READ COMMITTED, so a lock taken in it would not show what came before."""


class DatedAhead(LedgerError):
    """The moment lies more than a day ahead of the database's clock."""


class NotOpposite(LedgerError):
    """The lines are not exactly those of the posting that the draft reverses, with the sides exchanged."""


@dataclass(frozen=True, slots=True)
class Line:
    """One side of a posting; the account is opened by the chart of accounts if the organisation has none yet."""

    code: str
    side: Side
    amount: Money


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A posting to be. `key` names the business fact: the same key with the same content posts once.

    Content is kind, order number, what it reverses and the lines; memo, by and time are not.
    """

    key: str
    kind: str
    lines: tuple[Line, ...]
    order_number: str = ""
    memo: str = ""
    by: str = ""
    reverses: UUID | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """What a draft became: the posting's id, and whether it was written now or stood there before."""

    id: UUID
    key: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Left:
    """As `Posted`, with what the posting left in the account asked about, when, and under which memo."""

    id: UUID
    key: str
    is_new: bool
    balance_after: Money
    posted_at: datetime
    memo: str


def debit(code: str, amount: Money) -> Line:
    return Line(code, Side.DEBIT, amount)


def credit(code: str, amount: Money) -> Line:
    return Line(code, Side.CREDIT, amount)


def post(*, organisation_id: UUID, drafts: Sequence[Draft], now: datetime) -> list[Posted]:
    """Writes all drafts or none, in one round trip; repeating it changes nothing and gives the first postings again.

    Opens no transaction of its own: alone it is one, inside `atomic` it is part of that one. Account rows are locked
    until that transaction ends, so call it last. Raises one of this module's errors.
    """
    payload = json.dumps([_draft(draft) for draft in drafts])
    kill_points.reach("before-posting")
    rows = _call(
        "SELECT * FROM public.ledger_post(%s, %s, %s, %s::jsonb)",
        [organisation_id, now, business_date(now), payload],
    )
    kill_points.reach("after-posting")
    return [Posted(*row) for row in rows]


def post_and_read(
    *, organisation_id: UUID, drafts: Sequence[Draft], code: str, currency: str, now: datetime
) -> list[Left]:
    """As `post`, and says what each posting left in the account `code`, still in one round trip.

    Of a repeated posting it gives what stood there the first time. Every draft must have a line on that account.
    """
    payload = json.dumps([_draft(draft) for draft in drafts])
    rows = _call(
        "SELECT done.posting_id, done.posting_key, done.is_new, told.balance_after, told.posted_at, told.memo"
        " FROM public.ledger_post(%s, %s, %s, %s::jsonb) AS done"
        " CROSS JOIN LATERAL public.ledger_read_posting(done.posting_id, %s) AS told",
        [organisation_id, now, business_date(now), payload, code],
    )
    return [
        Left(posting_id, key, is_new, Money(left, currency), at, memo)
        for posting_id, key, is_new, left, at, memo in rows
    ]


def reverse(*, organisation_id: UUID, posting_id: UUID, key: str, now: datetime, by: str, memo: str) -> Posted:
    """Posts the opposite of a posting, on today's business day, once; the same key again gives the same posting."""
    draft = reversal(organisation_id=organisation_id, posting_id=posting_id, key=key, by=by, memo=memo)
    return post(organisation_id=organisation_id, drafts=[draft], now=now)[0]


def reversal(*, organisation_id: UUID, posting_id: UUID, key: str, by: str, memo: str) -> Draft:
    """The opposite of a posting, to be posted, alone or with what stands in its place. Raises `PostingNotFound`."""
    posting = Posting.objects.filter(organisation_id=organisation_id, pk=posting_id).first()
    if posting is None:
        raise PostingNotFound("The organisation has no such posting.")
    entries = Entry.objects.filter(posting_id=posting_id).select_related("account").order_by("line")
    return Draft(
        key=key,
        kind="REVERSAL",
        lines=tuple(Line(entry.account.code, _opposite(entry.side), entry.amount) for entry in entries),
        order_number=posting.order_number,
        memo=memo,
        by=by,
        reverses=posting_id,
    )


def seal_day(*, day: date, now: datetime, by: str) -> bytes:
    """Closes a business day for good and gives its hash; sealing it again changes nothing and gives the same hash.

    Days are sealed one after the other; the first seal ever also closes every day before it.
    """
    return bytes(_call("SELECT public.ledger_seal_day(%s, %s, %s)", [day, now, by])[0][0])


def _opposite(side: str) -> Side:
    return Side.CREDIT if side == Side.DEBIT else Side.DEBIT


def _draft(draft: Draft) -> dict[str, Any]:
    return {
        "id": str(new_id()),
        "key": draft.key,
        "kind": draft.kind,
        "order_number": draft.order_number,
        "memo": draft.memo,
        "by": draft.by,
        "reverses": str(draft.reverses) if draft.reverses else None,
        "lines": [_line(line) for line in draft.lines],
    }


def _line(line: Line) -> dict[str, str]:
    return {
        "id": str(new_id()),
        "account": str(new_id()),  # the id of the account, should it have to be opened
        "code": line.code,
        "currency": line.amount.currency.code,
        "side": line.side,
        "amount": f"{line.amount.amount:f}",
    }


def _call(statement: str, arguments: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        try:
            cursor.execute(statement, arguments)
        except DatabaseError as error:
            _name(error)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _name(error: DatabaseError) -> NoReturn:
    """Raises the error that names the condition the database reported; any other passes as it is."""
    cause: Any = error.__cause__
    state = getattr(cause, "sqlstate", None)
    if state == "23505" and cause.diag.constraint_name == "posting_reversed_once":
        raise AlreadyReversed("The posting has been reversed before.") from error
    if state not in _CONDITIONS:
        raise error
    kind, message = _CONDITIONS[state]
    facts: dict[str, str | None] = json.loads(cause.diag.message_detail or "{}")
    raise kind(message % defaultdict(str, facts), **facts) from error


_CONDITIONS: Final[dict[str, tuple[type[LedgerError], str]]] = {
    "IP001": (InsufficientFunds, "%(code)s in %(currency)s would fall below zero."),
    "IP002": (KeyReused, "%(key)s was posted before, with other content."),
    "IP003": (Unbalanced, "%(key)s does not sum to zero in %(currency)s."),
    "IP004": (DaySealed, "The business day %(day)s is sealed."),
    "IP005": (UnknownCode, "The chart of accounts has no %(code)s."),
    "IP006": (LineRefused, "A line on %(code)s has an amount or a currency that cannot be posted."),
    "IP008": (DayNotSealable, "The day %(day)s cannot be sealed yet."),
    "IP009": (NotReadCommitted, "The ledger is written under READ COMMITTED only, not under %(isolation)s."),
    "IP010": (DatedAhead, "%(moment)s lies more than a day ahead of the database's clock."),
    "IP011": (NotOpposite, "%(key)s is not the opposite of the posting it reverses."),
}
