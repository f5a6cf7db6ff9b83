"""Fapiao of orders paid in RMB: asked for, issued, rejected, withdrawn, reversed before the money goes back."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from billing import corrections, fapiao, fapiao_audit, fapiao_remainders, mails, refunds
from billing.models import Fapiao, LegalEntity, Order
from tests import builders, people
from tests.billing.fapiaos import (
    FILE,
    TAX_NUMBER,
    ask_fapiao,
    cny,
    issue_fapiao,
    make_number,
    reverse_fapiao,
    special,
    wish,
)
from tests.billing.refunding import BANK, Counter, approved_refund, ask_refund, start_refund, succeeded_refund, usd
from wallet import details
from wallet.calendar import business_date
from wallet.models import Member, Role, User

pytestmark = pytest.mark.django_db

State = Fapiao.State


@pytest.fixture
def counter(db: None, now: datetime) -> Counter:
    return Counter(now)


@pytest.fixture
def order(counter: Counter) -> Order:
    """¥7,200 that bought $1,000."""
    return counter.in_rmb("7200")


def notes(order: Order) -> list[str]:
    told = order.events.filter(note__startswith="FAPIAO").order_by("id")
    return [f"{event.note}: {event.detail}" for event in told]


def test_it_is_asked_for_issued_and_told(order: Order, counter: Counter, now: datetime) -> None:
    asked = ask_fapiao(order, 7200, now=now)
    assert (asked.state, asked.place, asked.asked_by) == (State.REQUESTED, 1, counter.alice)
    assert asked.entity == LegalEntity.objects.get(issues_by_default=True)
    number = make_number()
    issued = issue_fapiao(asked, number=number, now=now)
    issued.refresh_from_db()
    assert (issued.state, issued.number, bytes(issued.file or b"")) == (State.ISSUED, number, FILE)
    assert notes(order) == ["FAPIAO_ASKED: CNY ¥7,200.00", f"FAPIAO_ISSUED: CNY ¥7,200.00 · {number}"]


def test_whole_or_in_parts_and_never_more_than_was_paid(order: Order, now: datetime) -> None:
    assert fapiao_remainders.find(order).most == cny(7200)
    issue_fapiao(ask_fapiao(order, 5000, now=now), now=now)
    ask_fapiao(order, "1999.99", now=now)
    assert fapiao_remainders.find(order).most == cny("200.01")
    with pytest.raises(fapiao.TooMuch) as caught:
        ask_fapiao(order, "200.02", now=now)
    assert caught.value.room.most == cny("200.01")
    ask_fapiao(order, "200.01", now=now)
    with pytest.raises(fapiao.NothingToAskFor, match="on fapiao already"):
        ask_fapiao(order, "0.01", now=now)


def test_what_was_refunded_or_is_about_to_be_is_not_on_a_fapiao(order: Order, now: datetime) -> None:
    succeeded_refund(order, amount=usd(100), source=BANK, now=now)
    ask_refund(order, amount=usd(200), now=now)
    assert fapiao_remainders.find(order).most == cny("5040")
    with pytest.raises(fapiao.TooMuch):
        ask_fapiao(order, "5040.01", now=now)


def test_what_was_rejected_withdrawn_or_reversed_can_be_asked_for_again(
    order: Order, counter: Counter, now: datetime
) -> None:
    rejected = ask_fapiao(order, 7200, now=now)
    fapiao.reject(fapiao_id=rejected.pk, reason="The title is not registered", by=counter.fiona, now=now)
    withdrawn = ask_fapiao(order, 7200, now=now)
    fapiao.withdraw(fapiao_id=withdrawn.pk, by=counter.alice, now=now)
    issued = issue_fapiao(ask_fapiao(order, 7200, now=now), now=now)
    reverse_fapiao(issued, now=now)
    assert ask_fapiao(order, 7200, now=now).place == 4
    kinds = [note.partition(":")[0] for note in notes(order)]
    assert kinds == [
        *("FAPIAO_ASKED", "FAPIAO_REJECTED", "FAPIAO_ASKED", "FAPIAO_WITHDRAWN"),
        *("FAPIAO_ASKED", "FAPIAO_ISSUED", "FAPIAO_REVERSED", "FAPIAO_ASKED"),
    ]


def test_there_is_none_of_a_card_a_move_or_what_was_not_paid(counter: Counter, now: datetime) -> None:
    card = counter.card("100")
    for other in (card, counter.move("50"), builders.begin_top_up(counter.acme, now=now).order):
        assert fapiao_remainders.why_none(other)
        with pytest.raises(fapiao.NothingToAskFor):
            ask_fapiao(other, 1, now=now)


def test_the_form_sent_twice_asks_once(order: Order, now: datetime) -> None:
    first = ask_fapiao(order, 100, token="once", now=now)
    assert ask_fapiao(order, 100, token="once", now=now) == first
    with pytest.raises(fapiao.FormTokenReused):
        ask_fapiao(order, 101, token="once", now=now)
    assert order.fapiaos.count() == 1


def test_only_who_may_pay_in_asks_and_withdraws(order: Order, counter: Counter, now: datetime) -> None:
    viewer = builders.make_member(counter.acme, role=Role.VIEWER, now=now).user
    asked = ask_fapiao(order, 100, now=now)
    for stranger in (viewer, people.make_user("bob"), counter.fiona):
        with pytest.raises(fapiao.MayNotHandle):
            ask_fapiao(order, 100, by=stranger, now=now)
        with pytest.raises(fapiao.MayNotHandle):
            fapiao.withdraw(fapiao_id=asked.pk, by=stranger, now=now)


def acts(asked: Fapiao, *, by: User, now: datetime) -> list[Callable[[], Any]]:
    return [
        lambda: issue_fapiao(asked, by=by, now=now),
        lambda: fapiao.reject(fapiao_id=asked.pk, reason="No", by=by, now=now),
        lambda: reverse_fapiao(asked, by=by, now=now),
    ]


def test_nobody_issues_for_an_organisation_he_belongs_to_or_after_he_left(
    order: Order, counter: Counter, now: datetime
) -> None:
    asked = ask_fapiao(order, 100, now=now)
    Member.objects.create(organisation=counter.acme, user=counter.frank, role=Role.VIEWER, joined_at=now)
    gone = people.make_staff("felix", "finance")
    User.objects.filter(pk=gone.pk).update(is_active=False)
    gone.refresh_from_db()
    for person in (counter.frank, gone, people.make_user("bob")):
        for act in acts(asked, by=person, now=now):
            with pytest.raises(fapiao.MayNotHandle):
                act()


def test_each_act_counts_once_and_none_after_another(order: Order, counter: Counter, now: datetime) -> None:
    number, red = make_number(), make_number()
    asked = ask_fapiao(order, 100, now=now)
    for _twice in range(2):
        issue_fapiao(asked, number=number, now=now)
    with pytest.raises(fapiao.NotWaiting):
        issue_fapiao(asked, now=now)
    with pytest.raises(fapiao.NotWaiting):
        fapiao.reject(fapiao_id=asked.pk, reason="No", by=counter.fiona, now=now)
    with pytest.raises(fapiao.NotWaiting):
        fapiao.withdraw(fapiao_id=asked.pk, by=counter.alice, now=now)
    for _twice in range(2):
        reverse_fapiao(asked, number=red, now=now)
    with pytest.raises(fapiao.NotIssued):
        reverse_fapiao(asked, now=now)
    other = ask_fapiao(order, 100, now=now)
    with pytest.raises(fapiao.NotIssued):
        reverse_fapiao(other, now=now)
    for _twice in range(2):
        fapiao.reject(fapiao_id=other.pk, reason="No", by=counter.fiona, now=now)
    assert len(notes(order)) == 5


def test_one_number_is_recorded_once_also_as_a_red_letter(order: Order, counter: Counter, now: datetime) -> None:
    number, red = make_number(), make_number()
    issued = issue_fapiao(ask_fapiao(order, 100, now=now), number=number, now=now)
    other = ask_fapiao(counter.in_rmb("720"), 100, now=now)
    with pytest.raises(fapiao.CannotBeIssued, match=order.number):
        issue_fapiao(other, number=number, now=now)
    with pytest.raises(fapiao.CannotBeIssued, match="of the fapiao itself"):
        reverse_fapiao(issued, number=number, now=now)
    reverse_fapiao(issued, number=red, now=now)
    with pytest.raises(fapiao.CannotBeIssued):
        issue_fapiao(other, number=red, now=now)


@pytest.mark.parametrize("number", ["", "1234567", "123456789", "2" * 19, "2" * 21, "２" * 20, "2" * 19 + "X"])
def test_a_number_has_8_or_20_digits(number: str, order: Order, counter: Counter, now: datetime) -> None:
    asked = ask_fapiao(order, 100, now=now)
    given = fapiao.Issued(number=number, issued_on=business_date(now), file_kind=Fapiao.FileKind.PDF, file=FILE)
    with pytest.raises(fapiao.CannotBeIssued, match="20 digits"):
        fapiao.issue(fapiao_id=asked.pk, issued=given, by=counter.fiona, now=now)


def test_no_date_lies_before_the_order_or_in_the_future(order: Order, now: datetime) -> None:
    asked, today, day = ask_fapiao(order, 100, now=now), business_date(now), timedelta(days=1)
    for wrong in (today - day, today + day):
        with pytest.raises(fapiao.CannotBeIssued, match="date lies between"):
            issue_fapiao(asked, on=wrong, now=now)
    issued = issue_fapiao(asked, on=today, now=now)
    for wrong in (today - day, today + day):
        with pytest.raises(fapiao.CannotBeIssued, match="date lies between"):
            reverse_fapiao(issued, on=wrong, now=now)


def test_a_request_that_no_longer_fits_is_not_issued_and_says_why(order: Order, now: datetime) -> None:
    asked = ask_fapiao(order, 7200, now=now)
    assert fapiao_remainders.why_not_issue(asked) == ""
    ask_refund(order, amount=usd(100), now=now)
    assert "only ¥6,480.00 is paid" in fapiao_remainders.why_not_issue(asked)
    with pytest.raises(fapiao.CannotBeIssued, match=r"only ¥6,480\.00"):
        issue_fapiao(asked, now=now)


def test_a_refund_waits_until_the_fapiao_is_reversed(order: Order, counter: Counter, now: datetime) -> None:
    issued = issue_fapiao(ask_fapiao(order, 7000, now=now), now=now)
    small = ask_refund(order, amount=usd(20), now=now)
    refunds.approve(refund_id=small.pk, by=counter.frank, now=now)
    asked = ask_refund(order, amount=usd(100), now=now)
    with pytest.raises(refunds.MayNotRefund, match=f"Fapiao of ¥7,000.00 .*{issued.number}.* only ¥6,336.00"):
        refunds.approve(refund_id=asked.pk, by=counter.frank, now=now)
    reverse_fapiao(issued, now=now)
    assert refunds.approve(refund_id=asked.pk, by=counter.frank, now=now).approved_at == now
    assert fapiao_remainders.find(order).most == cny("6336.00")


def test_a_request_holds_no_refund_up(order: Order, counter: Counter, now: datetime) -> None:
    ask_fapiao(order, 7200, now=now)
    approved_refund(order, amount=usd(100), now=now)


def test_after_a_correction_the_fapiao_goes_with_the_money(order: Order, counter: Counter, now: datetime) -> None:
    issue_fapiao(ask_fapiao(order, 7000, now=now), now=now)
    proposed = corrections.propose(
        order_id=order.pk, target=counter.product.code, reason="Wrong balance", by=counter.fiona, now=now
    )
    corrections.approve(correction_id=proposed.pk, by=counter.frank, now=now)
    order.refresh_from_db()
    assert "another balance" in fapiao_remainders.why_none(order)
    follower = order.followers.get()
    assert fapiao_remainders.find(follower).most == cny(200)
    with pytest.raises(fapiao.TooMuch):
        ask_fapiao(follower, "200.01", now=now)
    started = start_refund(follower, amount=usd(100), by=counter.fiona, now=now)
    with pytest.raises(refunds.MayNotRefund, match="stand for this order"):
        refunds.approve(refund_id=started.pk, by=counter.frank, now=now)


@pytest.mark.parametrize("number", ["", "91350100M000100Y44", "A" * 18, "913501", f"{TAX_NUMBER}1", "DE123456789"])
def test_a_company_has_a_taxpayer_number_that_holds(number: str, order: Order, now: datetime) -> None:
    with pytest.raises(fapiao.WrongTaxNumber):
        fapiao.read_tax_number(number)
    with pytest.raises(fapiao.WrongTaxNumber):
        ask_fapiao(order, 100, tax_number=number, now=now)


def test_an_individual_has_none_and_a_special_one_names_everything(
    order: Order, counter: Counter, now: datetime
) -> None:
    alone = ask_fapiao(order, 100, buyer=Fapiao.Buyer.INDIVIDUAL, title="张三", tax_number="", now=now)
    assert alone.tax_number == ""
    full = fapiao.ask(order_id=order.pk, wish=special(100), by=counter.alice, form_token="special", now=now)
    assert (full.kind, full.bank_account) == (Fapiao.Kind.SPECIAL, "6222000100")


def test_the_form_begins_with_the_billing_details_and_the_last_bank(
    order: Order, counter: Counter, now: datetime
) -> None:
    facts = details.Facts(legal_name_zh="示例公司", address="一号\n上海", tax_number=TAX_NUMBER)
    details.record(facts, organisation_id=counter.acme.pk, seen_version=0, by=counter.alice, now=now)
    begun = {"title": "示例公司", "tax_number": TAX_NUMBER, "address": "一号 上海"}
    assert fapiao.suggest(order) == begun
    fapiao.ask(order_id=order.pk, wish=special(100), by=counter.alice, form_token="special", now=now)
    bank = {"phone": "021-55550100", "bank": "示例银行上海分行", "bank_account": "6222000100"}
    assert fapiao.suggest(order) == begun | bank


def test_issued_rejected_and_reversed_are_mailed_once(order: Order, counter: Counter, now: datetime) -> None:
    mails.send_due(now=now)
    mail.outbox.clear()
    issued = issue_fapiao(ask_fapiao(order, 100, now=now), now=now)
    reverse_fapiao(issued, now=now)
    asked = ask_fapiao(order, 100, now=now)
    fapiao.reject(fapiao_id=asked.pk, reason="The title is not registered", by=counter.fiona, now=now)
    mails.send_due(now=now)
    mails.send_due(now=now)
    assert [message.subject for message in mail.outbox] == [
        f"The fapiao was issued: order {order.number}",
        f"The fapiao was reversed by a red-letter fapiao: order {order.number}",
        f"The request for a fapiao was rejected: order {order.number}",
    ]
    bodies = [str(message.body) for message in mail.outbox]
    assert str(issued.number) in bodies[0]
    assert "booked out" in bodies[1]
    assert "The title is not registered" in bodies[2]
    assert all(f"/billing/orders/{order.number}/fapiao/" in body for body in bodies)


def test_the_audit_finds_nothing_while_all_is_well(order: Order, now: datetime) -> None:
    issue_fapiao(ask_fapiao(order, 7200, now=now), now=now)
    for check in fapiao_audit.CHECKS:
        assert list(check("default", now)) == []


def test_a_wish_of_the_whole_is_no_more_than_it(order: Order, counter: Counter, now: datetime) -> None:
    """What stood before as asked and issued does not count twice when it is issued."""
    first = ask_fapiao(order, 3600, now=now)
    second = ask_fapiao(order, 3600, now=now)
    for each in (first, second):
        issue_fapiao(each, now=now)
    assert fapiao_remainders.find(order).issued == cny(7200)
    assert wish(1).amount == cny(1)
