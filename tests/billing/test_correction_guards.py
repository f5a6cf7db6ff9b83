"""Corrections against whoever goes round the pages: raw rows as the application's role, refused by the database."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from billing import corrections, orders
from billing.models import Correction, Note, Order
from tests import builders, people
from tests.billing.correcting import Desk, usd
from wallet import chart
from wallet.models import Member, Role, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(db: None, now: datetime) -> Desk:
    return Desk(now)


def refuse(attack: Callable[[], Any], state: str) -> None:
    """The attack fails with this SQLSTATE."""
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        attack()
    assert getattr(caught.value.__cause__, "sqlstate", "") == state


def execute(statement: str, *arguments: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)


def write(desk: Desk, order: Order, **fields: Any) -> Correction:
    return Correction.objects.create(
        **{
            "organisation": desk.acme,
            "order": order,
            "target": desk.right.code,
            "reason": "why",
            "made_by": desk.fiona,
            "made_by_name": "Fiona",
            "made_at": desk.now,
        }
        | fields
    )


def carry_out(desk: Desk, order: Order) -> Order:
    """The money moves as it should; what is written down about it is the test's."""
    order = orders.lock(order.pk)
    arrival = corrections._rebuild(order, note=Note.CORRECTED, detail="")
    return orders.credit_instead(order=order, target=desk.right.code, arrival=arrival, by="x", now=desk.now)


def finish(desk: Desk, correction: Correction, credited: Order, *, by: User | None = None) -> None:
    Correction.objects.filter(pk=correction.pk).update(
        approved_by=by or desk.frank, approved_by_name="Frank", approved_at=desk.now, credited_order=credited
    )


def join(person: User, desk: Desk) -> None:
    Member.objects.create(organisation=desk.acme, user=person, role=Role.VIEWER, joined_at=desk.now)


def leave(person: User, field: str) -> None:
    User.objects.filter(pk=person.pk).update(**{field: False})


def test_the_maker_does_not_approve(desk: Desk) -> None:
    order = desk.by_card()
    proposed = write(desk, order)
    credited = carry_out(desk, order)
    refuse(lambda: finish(desk, proposed, credited, by=desk.fiona), "23514")
    finish(desk, proposed, credited)


def test_members_neither_propose_nor_approve_nor_withdraw(desk: Desk) -> None:
    order = desk.by_card()
    proposed = write(desk, order)
    credited = carry_out(desk, order)
    felix = people.make_staff("felix", "finance")
    join(felix, desk)
    refuse(lambda: finish(desk, proposed, credited, by=felix), "IP020")
    withdrawn = {"withdrawn_by": felix, "withdrawn_at": desk.now}
    refuse(lambda: Correction.objects.filter(pk=proposed.pk).update(**withdrawn), "IP020")
    refuse(lambda: write(desk, desk.by_card("20"), made_by=felix), "IP020")
    join(desk.fiona, desk)
    refuse(lambda: finish(desk, proposed, credited), "IP020")  # whoever proposed it belongs to them by now


@pytest.mark.parametrize("field", ["is_active", "is_staff"])
def test_whoever_has_left_corrects_nothing(field: str, desk: Desk) -> None:
    order = desk.by_card()
    proposed = write(desk, order)
    leave(desk.frank, field)
    leave(desk.fiona, field)
    refuse(lambda: finish(desk, proposed, carry_out(desk, order)), "IP020")
    refuse(lambda: write(desk, desk.by_card("20")), "IP020")
    withdrawn = {"withdrawn_by": desk.fiona, "withdrawn_at": desk.now}
    refuse(lambda: Correction.objects.filter(pk=proposed.pk).update(**withdrawn), "IP020")


@pytest.mark.parametrize("field", ["is_active", "is_staff"])
def test_what_somebody_proposed_who_has_left_is_not_done(field: str, desk: Desk) -> None:
    order = desk.by_card()
    proposed = write(desk, order)
    leave(desk.fiona, field)
    refuse(lambda: finish(desk, proposed, carry_out(desk, order)), "IP020")


def test_a_correction_begins_as_a_proposal(desk: Desk) -> None:
    order, other = desk.by_card(), desk.by_card("20")
    done = {"approved_by": desk.frank, "approved_at": desk.now, "credited_order": other}
    refuse(lambda: write(desk, order, **done), "IP022")
    refuse(lambda: write(desk, order, withdrawn_by=desk.frank, withdrawn_at=desk.now), "IP022")


def test_only_a_paid_order_of_the_organisation_is_corrected_and_to_another_balance(desk: Desk) -> None:
    waiting, paid = builders.begin_top_up(desk.acme, now=desk.now).order, desk.by_card()
    refuse(lambda: write(desk, waiting), "IP024")
    refuse(lambda: write(desk, paid, target=desk.wrong.code), "IP024")
    bright = builders.make_organisation(now=desk.now, name="Bright Retail")
    others = builders.fill_wallet(bright, usd(20), now=desk.now)
    refuse(lambda: write(desk, others), "IP024")


def test_an_order_has_one_correction(desk: Desk) -> None:
    order = desk.by_card()
    write(desk, order)
    refuse(lambda: write(desk, order, target=chart.WALLET, made_by=desk.frank), "23505")


@pytest.mark.parametrize("wrongly", ["not taken back", "another target", "another amount", "not a follower"])
def test_it_is_done_only_by_the_orders_that_do_it(wrongly: str, desk: Desk) -> None:
    order = desk.by_card()
    target = chart.WALLET if wrongly == "another target" else desk.right.code
    proposed = write(desk, order, target=target)
    if wrongly == "not taken back":
        credited = Order.objects.create(
            **{field: getattr(order, field) for field in ("organisation", "method", "paid", "credited", "created_by")},
            **{field: getattr(order, field) for field in ("created_at", "deadline_at", "paid_at", "state")},
            number="TU20260715AAAAAAAAAA",
            target=target,
            follows=order,
        )
    elif wrongly == "not a follower":
        carry_out(desk, order)
        credited = desk.by_card(target=desk.right)
    else:
        credited = carry_out(desk, order)
    if wrongly == "another amount":
        Order.objects.filter(pk=credited.pk).update(credited=usd(99))
    refuse(lambda: finish(desk, proposed, credited), "IP024")


@pytest.mark.parametrize("column", ["target", "reason", "made_by_id", "made_at", "order_id", "organisation_id"])
def test_what_was_proposed_is_not_the_applications_to_change(column: str, desk: Desk) -> None:
    proposed = write(desk, desk.by_card())
    refuse(lambda: execute(f"UPDATE billing_correction SET {column} = {column} WHERE id = %s", proposed.pk), "42501")  # noqa: S608  # the test's own word


def test_what_has_ended_never_changes(desk: Desk) -> None:
    order = desk.by_card()
    proposed = desk.propose(order)
    desk.approve(proposed)
    refuse(lambda: Correction.objects.filter(pk=proposed.pk).update(approved_by_name="Somebody else"), "IP022")
    withdrawn = desk.withdraw(desk.propose(desk.by_card("20")))
    again = {"withdrawn_by": None, "withdrawn_at": None}
    refuse(lambda: Correction.objects.filter(pk=withdrawn.pk).update(**again), "IP022")


@pytest.mark.parametrize("statement", ["DELETE FROM billing_correction", "TRUNCATE billing_correction CASCADE"])
def test_corrections_are_never_deleted(statement: str, desk: Desk) -> None:
    write(desk, desk.by_card())
    refuse(lambda: execute(statement), "42501")
