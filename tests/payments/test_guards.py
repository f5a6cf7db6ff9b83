"""Maker and checker, and lines that become money once, against whoever goes round the pages: raw SQL as the
application's role. Each attack is refused by the database and leaves nothing behind.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from billing.models import Order, State
from payments import findings, keeping
from payments.models import Allocation, Approval, ApprovalLimit, BankAccount, BankLine, DeskAct, Finding, Share
from tests import builders, people
from tests.payments import offline
from tests.payments.offline import usd
from wallet.ids import new_id
from wallet.models import User


class Case:
    """A transfer of $1,000, a finding by frank on a line that fiona imported, and who else is there."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.acme = builders.make_organisation(now=now)
        self.fiona = people.make_staff("fiona", "finance")
        self.frank = people.make_staff("frank", "finance lead")
        self.account = offline.make_account("USD", fee_tolerance=Decimal(25))
        self.transfer = offline.declared(self.acme, usd(1000), account=self.account, now=now)
        self.line = offline.bring_line(self.account, usd(1000), imported_by=self.fiona, now=now)
        self.finding = offline.record(self.transfer, offline.by_line(self.line), by=self.frank, now=now)

    def approve(self, by: User, finding: Finding | None = None) -> Approval:
        return Approval.objects.create(finding=finding or self.finding, by=by, at=self.now)

    def allocate(self, amount: str, finding: Finding | None = None, **fields: Any) -> Allocation:
        return Allocation.objects.create(
            **{
                "organisation": self.acme,
                "line": self.line,
                "kind": Allocation.Kind.CREDITED,
                "amount": Decimal(amount),
                "order": self.transfer.order,
                "finding": None if fields.get("kind") else finding or self.finding,
                "by": "Mallory",
                "at": self.now,
            }
            | fields
        )

    def finish(self, finding: Finding | None = None) -> None:
        chosen = finding or self.finding
        Finding.objects.filter(pk=chosen.pk).update(done_at=self.now, credited_order=self.transfer.order)


@pytest.fixture
def case(db: None, now: datetime) -> Case:
    return Case(now)


def refuse(attack: Callable[[], Any], state: str) -> None:
    """The attack fails with this SQLSTATE."""
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        attack()
    assert getattr(caught.value.__cause__, "sqlstate", "") == state


def execute(statement: str, *arguments: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)


def test_the_importer_of_a_line_does_not_approve_it(case: Case) -> None:
    refuse(lambda: case.approve(case.fiona), "IP020")
    assert case.approve(case.frank).pk


def test_whoever_typed_the_facts_does_not_approve_them(case: Case) -> None:
    facts = offline.by_hand(case.account, usd(1000), on=case.now.date())
    typed = offline.record(case.transfer, facts, by=case.fiona, now=case.now)
    refuse(lambda: case.approve(case.fiona, typed), "IP020")
    assert case.approve(case.frank, typed).pk


def test_whoever_typed_a_line_does_not_approve_what_another_gave_on_it(case: Case) -> None:
    facts = offline.by_hand(case.account, usd(400), on=case.now.date())
    (line,) = keeping.keep_part(transfer_id=case.transfer.pk, claims=facts.claims, by=case.fiona, now=case.now)
    given = offline.by_line(BankLine.objects.get(pk=line.pk), reason="The rest will not come.")
    finding = offline.record(case.transfer, given, by=case.frank, now=case.now)
    refuse(lambda: case.approve(case.fiona, finding), "IP020")
    assert "You typed the bank line" in findings.why_not(finding, by=case.fiona)
    felix = people.make_staff("felix", "finance")
    assert findings.why_not(finding, by=felix) == ""
    assert case.approve(felix, finding).pk


@pytest.mark.parametrize(
    "judged", [{"transfer": None}, {"fee": usd(1)}, {"is_rule": False}], ids=["no order", "fee", "rate"]
)
def test_what_somebody_judged_never_passes_for_the_banks(case: Case, judged: dict[str, Any]) -> None:
    other = Finding.objects.get(pk=case.finding.pk)
    other.pk, other.superseded_at = new_id(), case.now
    other._state.adding = True  # a second row like the first
    for field, value in judged.items():
        setattr(other, field, value)
    refuse(lambda: other.save(force_insert=True), "23514")
    other.evidence = Finding.Evidence.HAND
    other.save(force_insert=True)


