"""A list of orders added up: how many, what they are about, paid, moved and credited; by state and currency."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.db.models import Count, DecimalField, Q, QuerySet, Sum
from django.db.models.functions import Cast
from djmoney.money import Money

from billing.models import Method, Order, State

_PLAIN = DecimalField(max_digits=38, decimal_places=6)
_CAME = Q(paid_at__isnull=False)
_MOVED = _CAME & Q(method=Method.BALANCE)


@dataclass(frozen=True, kw_only=True)
class Total:
    """Orders of one state, paid in one currency and credited in one; of all states where `state` is empty."""

    state: str
    orders: int
    amount: Money
    """What they are about, paid or not."""
    paid: Money
    """From outside. What was moved out of the wallet was paid when it came into it, and is not counted again."""
    moved: Money
    credited: Money
    share: Decimal = Decimal(0)
    """Of all the orders of the list, in hundredths."""
    before: Decimal = Decimal(0)
    """The shares that stand before it."""


@dataclass(frozen=True, kw_only=True)
class Totals:
    """`rows` in the order of states, `sums` one for each pair of currencies."""

    orders: int
    rows: Sequence[Total]
    sums: Sequence[Total]

    @property
    def has_moves(self) -> bool:
        return any(row.moved for row in self.sums)


def add_up(orders: QuerySet[Order]) -> Totals:
    """Reads every order of the list once, from an index alone where the database can: a page shows it by itself only
    where the list is short, else it is asked for afterwards.
    """
    groups = orders.order_by().values("state", "paid_currency", "credited_currency")
    found = groups.annotate(
        orders=Count("pk"),
        amount_sum=Sum(Cast("paid", _PLAIN)),
        paid_sum=Sum(Cast("paid", _PLAIN), filter=_CAME & ~Q(method=Method.BALANCE)),
        moved_sum=Sum(Cast("paid", _PLAIN), filter=_MOVED),
        credited_sum=Sum(Cast("credited", _PLAIN), filter=_CAME),
    )
    rows = sorted((_read(group) for group in found), key=_place)
    count = sum(row.orders for row in rows)
    return Totals(orders=count, rows=_with_shares(rows, count), sums=_sum_by_currencies(rows))


def _read(group: Mapping[str, Any]) -> Total:
    def money(field: str, currency: str) -> Money:
        return Money(group[field] or 0, group[currency])

    return Total(
        state=group["state"],
        orders=group["orders"],
        amount=money("amount_sum", "paid_currency"),
        paid=money("paid_sum", "paid_currency"),
        moved=money("moved_sum", "paid_currency"),
        credited=money("credited_sum", "credited_currency"),
    )


def _place(row: Total) -> tuple[int, str, str]:
    return State.values.index(row.state), row.paid.currency.code, row.credited.currency.code


def _with_shares(rows: Iterable[Total], count: int) -> list[Total]:
    placed, before = [], Decimal(0)
    for row in rows:
        share = Decimal(100 * row.orders) / count
        placed.append(replace(row, share=share, before=before))
        before += share
    return placed


def _sum_by_currencies(rows: Sequence[Total]) -> list[Total]:
    pairs = dict.fromkeys((row.paid.currency, row.credited.currency) for row in rows)
    return [
        Total(
            state="",
            orders=sum(row.orders for row in these),
            amount=sum((row.amount for row in these), Money(0, paid)),
            paid=sum((row.paid for row in these), Money(0, paid)),
            moved=sum((row.moved for row in these), Money(0, paid)),
            credited=sum((row.credited for row in these), Money(0, credited)),
        )
        for paid, credited in sorted(pairs, key=str)
        for these in [[row for row in rows if (row.paid.currency, row.credited.currency) == (paid, credited)]]
    ]
