"""Worked examples of offline money, as docs/money.md tells them, and who may approve what."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from billing.models import Flag, Note, Order, State
from payments import findings, settlement, transfers
from payments.appraisals import FactsRefused
from payments.models import Allocation, Approval, ApprovalLimit, BankAccount, BankLine, Finding
from tests import builders, people
from tests.payments import offline
from tests.payments.offline import cny, usd
from wallet import chart
from wallet.models import HOUSE_ID, Organisation, User


@pytest.fixture
def acme(db: None, now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def fiona(db: None) -> User:
    return people.make_staff("fiona", "finance")


@pytest.fixture
def frank(db: None) -> User:
    return people.make_staff("frank", "finance lead")


@pytest.fixture
def felix(db: None) -> User:
    return people.make_staff("felix", "finance")


@pytest.fixture
def dollars(db: None) -> BankAccount:
    return offline.make_account("USD", fee_tolerance=Decimal(25))


@pytest.fixture
def yuan(db: None, now: datetime) -> BankAccount:
    offline.set_rate("7.2", at=now - timedelta(hours=1))
    return offline.make_account("CNY")


def test_an_exact_line_is_approved_by_one_person_who_did_not_import_it(
    acme: Organisation, dollars: BankAccount, fiona: User, frank: User, now: datetime
) -> None:
    transfer = offline.declared(acme, usd(1000), account=dollars, now=now)
    line = offline.bring_line(dollars, usd(1000), imported_by=fiona, now=now)
    finding = offline.record(transfer, offline.by_line(line), by=frank, now=now)
    offline.approve(finding, by=frank, now=now)
    order = Order.objects.get(pk=transfer.order_id)
    line.refresh_from_db()
    assert order.state == State.PAID
    assert offline.balance(acme, "wallet") == 1000
    assert offline.entries_of(order) == [
        ("debit", dollars.ledger_code, Decimal(1000), "USD"),
        ("credit", "wallet", Decimal(1000), "USD"),
    ]
    assert line.allocated == 1000
    assert line.pile == BankLine.Pile.BOOKED


def test_a_line_in_the_houses_suspense_is_handed_over_to_the_customer(
    acme: Organisation, dollars: BankAccount, fiona: User, frank: User, now: datetime
) -> None:
    transfer = offline.declared(acme, usd(1000), account=dollars, now=now)
    line = offline.bring_line(dollars, usd(1000), imported_by=fiona, now=now)
    with transaction.atomic():
        settlement.hold_lines([line], organisation_id=HOUSE_ID, by="InnoPaaS", now=now)
    house = Organisation.objects.get(pk=HOUSE_ID)
    assert offline.balance(house, dollars.ledger_code) == 1000
    finding = offline.record(transfer, offline.by_line(line), by=frank, now=now)
    offline.approve(finding, by=frank, now=now)
    assert offline.balance(house, dollars.ledger_code) == 0
    assert offline.balance(acme, dollars.ledger_code) == 1000
    assert offline.balance(acme, "wallet") == 1000


def test_a_line_in_the_customers_own_suspense_moves_on_to_his_wallet(
    acme: Organisation, dollars: BankAccount, fiona: User, frank: User, now: datetime
) -> None:
    transfer = offline.declared(acme, usd(1000), account=dollars, now=now)
    line = offline.bring_line(dollars, usd(1000), imported_by=fiona, now=now)
    with transaction.atomic():
        settlement.hold_lines([line], organisation_id=acme.pk, by="InnoPaaS", now=now)
    finding = offline.record(transfer, offline.by_line(line), by=frank, now=now)
    offline.approve(finding, by=frank, now=now)
    assert offline.entries_of(Order.objects.get(pk=transfer.order_id)) == [
        ("debit", chart.SUSPENSE, Decimal(1000), "USD"),
        ("credit", "wallet", Decimal(1000), "USD"),
    ]
    assert offline.balance(acme, chart.SUSPENSE) == 0
    assert offline.balance(acme, dollars.ledger_code) == 1000


def test_yuan_are_credited_in_dollars_at_the_quoted_rate(
    acme: Organisation, yuan: BankAccount, fiona: User, frank: User, now: datetime
) -> None:
    transfer = offline.declared(acme, cny(7200), account=yuan, now=now)
    line = offline.bring_line(yuan, cny(7200), imported_by=fiona, now=now)
    finding = offline.record(transfer, offline.by_line(line), by=frank, now=now)
    offline.approve(finding, by=frank, now=now)
    assert finding.rate_choice == Finding.Rate.QUOTED
    assert offline.entries_of(Order.objects.get(pk=transfer.order_id)) == [
        ("debit", yuan.ledger_code, Decimal(7200), "CNY"),
        ("credit", "fx", Decimal(7200), "CNY"),
        ("debit", "fx", Decimal(1000), "USD"),
        ("credit", "wallet", Decimal(1000), "USD"),
    ]


def test_after_the_quote_the_rate_of_the_value_date_counts(
    acme: Organisation, yuan: BankAccount, fiona: User, frank: User, now: datetime
) -> None:
    transfer = offline.declared(acme, cny(7200), account=yuan, now=now)
    days_ago = now - timedelta(days=5)
    Order.objects.filter(pk=transfer.order_id).update(created_at=days_ago, rate_until=days_ago + timedelta(days=2))
    offline.set_rate("7.25", at=now)
    line = offline.bring_line(yuan, cny(7200), imported_by=fiona, now=now)
    finding = offline.record(transfer, offline.by_line(line), by=frank, now=now)
    offline.approve(finding, by=frank, now=now)
    order = Order.objects.get(pk=transfer.order_id)
    assert finding.rate_choice == Finding.Rate.VALUE_DAY
    assert (order.credited, order.rate) == (usd("993.10"), Decimal("7.25"))


def test_what_is_short_is_credited_with_a_reason(
    acme: Organisation, dollars: BankAccount, fiona: User, frank: User, now: datetime
) -> None:
    transfer = offline.declared(acme, usd(1000), account=dollars, now=now)
    line = offline.bring_line(dollars, usd(985), imported_by=fiona, now=now)
    with pytest.raises(FactsRefused):
        offline.record(transfer, offline.by_line(line), by=frank, now=now)
    finding = offline.record(transfer, offline.by_line(line, reason="The bank kept its fee."), by=frank, now=now)
    offline.approve(finding, by=frank, now=now)
    order = Order.objects.get(pk=transfer.order_id)
    assert (order.paid, order.credited, order.state) == (usd(985), usd(985), State.PAID)
    assert order.events.order_by("id").last().note == Note.TRANSFER_SHORT  # type: ignore[union-attr]


def test_a_bank_fee_that_we_bear_is_an_expense_and_needs_a_second_person(
    acme: Organisation, dollars: BankAccount, fiona: User, frank: User, felix: User, now: datetime
) -> None:
    transfer = offline.declared(acme, usd(1000), account=dollars, now=now)
    line = offline.bring_line(dollars, usd(985), imported_by=fiona, now=now)
    facts = offline.by_line(line, fee=usd(15), reason="Our bank's fee")
    finding = offline.record(transfer, facts, by=frank, now=now)
    with pytest.raises(findings.MayNotApprove):
        offline.approve(finding, by=frank, now=now)
    offline.approve(finding, by=felix, now=now)
    assert offline.entries_of(Order.objects.get(pk=transfer.order_id)) == [
        ("debit", dollars.ledger_code, Decimal(985), "USD"),
        ("debit", "bank_charges", Decimal(15), "USD"),
        ("credit", "wallet", Decimal(1000), "USD"),
    ]


def test_what_is_over_becomes_an_order_of_its_own_that_follows(
    acme: Organisation, dollars: BankAccount, fiona: User, frank: User, now: datetime
) -> None:
    transfer = offline.declared(acme, usd(1000), account=dollars, now=now)
    line = offline.bring_line(dollars, usd(1050), imported_by=fiona, now=now)
    finding = offline.record(transfer, offline.by_line(line, reason="He paid 50 more."), by=frank, now=now)
    offline.approve(finding, by=frank, now=now)
    order = Order.objects.get(pk=transfer.order_id)
    follower = order.followers.get()
    assert (order.credited, follower.credited) == (usd(1000), usd(50))
    assert offline.balance(acme, "wallet") == 1050
    assert not Flag.objects.filter(order__in=[order, follower]).exists()


def test_one_wire_pays_two_orders_of_two_organisations(
    acme: Organisation, dollars: BankAccount, fiona: User, frank: User, now: datetime
) -> None:
    bright = builders.make_organisation(now=now, name="Bright Retail")
    first = offline.declared(acme, usd(600), account=dollars, now=now)
    second = offline.declared(bright, usd(400), account=dollars, now=now)
    line = offline.bring_line(dollars, usd(1000), imported_by=fiona, now=now)
    for transfer, amount in [(first, usd(600)), (second, usd(400))]:
        finding = offline.record(transfer, offline.by_line(line, amount), by=frank, now=now)
        offline.approve(finding, by=frank, now=now)
    line.refresh_from_db()
    assert offline.balance(acme, "wallet") == 600
    assert offline.balance(bright, "wallet") == 400
    assert offline.balance(acme, dollars.ledger_code) + offline.balance(bright, dollars.ledger_code) == 1000
    assert line.pile == BankLine.Pile.BOOKED


def test_a_line_typed_by_hand_is_made_when_it_is_approved_and_leaves_nothing_outside_the_ledger(
    acme: Organisation, dollars: BankAccount, fiona: User, frank: User, now: datetime
) -> None:
    transfer = offline.declared(acme, usd(600), account=dollars, now=now)
    facts = offline.by_hand(dollars, usd(1000), on=now.date(), number="FT1", claimed=usd(600))
    finding = offline.record(transfer, facts, by=fiona, now=now)
    with pytest.raises(findings.MayNotApprove):
        offline.approve(finding, by=fiona, now=now)
    assert not BankLine.objects.filter(account=dollars).exists()
    offline.approve(finding, by=frank, now=now)
    line = BankLine.objects.get(account=dollars)
    assert (line.entered_by, line.file, line.held_by) == (fiona, None, acme)
    assert offline.balance(acme, chart.SUSPENSE) == 400
    assert offline.balance(acme, dollars.ledger_code) == 1000


def test_above_the_limit_two_people_approve_and_an_edit_in_between_begins_anew(
    acme: Organisation, dollars: BankAccount, fiona: User, frank: User, felix: User, now: datetime
) -> None:
    ApprovalLimit.objects.update_or_create(currency="USD", defaults={"single_up_to": Decimal(30000)})
    transfer = offline.declared(acme, usd(50000), account=dollars, now=now)
    line = offline.bring_line(dollars, usd(50000), imported_by=fiona, now=now)
    first = offline.record(transfer, offline.by_line(line), by=frank, now=now)
    assert offline.approve(first, by=frank, now=now).done_at is None
    second = offline.record(transfer, offline.by_line(line), by=felix, now=now)
    with pytest.raises(findings.NotApprovable):
        offline.approve(first, by=felix, now=now)
    assert offline.approve(second, by=felix, now=now).done_at is None
    assert offline.balance(acme, "wallet") == 0
    assert offline.approve(second, by=frank, now=now).done_at is not None
    assert offline.balance(acme, "wallet") == 50000


def test_late_money_of_a_cancelled_order_is_credited_and_flagged(
    acme: Organisation, dollars: BankAccount, fiona: User, frank: User, now: datetime
) -> None:
    transfer = offline.begin(acme, usd(1000), account=dollars, now=now)
    transfers.cancel(order_id=transfer.order_id, by="Alice", now=now)
    line = offline.bring_line(dollars, usd(1000), imported_by=fiona, now=now)
    offline.approve(offline.record(transfer, offline.by_line(line), by=frank, now=now), by=frank, now=now)
    order = Order.objects.get(pk=transfer.order_id)
    assert order.state == State.PAID
    assert order.flags.get().reason == Flag.Reason.LATE_MONEY


def test_money_without_an_order_becomes_one_when_somebody_else_approves_whose_it_is(
    acme: Organisation, dollars: BankAccount, fiona: User, frank: User, felix: User, now: datetime
) -> None:
    line = offline.bring_line(dollars, usd(300), imported_by=fiona, now=now)
    facts = offline.by_line(line, reason="He called and sent the slip.")
    finding = findings.record_unasked(organisation_id=acme.pk, target=chart.WALLET, facts=facts, by=frank, now=now)
    with pytest.raises(findings.MayNotApprove, match="You gave these facts"):
        offline.approve(finding, by=frank, now=now)
    assert offline.balance(acme, "wallet") == 0
    order = offline.approve(finding, by=felix, now=now).credited_order
    assert order is not None
    assert (order.state, order.credited, order.created_by) == (State.PAID, usd(300), frank)
    assert offline.balance(acme, "wallet") == 300
    assert Allocation.objects.get(line=line).order == order


def test_nobody_approves_for_his_own_organisation(
    acme: Organisation, dollars: BankAccount, fiona: User, frank: User, now: datetime
) -> None:
    transfer = offline.declared(acme, usd(1000), account=dollars, now=now)
    line = offline.bring_line(dollars, usd(1000), imported_by=fiona, now=now)
    finding = offline.record(transfer, offline.by_line(line), by=frank, now=now)
    owner = builders.owner_of(acme)
    owner.is_staff = True
    owner.save()
    with pytest.raises(findings.MayNotApprove):
        offline.approve(finding, by=owner, now=now)
    with pytest.raises(DatabaseError), transaction.atomic():
        Approval.objects.create(finding=finding, by=owner, at=now)
    assert offline.balance(acme, "wallet") == 0


def test_nobody_credits_twice_the_limit_in_two_slices_alone(
    acme: Organisation, dollars: BankAccount, fiona: User, frank: User, now: datetime
) -> None:
    ApprovalLimit.objects.filter(currency="USD").update(single_up_to=Decimal(1000))
    transfer = offline.declared(acme, usd(2000), account=dollars, now=now)
    line = offline.bring_line(dollars, usd(2000), imported_by=fiona, now=now)
    first = offline.record(transfer, offline.by_line(line, usd(1000), reason="One half"), by=frank, now=now)
    assert offline.approve(first, by=frank, now=now).done_at
    second = offline.record(transfer, offline.by_line(line, usd(1000), reason="The other"), by=frank, now=now)
    assert offline.approve(second, by=frank, now=now).done_at is None
    assert offline.balance(acme, "wallet") == 1000


def test_a_line_in_another_customers_suspense_is_used_by_judgement_only(
    acme: Organisation, dollars: BankAccount, fiona: User, frank: User, felix: User, now: datetime
) -> None:
    bright = builders.make_organisation(now=now, name="Bright Retail")
    transfer = offline.declared(acme, usd(1000), account=dollars, now=now)
    line = offline.bring_line(dollars, usd(1000), imported_by=fiona, now=now)
    with transaction.atomic():
        settlement.hold_lines([line], organisation_id=bright.pk, by="InnoPaaS", now=now)
    with pytest.raises(FactsRefused):
        offline.record(transfer, offline.by_line(line), by=frank, now=now)
    finding = offline.record(transfer, offline.by_line(line, reason="Bright paid for Acme."), by=frank, now=now)
    with pytest.raises(findings.MayNotApprove):
        offline.approve(finding, by=frank, now=now)
    offline.approve(finding, by=felix, now=now)
    assert offline.balance(acme, "wallet") == 1000
    assert offline.balance(bright, dollars.ledger_code) == 0


def test_an_approval_counts_no_more_once_its_giver_has_left(
    acme: Organisation, dollars: BankAccount, fiona: User, frank: User, felix: User, now: datetime
) -> None:
    ApprovalLimit.objects.filter(currency="USD").update(single_up_to=Decimal(10))
    transfer = offline.declared(acme, usd(1000), account=dollars, now=now)
    line = offline.bring_line(dollars, usd(1000), imported_by=fiona, now=now)
    finding = offline.record(transfer, offline.by_line(line), by=frank, now=now)
    offline.approve(finding, by=felix, now=now)
    User.objects.filter(pk=felix.pk).update(is_active=False)
    assert offline.approve(finding, by=frank, now=now).done_at is None
    assert offline.approve(finding, by=people.make_staff("olga", "finance"), now=now).done_at
    assert offline.balance(acme, "wallet") == 1000


def test_fen_beyond_the_amount_that_are_no_cent_are_not_credited(
    acme: Organisation, yuan: BankAccount, fiona: User, frank: User, now: datetime
) -> None:
    transfer = offline.declared(acme, cny(7200), account=yuan, now=now)
    line = offline.bring_line(yuan, cny("7200.03"), imported_by=fiona, now=now)
    with pytest.raises(FactsRefused):
        offline.record(transfer, offline.by_line(line, reason="Three fen more"), by=frank, now=now)
    finding = offline.record(transfer, offline.by_line(line, cny(7200)), by=frank, now=now)
    assert offline.approve(finding, by=frank, now=now).done_at


def test_what_was_paid_in_the_wallets_currency_keeps_no_rate(
    acme: Organisation, yuan: BankAccount, dollars: BankAccount, fiona: User, frank: User, now: datetime
) -> None:
    transfer = offline.declared(acme, cny(7200), account=yuan, now=now)
    line = offline.bring_line(dollars, usd(990), imported_by=fiona, now=now)
    finding = offline.record(transfer, offline.by_line(line, reason="He paid in dollars."), by=frank, now=now)
    offline.approve(finding, by=frank, now=now)
    order = Order.objects.get(pk=transfer.order_id)
    assert (order.paid, order.credited, order.rate) == (usd(990), usd(990), None)