def test_whoever_bears_a_fee_for_the_house_does_not_approve_it(case: Case) -> None:
    line = offline.bring_line(case.account, usd(985), imported_by=case.fiona, now=case.now)
    facts = offline.by_line(line, fee=usd(15), reason="Our bank's fee")
    judged = offline.record(case.transfer, facts, by=case.frank, now=case.now)
    refuse(lambda: case.approve(case.frank, judged), "IP020")


def test_a_member_does_not_approve_for_his_organisation(case: Case) -> None:
    owner = builders.owner_of(case.acme)
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    refuse(lambda: case.approve(owner), "IP020")


@pytest.mark.parametrize("fields", [{"is_active": False}, {"is_staff": False}])
def test_whoever_has_left_approves_nothing(case: Case, fields: dict[str, bool]) -> None:
    felix = people.make_staff("felix", "finance")
    User.objects.filter(pk=felix.pk).update(**fields)
    refuse(lambda: case.approve(felix), "IP020")


def test_nobody_approves_a_finding_that_was_replaced(case: Case) -> None:
    offline.record(case.transfer, offline.by_line(case.line), by=case.frank, now=case.now)
    refuse(lambda: case.approve(case.frank), "IP020")


def test_one_person_approves_once(case: Case) -> None:
    case.approve(case.frank)
    refuse(lambda: case.approve(case.frank), "23505")


def test_a_finding_is_not_carried_out_without_its_approvals(case: Case) -> None:
    refuse(case.finish, "IP021")


def test_above_the_limit_one_approval_does_not_carry_it_out(case: Case) -> None:
    ApprovalLimit.objects.filter(currency="USD").update(single_up_to=Decimal("999.99"))
    case.approve(case.frank)
    refuse(case.finish, "IP021")
    case.approve(people.make_staff("felix", "finance"))
    case.finish()
    assert Finding.objects.get(pk=case.finding.pk).done_at


def test_without_a_limit_for_the_currency_two_are_needed(case: Case) -> None:
    ApprovalLimit.objects.filter(currency="USD").delete()
    case.approve(case.frank)
    refuse(case.finish, "IP021")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("received", 5000),
        ("credited", 5000),
        ("fee", 1),
        ("evidence", "STATEMENT2"),
        ("rate", 5),
        ("target", "product:x"),
    ],
)
def test_a_finding_is_never_changed(case: Case, column: str, value: object) -> None:
    refuse(lambda: execute(f"UPDATE payments_finding SET {column} = %s WHERE id = %s", value, case.finding.pk), "IP022")  # noqa: S608  # the test's own word


def test_a_finding_that_was_carried_out_is_never_taken_back(case: Case) -> None:
    case.approve(case.frank)
    case.finish()
    refuse(lambda: execute("UPDATE payments_finding SET done_at = NULL WHERE id = %s", case.finding.pk), "IP022")


def test_nothing_is_added_to_a_finding_after_an_approval(case: Case) -> None:
    case.approve(case.frank)
    other = offline.bring_line(case.account, usd(9000), imported_by=case.fiona, now=case.now)
    refuse(lambda: Share.objects.create(finding=case.finding, line=other, amount=Decimal(9000)), "IP022")


def test_a_typed_share_cannot_pretend_to_be_the_banks(case: Case) -> None:
    refuse(
        lambda: Share.objects.create(
            finding=case.finding,
            amount=Decimal(1),
            account=case.account,
            bank_reference="FT1",
            value_on=case.now.date(),
            line_amount=Decimal(1),
        ),
        "IP022",
    )


def test_shares_that_are_not_what_was_received_carry_nothing_out(case: Case) -> None:
    other = offline.bring_line(case.account, usd(5), imported_by=case.fiona, now=case.now)
    Share.objects.create(finding=case.finding, line=other, amount=Decimal(5))
    case.approve(case.frank)
    refuse(case.finish, "IP021")


def test_an_outgoing_line_or_another_currency_backs_no_finding(case: Case) -> None:
    outgoing = offline.bring_line(case.account, usd(70), imported_by=case.fiona, now=case.now)
    copy = BankLine.objects.get(pk=outgoing.pk)
    copy.pk, copy.direction, copy.bank_reference = None, BankLine.Direction.OUT, "OUT1"
    copy._state.adding = True  # a second row like the first
    copy.save(force_insert=True)
    refuse(lambda: Share.objects.create(finding=case.finding, line=copy, amount=Decimal(70)), "IP022")
    yuan = offline.make_account("CNY")
    foreign = offline.bring_line(yuan, offline.cny(70), imported_by=case.fiona, now=case.now)
    refuse(lambda: Share.objects.create(finding=case.finding, line=foreign, amount=Decimal(70)), "IP022")


