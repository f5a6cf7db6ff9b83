"""Many at once: a transfer is credited once, and a bank line is spent once, whatever the order of the racers."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

import pytest
from django.db import connections

from billing.models import Order, State
from payments import allocations, desk, findings, transfers
from payments.models import Allocation, BankAccount, BankLine, Finding, Transfer
from tests import builders, people, races
from tests.payments import offline
from tests.payments.offline import usd
from wallet.models import Organisation, Posting, User


@pytest.fixture
def acme(committed: None, now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def fiona(committed: None) -> User:
    return people.make_staff("fiona", "finance")


@pytest.fixture
def account(committed: None) -> Iterator[BankAccount]:
    made = offline.make_account("USD", is_open=False)
    with_open = BankAccount.objects.filter(currency="USD", is_open=True)
    keeper = None if with_open.exists() else offline.make_account("USD", position=900)
    yield made
    if keeper:
        BankAccount.objects.filter(pk=keeper.pk).update(is_open=False)
    connections.close_all()


def credits_of(transfer: Transfer) -> int:
    return Posting.objects.filter(order_number=transfer.order.number, kind="TOP_UP").count()


def test_of_many_approvals_at_once_one_credits(
    acme: Organisation, account: BankAccount, fiona: User, now: datetime
) -> None:
    transfer = offline.declared(acme, usd(1000), account=account, now=now)
    line = offline.bring_line(account, usd(1000), imported_by=fiona, now=now)
    approvers = [people.make_staff(f"felix{place}", "finance") for place in range(races.scaled(16, full=64))]
    finding = offline.record(transfer, offline.by_line(line), by=approvers[0], now=now)
    outcomes = races.run_at_once([partial(findings.approve, finding_id=finding.pk, by=by, now=now) for by in approvers])
    done = [outcome for outcome in outcomes if isinstance(outcome, Finding)]
    assert len(done) == 1
    assert all(isinstance(outcome, findings.NotApprovable | Finding) for outcome in outcomes)
    assert credits_of(transfer) == 1
    assert offline.balance(acme, "wallet") == 1000


def test_one_persons_double_click_approves_once(
    acme: Organisation, account: BankAccount, fiona: User, now: datetime
) -> None:
    frank = people.make_staff("frank", "finance lead")
    transfer = offline.declared(acme, usd(50_000), account=account, now=now)
    line = offline.bring_line(account, usd(50_000), imported_by=fiona, now=now)
    finding = offline.record(transfer, offline.by_line(line), by=frank, now=now)
    outcomes = races.run_at_once([partial(findings.approve, finding_id=finding.pk, by=frank, now=now)] * 8)
    races.raise_failures(outcomes)
    assert finding.approvals.count() == 1
    assert credits_of(transfer) == 0


def test_two_transfers_do_not_spend_one_line_twice(
    acme: Organisation, account: BankAccount, fiona: User, now: datetime
) -> None:
    frank = people.make_staff("frank", "finance lead")
    line = offline.bring_line(account, usd(1000), imported_by=fiona, now=now)
    made = [offline.declared(acme, usd(1000), account=account, now=now) for _ in range(races.scaled(6, full=32))]
    recorded = [offline.record(transfer, offline.by_line(line), by=frank, now=now) for transfer in made]
    outcomes = races.run_at_once(
        [partial(findings.approve, finding_id=finding.pk, by=frank, now=now) for finding in recorded]
    )
    assert sum(isinstance(outcome, Finding) for outcome in outcomes) == 1
    assert all(isinstance(outcome, allocations.LineSpent | Finding) for outcome in outcomes)
    assert offline.balance(acme, "wallet") == 1000
    assert Allocation.objects.filter(line=line).count() == 1


def test_the_same_line_typed_for_two_transfers_at_once_is_one_line(
    acme: Organisation, account: BankAccount, fiona: User, now: datetime
) -> None:
    frank = people.make_staff("frank", "finance lead")
    made = [offline.declared(acme, usd(700), account=account, now=now) for _ in range(4)]
    facts = offline.by_hand(account, usd(1000), on=now.date(), number="FT4711", claimed=usd(700), reason="part")
    recorded = [offline.record(transfer, facts, by=fiona, now=now) for transfer in made]
    outcomes = races.run_at_once(
        [partial(findings.approve, finding_id=finding.pk, by=frank, now=now) for finding in recorded]
    )
    assert sum(isinstance(outcome, Finding) for outcome in outcomes) == 1
    line = BankLine.objects.get(account=account)
    assert line.allocated == 700
    assert offline.balance(acme, "wallet") == 700
    assert offline.balance(acme, account.ledger_code) == 1000


def test_approving_rejecting_and_cancelling_at_once_credits_only_what_ends_as_paid(
    acme: Organisation, account: BankAccount, fiona: User, now: datetime
) -> None:
    frank = people.make_staff("frank", "finance lead")
    for _ in range(races.scaled(5, full=50)):
        transfer = offline.declared(acme, usd(1000), account=account, now=now)
        line = offline.bring_line(account, usd(1000), imported_by=fiona, now=now)
        finding = offline.record(transfer, offline.by_line(line), by=frank, now=now)
        races.run_at_once(
            [
                partial(findings.approve, finding_id=finding.pk, by=frank, now=now),
                partial(desk.reject, transfer_id=transfer.pk, by=frank, reason="No", now=now),
                partial(transfers.cancel, order_id=transfer.order_id, by="Alice", now=now),
            ]
        )
        order = Order.objects.get(pk=transfer.order_id)
        assert order.state in {State.PAID, State.REJECTED, State.CANCELLED}  # a rejected one may be cancelled
        assert credits_of(transfer) == (1 if order.state == State.PAID else 0)


def test_two_people_do_not_take_one_transfer(acme: Organisation, account: BankAccount, now: datetime) -> None:
    transfer = offline.declared(acme, usd(1000), account=account, now=now)
    takers = [people.make_staff(f"felix{place}", "finance") for place in range(8)]
    outcomes = races.run_at_once([partial(desk.take, transfer_id=transfer.pk, by=by, now=now) for by in takers])
    assert sum(isinstance(outcome, Transfer) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, desk.TakenBySomebodyElse) for outcome in outcomes) == len(takers) - 1
