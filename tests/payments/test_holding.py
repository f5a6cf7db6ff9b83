"""Money that arrived and fits nothing is in the ledger the same evening; and what becomes of it afterwards."""

from datetime import datetime
from typing import Any

import pytest

from payments import assignments, audit, exact_lines, holding, imports, returns
from payments.appraisals import FactsRefused
from payments.assignments import NobodyFound, Part
from payments.models import Allocation, BankAccount, BankLine, DeskAct, Finding
from tests import builders, people
from tests.payments import bank_files, offline
from tests.payments.bank_files import DAY, Row
from wallet import chart
from wallet.models import HOUSE_ID, Account, Member, Organisation, Role, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def now() -> datetime:
    return datetime.fromisoformat("2026-07-15T12:00:00+08:00")


@pytest.fixture
def account(db: None) -> BankAccount:
    return offline.make_account("USD")


@pytest.fixture
def fiona(db: None) -> User:
    return people.make_staff("fiona", "finance")


@pytest.fixture
def felix(db: None) -> User:
    return people.make_staff("felix", "finance")


@pytest.fixture
def acme(db: None, now: datetime) -> Organisation:
    return builders.make_organisation(now=now, name="Acme Messaging")


def bring(account: BankAccount, *rows: Row, by: User, now: datetime) -> list[BankLine]:
    imports.import_statement(bank_files.upload(account, *rows), by=by, now=now)
    return list(BankLine.objects.filter(account=account).select_related("account").order_by("line_number"))


def suspense(organisation: Any) -> int:
    return int(Account.objects.balance(organisation_id=organisation, code=chart.SUSPENSE, currency="USD").amount)


def at_bank(account: BankAccount) -> int:
    return int(sum(found.balance.amount for found in Account.objects.filter(code=account.ledger_code)))


def assert_audited(now: datetime) -> None:
    checks = (audit.check_banks, audit.check_suspense, audit.check_allocations, audit.check_findings)
    assert [said for check in (*checks, audit.check_approvals) for said in check("default", now)] == []


def test_every_line_that_came_in_is_held_once(
    account: BankAccount, fiona: User, acme: Organisation, now: datetime
) -> None:
    transfer = offline.begin(acme, offline.usd(100), account=account, now=now)
    house = suspense(HOUSE_ID)
    lines = bring(
        account,
        Row(amount="100.00", reference="B1", text=transfer.reference),
        Row(amount="70.00", reference="B2"),
        Row(amount="-30.00", reference="B3"),
        by=fiona,
        now=now,
    )
    assert holding.count_due(lines[0].file) == 2  # type: ignore[arg-type]  # it has one
    assert holding.hold_due(now=now, limit=1) == 1
    assert holding.hold_due(now=now) == 1
    assert holding.hold_due(now=now) == 0

    assert (suspense(acme.pk), suspense(HOUSE_ID) - house, at_bank(account)) == (100, 70, 170)
    held = BankLine.objects.filter(account=account).order_by("line_number").values_list("held_by_id", flat=True)
    assert list(held) == [acme.pk, HOUSE_ID, None]
    assert_audited(now)


def test_money_for_two_organisations_waits_in_the_house(
    account: BankAccount, fiona: User, acme: Organisation, now: datetime
) -> None:
    one = offline.begin(acme, offline.usd(100), account=account, now=now)
    other = offline.begin(builders.make_organisation(now=now), offline.usd(100), account=account, now=now)
    lines = bring(account, Row(amount="200.00", text=f"{one.reference} {other.reference}"), by=fiona, now=now)
    holding.hold_due(now=now)
    lines[0].refresh_from_db()
    assert (lines[0].pile, lines[0].held_by_id) == (BankLine.Pile.EXACT, HOUSE_ID)


def test_a_guess_does_not_decide_whose_money_it_is(
    account: BankAccount, fiona: User, acme: Organisation, now: datetime
) -> None:
    offline.declare(offline.begin(acme, offline.usd(100), account=account, now=now), payer="Wile E.", now=now)
    lines = bring(account, Row(amount="100.00", payer="Wile E."), by=fiona, now=now)
    holding.hold_due(now=now)
    lines[0].refresh_from_db()
    assert (lines[0].pile, lines[0].held_by_id) == (BankLine.Pile.NEAR, HOUSE_ID)


@pytest.mark.parametrize("is_held", [True, False])
def test_money_is_sent_back_out_of_suspense(account: BankAccount, fiona: User, now: datetime, *, is_held: bool) -> None:
    (line,) = bring(account, Row(amount="100.00", reference="B1"), by=fiona, now=now)
    house = suspense(HOUSE_ID)
    if is_held:
        holding.hold_due(now=now)
    returns.send_back(line_id=line.pk, amount=offline.usd(40), note="wrong payee", by=fiona, now=now)
    line.refresh_from_db()
    assert (line.rest, suspense(HOUSE_ID) - house, at_bank(account)) == (offline.usd(60), 60, 60)
    returns.send_back(line_id=line.pk, amount=offline.usd(60), note="wrong payee", by=fiona, now=now)
    line.refresh_from_db()

    assert (line.pile, suspense(HOUSE_ID) - house, at_bank(account)) == (BankLine.Pile.BOOKED, 0, 0)
    assert DeskAct.objects.filter(line=line, kind=DeskAct.Kind.RETURNED, by=fiona).count() == 2
    assert_audited(now)


