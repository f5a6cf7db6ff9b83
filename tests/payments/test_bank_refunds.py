"""A refund of an offline order, from being asked for to the bank's own word, with its money at every step."""

from datetime import datetime
from typing import Any

import pytest

from billing import refunds
from billing.models import Method, Note, Order, OrderEvent, Refund, State
from payments import audit, bank_refunds, desk, outgoing, payees, refund_lines
from payments.bank_refunds import Facts, MayNotApprove, NotWaiting, PreparedMeanwhile
from payments.models import Allocation, BankLine, BankRefund
from payments.outgoing import Match
from payments.payees import Payee
from payments.refund_lines import NotThisPayment
from tests import builders, people
from tests.payments import offline
from tests.payments.offline import cny, usd
from tests.payments.refunding import PAYER, Bank
from wallet.models import HOUSE_ID, Entry, Member, Organisation, Posting, Role, Side
from wallet.money import labelled

pytestmark = pytest.mark.django_db

ELSEWHERE = Payee(name="Somebody Else Ltd", account="999", bank="HSBC")


@pytest.fixture
def bank(db: None, now: datetime) -> Bank:
    return Bank(now)


def entries(key: str) -> list[tuple[str, str, str]]:
    """Side, account and amount of one posting, in its order."""
    found = Entry.objects.filter(posting__key=key).select_related("account").order_by("line")
    return [(str(Side(one.side)).lower(), one.account.code, labelled(one.amount)) for one in found]


def agree() -> None:
    """Bank, ledger and refunds say the same."""
    now = datetime.now().astimezone()
    for check in (audit.check_banks, audit.check_suspense, audit.check_allocations, audit.check_bank_refunds):
        assert not list(check("default", now))


def test_asked_prepared_approved_paid_and_confirmed(bank: Bank) -> None:
    order = bank.paid_order(usd(1000))
    refund = bank.ask(order, usd(400))
    assert (bank.holds("wallet"), bank.holds("wallet:held"), bank.at_bank()) == (600, 400, 1000)
    paid = bank.approve(bank.prepare(refund))
    refund.refresh_from_db()
    assert (refund.state, refund.approved_by) == (Refund.State.APPROVED, bank.frank)
    assert list(BankRefund.objects.to_pay()) == [paid]
    agree()
    bank.record(paid)
    refund.refresh_from_db()
    order.refresh_from_db()
    assert (refund.state, order.state) == (Refund.State.SUCCEEDED, State.PARTIALLY_REFUNDED)
    assert (bank.holds("wallet:held"), bank.at_bank()) == (0, 600)
    assert list(BankRefund.objects.paid_by_hand()) == [paid]
    line = bank.outgoing(usd(400), text=f"refund {refund.number}")
    confirmed = bank.confirm(paid, line)
    assert (confirmed.line, confirmed.paid_by) == (line, bank.fiona)
    assert bank.at_bank() == 600
    line.refresh_from_db()
    assert (line.pile, line.rest) == (BankLine.Pile.BOOKED, usd(0))
    agree()


def test_rmb_goes_back_at_the_orders_own_rate(bank: Bank, now: datetime) -> None:
    offline.set_rate("7.2", at=now)
    bank.account = offline.make_account("CNY")
    order = bank.paid_order(cny(7200))
    paid = bank.approved(order, usd(500))
    assert paid.amount == cny(3600)
    offline.set_rate("6.9", at=offline.later(now, minutes=3))
    bank.record(paid)
    assert entries(f"refund:{paid.refund.number}:out") == [
        ("debit", "wallet:held", "USD $500.00"),
        ("credit", "fx", "USD $500.00"),
        ("debit", "fx", "CNY ¥3,600.00"),
        ("credit", bank.account.ledger_code, "CNY ¥3,600.00"),
    ]
    assert bank.at_bank() == 3600
    agree()


def test_an_outgoing_line_alone_records_the_payment(bank: Bank) -> None:
    paid = bank.approved(bank.paid_order(usd(1000)))
    line = bank.outgoing(usd(1000), text=f"RF refund {paid.refund.number}")
    done = bank.confirm(paid, line)
    assert (done.paid_on, done.bank_reference, done.line) == (line.booked_on, line.bank_reference, line)
    assert bank.at_bank() == 0
    assert Allocation.objects.get(line=line).kind == Allocation.Kind.REFUND
    agree()


def test_each_step_twice_is_once(bank: Bank) -> None:
    refund = bank.ask(bank.paid_order(usd(1000)))
    paid = bank.prepare(refund)
    assert bank.prepare(refund) == paid
    bank.approve(paid)
    bank.approve(paid)
    line = bank.outgoing(usd(1000), text=refund.number)
    bank.record(paid)
    bank.record(paid)
    bank.confirm(paid, line)
    bank.confirm(paid, line)
    back = bank.incoming(usd(1000), text=refund.number)
    bank.come_back(paid, back)
    bank.come_back(paid, back)
    assert Posting.objects.filter(key__startswith=f"refund:{refund.number}:").count() == 3
    assert BankRefund.objects.filter(refund=refund).count() == 1
    agree()


