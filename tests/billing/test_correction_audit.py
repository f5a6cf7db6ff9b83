"""The audit of what was taken back: each difference is planted by a superuser, and named."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connections, transaction

from billing import audit, correction_audit, moves, orders
from billing.arrivals import Arrival, Source
from billing.models import Correction, Note, Order
from tests import builders
from tests.billing.correcting import Desk, usd
from wallet import chart, ledger
from wallet.models import Posting

pytestmark = pytest.mark.usefixtures("superuser")


@pytest.fixture
def desk(committed: None, now: datetime) -> Desk:
    return Desk(now)


@pytest.fixture
def done(desk: Desk) -> Correction:
    proposed = desk.propose(desk.by_card())
    desk.approve(proposed)
    return Correction.objects.select_related("order", "credited_order").get(pk=proposed.pk)


def plant(statement: str, *arguments: UUID | str | None) -> None:
    """As somebody who can do anything, guards or not."""
    with connections["superuser"].cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement, arguments)


def named(order: Order, *, now: datetime) -> list[str]:
    checks = (audit.check_taken_back, correction_audit.check_corrections)
    return [said for check in checks for said in check("superuser", now) if order.number in said]


def test_what_was_corrected_and_undone_as_it_should_is_clean(desk: Desk, done: Correction) -> None:
    move = desk.by_move()
    moves.undo(order_id=move.pk, by="Alice", now=desk.now + timedelta(minutes=1))
    for order in (done.order, done.credited_order, move):
        assert order is not None
        assert named(order, now=desk.now) == []


def test_a_correction_whose_money_was_never_taken_back_is_named(desk: Desk, done: Correction) -> None:
    plant("ALTER TABLE wallet_posting DISABLE TRIGGER ALL")
    plant("UPDATE wallet_posting SET reverses_id = NULL WHERE key = %s", f"order:{done.order.number}:back")
    assert named(done.order, now=desk.now) == [
        f"Order {done.order.number} reads REFUNDED, and its credit was reversed 0 times."
    ]


def test_a_credit_reversed_of_an_order_that_reads_paid_is_named(desk: Desk) -> None:
    order = desk.by_card()
    posting = Posting.objects.get(order_number=order.number)
    ledger.reverse(organisation_id=desk.acme.pk, posting_id=posting.pk, key="back", now=desk.now, by="x", memo="")
    assert named(order, now=desk.now) == [f"Order {order.number} reads PAID, and its credit was reversed 1 times."]


def test_a_move_that_reads_refunded_without_its_reversal_is_named(desk: Desk) -> None:
    move = desk.by_move()
    plant("UPDATE billing_order SET state = 'REFUNDED' WHERE id = %s", move.pk)
    assert named(move, now=desk.now) == [f"Order {move.number} reads REFUNDED, and its credit was reversed 0 times."]


@pytest.mark.parametrize(
    "change",
    ["credited = 99", "paid = 99", "target = 'wallet'", "follows_id = NULL", "paid_currency = 'CNY'"],
)
def test_a_pair_that_is_none_is_named(change: str, desk: Desk, done: Correction) -> None:
    plant(f"UPDATE billing_order SET {change} WHERE id = %s", done.credited_order_id)  # noqa: S608  # the test's own word
    assert named(done.order, now=desk.now) == [
        f"The correction of order {done.order.number} credited other than what it took back."
    ]


def test_an_order_told_to_be_corrected_without_a_correction_is_named(desk: Desk, done: Correction) -> None:
    assert done.credited_order is not None
    plant("DELETE FROM billing_correction WHERE id = %s", done.pk)
    for order in (done.order, done.credited_order):
        said = f"The correction of order {order.number} is told of, but nobody approved one."
        assert said in named(order, now=desk.now)


def test_a_correction_by_one_person_or_a_member_is_named(desk: Desk, done: Correction) -> None:
    plant("ALTER TABLE billing_correction DROP CONSTRAINT correction_approved_by_somebody_else")
    plant("UPDATE billing_correction SET made_by_id = approved_by_id WHERE id = %s", done.pk)
    one = f"The correction of order {done.order.number} was approved by whoever proposed it."
    assert named(done.order, now=desk.now) == [one]
    plant("UPDATE billing_correction SET made_by_id = %s WHERE id = %s", desk.fiona.pk, done.pk)
    alice = builders.owner_of(desk.acme)
    for column in ("made_by_id", "approved_by_id"):
        plant(f"UPDATE billing_correction SET {column} = %s WHERE id = %s", alice.pk, done.pk)  # noqa: S608  # as above
        member = f"The correction of order {done.order.number} was made by a member of the organisation."
        assert member in named(done.order, now=desk.now)


def test_a_correction_paid_from_elsewhere_is_named(desk: Desk) -> None:
    order = desk.by_move()
    proposed = desk.propose(order)
    source = Source(code=chart.STRIPE_CLEARING, amount=usd(100))
    arrival = Arrival(sources=(source,), credited=usd(100), note=Note.CORRECTED)
    with transaction.atomic():
        credited = orders.credit_instead(
            order=orders.lock(order.pk), target=desk.right.code, arrival=arrival, by="x", now=desk.now
        )
        Correction.objects.filter(pk=proposed.pk).update(
            approved_by=desk.frank, approved_by_name="Frank", approved_at=desk.now, credited_order=credited
        )
    assert named(order, now=desk.now) == [
        f"The correction of order {order.number} was paid otherwise than what it took back."
    ]


@pytest.mark.parametrize("change", ["target = 'wallet'", "method = 'BALANCE'", "method = 'OFFLINE'"])
def test_an_order_that_follows_elsewhere_without_a_correction_is_named(change: str, desk: Desk) -> None:
    order = desk.by_card()
    with transaction.atomic():
        arrival = builders.by_card(order)
        follower = orders.credit_further(order=orders.lock(order.pk), arrival=arrival, by="x", now=desk.now)
    assert named(follower, now=desk.now) == []
    plant(f"UPDATE billing_order SET {change} WHERE id = %s", follower.pk)  # noqa: S608  # the test's own word
    assert named(follower, now=desk.now) == [
        (
            f"The correction of order {follower.number} is not there,"
            " though it follows an order of another balance or method."
        )
    ]


_END = "corrections_check_end"


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        (f"ALTER TABLE billing_correction DISABLE TRIGGER {_END}", f"Trigger {_END} is switched off."),
        (f"DROP TRIGGER {_END} ON billing_correction", f"Trigger {_END} is missing."),
        (
            (
                f"CREATE OR REPLACE TRIGGER {_END} AFTER UPDATE ON billing_correction"
                f" FOR EACH ROW EXECUTE FUNCTION {_END}()"
            ),
            f"Trigger {_END} is not the one of this version.",
        ),
        (
            f"CREATE OR REPLACE FUNCTION {_END}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            f"Function {_END} is not the one of this version.",
        ),
        (
            "ALTER TABLE billing_correction DROP CONSTRAINT correction_approved_by_somebody_else",
            "Constraint correction_approved_by_somebody_else is missing.",
        ),
        ("DROP INDEX correction_once_per_order", "Constraint correction_once_per_order is missing."),
        (
            "ALTER TABLE billing_correction DROP CONSTRAINT correction_credited_of_organisation",
            "Constraint correction_credited_of_organisation is missing.",
        ),
        ("GRANT DELETE ON billing_correction TO APP_ROLE", "has DELETE on billing_correction."),
        ("GRANT UPDATE (target) ON billing_correction TO APP_ROLE", "has UPDATE (target) on billing_correction."),
    ],
    ids=lambda word: word.partition(" ON ")[0],
)
def test_a_guard_that_is_gone_is_named(verb: str, said: str, now: datetime) -> None:
    assert list(correction_audit.check_guards("superuser", now)) == []
    plant(verb.replace("APP_ROLE", settings.DATABASES["default"]["USER"]))
    assert [word[-len(said) :] for word in correction_audit.check_guards("superuser", now)] == [said]