@pytest.mark.parametrize(("amount", "note"), [("100.01", "x"), ("0", "x"), ("-1", "x"), ("1", "")])
def test_no_more_is_sent_back_than_there_is_and_never_without_a_note(
    account: BankAccount, fiona: User, now: datetime, amount: str, note: str
) -> None:
    (line,) = bring(account, Row(amount="100.00", reference="B1"), by=fiona, now=now)
    with pytest.raises(returns.NotInSuspense):
        returns.send_back(line_id=line.pk, amount=offline.usd(amount), note=note, by=fiona, now=now)
    assert not Allocation.objects.filter(line=line).exists()


def test_money_that_went_out_is_not_sent_back(account: BankAccount, fiona: User, now: datetime) -> None:
    _held, line = bring(account, Row(amount="100.00"), Row(amount="-10.00"), by=fiona, now=now)
    with pytest.raises(returns.NotInSuspense):
        returns.send_back(line_id=line.pk, amount=offline.usd(10), note="x", by=fiona, now=now)


def typed_line(account: BankAccount, acme: Organisation, *, by: User, then: User, now: datetime) -> BankLine:
    transfer = offline.declared(acme, offline.usd(100), account=account, now=now)
    facts = offline.by_hand(account, offline.usd(100), on=DAY, number="SLIP-1")
    offline.approve(offline.record(transfer, facts, by=by, now=now), by=then, now=now)
    return BankLine.objects.get(account=account, file=None)


def test_a_look_alike_recognised_as_the_line_typed_by_hand_is_at_the_bank_once(
    account: BankAccount, fiona: User, felix: User, acme: Organisation, now: datetime
) -> None:
    typed = typed_line(account, acme, by=fiona, then=felix, now=now)
    bring(account, Row(amount="100.00", reference="BANK-7"), by=fiona, now=now)
    line = BankLine.objects.get(account=account, bank_reference="BANK-7")
    holding.hold_due(now=now)
    assert at_bank(account) == 200

    for _time in range(2):
        returns.mark_same(line_id=line.pk, same_as_id=typed.pk, by=fiona, now=now)

    line.refresh_from_db()
    assert (at_bank(account), line.pile, line.rest) == (100, BankLine.Pile.BOOKED, offline.usd(0))
    assert Allocation.objects.get(line=line).same_as == typed
    assert_audited(now)


def test_only_the_very_same_money_is_recognised_and_once(
    account: BankAccount, fiona: User, felix: User, acme: Organisation, now: datetime
) -> None:
    typed = typed_line(account, acme, by=fiona, then=felix, now=now)
    rows = [
        Row(amount="100.00", reference="A"),
        Row(amount="100.00", reference="B"),
        Row(amount="99.00", reference="C"),
    ]
    bring(account, *rows, by=fiona, now=now)
    one, two, three = BankLine.objects.filter(account=account, file__isnull=False).order_by("line_number")
    returns.mark_same(line_id=one.pk, same_as_id=typed.pk, by=fiona, now=now)
    for line, same_as in ((two, typed), (three, typed), (two, one), (one, two)):
        with pytest.raises(returns.NotTheSame):
            returns.mark_same(line_id=line.pk, same_as_id=same_as.pk, by=fiona, now=now)
    assert Allocation.objects.filter(kind="SAME", line__account=account).count() == 1


def test_exact_lines_credit_their_orders_in_one_step(
    account: BankAccount, fiona: User, felix: User, acme: Organisation, now: datetime
) -> None:
    bobs = builders.make_organisation(now=now, name="Bob's Bikes")
    one = offline.begin(acme, offline.usd(100), account=account, now=now)
    other = offline.begin(bobs, offline.usd(150), account=account, now=now)
    text = f"{one.reference} {other.reference}"
    (line,) = bring(account, Row(amount="250.00", text=text), by=fiona, now=now)
    holding.hold_due(now=now)

    done = exact_lines.approve_line(line_id=line.pk, by=felix, now=now)

    assert all(finding.done_at for finding in done)
    assert (builders.balance_of(acme.pk), builders.balance_of(bobs.pk)) == (offline.usd(100), offline.usd(150))
    assert at_bank(account) == 250
    with pytest.raises(exact_lines.NotApproved):
        exact_lines.approve_line(line_id=line.pk, by=felix, now=now)
    assert_audited(now)


