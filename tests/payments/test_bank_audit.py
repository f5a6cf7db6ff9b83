"""The audit of bank lines, ledger and approvals: each difference is planted by a superuser, and named."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import pytest
from django.db import connections

from billing.models import Order
from payments import audit
from payments.models import BankAccount, BankLine, Finding
from tests import builders, people
from tests.payments import offline
from wallet.ids import new_id
from wallet.models import HOUSE_ID, Organisation, User

pytestmark = pytest.mark.usefixtures("superuser")


@dataclass(kw_only=True)
class Story:
    """A transfer of $100 that arrived as $130, approved: committed, so that a superuser sees it."""

    organisation: Organisation
    account: BankAccount
    line: BankLine
    finding: Finding
    importer: User
    maker: User


@pytest.fixture
def now() -> datetime:
    return datetime.fromisoformat("2026-07-15T12:00:00+08:00")


@pytest.fixture
def story(committed: None, now: datetime) -> Story:
    importer, maker = people.make_staff("fiona", "finance"), people.make_staff("felix", "finance")
    organisation, account = builders.make_organisation(now=now), offline.make_account("USD")
    transfer = offline.declared(organisation, offline.usd(100), account=account, now=now)
    line = offline.bring_line(account, offline.usd(130), imported_by=importer, now=now)
    facts = offline.by_line(line, offline.usd(110), reason="for the next month")
    finding = offline.approve(offline.record(transfer, facts, by=maker, now=now), by=maker, now=now)
    return Story(organisation=organisation, account=account, line=line, finding=finding, importer=importer, maker=maker)


def order_of(story: Story) -> Order:
    assert story.finding.credited_order_id
    return Order.objects.get(pk=story.finding.credited_order_id)


def plant(*statements: str) -> None:
    """As somebody who can do anything, guards or not."""
    with connections["superuser"].cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            cursor.execute(statement)


def named(check: Callable[[str, datetime], Iterable[str]], word: object, *, now: datetime) -> list[str]:
    return [said for said in check("superuser", now) if str(word) in said]


def test_nothing_is_named_where_all_agree(story: Story, now: datetime) -> None:
    order, file = order_of(story), story.line.file_id
    checks = (audit.check_banks, audit.check_suspense, audit.check_allocations, audit.check_findings)
    for check in (*checks, audit.check_approvals, audit.check_transfer_orders, audit.check_statements):
        for word in (story.account.code, story.organisation.pk, story.line.pk, story.finding.pk, order.number, file):
            assert named(check, word, now=now) == []
    assert list(audit.check_guards("superuser", now)) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE payments_bankline SET amount = 131 WHERE id = '{line}'",
        "UPDATE payments_bankline SET held_by_id = NULL WHERE id = '{line}'",
        "UPDATE wallet_account SET balance = balance + 1 WHERE code = 'bank:{code}'",
        "UPDATE payments_allocation SET kind = 'RETURNED', order_id = NULL, finding_id = NULL WHERE line_id = '{line}'",
    ],
)
def test_a_bank_that_is_not_its_lines_is_named(story: Story, now: datetime, change: str) -> None:
    plant(change.format(line=story.line.pk, code=story.account.code))
    assert len(named(audit.check_banks, story.account.code, now=now)) == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE payments_bankline SET allocated = 0 WHERE id = '{line}'",
        "UPDATE wallet_account SET balance = balance + 1 WHERE code = 'suspense' AND organisation_id = '{house}'",
    ],
)
def test_suspense_that_is_not_what_is_held_is_named(story: Story, now: datetime, change: str) -> None:
    plant(change.format(line=story.line.pk, house=HOUSE_ID))
    assert len(named(audit.check_suspense, HOUSE_ID, now=now)) == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE payments_bankline SET allocated = 109 WHERE id = '{line}'",
        "UPDATE payments_allocation SET amount = 1 WHERE line_id = '{line}'",
        "DELETE FROM payments_allocation WHERE line_id = '{line}'",
    ],
)
def test_a_line_whose_allocations_say_otherwise_is_named(story: Story, now: datetime, change: str) -> None:
    plant(change.format(line=story.line.pk))
    assert len(named(audit.check_allocations, story.line.pk, now=now)) == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE payments_allocation SET amount = 1 WHERE line_id = '{line}'",
        "UPDATE payments_finding SET received = 111 WHERE id = '{finding}'",
        "UPDATE billing_order SET paid_at = NULL, state = 'PENDING' WHERE id = '{order}'",
    ],
)
def test_a_finding_that_did_not_become_credits_is_named(story: Story, now: datetime, change: str) -> None:
    plant(change.format(line=story.line.pk, finding=story.finding.pk, order=story.finding.credited_order_id))
    assert len(named(audit.check_findings, story.finding.pk, now=now)) == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE billing_order SET paid = 5000 WHERE id = '{order}'",
        "UPDATE billing_order SET paid_currency = 'CNY' WHERE id = '{order}'",
        "UPDATE payments_finding SET fee = 1, evidence = 'HAND' WHERE id = '{finding}'",
        "DELETE FROM payments_allocation WHERE line_id = '{line}'",
    ],
)
def test_an_order_paid_with_other_than_its_lines_and_fee_is_named(story: Story, now: datetime, change: str) -> None:
    order = order_of(story)
    plant(change.format(order=order.pk, finding=story.finding.pk, line=story.line.pk))
    assert len(named(audit.check_transfer_orders, order.number, now=now)) == 1


@pytest.mark.parametrize(
    ("change", "named_by_file"),
    [
        ("UPDATE payments_bankline SET file_id = NULL, entered_by_id = '{maker}' WHERE id = '{line}'", 1),
        ("UPDATE payments_bankline SET amount = 131 WHERE id = '{line}'", 1),
        ("UPDATE payments_statementfile SET closing = 131 WHERE id = '{file}'", 1),
        ("UPDATE payments_statementfile SET lines_added = 2 WHERE id = '{file}'", 1),
        ("UPDATE payments_statementfile SET closing = 131, lines_read = 2 WHERE id = '{file}'", 0),
    ],
)
def test_a_statement_that_is_not_its_lines_is_named(
    story: Story, now: datetime, change: str, named_by_file: int
) -> None:
    plant(change.format(file=story.line.file_id, line=story.line.pk, maker=story.maker.pk))
    assert len(named(audit.check_statements, story.line.file_id, now=now)) == named_by_file
    is_chain_broken = "lines_added" not in change
    assert len(named(audit.check_statements, story.account.code, now=now)) == is_chain_broken


def test_a_line_planted_into_a_statement_is_named(story: Story, now: datetime) -> None:
    planted = BankLine.objects.get(pk=story.line.pk)
    planted.pk, planted.bank_reference, planted.allocated = new_id(), "PLANTED", Decimal(0)
    planted.save(using="superuser", force_insert=True)  # rolled back with the rest: nobody holds its money
    assert named(audit.check_statements, story.line.file_id, now=now) == [
        f"Statement {story.line.file_id} brought 1 lines, but 2 are there."
    ]


@pytest.mark.parametrize(
    ("change", "who"),
    [
        ("DELETE FROM payments_approval WHERE finding_id = '{finding}'", "nobody"),
        ("UPDATE payments_finding SET evidence = 'HAND' WHERE id = '{finding}'", "whoever gave its facts"),
        (
            "UPDATE payments_approval SET by_id = '{importer}' WHERE finding_id = '{finding}'",
            "whoever imported its lines",
        ),
        (
            "UPDATE payments_bankline SET file_id = NULL, entered_by_id = '{maker}' WHERE id = '{line}'",
            "whoever typed its lines",
        ),
        (
            "UPDATE wallet_member SET user_id = '{maker}' WHERE organisation_id = '{organisation}'",
            "a member of the organisation",
        ),
    ],
)
def test_an_approval_by_the_wrong_person_is_named(story: Story, now: datetime, change: str, who: str) -> None:
    plant(
        change.format(
            finding=story.finding.pk,
            line=story.line.pk,
            importer=story.importer.pk,
            maker=story.maker.pk,
            organisation=story.organisation.pk,
        )
    )
    assert [said.endswith(f"{who}.") for said in named(audit.check_approvals, story.finding.pk, now=now)] == [True]


def test_a_guard_switched_off_or_dropped_is_named(story: Story, now: datetime) -> None:
    plant(
        "ALTER TABLE payments_approval DISABLE TRIGGER transfers_check_approval",
        "DROP TRIGGER transfers_keep_share ON payments_share",
    )
    said = list(audit.check_guards("superuser", now))
    assert said == ["Trigger transfers_check_approval is switched off.", "Trigger transfers_keep_share is missing."]