def test_nobody_approves_what_he_prepared_or_asked_for(bank: Bank) -> None:
    refund = bank.ask(bank.paid_order(usd(1000)), by=bank.frank)
    paid = bank.prepare(refund)
    assert "You prepared this payment" in bank_refunds.why_not_approve(paid, by=bank.fiona)
    assert "You asked for this refund" in bank_refunds.why_not_approve(paid, by=bank.frank)
    for by in (bank.fiona, bank.frank):
        with pytest.raises(MayNotApprove):
            bank.approve(paid, by=by)
    refund.refresh_from_db()
    assert refund.state == Refund.State.ASKED
    assert bank.approve(paid, by=bank.felix).approved_by == bank.felix


def test_what_somebody_prepared_who_belongs_to_the_customer_by_now_is_prepared_anew(bank: Bank) -> None:
    paid = bank.prepare(bank.ask(bank.paid_order(usd(1000))))
    Member.objects.create(organisation=bank.acme, user=bank.fiona, role=Role.VIEWER, joined_at=bank.now)
    with pytest.raises(MayNotApprove, match="prepare it anew"):
        bank.approve(paid)
    anew = bank.prepare(paid.refund, by=bank.felix, seen=str(paid.pk))
    assert bank.approve(anew).approved_by == bank.frank


def test_nobody_refunds_to_his_own_organisation(bank: Bank) -> None:
    refund = bank.ask(bank.paid_order(usd(1000)))
    own = people.make_staff("olga", "finance")
    Member.objects.create(organisation=bank.acme, user=own, role=Role.VIEWER, joined_at=bank.now)
    with pytest.raises(desk.OwnOrganisation):
        bank.prepare(refund, by=own)
    paid = bank.prepare(refund)
    assert bank_refunds.why_not_approve(paid, by=own) == "You belong to this organisation."
    with pytest.raises(MayNotApprove):
        bank.approve(paid, by=own)
    bank.approve(paid)
    line = bank.outgoing(usd(1000), text=refund.number)
    with pytest.raises(desk.OwnOrganisation):
        bank.confirm(paid, line, by=own)


def test_another_payee_needs_a_reason_and_is_told(bank: Bank) -> None:
    refund = bank.ask(bank.paid_order(usd(1000)))
    with pytest.raises(bank_refunds.FactsRefused, match="not the account the money came from"):
        bank.prepare(refund, payee=ELSEWHERE)
    assert not BankRefund.objects.filter(refund=refund).exists()
    paid = bank.prepare(refund, payee=ELSEWHERE, reason="Their account was closed; letter of 14 July")
    assert (paid.is_payer, paid.payee_name) == (False, "Somebody Else Ltd")


@pytest.mark.parametrize(
    ("payee", "is_payer"),
    [
        (PAYER, True),
        (
            Payee(name="anything", account="622200123456", bank="ICBC"),
            True,
        ),  # the account decides, as the bank knows it
        (Payee(name=PAYER.name, account="6222 0012 3457", bank="ICBC"), False),
    ],
)
def test_the_account_it_came_from_decides_who_the_payer_is(bank: Bank, payee: Payee, is_payer: bool) -> None:  # noqa: FBT001
    refund = bank.ask(bank.paid_order(usd(1000)))
    assert payees.is_payer(payee, refund=refund) is is_payer


def test_where_the_bank_names_no_account_a_known_name_will_do(bank: Bank) -> None:
    refund = bank.ask(bank.paid_order(usd(1000), payer_account=""))
    assert payees.is_payer(Payee(name="ACME MESSAGING LIMITED", account="1", bank="ICBC"), refund=refund)
    assert not payees.is_payer(Payee(name="Acme Trading Ltd", account="1", bank="ICBC"), refund=refund)


def test_a_payment_is_prepared_with_where_the_money_came_from(bank: Bank) -> None:
    order = bank.paid_order(usd(1000))
    origin = payees.find_origin(bank.ask(order, usd(100)))
    assert origin.account == bank.account
    assert (origin.payee.name, origin.payee.account, origin.payee.bank) == (PAYER.name, PAYER.account, "")
    bank.prepare(Refund.objects.get(order=order))
    assert payees.find_origin(bank.ask(order, usd(50))).payee.bank == PAYER.bank


