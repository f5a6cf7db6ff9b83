"""Refunds in RMB, in any number and order, with any end: together they pay back just what was paid."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest
from djmoney.money import Money
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing import refund_audit, refunds
from billing.models import Refund
from billing.refunds.worth import Left, reckon
from tests import races
from tests.billing.refunding import BANK, Counter, start_refund, usd

CENT = Decimal("0.01")

steps = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(1, 10**6)),
        st.tuples(st.just("end"), st.integers(0, 50)),
    ),
    max_size=60,
)
"""Ask for a part, by its share of the order; or end one of those that stand, as declined, failed or come back."""


@dataclass
class Books:
    """An order's refunds as amounts alone, in cents."""

    paid: int
    rate: Decimal
    standing: list[tuple[int, int]] = field(default_factory=list)
    """What each took of the balance, and paid back."""

    @property
    def credited(self) -> int:
        return int((Decimal(self.paid) / self.rate).quantize(Decimal(1), rounding=ROUND_HALF_UP))

    @property
    def left(self) -> int:
        return self.credited - sum(taken for taken, _back in self.standing)

    def ask(self, amount: int) -> None:
        left = Left(
            paid=self.cny(self.paid),
            credited=self.usd(self.credited),
            rate=self.rate,
            amount=self.usd(self.left),
            worth=self.cny(self.paid - sum(back for _taken, back in self.standing)),
        )
        back = reckon(self.usd(amount), left=left).amount / CENT
        assert back == int(back)
        assert back > 0
        self.standing.append((amount, int(back)))
        assert sum(back for _taken, back in self.standing) <= self.paid

    def usd(self, cents: int) -> Money:
        return Money(cents * CENT, "USD")

    def cny(self, cents: int) -> Money:
        return Money(cents * CENT, "CNY")


@settings(max_examples=races.scaled(300, full=20_000), deadline=None)
@given(
    paid=st.integers(8, 10_000_000), rate=st.decimals("1.5", "12", places=4, allow_nan=False), steps=steps, by_cents=...
)
def test_whatever_is_asked_for_and_ends_all_that_stands_sums_to_what_was_paid(
    paid: int, rate: Decimal, steps: list[tuple[str, int]], *, by_cents: bool
) -> None:
    books = Books(paid=paid, rate=rate)
    if books.credited < 1:
        return
    for act, value in steps:
        if act == "end" and books.standing:
            books.standing.pop(value % len(books.standing))
        elif act == "ask" and books.left:
            share = 1 if by_cents else books.credited * value // 10**6
            books.ask(min(max(share, 1), books.left))
    for _ in range(min(books.left - 1, 20)):
        books.ask(1)
    if books.left:
        books.ask(books.left)
    assert sum(back for _taken, back in books.standing) == paid


@pytest.mark.parametrize("kept", [7, 8])
def test_keeping_only_what_was_rounded_one_way_leaves_the_last_part_its_worth(kept: int) -> None:
    """As 7.50 for a dollar makes a cent 7 or 8 fen: of many, those of one kind are declined again and again."""
    books = Books(paid=750, rate=Decimal("7.5"))
    for _ in range(20):
        while books.left > 2 and (not books.standing or books.standing[-1][1] != kept):
            books.ask(1)
        books.standing = [part for part in books.standing if part[1] == kept]
        if books.left > 2:
            books.ask(1)
    books.standing = [part for part in books.standing if part[1] == kept]
    assert len(books.standing) > 17
    books.ask(books.left - 1)
    books.ask(1)
    assert 7 <= books.standing[-1][1] <= 8
    assert sum(back for _taken, back in books.standing) == 750


@pytest.mark.parametrize(("amount", "back"), [("500", "3600.00"), ("0.01", "0.07"), ("999.99", "7199.93")])
def test_a_part_alone_is_worth_what_the_rate_says(amount: str, back: str) -> None:
    paid, credited = Money("7200", "CNY"), usd(1000)
    left = Left(paid=paid, credited=credited, rate=Decimal("7.2"), amount=credited, worth=paid)
    assert reckon(usd(amount), left=left) == Money(back, "CNY")


@settings(
    max_examples=races.scaled(4, full=500), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(paid=st.integers(8, 400), rate=st.decimals("6.5", "7.9", places=4), steps=steps)
@pytest.mark.django_db
def test_no_part_is_refused_by_the_database(
    paid: int, rate: Decimal, steps: list[tuple[str, int]], now: datetime
) -> None:
    """The hardest ground: orders of a few cents, refunded cent by cent, most of which come to nothing."""
    counter = Counter(now)
    order = counter.in_rmb(str(paid * CENT), rate=str(rate))
    for act, value in steps[:25]:
        standing = list(Refund.objects.filter(order=order, state__in=Refund.COUNTING).order_by("id"))
        if act == "end" and standing:
            chosen = standing[value % len(standing)]
            refunds.decline(refund_id=chosen.pk, by=counter.frank, reason="no", now=now)
        elif act == "ask" and refunds.refundable(order).most.amount:
            start_refund(order, by=counter.fiona, now=now, amount=usd("0.01"))
            order.refresh_from_db()
    if refunds.refundable(order).most.amount:
        start_refund(order, by=counter.fiona, now=now)
    for refund in Refund.objects.filter(order=order, state=Refund.State.ASKED):
        refunds.approve(refund_id=refund.pk, by=counter.frank, now=now)
        refunds.succeed(refund_id=refund.pk, source=BANK, by="bank", now=now)
    assert sum(refund.back.amount for refund in order.refunds.counting()) == order.paid.amount
    assert list(refund_audit.check_sums("default", now + timedelta(days=1))) == []
