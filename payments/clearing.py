"""What is at Stripe or between Stripe and the bank: reads for finance's pages and for the daily close."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from djmoney.money import Money

from billing import workdays
from payments.models import SETTLEMENT_CURRENCY, BalanceTransaction, Payout
from wallet import chart
from wallet.calendar import BOOKS, business_date
from wallet.models import Account

ALARM_AFTER: Final = 5
"""Business days after which whatever is still open is an alarm."""


@dataclass(frozen=True, kw_only=True)
class OpenPayout:
    """A payout that is not at the bank yet, and since how many business days it should be."""

    payout: Payout
    age: int
    is_late: bool


@dataclass(frozen=True, kw_only=True)
class Clearing:
    """`stripe_clearing` over all organisations, and what it consists of as Stripe lists it."""

    ledger: Money
    on_the_way: Money
    """In payouts that are not at the bank yet."""
    at_stripe: Money
    """In no payout yet: what Stripe holds for us."""
    differences: Money
    """What Stripe lists and nothing here agrees with; part of the two before."""
    payouts: tuple[OpenPayout, ...]
    oldest_available_at: datetime | None
    """Since when the oldest money at Stripe might have been paid out."""

    @property
    def listed(self) -> Money:
        return self.on_the_way + self.at_stripe

    @property
    def unlisted(self) -> Money:
        """What the ledger has and Stripe's list has not, or below zero the reverse. What was paid since the list was
        read, and what the two call different, make it.
        """
        return self.ledger - self.listed


@dataclass(frozen=True, kw_only=True)
class TypeSum:
    """The transactions of one type."""

    type: str
    count: int
    amount: Money
    fee: Money
    net: Money


def clearing_open(now: datetime) -> Clearing:
    """What is in clearing now, by payout and by age."""
    ledger = Account.objects.filter(code=chart.STRIPE_CLEARING, currency=SETTLEMENT_CURRENCY)
    waiting = _list_unpaid()
    return Clearing(
        ledger=_usd(ledger.aggregate(total=Sum("balance"))["total"]),
        on_the_way=_usd(_list_open().aggregate(total=Sum("amount"))["total"]),
        at_stripe=_usd(waiting.aggregate(total=Sum("net"))["total"]),
        differences=_usd(list_differences().aggregate(total=Sum("net"))["total"]),
        payouts=tuple(_tell(payout, now=now) for payout in _list_open()),
        oldest_available_at=list_unpaid(now=now).aggregate(at=Min("available_at"))["at"],
    )


def list_late_payouts(now: datetime) -> QuerySet[Payout]:
    """Payouts that should have been at the bank five business days ago."""
    return Payout.objects.on_their_way().filter(arrival_on__lt=_find_limit(now))


def list_late_transactions(now: datetime) -> QuerySet[BalanceTransaction]:
    """Money that might have been paid out five business days ago, and is in no payout that can be itemised."""
    return list_unpaid(now=now).filter(available_at__lt=_start_of(_find_limit(now)))


def list_differences() -> QuerySet[BalanceTransaction]:
    """What Stripe lists and nothing here agrees with, the oldest first."""
    return BalanceTransaction.objects.differences()


def list_late_differences(now: datetime) -> QuerySet[BalanceTransaction]:
    """Differences that are older than five business days."""
    return list_differences().filter(stripe_created_at__lt=_start_of(_find_limit(now)))


def list_late_failures(now: datetime) -> QuerySet[Payout]:
    """Payouts that failed at the bank more than five business days ago, and that it has not taken back yet."""
    return list_unmatched_failures().filter(reversed_at__lt=_start_of(_find_limit(now)))


def list_unmatched_failures() -> QuerySet[Payout]:
    """Payouts that failed after they were at the bank; their money is in suspense until the bank takes it back."""
    return Payout.objects.filter(reversed_at__isnull=False, back_line=None).order_by("reversed_at")


def list_unpaid(*, now: datetime) -> QuerySet[BalanceTransaction]:
    """What may be paid out and is in no payout. One started by hand may have taken whatever was there before it."""
    by_hand = Payout.objects.filter(is_automatic=False).exclude(state__in=Payout.ENDED_IN_NOTHING)
    unpaid = _list_unpaid().exclude(type__in=BalanceTransaction.PAYOUT_TYPES)
    unpaid = unpaid.filter(available_at__lte=now, net__gt=0)
    taken_until = by_hand.aggregate(at=Max("stripe_created_at"))["at"]
    return unpaid.filter(available_at__gt=taken_until) if taken_until else unpaid


def sum_types(transactions: QuerySet[BalanceTransaction]) -> list[TypeSum]:
    """Sums by type, the largest count first; of those that are settled in USD."""
    rows = transactions.filter(amount_currency=SETTLEMENT_CURRENCY).order_by().values("type")
    sums = rows.annotate(count=Count("pk"), gross=Sum("amount"), fees=Sum("fee"), nets=Sum("net"))
    return [
        TypeSum(
            type=row["type"],
            count=row["count"],
            amount=_usd(row["gross"]),
            fee=_usd(row["fees"]),
            net=_usd(row["nets"]),
        )
        for row in sums.order_by("-count", "type")
    ]


def find_missing(payout: Payout) -> Money | None:
    """What an itemised payout is more than the transactions Stripe lists for it; None while it is not itemised."""
    if payout.itemised_at is None:
        return None
    listed = payout.transactions.besides_payouts().aggregate(total=Sum("net"))["total"]
    return payout.amount - Money(listed or 0, payout.amount.currency)


def _list_open() -> QuerySet[Payout]:
    return Payout.objects.on_their_way().filter(amount_currency=SETTLEMENT_CURRENCY)


def _list_unpaid() -> QuerySet[BalanceTransaction]:
    """What Stripe's balance consists of. A transaction of an open payout is not there any more; that of a failed one is
    again, and a payout by hand takes its sum out by its own transaction.
    """
    failed = Q(payout__state__in=Payout.ENDED_IN_NOTHING)
    unpaid = BalanceTransaction.objects.filter(Q(payout=None) | failed)
    return unpaid.filter(amount_currency=SETTLEMENT_CURRENCY)


def _tell(payout: Payout, *, now: datetime) -> OpenPayout:
    age = workdays.count(payout.arrival_on, business_date(now))
    return OpenPayout(payout=payout, age=age, is_late=age > ALARM_AFTER)


def _find_limit(now: datetime) -> date:
    """Whatever is of an earlier day is older than the alarm's business days."""
    return workdays.go_back(business_date(now), working_days=ALARM_AFTER)


def _start_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=BOOKS)


def _usd(amount: Decimal | None) -> Money:
    return Money(amount or 0, SETTLEMENT_CURRENCY)