def test_prepared_anew_before_approval_it_is_another_payment(bank: Bank) -> None:
    refund = bank.ask(bank.paid_order(usd(1000)))
    first = bank.prepare(refund)
    with pytest.raises(PreparedMeanwhile):
        bank.prepare(refund, by=bank.felix)
    second = bank.prepare(refund, by=bank.felix, seen=str(first.pk))
    with pytest.raises(NotWaiting):
        bank.approve(first)
    assert bank.approve(second).pk == second.pk
    with pytest.raises(bank_refunds.NotPreparable):
        bank.prepare(refund, seen=str(second.pk))


def test_the_account_is_one_of_the_currency_that_was_paid(bank: Bank) -> None:
    refund = bank.ask(bank.paid_order(usd(1000)))
    with pytest.raises(bank_refunds.FactsRefused, match="another currency"):
        bank.prepare(refund, account=offline.make_account("CNY"))


def test_a_refund_of_a_card_order_is_not_paid_at_the_bank(bank: Bank) -> None:
    from_card = Refund(order=Order(method=Method.CARD))
    assert "offline" in bank_refunds.why_not_prepare(from_card)


def test_a_withdrawn_refund_is_not_approved(bank: Bank) -> None:
    refund = bank.ask(bank.paid_order(usd(1000)))
    paid = bank.prepare(refund)
    refunds.withdraw(refund_id=refund.pk, by=bank.alice, now=bank.now)
    with pytest.raises(refunds.NotWaiting):
        bank.approve(paid)
    paid.refresh_from_db()
    assert paid.approved_at is None
    assert bank.holds("wallet") == 1000


def test_what_the_bank_never_paid_is_usable_again(bank: Bank) -> None:
    paid = bank.approved(bank.paid_order(usd(1000)))
    for _ in range(2):
        bank_refunds.refuse(bank_refund_id=paid.pk, failure="Account unknown", by=bank.fiona, now=bank.now)
    paid.refund.refresh_from_db()
    assert (paid.refund.state, paid.refund.failure) == (Refund.State.FAILED, "Account unknown")
    assert (bank.holds("wallet"), bank.holds("wallet:held"), bank.at_bank()) == (1000, 0, 1000)
    with pytest.raises(NotWaiting):
        bank.record(paid)
    agree()


@pytest.mark.parametrize("whose", ["the house", "the customer", "nobody"])
def test_a_payment_that_came_back_is_in_the_balance_again(bank: Bank, whose: str) -> None:
    paid = bank.record(bank.approved(bank.paid_order(usd(1000))))
    holder = {"the house": Organisation.objects.get(pk=HOUSE_ID), "the customer": bank.acme}.get(whose)
    line = bank.incoming(usd(1000), text=f"RETURN {paid.refund.number}", hold=holder)
    assert refund_lines.list_returns(paid) == [line]
    bank.come_back(paid, line)
    paid.refund.refresh_from_db()
    assert (paid.refund.state, paid.refund.failure) == (Refund.State.RETURNED, "Account closed")
    assert (bank.holds("wallet"), bank.holds("suspense"), bank.at_bank()) == (1000, 0, 1000)
    order = paid.refund.order
    order.refresh_from_db()
    assert order.state == State.PAID
    assert OrderEvent.objects.filter(order=order, note=Note.REFUND_RETURNED).exists()
    agree()


def test_what_the_bank_kept_of_it_is_our_charge(bank: Bank) -> None:
    paid = bank.record(bank.approved(bank.paid_order(usd(1000))))
    line = bank.incoming(usd(985), hold=Organisation.objects.get(pk=HOUSE_ID))
    bank.come_back(paid, line)
    assert (bank.holds("wallet"), bank.holds("bank_charges"), bank.at_bank()) == (1000, 15, 985)
    agree()


def test_rmb_that_came_back_is_credited_as_it_was_taken(bank: Bank, now: datetime) -> None:
    offline.set_rate("7.2", at=now)
    bank.account = offline.make_account("CNY")
    paid = bank.record(bank.approved(bank.paid_order(cny(7200)), usd(500)))
    bank.come_back(paid, bank.incoming(cny(3600), text=paid.refund.number))
    assert (bank.holds("wallet"), bank.at_bank()) == (1000, 7200)
    assert {abs(bank.holds("fx")), abs(bank.holds("fx", "CNY"))} == {1000, 7200}
    agree()


def test_a_line_pays_one_refund(bank: Bank) -> None:
    order = bank.paid_order(usd(1000))
    first, second = bank.approved(order, usd(400)), bank.approved(order, usd(400))
    line = bank.outgoing(usd(400), payee=PAYER)
    bank.confirm(first, line)
    with pytest.raises(NotThisPayment, match="booked as something else"):
        bank.confirm(second, line)
    second.refund.refresh_from_db()
    assert second.refund.state == Refund.State.APPROVED
    with pytest.raises(NotThisPayment, match="Another bank line"):
        bank.confirm(first, bank.outgoing(usd(400)))


