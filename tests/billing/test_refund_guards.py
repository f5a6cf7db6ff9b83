"""Refunds against whoever goes round the pages: raw rows as the application's role, refused by the database."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from djmoney.money import Money

from billing.models import Correction, Order, Refund
from billing.refunds import TRANSITIONS
from tests import builders, people
from tests.billing.refunding import LAPSED, Counter, approved_refund, ask_refund, start_refund, succeeded_refund, usd
from wallet.ids import new_id
from wallet.models import Member, Role, User

pytestmark = pytest.mark.django_db

State = Refund.State


@pytest.fixture
def counter(db: None, now: datetime) -> Counter:
    return Counter(now)


def refuse(attack: Callable[[], Any], state: str) -> None:
    """The attack fails with this SQLSTATE."""
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        attack()
    assert getattr(caught.value.__cause__, "sqlstate", "") == state


def execute(statement: str, *arguments: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)


def write(counter: Counter, order: Order, **fields: Any) -> Refund:
    number = f"RF{new_id().hex[:18].upper()}"
    return Refund.objects.create(
        **{
            "organisation": counter.acme,
            "order": order,
            "number": number,
            "origin": "CUSTOMER",
            "amount": usd(10),
            "back": usd(10),
            "reason": "why",
            "asked_by": counter.alice,
            "asked_by_name": "Alice",
            "asked_at": counter.now,
        }
        | fields
    )


def change(refund: Refund, **fields: Any) -> None:
    Refund.objects.filter(pk=refund.pk).update(**fields)


def approve(refund: Refund, *, by: User, at: datetime) -> None:
    change(refund, state="APPROVED", approved_by=by, approved_by_name=str(by), approved_at=at)


def test_never_more_than_the_order_credited(counter: Counter) -> None:
    order = counter.card("100")
    succeeded_refund(order, amount=usd(50), now=counter.now)
    ask_refund(order, amount=usd(30), now=counter.now)
    refuse(lambda: write(counter, order, amount=usd("20.01"), back=usd("20.01")), "IP027")
    refuse(lambda: write(counter, order, amount=usd(20), back=usd("20.01")), "IP027")
    write(counter, order, amount=usd(20), back=usd(20))


def test_what_stripe_made_counts_beside_what_succeeded(counter: Counter) -> None:
    order = counter.card("100")
    ask_refund(order, now=counter.now)
    stripe = {"origin": "STRIPE", "state": "APPROVED", "asked_by": None, "asked_by_name": "Stripe"}
    made = write(counter, order, amount=usd(70), back=usd(70), stripe_id=f"re_{order.number}", **stripe)
    refuse(
        lambda: write(counter, order, amount=usd(31), back=usd(31), stripe_id=f"re_{order.number}_2", **stripe), "IP027"
    )
    assert made.state == "APPROVED"


def test_what_was_approved_does_not_leave_when_it_went_at_stripe_already(counter: Counter) -> None:
    order = counter.card("100")
    approved = approved_refund(order, now=counter.now)
    stripe = {"origin": "STRIPE", "state": "APPROVED", "asked_by": None, "asked_by_name": "Stripe"}
    write(counter, order, amount=usd(70), back=usd(70), stripe_id=f"re_{order.number}", **stripe)
    refuse(lambda: change(approved, state="SUCCEEDED", succeeded_at=counter.now), "IP027")


def test_only_a_paid_order_of_the_organisation_is_refunded_in_its_currencies(counter: Counter, now: datetime) -> None:
    order = counter.card("100")
    waiting = builders.begin_top_up(counter.acme, now=now).order
    refuse(lambda: write(counter, waiting), "IP027")
    refuse(lambda: write(counter, order, amount=Money(10, "CNY")), "IP027")
    refuse(lambda: write(counter, order, back=Money(10, "CNY")), "IP027")
    theirs = Counter(now).card("100")
    refuse(lambda: write(counter, theirs), "IP027")
    refuse(lambda: write(counter, order, amount=usd(0)), "23514")
    refuse(lambda: write(counter, order, reason=""), "23514")


def test_stripe_refunds_only_what_was_paid_by_card(counter: Counter) -> None:
    counter.card("100")
    moved, by_bank = counter.move("50"), counter.in_rmb("720")
    by_stripe = {"origin": "STRIPE", "state": "APPROVED", "asked_by": None, "stripe_id": "re_never"}
    refuse(lambda: write(counter, moved, **by_stripe), "IP027")
    refuse(lambda: write(counter, by_bank, back=Money(72, "CNY"), **by_stripe), "IP027")


def test_nothing_is_refunded_while_a_correction_waits(counter: Counter) -> None:
    order = counter.card("100")
    Correction.objects.create(
        organisation=counter.acme,
        order=order,
        target=counter.product.code,
        reason="x",
        made_by=counter.fiona,
        made_by_name="Fiona",
        made_at=counter.now,
    )
    refuse(lambda: write(counter, order), "IP027")


def test_a_refund_begins_as_a_wish(counter: Counter) -> None:
    order = counter.card("100")
    at = {"approved_by": counter.frank, "approved_at": counter.now}
    refuse(lambda: write(counter, order, state="APPROVED", **at), "IP022")
    refuse(lambda: write(counter, order, state="SUCCEEDED", succeeded_at=counter.now, **at), "IP022")
    refuse(lambda: write(counter, order, **at), "IP022")
    refuse(lambda: write(counter, order, debt=1), "IP022")


def test_only_who_may_pay_in_asks_and_not_for_a_move(counter: Counter) -> None:
    order = counter.card("100")
    viewer = builders.make_member(counter.acme, role=Role.VIEWER, now=counter.now).user
    refuse(lambda: write(counter, order, asked_by=viewer), "IP020")
    refuse(lambda: write(counter, order, asked_by=people.make_user("bob")), "IP020")
    move = counter.move("50")
    refuse(lambda: write(counter, move), "IP020")


def test_only_active_staff_who_do_not_belong_to_it_start_and_approve(counter: Counter) -> None:
    order = counter.card("100")
    refuse(lambda: write(counter, order, origin="FINANCE", asked_by=people.make_user("bob")), "IP020")
    refuse(lambda: write(counter, order, origin="FINANCE", asked_by=counter.alice), "IP020")
    asked = ask_refund(order, amount=usd(10), now=counter.now)
    felix = people.make_staff("felix", "finance")
    refuse(lambda: approve(asked, by=people.make_user("bob"), at=counter.now), "IP020")
    User.objects.filter(pk=felix.pk).update(is_active=False)
    refuse(lambda: approve(asked, by=felix, at=counter.now), "IP020")
    User.objects.filter(pk=felix.pk).update(is_active=True)
    Member.objects.create(organisation=counter.acme, user=felix, role=Role.VIEWER, joined_at=counter.now)
    refuse(lambda: approve(asked, by=felix, at=counter.now), "IP020")
    approve(asked, by=counter.frank, at=counter.now)


def test_whoever_started_it_does_not_approve_it_and_has_not_left(counter: Counter) -> None:
    started = start_refund(counter.card("100"), by=counter.fiona, now=counter.now)
    refuse(lambda: approve(started, by=counter.fiona, at=counter.now), "23514")
    User.objects.filter(pk=counter.fiona.pk).update(is_staff=False)
    refuse(lambda: approve(started, by=counter.frank, at=counter.now), "IP020")


def test_nothing_goes_without_an_approval(counter: Counter) -> None:
    asked = ask_refund(counter.card("100"), now=counter.now)
    refuse(lambda: change(asked, state="APPROVED"), "IP020")
    refuse(lambda: change(asked, state="SUCCEEDED", succeeded_at=counter.now), "IP022")


def test_a_refund_goes_its_ways_and_no_others(counter: Counter) -> None:
    order = counter.card("1000")
    ways = _possible(order, counter)
    expected = {(begin, end) for begin, ends in TRANSITIONS.items() for end in ends}
    assert ways == expected - {(State.ASKED, State.SUCCEEDED)}  # that way goes only what came from the wallet


def test_what_came_from_the_wallet_goes_back_at_once(counter: Counter) -> None:
    counter.card("100")
    later = counter.now + LAPSED
    started = start_refund(counter.move("50"), by=counter.fiona, now=later)
    refuse(lambda: approve(started, by=counter.frank, at=later), "IP022")
    change(started, state="SUCCEEDED", succeeded_at=later, approved_by=counter.frank, approved_at=later)
    refuse(lambda: change(started, state="RETURNED", ended_at=later), "IP022")


def test_what_was_asked_for_and_decided_never_changes(counter: Counter) -> None:
    order = counter.card("100")
    asked = ask_refund(order, amount=usd(10), now=counter.now)
    for fields in (
        {"amount": usd(5)},
        {"back": usd(5)},
        {"asked_by": counter.fiona},
        {"reason": "x"},
        {"number": "RF1"},
    ):
        refuse(partial(change, asked, **fields), "42501")
    refuse(lambda: change(asked, failure="x"), "IP022")
    refuse(lambda: change(asked, debt=1), "IP022")
    approve(asked, by=counter.frank, at=counter.now)
    felix = people.make_staff("felix", "finance")
    refuse(lambda: change(asked, approved_by=felix), "IP022")
    refuse(lambda: change(asked, state="FAILED", ended_at=counter.now, approved_by=felix), "IP022")
    refuse(lambda: execute("DELETE FROM billing_refund WHERE id = %s", asked.pk), "42501")


def test_who_owes_of_a_refund_only_owes_less(counter: Counter) -> None:
    order = counter.card("100")
    stripe = {"origin": "STRIPE", "state": "APPROVED", "asked_by": None, "asked_by_name": "Stripe"}
    made = write(counter, order, stripe_id=f"re_{order.number}", debt=5, **stripe)
    change(made, debt=3)
    refuse(lambda: change(made, debt=4), "IP022")
    refuse(lambda: change(made, debt=-1), "23514")


def _possible(order: Order, counter: Counter) -> set[tuple[State, State]]:
    """Every way that the database lets a refund of a card go."""
    found = set()
    for begin in State:
        for end in State:
            if begin == end:
                continue
            try:
                with transaction.atomic():
                    refund = _bring_to(begin, order, counter)
                    _try(refund, end, counter)
                    found.add((begin, end))
                    raise _Back  # noqa: TRY301  # the row is not needed any more
            except (_Back, DatabaseError):
                pass
    return found


class _Back(Exception):
    """Take back what was tried."""


def _bring_to(state: State, order: Order, counter: Counter) -> Refund:
    steps = {
        State.ASKED: (),
        State.APPROVED: (State.APPROVED,),
        State.SUCCEEDED: (State.APPROVED, State.SUCCEEDED),
        State.RETURNED: (State.APPROVED, State.SUCCEEDED, State.RETURNED),
        State.DECLINED: (State.DECLINED,),
        State.WITHDRAWN: (State.WITHDRAWN,),
        State.FAILED: (State.APPROVED, State.FAILED),
    }
    refund = write(counter, order)
    for step in steps[state]:
        _try(refund, step, counter)
    return refund


def _try(refund: Refund, to: State, counter: Counter) -> None:
    """With whatever else that state asks for."""
    refund.refresh_from_db()
    ended = to in {State.RETURNED, State.DECLINED, State.WITHDRAWN, State.FAILED}
    succeeded = to in {State.SUCCEEDED, State.RETURNED}
    needs = to in {State.APPROVED, State.SUCCEEDED, State.RETURNED, State.FAILED}
    change(
        refund,
        state=to,
        ended_at=counter.now if ended else None,
        succeeded_at=counter.now if succeeded else None,
        approved_by=refund.approved_by or (counter.frank if needs else None),
        approved_at=refund.approved_at or (counter.now if needs else None),
    )
