"""Dry runs: what a rule of auto-fill would have moved on the days behind us. An estimate, by whole days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import ROUND_CEILING
from uuid import UUID

from djmoney.money import Money

from billing import moves
from billing.auto_fill_terms import Terms, smallest_move
from products import balances, usage
from products.models import Product
from wallet.calendar import BOOKS, business_date


@dataclass(frozen=True, kw_only=True)
class TrialDay:
    """A day on which the rule would have moved something, or should have and was not allowed to."""

    day: date
    spent: Money
    moved: Money
    move_count: int
    is_capped: bool


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What the rule would have done in all; `days` are those on which it would have been wanted."""

    first_day: date
    days: tuple[TrialDay, ...]
    spent: Money
    moved: Money

    @property
    def move_count(self) -> int:
        return sum(day.move_count for day in self.days)

    @property
    def capped_count(self) -> int:
        """Days on which the daily cap would have been too small."""
        return sum(day.is_capped for day in self.days)


def try_out(terms: Terms, *, organisation_id: UUID, product: Product, today: date) -> Trial:
    """Top-ups that were really made count as they were, except what auto-fill itself moved then.

    Whether the wallet held enough on each day is not looked at.
    """
    holds = balances.read(organisation_id=organisation_id, product=product).total
    days = usage.read_days(organisation_id=organisation_id, product=product, holds=holds, today=today)
    own = _read_own(organisation_id, product, since=days[0].day)
    return run(terms, days, own=own, least=smallest_move(product))


def run(terms: Terms, days: Sequence[usage.Day], *, own: Mapping[date, Money], least: Money) -> Trial:
    """`own` is what auto-fill moved on each of the days, at least one; `least` is the smallest move possible."""
    nothing = Money(0, terms.threshold.currency)
    balance = days[0].closing + days[0].spent - days[0].credited
    tried = []
    for day in days:
        balance = balance + day.credited - own.get(day.day, nothing)
        result = _try_day(terms, day, opening=balance, least=least)
        tried.append(result)
        balance = max(balance - day.spent + result.moved, nothing)
    return Trial(
        first_day=days[0].day,
        days=tuple(day for day in tried if day.move_count or day.is_capped),
        spent=sum((day.spent for day in tried), start=nothing),
        moved=sum((day.moved for day in tried), start=nothing),
    )


def _try_day(terms: Terms, day: usage.Day, *, opening: Money, least: Money) -> TrialDay:
    """Money is used evenly over a day, so each dip ends just below the threshold; only the first may be deeper."""
    first, each = terms.wanted(opening), terms.smallest
    short = (terms.threshold - opening - first + day.spent).amount
    further = max(0, int((short / each.amount).to_integral_value(rounding=ROUND_CEILING)))
    wanted = first + each * further
    moved, count = wanted, further + bool(first)
    if wanted > terms.daily_cap:
        moved, count = _cut(terms.daily_cap, first=first, each=each, least=least)
    return TrialDay(day=day.day, spent=day.spent, moved=moved, move_count=count, is_capped=wanted > terms.daily_cap)


def _cut(cap: Money, *, first: Money, each: Money, least: Money) -> tuple[Money, int]:
    """What the cap lets through, in how many moves: whole ones, and what is left of it if that can be moved."""
    count = 0
    left = cap
    if first and first <= left:
        left, count = left - first, 1
    if count or not first:
        fitting = int(left.amount // each.amount)
        left, count = left - each * fitting, count + fitting
    return (cap, count + 1) if left >= least else (cap - left, count)


def _read_own(organisation_id: UUID, product: Product, *, since: date) -> Mapping[date, Money]:
    begins = datetime.combine(since, time.min, BOOKS)
    made = moves.standing().filter(organisation_id=organisation_id, auto_fill__product=product, paid_at__gte=begins)
    own: dict[date, Money] = {}
    for order in made.only("paid_at", "credited", "credited_currency"):
        if order.paid_at:
            day = business_date(order.paid_at)
            own[day] = own.get(day, product.money(0)) + order.credited
    return own
