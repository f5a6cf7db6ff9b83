"""Fapiao against whoever goes round the pages: raw rows as the application's role, refused by the database."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Max
from djmoney.money import Money

from billing import corrections, fapiao_audit
from billing.documents import find_issuer
from billing.fapiao import TRANSITIONS
from billing.models import Fapiao, Order, Refund
from tests import builders, people
from tests.billing.fapiaos import FILE, TAX_NUMBER, ask_fapiao, cny, issue_fapiao, make_number, reverse_fapiao
from tests.billing.refunding import BANK, Counter, ask_refund, succeeded_refund, usd
from wallet.calendar import business_date
from wallet.ids import new_id
from wallet.models import Member, Role, User

pytestmark = pytest.mark.django_db

State = Fapiao.State


@pytest.fixture
def counter(db: None, now: datetime) -> Counter:
    return Counter(now)


@pytest.fixture
def order(counter: Counter) -> Order:
    return counter.in_rmb("7200")


def refuse(attack: Callable[[], Any], state: str) -> None:
    """The attack fails with this SQLSTATE."""
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        attack()
    assert getattr(caught.value.__cause__, "sqlstate", "") == state


def execute(statement: str, *arguments: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)


def write(counter: Counter, order: Order, amount: Money | str | int = 100, **fields: Any) -> Fapiao:
    return Fapiao.objects.create(
        **{
            "organisation": counter.acme,
            "order": order,
            "place": (order.fapiaos.aggregate(last=Max("place"))["last"] or 0) + 1,
            "entity": find_issuer(order),
            "kind": "PLAIN",
            "buyer": "COMPANY",
            "title": "Acme",
            "tax_number": TAX_NUMBER,
            "amount": amount if isinstance(amount, Money) else cny(amount),
            "asked_by": counter.alice,
            "asked_by_name": "Alice",
            "asked_at": counter.now,
            "form_token": new_id().hex,
        }
        | fields
    )


def change(fapiao: Fapiao, **fields: Any) -> None:
    Fapiao.objects.filter(pk=fapiao.pk).update(**fields)


def issuing(by: User, at: datetime, **fields: Any) -> dict[str, Any]:
    return {
        "state": "ISSUED",
        "number": make_number(),
        "issued_on": business_date(at),
        "issued_by": by,
        "issued_by_name": str(by),
        "issued_at": at,
        "file_kind": "PDF",
        "file": FILE,
        "sha256": hashlib.sha256(FILE).hexdigest(),
    } | fields


def reversing(by: User, at: datetime, **fields: Any) -> dict[str, Any]:
    red = {"red_number": make_number(), "red_on": business_date(at)}
    return ending("REVERSED", by, at) | red | fields


def ending(state: str, by: User, at: datetime) -> dict[str, Any]:
    reason = "" if state == "WITHDRAWN" else "Why"
    return {"state": state, "ended_by": by, "ended_by_name": str(by), "ended_at": at, "reason": reason}


def test_never_more_than_was_paid_less_what_was_refunded(order: Order, counter: Counter, now: datetime) -> None:
    issue_fapiao(ask_fapiao(order, 3000, now=now), now=now)
    ask_fapiao(order, 2000, now=now)
    succeeded_refund(order, amount=usd(100), source=BANK, now=now)
    ask_refund(order, amount=usd(100), now=now)
    refuse(lambda: write(counter, order, "760.01"), "IP028")
    write(counter, order, 760)


def test_what_no_longer_fits_is_not_issued(order: Order, counter: Counter, now: datetime) -> None:
    asked = ask_fapiao(order, 7200, now=now)
    ask_refund(order, amount=usd(1), now=now)
    refuse(lambda: change(asked, **issuing(counter.fiona, now)), "IP028")


def test_only_of_a_paid_transfer_in_rmb_of_the_organisation(order: Order, counter: Counter, now: datetime) -> None:
    card, unpaid = counter.card("100"), builders.begin_top_up(counter.acme, now=now).order
    for other in (card, unpaid, Counter(now).in_rmb("7200")):
        refuse(partial(write, counter, other), "IP028")
    refuse(lambda: write(counter, order, Money(10, "USD")), "23514")
    refuse(lambda: write(counter, order, 0), "23514")


def test_what_was_corrected_has_its_fapiao_with_the_order_that_follows(order: Order, counter: Counter) -> None:
    now = counter.now
    issue_fapiao(ask_fapiao(order, 7000, now=now), now=now)
    wrong: dict[str, Any] = {"order_id": order.pk, "target": counter.product.code, "reason": "Wrong balance"}
    proposed = corrections.propose(**wrong, by=counter.fiona, now=now)
    corrections.approve(correction_id=proposed.pk, by=counter.frank, now=now)
    refuse(lambda: write(counter, order), "IP028")
    refuse(lambda: write(counter, order.followers.get(), "200.01"), "IP028")
    write(counter, order.followers.get(), 200)


def test_a_request_is_complete_for_its_kind(order: Order, counter: Counter) -> None:
    bank = {"address": "A", "phone": "1", "bank": "B", "bank_account": "1"}
    refuse(lambda: write(counter, order, tax_number=""), "23514")
    refuse(lambda: write(counter, order, tax_number="91350100M000100Y4"), "23514")
    refuse(lambda: write(counter, order, buyer="INDIVIDUAL"), "23514")
    refuse(lambda: write(counter, order, buyer="INDIVIDUAL", tax_number="", kind="SPECIAL", **bank), "23514")
    refuse(lambda: write(counter, order, title=""), "23514")
    for missing in bank:
        refuse(partial(write, counter, order, kind="SPECIAL", **bank | {missing: ""}), "23514")
    write(counter, order, kind="SPECIAL", **bank)
    write(counter, order, buyer="INDIVIDUAL", tax_number="")


def test_only_who_may_pay_in_asks_and_withdraws(order: Order, counter: Counter, now: datetime) -> None:
    viewer = builders.make_member(counter.acme, role=Role.VIEWER, now=now).user
    asked = write(counter, order)
    for stranger in (viewer, people.make_user("bob"), counter.fiona):
        refuse(partial(write, counter, order, asked_by=stranger), "IP020")
        refuse(partial(change, asked, **ending("WITHDRAWN", stranger, now)), "IP020")


def test_only_active_staff_who_do_not_belong_to_it_issue_reject_and_reverse(
    order: Order, counter: Counter, now: datetime
) -> None:
    asked, issued = write(counter, order), issue_fapiao(ask_fapiao(order, 100, now=now), now=now)
    felix = people.make_staff("felix", "finance")
    User.objects.filter(pk=felix.pk).update(is_active=False)
    member = people.make_staff("frank", "finance lead")
    Member.objects.create(organisation=counter.acme, user=member, role=Role.VIEWER, joined_at=now)
    for person in (felix, member, people.make_user("bob")):
        refuse(partial(change, asked, **issuing(person, now)), "IP020")
        refuse(partial(change, asked, **ending("REJECTED", person, now)), "IP020")
        refuse(partial(change, issued, **reversing(person, now)), "IP020")


def test_a_fapiao_begins_as_a_request(order: Order, counter: Counter, now: datetime) -> None:
    refuse(lambda: write(counter, order, **issuing(counter.fiona, now)), "IP022")
    refuse(lambda: write(counter, order, **ending("REJECTED", counter.fiona, now)), "IP022")
    refuse(lambda: write(counter, order, number=make_number()), "23514")


def test_a_fapiao_goes_its_ways_and_no_others(order: Order, counter: Counter, now: datetime) -> None:
    found = {way for way in ((begin, end) for begin in State for end in State) if is_possible(way, order, counter)}
    assert found == {(begin, end) for begin, ends in TRANSITIONS.items() for end in ends}


class Back(Exception):
    """Take back what was tried."""


def is_possible(way: tuple[State, State], order: Order, counter: Counter) -> bool:
    now = counter.now
    facts: dict[State, dict[str, Any]] = {
        State.REQUESTED: {"state": "REQUESTED"},
        State.ISSUED: issuing(counter.fiona, now),
        State.REVERSED: reversing(counter.fiona, now),
        State.REJECTED: ending("REJECTED", counter.fiona, now),
        State.WITHDRAWN: ending("WITHDRAWN", counter.alice, now),
    }
    begin, end = way
    try:
        with transaction.atomic():
            fapiao = write(counter, order)
            if begin == State.REVERSED:
                change(fapiao, **facts[State.ISSUED])
            if begin != State.REQUESTED:
                change(fapiao, **facts[begin])
            nothing = {"number": None, "issued_on": None, "issued_by": None, "issued_at": None, "file": None}
            ended = {"ended_by": None, "ended_at": None, "red_number": None, "red_on": None, "reason": ""}
            is_issued = end in {State.ISSUED, State.REVERSED}
            clean = ended | ({} if is_issued else nothing | {"file_kind": ""})
            more = facts[State.ISSUED] if end == State.REVERSED and begin not in {State.ISSUED, State.REVERSED} else {}
            change(fapiao, **clean | more | facts[end])
            raise Back  # noqa: TRY301  # the row is not needed any more
    except Back:
        return True
    except DatabaseError:
        return False


def test_what_was_asked_for_and_issued_never_changes(order: Order, counter: Counter, now: datetime) -> None:
    asked = write(counter, order)
    for fields in ({"amount": cny(5)}, {"title": "x"}, {"tax_number": ""}, {"asked_by": counter.fiona}, {"place": 9}):
        refuse(partial(change, asked, **fields), "42501")
    refuse(lambda: change(asked, reason="x"), "IP022")
    refuse(lambda: change(asked, **issuing(counter.fiona, now), ended_by_name="x"), "IP022")
    issued = issue_fapiao(asked, now=now)
    refuse(lambda: change(issued, number=make_number()), "IP022")
    refuse(lambda: change(issued, **reversing(counter.fiona, now), issued_by_name="x"), "IP022")
    refuse(lambda: change(issued, **reversing(counter.fiona, now), file=b"x"), "IP022")
    refuse(lambda: execute("DELETE FROM billing_fapiao WHERE id = %s", issued.pk), "42501")
    refuse(lambda: execute("TRUNCATE billing_fapiao"), "42501")


def test_the_guards_are_those_of_this_version_and_keep_the_owner_out_too(db: None, now: datetime) -> None:
    triggers = {name: definition for name, (_on, definition) in fapiao_audit.FAPIAO.triggers.items()}
    assert "BEFORE DELETE" in triggers["fapiao_keep"]
    assert "BEFORE TRUNCATE" in triggers["fapiao_keep_all"]
    assert list(fapiao_audit.check_guards("default", now)) == []


def test_it_is_issued_with_all_its_facts(order: Order, counter: Counter, now: datetime) -> None:
    asked, fiona, day = write(counter, order), counter.fiona, timedelta(days=1)
    for missing in ("number", "issued_on", "issued_at", "file"):
        refuse(partial(change, asked, **issuing(fiona, now, **{missing: None})), "23514")
    refuse(lambda: change(asked, **issuing(fiona, now, file_kind="ZIP")), "23514")
    refuse(lambda: change(asked, **issuing(fiona, now, number="123456789")), "23514")
    refuse(lambda: change(asked, **issuing(fiona, now, sha256="0" * 64)), "IP028")
    large = bytes(Fapiao.LARGEST_FILE + 1)
    refuse(lambda: change(asked, **issuing(fiona, now, file=large, sha256=hashlib.sha256(large).hexdigest())), "IP028")
    for wrong in (business_date(now) - day, business_date(now) + day):
        refuse(partial(change, asked, **issuing(fiona, now, issued_on=wrong)), "IP028")
    change(asked, **issuing(fiona, now))
    for wrong in (business_date(now) - day, business_date(now) + day):
        refuse(partial(change, asked, **reversing(fiona, now, red_on=wrong)), "IP028")
    refuse(lambda: change(asked, **reversing(fiona, now, red_number=None)), "23514")
    refuse(lambda: change(asked, **reversing(fiona, now, reason="")), "23514")
    refuse(lambda: change(asked, **reversing(fiona, now, red_number="1" * 19)), "23514")


def test_one_number_is_recorded_once(order: Order, counter: Counter, now: datetime) -> None:
    first, second = (issue_fapiao(ask_fapiao(order, 100, now=now), now=now) for _each in range(2))
    asked = write(counter, order)
    refuse(lambda: change(asked, **issuing(counter.fiona, now, number=first.number)), "23505")
    refuse(lambda: change(second, **reversing(counter.fiona, now, red_number=first.number)), "IP028")
    reversed_ = reverse_fapiao(first, now=now)
    refuse(lambda: change(second, **reversing(counter.fiona, now, red_number=reversed_.red_number)), "23505")
    refuse(lambda: change(asked, **issuing(counter.fiona, now, number=reversed_.red_number)), "IP028")


def test_no_refund_is_approved_while_fapiao_say_that_it_was_paid(order: Order, counter: Counter, now: datetime) -> None:
    issued = issue_fapiao(ask_fapiao(order, 7000, now=now), now=now)
    refund = ask_refund(order, amount=usd(100), now=now)
    approved = {"state": "APPROVED", "approved_by": counter.frank, "approved_by_name": "Frank", "approved_at": now}
    refuse(lambda: Refund.objects.filter(pk=refund.pk).update(**approved), "IP028")
    reverse_fapiao(issued, now=now)
    Refund.objects.filter(pk=refund.pk).update(**approved)
