"""Payments of refunds against whoever goes round the verbs: raw writes as the application's role, each refused by the
database.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from billing.models import Refund
from payments import audit
from payments.models import Allocation, BankLine, BankRefund
from tests import people
from tests.payments import offline
from tests.payments.offline import usd
from tests.payments.refunding import PAYER, Bank
from wallet.ids import new_id
from wallet.models import Member, Role, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def bank(db: None, now: datetime) -> Bank:
    return Bank(now)


def refuse(attack: Callable[[], Any], state: str) -> None:
    """The attack fails with this SQLSTATE."""
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        attack()
    assert getattr(caught.value.__cause__, "sqlstate", "") == state


def write(paid: BankRefund, **fields: Any) -> None:
    assert BankRefund.objects.filter(pk=paid.pk).update(**fields)


def approve_raw(paid: BankRefund, by: User) -> None:
    write(paid, approved_by=by, approved_by_name=str(by), approved_at=timezone.now())


def pay_raw(paid: BankRefund, by: User, **fields: Any) -> None:
    facts = {"paid_on": timezone.now().date(), "bank_reference": "1"} | fields
    write(paid, paid_by=by, paid_by_name=str(by), paid_at=timezone.now(), **facts)


def copy_raw(paid: BankRefund, **fields: Any) -> None:
    other = BankRefund.objects.get(pk=paid.pk)
    other.pk = new_id()
    other._state.adding = True  # a second row like the first
    for name, value in fields.items():
        setattr(other, name, value)
    other.save(force_insert=True)


def test_whoever_prepared_or_asked_does_not_approve(bank: Bank) -> None:
    paid = bank.prepare(bank.ask(bank.paid_order(usd(1000)), by=bank.frank))
    refuse(lambda: approve_raw(paid, bank.fiona), "23514")
    refuse(lambda: approve_raw(paid, bank.frank), "IP020")
    approve_raw(paid, bank.felix)


def test_only_active_staff_who_are_no_members_prepare_approve_and_record(bank: Bank) -> None:
    refund = bank.ask(bank.paid_order(usd(1000)))
    own, left = people.make_staff("olga", "finance"), people.make_staff("leo", "finance")
    Member.objects.create(organisation=bank.acme, user=own, role=Role.VIEWER, joined_at=bank.now)
    User.objects.filter(pk=left.pk).update(is_active=False)
    paid = bank.prepare(refund)
    for by in (own, left, people.make_user("mallory")):
        refuse(partial(copy_raw, paid, prepared_by=by), "IP020")
        refuse(partial(approve_raw, paid, by), "IP020")
    bank.approve(paid)
    for by in (own, left, people.make_user("mallory")):
        refuse(partial(pay_raw, paid, by), "IP020")


def test_what_somebody_prepared_who_left_since_is_not_approved(bank: Bank) -> None:
    paid = bank.prepare(bank.ask(bank.paid_order(usd(1000))))
    User.objects.filter(pk=bank.fiona.pk).update(is_active=False)
    refuse(lambda: approve_raw(paid, bank.frank), "IP020")


@pytest.mark.parametrize(
    "changed",
    [{"payee_account": "999"}, {"payee_name": "M"}, {"amount": usd(1)}, {"is_payer": False}, {"prepared_by_name": "M"}],
    ids=lambda changed: next(iter(changed)),
)
def test_what_was_prepared_is_never_changed(bank: Bank, changed: dict[str, Any]) -> None:
    paid = bank.prepare(bank.ask(bank.paid_order(usd(1000))))
    refuse(lambda: write(paid, **changed), "IP022")
    bank.approve(paid)
    refuse(lambda: write(paid, **changed), "IP022")


def test_approved_it_is_neither_replaced_nor_approved_anew(bank: Bank) -> None:
    paid = bank.approved(bank.paid_order(usd(1000)))
    refuse(lambda: write(paid, superseded_at=timezone.now()), "IP022")
    refuse(lambda: approve_raw(paid, bank.felix), "IP022")
    refuse(lambda: write(paid, approved_by=None, approved_by_name="", approved_at=None), "IP022")


def test_unapproved_it_is_not_paid(bank: Bank) -> None:
    paid = bank.prepare(bank.ask(bank.paid_order(usd(1000))))
    refuse(lambda: pay_raw(paid, bank.fiona), "23514")


def test_a_refund_has_one_preparation_and_only_while_it_is_asked_for(bank: Bank) -> None:
    order = bank.paid_order(usd(1000))
    paid = bank.prepare(bank.ask(order, usd(100)))
    refuse(lambda: copy_raw(paid), "23505")
    refuse(lambda: copy_raw(paid, amount=usd(99)), "IP022")
    other = bank.ask(order, usd(100))
    refuse(lambda: copy_raw(paid, refund=other, payee_name=""), "23514")
    refuse(lambda: copy_raw(paid, refund=other, is_payer=False), "23514")
    refuse(lambda: copy_raw(paid, refund=other, approved_by=bank.frank, approved_at=timezone.now()), "IP022")
    bank.approve(bank.prepare(other))
    refuse(lambda: copy_raw(paid, refund=other), "IP022")


def test_paid_it_keeps_its_facts(bank: Bank) -> None:
    paid = bank.record(bank.approved(bank.paid_order(usd(1000))))
    refuse(lambda: write(paid, bank_reference="2"), "IP022")
    refuse(lambda: pay_raw(paid, bank.felix), "IP022")
    refuse(lambda: write(paid, refused_at=timezone.now()), "23514")
    bank.confirm(paid, bank.outgoing(usd(1000)))
    refuse(lambda: write(paid, line=bank.outgoing(usd(1000))), "IP022")
    refuse(lambda: write(paid, line=None), "IP022")


def test_only_its_own_line_confirms_it(bank: Bank) -> None:
    order = bank.paid_order(usd(1000))
    paid, other = bank.record(bank.approved(order, usd(400))), bank.record(bank.approved(order, usd(400)), number="2")
    account = offline.make_account("USD")
    for line in (
        bank.outgoing(usd(399)),
        bank.outgoing(usd(400), account=account),
        bank.outgoing(usd(400), is_reversal=True),
        bank.incoming(usd(400)),
    ):
        refuse(partial(write, paid, line=line), "IP025")
    mine = bank.outgoing(usd(400))
    write(paid, line=mine)
    refuse(lambda: write(other, line=mine), "23505")


def test_a_line_is_spent_on_a_refund_only_where_it_is_its_payment(bank: Bank) -> None:
    paid = bank.record(bank.approved(bank.paid_order(usd(1000))))
    out, back = bank.outgoing(usd(1000), payee=PAYER), bank.incoming(usd(1001))

    def allocate(line: BankLine, kind: Allocation.Kind) -> None:
        whose = {"organisation": bank.acme, "by": "Mallory", "at": bank.now}
        Allocation.objects.create(line=line, kind=kind, amount=line.amount.amount, **whose)

    refuse(lambda: allocate(out, Allocation.Kind.REFUND), "IP023")
    refuse(lambda: allocate(back, Allocation.Kind.BOUNCED), "IP023")
    refuse(lambda: write(paid, returned_line=back, returned_at=bank.now), "IP025")


def test_a_payment_is_never_deleted(bank: Bank) -> None:
    paid = bank.prepare(bank.ask(bank.paid_order(usd(1000))))
    refuse(lambda: BankRefund.objects.filter(pk=paid.pk).delete(), "42501")
    with connection.cursor() as cursor:
        refuse(lambda: cursor.execute("TRUNCATE payments_bankrefund"), "42501")


def test_the_audit_finds_a_refund_that_no_bank_payment_carries(bank: Bank) -> None:
    paid = bank.approved(bank.paid_order(usd(1000)))
    assert not list(audit.check_bank_refunds("default", bank.now))
    pay_raw(paid, bank.fiona)
    (said,) = audit.check_bank_refunds("default", bank.now)
    assert said == f"Refund {paid.refund.number} is APPROVED, but 1 payments at the bank carry it."
    (said,) = audit.check_banks("default", bank.now)
    assert bank.account.ledger_code in said
    assert Refund.objects.get(pk=paid.refund_id).state == Refund.State.APPROVED