def test_a_line_is_allocated_only_under_an_approved_finding_and_never_beyond_it(case: Case) -> None:
    refuse(lambda: case.allocate("1000"), "IP023")
    case.approve(case.frank)
    case.finish()
    big = offline.bring_line(case.account, usd(5000), imported_by=case.fiona, now=case.now)
    refuse(lambda: case.allocate("1000.01", line=big), "IP023")
    bright = builders.make_organisation(now=case.now, name="Bright Retail")
    refuse(lambda: case.allocate("10", organisation=bright), "23503")
    case.allocate("1000")
    case.line.refresh_from_db()
    assert case.line.allocated == 1000


def test_a_line_is_spent_once(case: Case) -> None:
    case.allocate("1000", kind=Allocation.Kind.RETURNED, order=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        case.allocate("0.01", kind=Allocation.Kind.RETURNED, order=None)


@pytest.mark.parametrize("model", [Approval, Share, Allocation, DeskAct])
@pytest.mark.parametrize("verb", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_what_was_written_down_stays(case: Case, model: Any, verb: str) -> None:
    case.approve(case.frank)
    refuse(lambda: execute(verb.format(model._meta.db_table)), "42501")  # public API


@pytest.mark.parametrize("model", [BankLine, Finding, BankAccount, Order])
def test_rows_of_money_are_never_deleted(case: Case, model: Any) -> None:
    refuse(lambda: execute(f"DELETE FROM {model._meta.db_table}"), "42501")  # noqa: S608  # the test's own word


def test_how_much_of_a_line_is_allocated_is_not_the_applications_to_write(case: Case) -> None:
    refuse(lambda: execute("UPDATE payments_bankline SET allocated = 0 WHERE id = %s", case.line.pk), "42501")


@pytest.mark.parametrize(("column", "value"), [("bank_reference", "X"), ("value_on", "2020-01-01"), ("occurrence", 9)])
def test_what_a_statement_says_of_a_line_never_changes(case: Case, column: str, value: object) -> None:
    refuse(lambda: execute(f"UPDATE payments_bankline SET {column} = %s WHERE id = %s", value, case.line.pk), "IP022")  # noqa: S608  # as above


def test_a_line_lies_in_its_accounts_currency(case: Case) -> None:
    def bring() -> None:
        offline.bring_line(case.account, offline.cny(5), imported_by=case.fiona, now=case.now)
        execute("SET CONSTRAINTS ALL IMMEDIATE")

    refuse(bring, "23503")


def test_the_refused_attacks_have_credited_nothing(case: Case) -> None:
    refuse(lambda: case.approve(case.fiona), "IP020")
    refuse(case.finish, "IP021")
    assert Order.objects.get(pk=case.transfer.order_id).state == State.IN_REVIEW
    assert offline.balance(case.acme, "wallet") == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payments_statementfile SET imported_by_id = %s",
        "UPDATE payments_transfer SET reference = 'TP' WHERE taken_by_id = %s",
        "UPDATE payments_transfer SET amount = 1 WHERE taken_by_id = %s",
    ],
)
def test_who_imported_a_statement_and_what_a_sheet_asked_for_stay(case: Case, statement: str) -> None:
    refuse(lambda: execute(statement, case.frank.pk), "42501")


def test_a_line_of_another_customer_is_no_banks_evidence(case: Case) -> None:
    bright = builders.make_organisation(now=case.now, name="Bright Retail")
    other = offline.bring_line(case.account, usd(5), imported_by=case.fiona, now=case.now)
    BankLine.objects.filter(pk=other.pk).update(held_by=bright)
    refuse(lambda: Share.objects.create(finding=case.finding, line=other, amount=Decimal(5)), "IP022")


def test_approvals_of_people_who_left_carry_nothing_out(case: Case) -> None:
    case.approve(case.frank)
    User.objects.filter(pk=case.frank.pk).update(is_staff=False)
    refuse(case.finish, "IP021")