@pytest.mark.parametrize("wrong", ["amount", "account", "direction", "reversal"])
def test_a_line_that_is_not_this_payment_is_refused(bank: Bank, wrong: str) -> None:
    paid = bank.approved(bank.paid_order(usd(1000)))
    other = offline.make_account("USD")
    wrongs: dict[str, dict[str, Any]] = {"account": {"account": other}, "reversal": {"is_reversal": True}}
    fields = wrongs.get(wrong, {})
    line = bank.outgoing(usd(999 if wrong == "amount" else 1000), **fields)
    if wrong == "direction":
        line = bank.incoming(usd(1000))
    with pytest.raises(NotThisPayment):
        bank.confirm(paid, line)
    assert bank.holds("wallet:held") == 1000


def test_suggested_is_what_quotes_the_number_or_went_to_the_payee(bank: Bank) -> None:
    order = bank.paid_order(usd(1000))
    paid = bank.approved(order, usd(400))
    by_number = bank.outgoing(usd(400), text=f"Refund {paid.refund.number[:10]} {paid.refund.number[10:]}")
    by_payee = bank.outgoing(usd(400), payee=PAYER)
    bank.outgoing(usd(400), payee=ELSEWHERE)
    bank.outgoing(usd(401), text=paid.refund.number)
    found = outgoing.suggest_lines(paid)
    assert [(one.line, one.match) for one in found] == [(by_number, Match.NUMBER), (by_payee, Match.PAYEE)]
    assert [one.paid for one in outgoing.suggest_refunds(by_payee)] == [paid]
    assert [one.line for one in outgoing.suggest_waiting()] == [by_number]
    bank.confirm(paid, by_number)
    paid.refresh_from_db()
    assert outgoing.suggest_lines(paid) == []
    assert outgoing.suggest_refunds(by_payee) == []


def test_recorded_by_hand_it_is_found_by_the_banks_number(bank: Bank) -> None:
    paid = bank.record(bank.approved(bank.paid_order(usd(1000))), number="icbc-00471")
    line = bank.outgoing(usd(1000), bank_reference="ICBC00471")
    assert [(one.line, one.match) for one in outgoing.suggest_lines(paid)] == [(line, Match.BANK_NUMBER)]
    same = bank.outgoing(usd(1000), bank_reference="ICBC-00471")
    assert refund_lines.find_payment(paid, bank_reference="icbc-00471") == same


def test_money_that_is_more_than_was_paid_is_not_it_come_back(bank: Bank) -> None:
    paid = bank.record(bank.approved(bank.paid_order(usd(1000)), usd(400)))
    with pytest.raises(NotThisPayment, match="More came in"):
        bank.come_back(paid, bank.incoming(usd(401)))
    with pytest.raises(NotThisPayment, match="came in on the same account"):
        bank.come_back(paid, bank.outgoing(usd(400)))


def test_money_of_another_customer_is_not_it_come_back(bank: Bank) -> None:
    paid = bank.record(bank.approved(bank.paid_order(usd(1000)), usd(400)))
    other = builders.make_organisation(now=bank.now)
    theirs = bank.incoming(usd(400), hold=other)
    assert refund_lines.list_returns(paid) == []
    with pytest.raises(NotThisPayment, match="kept for a customer"):
        bank.come_back(paid, theirs)
    assert bank.holds("wallet") == 600
    assert builders.balance_of(other.pk, "suspense") == usd(400)


def test_a_payment_that_came_back_is_still_confirmed_by_its_line(bank: Bank) -> None:
    paid = bank.record(bank.approved(bank.paid_order(usd(1000)), usd(400)))
    bank.come_back(paid, bank.incoming(usd(400), text=paid.refund.number))
    line = bank.outgoing(usd(400), text=paid.refund.number)
    assert bank.confirm(paid, line).line == line
    assert (bank.at_bank(), bank.holds("wallet")) == (1000, 1000)
    agree()


def test_only_what_was_paid_comes_back(bank: Bank) -> None:
    paid = bank.approved(bank.paid_order(usd(1000)), usd(400))
    with pytest.raises(NotWaiting):
        bank.come_back(paid, bank.incoming(usd(400)))


def test_facts_of_a_payment_need_all_their_parts(bank: Bank) -> None:
    refund = bank.ask(bank.paid_order(usd(1000)))
    facts = Facts(account=bank.account, payee=Payee(name=PAYER.name, account=PAYER.account))
    with pytest.raises(bank_refunds.FactsRefused, match="name, account and bank"):
        bank_refunds.prepare(refund_id=refund.pk, facts=facts, by=bank.fiona, now=bank.now)
