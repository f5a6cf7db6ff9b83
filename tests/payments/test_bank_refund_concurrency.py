"""Many at once: a refund is approved once and paid once, and a bank line pays one refund, whoever is first."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

import pytest
from django.db import connections

from billing import refunds
from billing.models import Refund
from payments import bank_refunds
from payments.bank_refunds import NotWaiting, PreparedMeanwhile
from payments.models import BankAccount, BankLine, BankRefund
from payments.refund_lines import NotThisPayment
from tests import people, races
from tests.payments import offline
from tests.payments.offline import usd
from tests.payments.refunding import Bank
from wallet.calendar import business_date
from wallet.models import Posting

MANY = races.scaled(8, full=32)


@pytest.fixture
def bank(committed: None, now: datetime) -> Iterator[Bank]:
    keeper = offline.make_account("USD", position=900)
    made = Bank(now)
    yield made
    BankAccount.objects.filter(pk__in=[keeper.pk, made.account.pk]).update(is_open=False)
    connections.close_all()


def postings(refund: Refund, step: str) -> int:
    return Posting.objects.filter(key=f"refund:{refund.number}:{step}").count()


def test_of_many_approvals_at_once_one_counts(bank: Bank) -> None:
    paid = bank.prepare(bank.ask(bank.paid_order(usd(1000))))
    crowd = [people.make_staff(f"felix{place}", "finance") for place in range(MANY)]
    outcomes = races.run_at_once(
        [partial(bank_refunds.approve, bank_refund_id=paid.pk, by=by, now=bank.now) for by in crowd]
    )
    assert sum(isinstance(outcome, BankRefund) for outcome in outcomes) == 1
    assert all(isinstance(outcome, NotWaiting | BankRefund) for outcome in outcomes)
    done = BankRefund.objects.select_related("refund").get(pk=paid.pk)
    assert done.approved_by == done.refund.approved_by


def test_of_many_records_by_hand_and_by_line_one_pays(bank: Bank) -> None:
    paid = bank.approved(bank.paid_order(usd(1000)))
    line = bank.outgoing(usd(1000), text=paid.refund.number)
    by_hand = partial(
        bank_refunds.record_paid,
        bank_refund_id=paid.pk,
        paid_on=business_date(bank.now),
        bank_reference="1",
        by=bank.fiona,
        now=bank.now,
    )
    by_line = partial(
        bank_refunds.confirm_by_line, bank_refund_id=paid.pk, line_id=line.pk, by=bank.felix, now=bank.now
    )
    races.raise_failures(races.run_at_once([by_hand, by_line] * (MANY // 2)))
    assert (postings(paid.refund, "out"), bank.at_bank(), bank.holds("wallet:held")) == (1, 0, 0)
    line.refresh_from_db()
    assert line.allocated == 1000


def test_two_refunds_do_not_take_one_line(bank: Bank) -> None:
    several = [bank.approved(bank.paid_order(usd(100)), usd(20)) for _ in range(MANY)]
    line = bank.outgoing(usd(20))
    outcomes = races.run_at_once(
        [
            partial(bank_refunds.confirm_by_line, bank_refund_id=paid.pk, line_id=line.pk, by=bank.fiona, now=bank.now)
            for paid in several
        ]
    )
    assert sum(isinstance(outcome, BankRefund) for outcome in outcomes) == 1
    assert all(isinstance(outcome, NotThisPayment | BankRefund) for outcome in outcomes)
    theirs = Refund.objects.filter(pk__in=[paid.refund_id for paid in several])
    assert theirs.filter(state=Refund.State.SUCCEEDED).count() == 1
    assert bank.at_bank() == 100 * MANY - 20


def test_one_line_does_not_bring_two_refunds_back(bank: Bank) -> None:
    several = [
        bank.record(bank.approved(bank.paid_order(usd(100)), usd(20)), number=f"{place}") for place in range(MANY)
    ]
    line = bank.incoming(usd(20))
    outcomes = races.run_at_once(
        [
            partial(
                bank_refunds.record_returned,
                bank_refund_id=paid.pk,
                line_id=line.pk,
                failure="closed",
                by=bank.fiona,
                now=bank.now,
            )
            for paid in several
        ]
    )
    assert sum(isinstance(outcome, BankRefund) for outcome in outcomes) == 1
    assert all(isinstance(outcome, NotThisPayment | BankRefund) for outcome in outcomes)
    assert bank.at_bank() == 80 * MANY + 20
    assert BankLine.objects.get(pk=line.pk).allocated == 20


def test_many_preparations_at_once_leave_one(bank: Bank) -> None:
    refund = bank.ask(bank.paid_order(usd(1000)))
    crowd = [people.make_staff(f"felix{place}", "finance") for place in range(4)]
    outcomes = races.run_at_once([partial(bank.prepare, refund, by=by) for by in crowd])
    assert sum(isinstance(outcome, BankRefund) for outcome in outcomes) == 1
    assert all(isinstance(outcome, PreparedMeanwhile | BankRefund) for outcome in outcomes)
    assert BankRefund.objects.current().filter(refund=refund).count() == 1


def test_approving_declining_and_withdrawing_at_once_end_in_one(bank: Bank) -> None:
    for _ in range(races.scaled(3, full=30)):
        refund = bank.ask(bank.paid_order(usd(1000)), usd(10))
        paid = bank.prepare(refund)
        races.run_at_once(
            [
                partial(bank_refunds.approve, bank_refund_id=paid.pk, by=bank.frank, now=bank.now),
                partial(refunds.decline, refund_id=refund.pk, by=bank.felix, reason="no", now=bank.now),
                partial(refunds.withdraw, refund_id=refund.pk, by=bank.alice, now=bank.now),
            ]
        )
        refund.refresh_from_db()
        paid.refresh_from_db()
        assert (refund.state == Refund.State.APPROVED) is (paid.approved_at is not None)
        assert postings(refund, "release") == (0 if refund.state == Refund.State.APPROVED else 1)
