"""Money beyond what was asked for, and money of orders that had ended or were sent back."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from billing import explanations, orders
from billing.models import Flag, Note, Order, State
from payments import desk, transfers
from payments.appraisals import FactsRefused
from payments.models import BankAccount, BankLine, Finding, Transfer
from tests import builders, people
from tests.payments import offline
from tests.payments.offline import cny, usd
from wallet.calendar import business_date
from wallet.models import HOUSE_ID, Organisation, User

COVERED = "The quoted rate applies, because the bank's value date is within its validity."
NOT_COVERED = "The rate of the bank's value date applies, because the order's quote covered only what it asked for."


@pytest.fixture
def acme(db: None, now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def fiona(db: None) -> User:
    return people.make_staff("fiona", "finance")


@pytest.fixture
def felix(db: None) -> User:
    return people.make_staff("felix", "finance")


@pytest.fixture
def dollars(db: None) -> BankAccount:
    return offline.make_account("USD")


@pytest.fixture
def yuan(db: None, now: datetime) -> BankAccount:
    offline.set_rate("7.2", at=now - timedelta(hours=2))
    return offline.make_account("CNY")


class Finance:
    """Lines that fiona imports; felix, who records and approves; and frank for what felix has judged."""

    def __init__(self, fiona: User, felix: User, now: datetime) -> None:
        self.fiona, self.felix, self.now = fiona, felix, now
        self.frank = people.make_staff("frank", "finance lead")

    def bring(self, transfer: Transfer, amount: str, *, value_on: date | None = None) -> BankLine:
        money = usd(amount) if transfer.account.currency == "USD" else cny(amount)
        return offline.bring_line(transfer.account, money, imported_by=self.fiona, now=self.now, value_on=value_on)

    def credit(self, transfer: Transfer, line: BankLine, **facts: Any) -> Order:
        finding = offline.record(transfer, offline.by_line(line, **facts), by=self.felix, now=self.now)
        by = self.frank if finding.evidence == Finding.Evidence.HAND else self.felix
        done = offline.approve(finding, by=by, now=self.now)
        assert done.credited_order
        return done.credited_order


@pytest.fixture
def finance(fiona: User, felix: User, now: datetime) -> Finance:
    return Finance(fiona, felix, now)


def note_of(order: Order) -> str:
    return order.events.latest("id").note


def explain(order: Order) -> str:
    return explanations.explain_rate(Order.objects.select_related("follows").get(pk=order.pk))


def test_what_is_beyond_the_order_is_converted_at_the_rate_of_its_value_date(
    acme: Organisation, yuan: BankAccount, finance: Finance, now: datetime
) -> None:
    transfer = offline.declared(acme, cny(7200), account=yuan, now=now)
    offline.set_rate("7", at=now)
    line = finance.bring(transfer, "14200")

    order = finance.credit(transfer, line, reason="He paid twice.")

    follower = order.followers.get()
    assert (order.paid, order.credited, order.rate) == (cny(7200), usd(1000), Decimal("7.2"))
    assert (follower.paid, follower.credited, follower.rate) == (cny(7000), usd(1000), Decimal(7))
    assert offline.entries_of(follower) == [
        ("debit", yuan.ledger_code, Decimal(7000), "CNY"),
        ("credit", "fx", Decimal(7000), "CNY"),
        ("debit", "fx", Decimal(1000), "USD"),
        ("credit", "wallet", Decimal(1000), "USD"),
    ]
    assert COVERED in explain(order)
    assert NOT_COVERED in explain(follower)


def test_without_a_rate_for_what_is_beyond_the_order_less_of_the_line_is_used(
    acme: Organisation, yuan: BankAccount, finance: Finance, felix: User, now: datetime
) -> None:
    transfer = offline.declared(acme, cny(7200), account=yuan, now=now)
    long_ago = now - timedelta(days=4)
    Order.objects.filter(pk=transfer.order_id).update(created_at=long_ago, rate_until=long_ago + timedelta(days=2))
    line = finance.bring(transfer, "8000", value_on=business_date(long_ago))
    transfer.order.refresh_from_db()

    with pytest.raises(FactsRefused, match=r"Use less of the bank line, CNY ¥7,200\.00"):
        finance.credit(transfer, line, reason="He paid more.")

    finding = offline.record(transfer, offline.by_line(line, cny(7200)), by=felix, now=now)
    offline.approve(finding, by=felix, now=now)
    assert offline.balance(acme, "wallet") == 1000
    line.refresh_from_db()
    assert (line.rest, line.held_by_id) == (cny(800), HOUSE_ID)


def test_what_comes_after_the_order_was_paid_gets_the_rate_of_its_day_by_the_rule(
    acme: Organisation, yuan: BankAccount, finance: Finance, now: datetime
) -> None:
    transfer = offline.declared(acme, cny(7200), account=yuan, now=now)
    finance.credit(transfer, finance.bring(transfer, "7200"))
    offline.set_rate("7", at=now)

    further = finance.credit(transfer, finance.bring(transfer, "7000"))

    assert (further.credited, further.finding.is_rule) == (usd(1000), True)
    assert NOT_COVERED in explain(further)


@pytest.mark.parametrize(
    ("days_ago", "choice", "said"),
    [
        (0, Finding.Rate.VALUE_DAY, "The rate of the bank's value date applies, as our finance team decided."),
        (5, Finding.Rate.QUOTED, "The quoted rate applies, as our finance team decided."),
    ],
)
def test_another_rate_than_the_rules_is_told_as_a_decision(
    acme: Organisation,
    yuan: BankAccount,
    finance: Finance,
    days_ago: int,
    choice: Finding.Rate,
    said: str,
    now: datetime,
) -> None:
    transfer = offline.declared(acme, cny(7200), account=yuan, now=now)
    begun = now - timedelta(days=days_ago)
    Order.objects.filter(pk=transfer.order_id).update(created_at=begun, rate_until=begun + timedelta(days=2))

    order = finance.credit(transfer, finance.bring(transfer, "7200"), rate_choice=choice, reason="We promised it.")

    assert not order.finding.is_rule
    assert said in explain(order)


@pytest.mark.parametrize(("amount", "note"), [("985", Note.TRANSFER_SHORT), ("1050", Note.TRANSFER_OVER)])
def test_late_money_that_is_short_or_over_says_so_and_is_flagged_late(
    acme: Organisation, dollars: BankAccount, finance: Finance, amount: str, note: Note, now: datetime
) -> None:
    transfer = offline.begin(acme, usd(1000), account=dollars, now=now)
    transfers.cancel(order_id=transfer.order_id, by="Alice", now=now)

    order = finance.credit(transfer, finance.bring(transfer, amount), reason="As it came.")

    assert note_of(order) == note
    assert order.flags.get().reason == Flag.Reason.LATE_MONEY


def test_late_money_that_is_exact_says_that_it_was_late(
    acme: Organisation, dollars: BankAccount, finance: Finance, now: datetime
) -> None:
    transfer = offline.begin(acme, usd(1000), account=dollars, now=now)
    transfers.cancel(order_id=transfer.order_id, by="Alice", now=now)
    order = finance.credit(transfer, finance.bring(transfer, "1000"))
    assert note_of(order) == Note.PAID_LATE


def test_a_rejected_transfer_that_is_approved_after_all_is_not_late(
    acme: Organisation, dollars: BankAccount, finance: Finance, felix: User, now: datetime
) -> None:
    transfer = offline.declared(acme, usd(1000), account=dollars, now=now)
    desk.reject(transfer_id=transfer.pk, by=felix, reason="Nothing arrived", now=now)

    order = finance.credit(transfer, finance.bring(transfer, "1000"))

    assert (order.pk, order.state, note_of(order)) == (transfer.order_id, State.PAID, Note.TRANSFER_PAID)
    assert not Flag.objects.filter(order=order).exists()


def test_money_of_an_order_that_the_team_ended_is_credited_and_flagged(
    acme: Organisation, dollars: BankAccount, finance: Finance, now: datetime
) -> None:
    transfer = offline.begin(acme, usd(1000), account=dollars, now=now)
    with transaction.atomic():
        orders.end_by_team(order=orders.lock(transfer.order_id), by="olivia", note="He asked for it.", now=now)

    order = finance.credit(transfer, finance.bring(transfer, "1000"))

    assert (order.pk, order.state) == (transfer.order_id, State.PAID)
    assert order.flags.get().reason == Flag.Reason.LATE_MONEY
    assert offline.balance(acme, "wallet") == 1000
