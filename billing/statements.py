"""The statement of one balance over some days: opening, entries with the balance after each, closing.

Nothing is summed: opening and closing are the balances that the ledger kept after the entries at the edges, and the
edges are found by halving, as positions of the account go up with its days.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from djmoney.money import Money

from billing import search, targets
from billing.models import Method, Order
from products import access
from wallet import chart
from wallet.models import Account, Entry, Member, Side
from wallet.money import WALLET_CURRENCY

MOST_DAYS: Final = 366
"""So many days one statement covers at the most."""

PAGE_SIZE: Final = 50
_CHUNK: Final = 1000
_FAN: Final = 9
"""Into so many parts each look at the account's days cuts what is left."""
_AROUND_MIDNIGHT: Final = 64
"""So many entries at the most stand on the wrong side of midnight: those begun before it and booked after it."""

_USE: Final = ("CHARGE", "HOLD", "RELEASE", "CAPTURE")
_REFUND: Final = ("REFUND", "REFUND_HOLD", "REFUND_RELEASE", "REFUND_RETURN")
_DISPUTE: Final = ("DISPUTE", "DISPUTE_WON", "DISPUTE_FEE", "DEBT_PAYMENT")

NAMES: Final[dict[str, Promise]] = {
    "TOP_UP": _("Top-up"),
    "REVERSAL": _("Taken back"),
    "CHARGE": _("Use"),
    "CAPTURE": _("Use"),
    "HOLD": _("Set aside for a hold"),
    "RELEASE": _("Back from a hold"),
    "REFUND": _("Refund"),
    "REFUND_HOLD": _("Set aside for a refund"),
    "REFUND_RELEASE": _("Back from a refund that was not made"),
    "REFUND_RETURN": _("Refund that came back"),
    "DISPUTE": _("Taken back by the card's bank"),
    "DISPUTE_WON": _("Given back by the card's bank"),
    "DISPUTE_FEE": _("Fee of a dispute"),
    "DEBT_PAYMENT": _("Paid what was owed after a dispute"),
}
MOVE: Final = _("Move between balances")


class Kind(models.TextChoices):
    """What the entries may be narrowed to."""

    TOP_UPS = "top-ups", _("Top-ups")
    MOVES = "moves", _("Moves between balances")
    USE = "use", pgettext_lazy("of a balance", "Use")
    REFUNDS = "refunds", _("Refunds")
    DISPUTES = "disputes", _("Disputes")
    CORRECTIONS = "taken-back", _("Taken back")


@dataclass(frozen=True, kw_only=True)
class Balance:
    """One of the member's balances; `account` is None until the first entry."""

    code: str
    currency: str
    name: str
    account: Account | None

    @property
    def file_name(self) -> str:
        return self.code.replace(":", "-")


