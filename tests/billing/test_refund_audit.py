"""The audit of refunds: clean after each way a refund can go; each difference is planted by a superuser, and named."""

from datetime import datetime
from typing import Any

import pytest
from django.db import DatabaseError, connections, transaction

from billing import audit, refund_audit, refunds
from billing.models import Order
from products import audit as usage_audit
from tests.billing.refunding import LAPSED, Counter, approved_refund, ask_refund, start_refund, succeeded_refund, usd
from wallet import chart

pytestmark = pytest.mark.usefixtures("superuser")

CHECKS = (
    *(refund_audit.check_postings, refund_audit.check_sums, refund_audit.check_people, refund_audit.check_states),
    *(audit.check_spendable, audit.check_taken_back, audit.check_returns, audit.check_notes, audit.check_paid_orders),
    *(usage_audit.check_held, usage_audit.check_leaving),
)


@pytest.fixture
def counter(committed: None, now: datetime) -> Counter:
    return Counter(now)


def plant(statement: str, *arguments: Any) -> None:
    """As somebody who can do anything, guards or not."""
    with connections["superuser"].cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement, arguments)


def named(counter: Counter) -> list[str]:
    """What the audit says of this organisation's refunds and orders. Reads as the one who planted, so that it waits for
    no lock of his.
    """
    told = Order.objects.using("superuser").filter(organisation=counter.acme).prefetch_related("refunds")
    names = {str(counter.acme.pk), *(order.number for order in told)}
    names |= {refund.number for order in told for refund in order.refunds.all()}
    return [said for check in CHECKS for said in check("superuser", counter.now) if any(name in said for name in names)]


def test_however_a_refund_went_the_audit_is_clean(counter: Counter) -> None:
    order = counter.card("100")
    ask_refund(order, amount=usd(5), now=counter.now)
    failing = approved_refund(order, amount=usd(5), now=counter.now)
    refunds.fail(refund_id=failing.pk, failure="x", by="Stripe", now=counter.now)
    refunds.withdraw(refund_id=ask_refund(order, amount=usd(5), now=counter.now).pk, by=counter.alice, now=counter.now)
    back = succeeded_refund(order, amount=usd(20), now=counter.now)
    refunds.return_to_balance(
        refund_id=back.pk, source=chart.STRIPE_CLEARING, failure="x", by="Stripe", now=counter.now
    )
    succeeded_refund(order, amount=usd(30), now=counter.now)
    move = counter.move("20")
    started = start_refund(move, by=counter.fiona, now=counter.now + LAPSED)
    refunds.approve(refund_id=started.pk, by=counter.frank, now=counter.now + LAPSED)
    product = counter.card("40", target=counter.product)
    counter.move("10")
    adopted = refunds.adopt(order_id=order.pk, back=usd(65), stripe_id=f"re_{order.number}", now=counter.now)
    assert adopted.debt > 0
    succeeded_refund(product, now=counter.now)
    assert named(counter) == []


def test_money_set_aside_for_no_refund_is_named(counter: Counter) -> None:
    refund = ask_refund(counter.card("100"), now=counter.now)
    plant("DELETE FROM billing_refund WHERE id = %s", refund.pk)
    said = named(counter)
    assert any(f"Account wallet:held of {counter.acme.pk} has 100" in line for line in said)
    assert any(f"Refund {refund.number} of {counter.acme.pk} (hold" in line for line in said)


def test_a_refund_that_reads_succeeded_and_was_never_posted_is_named(counter: Counter) -> None:
    order = counter.card("100")
    refund = approved_refund(order, now=counter.now)
    plant("UPDATE billing_refund SET state = 'SUCCEEDED', succeeded_at = approved_at WHERE id = %s", refund.pk)
    said = named(counter)
    assert any(f"Refund {refund.number}" in line and "due are 100" in line for line in said)
    assert f"Order {order.number} reads PAID; by its refunds and disputes it is REFUNDED." in said


def test_an_order_that_reads_refunded_without_a_refund_is_named(counter: Counter) -> None:
    order = counter.card("100")
    plant("UPDATE billing_order SET state = 'REFUNDED' WHERE id = %s", order.pk)
    assert f"Order {order.number} reads REFUNDED; by its refunds and disputes it is PAID." in named(counter)


def test_more_than_was_credited_is_named(counter: Counter) -> None:
    order = counter.card("100")
    succeeded_refund(order, now=counter.now)
    plant("UPDATE billing_order SET credited = 90, paid = 90 WHERE id = %s", order.pk)
    assert any(line.startswith(f"Of order {order.number} 100") for line in named(counter))


def test_a_refund_that_one_person_let_go_is_named(counter: Counter) -> None:
    refund = start_refund(counter.card("100"), by=counter.fiona, now=counter.now)
    refunds.approve(refund_id=refund.pk, by=counter.frank, now=counter.now)
    plant("ALTER TABLE billing_refund DROP CONSTRAINT refund_approved_by_somebody_else")
    plant("UPDATE billing_refund SET approved_by_id = asked_by_id WHERE id = %s", refund.pk)
    assert named(counter) == [f"Refund {refund.number} was approved by whoever asked for it."]


def test_a_guard_that_was_taken_away_is_named(counter: Counter) -> None:
    assert list(refund_audit.check_guards("superuser", counter.now)) == []
    plant("DROP TRIGGER refunds_check_change ON billing_refund")
    plant("ALTER TABLE billing_refund DROP CONSTRAINT refund_order_of_organisation")
    said = list(refund_audit.check_guards("superuser", counter.now))
    assert said == ["Trigger refunds_check_change is missing.", "Constraint refund_order_of_organisation is missing."]


def test_money_that_left_by_another_methods_account_is_named(counter: Counter) -> None:
    order = counter.card("100")
    succeeded_refund(order, now=counter.now)
    plant("UPDATE billing_order SET method = 'OFFLINE' WHERE id = %s", order.pk)
    assert any("credit stripe_clearing): 100" in line for line in named(counter))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE billing_refund SET amount = 5 WHERE id = %s",
        "UPDATE billing_refund SET asked_by_id = NULL, origin = 'STRIPE', stripe_id = 'x' WHERE id = %s",
        "UPDATE billing_refund SET state = 'WITHDRAWN', ended_at = asked_at, reason = 'x' WHERE id = %s",
        "DELETE FROM billing_refund WHERE id = %s",
        "TRUNCATE billing_refund CASCADE -- %s",
    ],
)
def test_not_even_the_owner_changes_or_deletes_one(counter: Counter, statement: str) -> None:
    refund = ask_refund(counter.card("100"), now=counter.now)
    with pytest.raises(DatabaseError) as caught, transaction.atomic(using="owner"):
        connections["owner"].cursor().execute(statement, [refund.pk])
    assert getattr(caught.value.__cause__, "sqlstate", "") == "IP022"