def test_nobody_approves_in_bulk_what_he_imported_or_what_two_must_approve(
    account: BankAccount, fiona: User, felix: User, acme: Organisation, now: datetime
) -> None:
    small = offline.begin(acme, offline.usd(100), account=account, now=now)
    large = offline.begin(acme, offline.usd(30_001), account=account, now=now)
    lines = bring(
        account,
        Row(amount="100.00", reference="S", text=small.reference),
        Row(amount="30001.00", reference="L", text=large.reference),
        by=fiona,
        now=now,
    )
    Member.objects.create(
        organisation=acme, user=(gina := people.make_staff("gina", "finance")), role=Role.VIEWER, joined_at=now
    )
    for line, by, why in (
        (lines[0], fiona, "You imported the statement"), (lines[1], felix, "above the limit"),
        (lines[0], gina, "You belong to this organisation"),
    ):  # fmt: skip
        with pytest.raises(exact_lines.NotApproved, match=why):
            exact_lines.approve_line(line_id=line.pk, by=by, now=now)
    assert not Finding.objects.filter(organisation=acme).exists()


def test_a_line_that_is_not_exact_any_more_is_not_approved(
    account: BankAccount, fiona: User, felix: User, acme: Organisation, now: datetime
) -> None:
    transfer = offline.begin(acme, offline.usd(100), account=account, now=now)
    (line,) = bring(account, Row(amount="100.00", text=transfer.reference), by=fiona, now=now)
    returns.send_back(line_id=line.pk, amount=offline.usd(1), note="x", by=fiona, now=now)
    with pytest.raises(exact_lines.NotApproved):
        exact_lines.approve_line(line_id=line.pk, by=felix, now=now)


def test_a_second_line_for_a_paid_order_is_not_approved_with_the_others(
    account: BankAccount, fiona: User, felix: User, acme: Organisation, now: datetime
) -> None:
    transfer = offline.begin(acme, offline.usd(100), account=account, now=now)
    rows = [Row(amount="100.00", reference=reference, text=transfer.reference) for reference in ("A", "B")]
    first, second = bring(account, *rows, by=fiona, now=now)
    exact_lines.approve_line(line_id=first.pk, by=felix, now=now)
    with pytest.raises(exact_lines.NotApproved):
        exact_lines.approve_line(line_id=second.pk, by=felix, now=now)
    assert builders.balance_of(acme.pk) == offline.usd(100)


def test_one_wire_is_given_to_an_order_and_to_another_organisations_wallet(
    account: BankAccount, fiona: User, felix: User, acme: Organisation, now: datetime
) -> None:
    bobs = builders.make_organisation(now=now, name="Bob's Bikes")
    transfer = offline.begin(acme, offline.usd(100), account=account, now=now)
    (line,) = bring(account, Row(amount="250.00", reference="B1"), by=fiona, now=now)
    holding.hold_due(now=now)
    parts = [Part(whose=transfer, amount=offline.usd(100)), Part(whose=bobs, amount=offline.usd(120))]

    proposed = assignments.propose(line_id=line.pk, parts=parts, reason="they wrote to us", by=fiona, now=now)
    for finding in proposed:
        offline.approve(finding, by=felix, now=now)

    line.refresh_from_db()
    assert line.rest == offline.usd(30)
    assert (builders.balance_of(acme.pk), builders.balance_of(bobs.pk)) == (offline.usd(100), offline.usd(120))
    assert_audited(now)


def test_no_more_is_proposed_than_there_is(
    account: BankAccount, fiona: User, acme: Organisation, now: datetime
) -> None:
    (line,) = bring(account, Row(amount="100.00", reference="B1"), by=fiona, now=now)
    bobs = builders.make_organisation(now=now)
    for parts in (
        [],
        [Part(whose=acme, amount=offline.usd(60)), Part(whose=bobs, amount=offline.usd(41))],
        [Part(whose=acme, amount=offline.usd(10)), Part(whose=acme, amount=offline.usd(10))],
    ):
        with pytest.raises(FactsRefused):
            assignments.propose(line_id=line.pk, parts=parts, reason="x", by=fiona, now=now)
    assert not Finding.objects.filter(shares__line=line).exists()


def test_whose_money_it_is_is_found_by_what_people_know(
    account: BankAccount, acme: Organisation, now: datetime
) -> None:
    transfer = offline.begin(acme, offline.usd(100), account=account, now=now)
    owner = builders.owner_of(acme)
    assert assignments.find(transfer.reference.lower()) == transfer
    assert assignments.find(transfer.order.number) == transfer
    assert assignments.find(owner.email.upper()) == acme
    builders.make_organisation(now=now, name="Acme Messaging")
    with pytest.raises(NobodyFound, match="several"):
        assignments.find("acme messaging")
    for nobody in ("nobody", "InnoPaaS", "TP"):
        with pytest.raises(NobodyFound):
            assignments.find(nobody)