@dataclass(frozen=True, kw_only=True)
class DayEnd:
    """What a balance held at the end of a day."""

    day: date
    closing: Money


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A balance from the first day to the last, both included; its entries stand at the positions after `start`, up to
    `end`. `is_running`: the last day is not over, so more may come.
    """

    balance: Balance
    first: date
    last: date
    start: int
    end: int
    opening: Money
    closing: Money
    is_running: bool

    @property
    def entry_count(self) -> int:
        return self.end - self.start

    @property
    def change(self) -> Money:
        return self.closing - self.opening


@dataclass(frozen=True, kw_only=True)
class Line:
    """An entry in words. `kind` is its posting's, or MOVE; `order_number` is empty where the reader may not open that
    order.
    """

    entry: Entry
    kind: str
    what: str | Promise
    is_in: bool
    order_number: str
    memo: str


@dataclass(frozen=True, kw_only=True)
class LinePage:
    """Newest first; `older` leads on, or is 0."""

    lines: Sequence[Line]
    older: int


def list_balances(member: Member) -> list[Balance]:
    """The wallet, and the products the member may use that are offered or hold an account."""
    products = list(access.usable(member))
    codes = [chart.WALLET, *(product.code for product in products)]
    found = Account.objects.of(member.organisation_id).filter(code__in=codes)
    accounts = {(account.code, account.balance.currency.code): account for account in found}
    wallet = Balance(
        code=chart.WALLET,
        currency=WALLET_CURRENCY,
        name=targets.name(chart.WALLET),
        account=accounts.get((chart.WALLET, WALLET_CURRENCY)),
    )
    of_products = [
        Balance(
            code=product.code,
            currency=product.currency,
            name=product.title,
            account=accounts.get((product.code, product.currency)),
        )
        for product in products
        if product.is_active or (product.code, product.currency) in accounts
    ]
    return [wallet, *of_products]


def read(balance: Balance, *, first: date, last: date, today: date) -> Statement:
    """The statement of these days. It costs a few reads by index, however many entries there are."""
    account = balance.account
    after = last + timedelta(days=1)
    edges = _find_edges(account, [first, after]) if account else {first: 0, after: 0}
    start, end = edges[first], max(edges[first], edges[after])
    balances = _read_balances(balance, [start, end])
    return Statement(
        balance=balance,
        first=first,
        last=last,
        start=start,
        end=end,
        opening=balances[start],
        closing=balances[end],
        is_running=last >= today,
    )


def read_days(statement: Statement, *, today: date, most: int = 62) -> list[DayEnd]:
    """The balance at the end of each day; of a long statement at the end of every second day, or third. The last day is
    always among them.
    """
    last = min(statement.last, today)
    count = max((last - statement.first).days + 1, 1)
    step = -(-count // most)
    days = sorted(last - timedelta(days=number) for number in range(0, count, step))
    account = statement.balance.account
    nexts = [day + timedelta(days=1) for day in days]
    edges = _find_edges(account, nexts) if account else dict.fromkeys(nexts, 0)
    balances = _read_balances(statement.balance, list(edges.values()))
    return [DayEnd(day=day, closing=balances[edges[after]]) for day, after in zip(days, nexts, strict=True)]


def read_page(statement: Statement, *, member: Member, kind: str, before: int) -> LinePage:
    """The page of the entries before that position, else the first."""
    entries = _select(statement, kind=kind)
    if before:
        entries = entries.filter(position__lt=before)
    found = list(entries.order_by("-position")[: PAGE_SIZE + 1])
    shown = found[:PAGE_SIZE]
    return LinePage(lines=describe(shown, member=member), older=shown[-1].position if len(found) > PAGE_SIZE else 0)


def walk(statement: Statement, *, member: Member, kind: str = "") -> Iterator[Line]:
    """All entries, oldest first, a chunk at a time."""
    entries = _select(statement, kind=kind).order_by("position")
    rows = list(entries[:_CHUNK])
    while rows:
        yield from describe(rows, member=member)
        rows = list(entries.filter(position__gt=rows[-1].position)[:_CHUNK])


def describe(entries: Sequence[Entry], *, member: Member) -> list[Line]:
    """In words, with the orders and notes that the member may read."""
    numbers = {entry.posting.order_number for entry in entries} - {""}
    own = search.own([member]).filter(number__in=numbers).values_list("number", "method") if numbers else ()
    methods = dict(own)
    return [_put(entry, methods) for entry in entries]


def _put(entry: Entry, methods: Mapping[str, str]) -> Line:
    posting = entry.posting
    is_in = entry.side == Side.CREDIT
    is_move = posting.kind == "TOP_UP" and (not is_in or methods.get(posting.order_number) == Method.BALANCE)
    return Line(
        entry=entry,
        kind="MOVE" if is_move else posting.kind,
        what=MOVE if is_move else NAMES.get(posting.kind, posting.kind),
        is_in=is_in,
        order_number=posting.order_number if posting.order_number in methods else "",
        memo=posting.memo if posting.kind in _USE else "",
    )


def _select(statement: Statement, *, kind: str) -> QuerySet[Entry]:
    entries = Entry.objects.filter(
        account=statement.balance.account, position__gt=statement.start, position__lte=statement.end
    )
    if kind:
        entries = entries.filter(_of_kind(kind))
    return entries.select_related("posting")


def _of_kind(kind: str) -> Q:
    """What is no use belongs to an order: said so, the database finds it by the orders' index among much use."""
    if kind == Kind.USE:
        return Q(posting__kind__in=_USE)
    moved = Q(Exists(Order.objects.filter(number=OuterRef("posting__order_number"), method=Method.BALANCE)))
    of_order = ~Q(posting__order_number="")
    return (
        of_order
        & {
            Kind.TOP_UPS: Q(posting__kind="TOP_UP") & ~moved,
            Kind.MOVES: Q(posting__kind="TOP_UP") & moved,
            Kind.REFUNDS: Q(posting__kind__in=_REFUND),
            Kind.DISPUTES: Q(posting__kind__in=_DISPUTE),
            Kind.CORRECTIONS: Q(posting__kind="REVERSAL"),
        }[Kind(kind)]
    )


def _read_balances(balance: Balance, positions: Sequence[int]) -> dict[int, Money]:
    """What the balance held after the entries at these positions; nothing before the first."""
    found = Entry.objects.filter(account=balance.account, position__in=set(positions)) if balance.account else ()
    return {0: Money(0, balance.currency), **{entry.position: entry.balance_after for entry in found}}


def _find_edges(account: Account, days: Sequence[date]) -> dict[date, int]:
    """For each day the position of the last entry before it, or 0.

    Around midnight the account's own order counts: an entry is on one side of the edge, whatever else was booked
    between, so that opening, entries and closing agree and every entry stands in exactly one month.
    """
    low, high = dict.fromkeys(days, 0), dict.fromkeys(days, account.entry_count)
    while open_days := [day for day in days if low[day] < high[day]]:
        pivots = {day: _cut(low[day], high[day]) for day in open_days}
        dates = _read_dates(account, {position for found in pivots.values() for position in found})
        for day, found in pivots.items():
            high[day] = min((position - 1 for position in found if dates[position] >= day), default=high[day])
            low[day] = max((position for position in found if position <= high[day]), default=low[day])
    blurred = {day: range(low[day] + 1, min(low[day] + _AROUND_MIDNIGHT, account.entry_count) + 1) for day in days}
    dates = _read_dates(account, {position for found in blurred.values() for position in found})
    return {day: max((at for at in blurred[day] if dates[at] < day), default=low[day]) for day in days}


def _cut(low: int, high: int) -> list[int]:
    """Positions above `low` up to `high`, spread evenly; `high` is one of them once few are left."""
    step = max((high - low) // _FAN, 1)
    return list(range(low + step, high + 1, step))


def _read_dates(account: Account, positions: set[int]) -> dict[int, date]:
    found = Entry.objects.filter(account=account, position__in=positions)
    return dict(found.values_list("position", "posting__business_date"))
