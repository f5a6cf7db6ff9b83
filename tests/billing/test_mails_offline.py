"""Mails about transfers: received, short or over, part arrived, approved, rejected, expired; and no word of cards."""

from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.db import transaction

from billing import mails, orders, receipts
from billing.models import Order, OrderEvent, OrderMail
from payments import desk, transfers
from payments.models import BankAccount, Transfer
from tests import builders, people
from tests.payments import offline
from wallet.calendar import business_date
from wallet.models import Organisation, User

AGAIN = timedelta(minutes=6)


@pytest.fixture
def acme(db: None, now: datetime) -> Organisation:
    """Nothing older waits to be told, so that what is sent is these tests' own."""
    told = [
        OrderMail(event=event, to="", subject="", claimed_at=now, sent_at=now)
        for event in OrderEvent.objects.filter(mails__isnull=True)
    ]
    OrderMail.objects.bulk_create(told)
    OrderMail.objects.filter(sent_at__isnull=True).update(sent_at=now)
    return builders.make_organisation(now=now)


@pytest.fixture
def fiona(db: None) -> User:
    return people.make_staff("fiona", "finance")


def begin(acme: Organisation, *, now: datetime, currency: str = "USD") -> Transfer:
    if currency == "USD":
        return offline.begin(acme, offline.usd(1000), account=offline.make_account("USD"), now=now)
    offline.set_rate("7.2", at=now)
    return offline.begin(acme, offline.cny(7200), account=offline.make_account("CNY"), now=now)


def credit(transfer: Transfer, amount: str, *, by: User, now: datetime, reason: str = "") -> Order:
    money = offline.usd(amount) if transfer.account.currency == "USD" else offline.cny(amount)
    line = offline.bring_line(transfer.account, money, imported_by=people.make_staff("felix", "finance"), now=now)
    finding = offline.record(transfer, offline.by_line(line, reason=reason), by=by, now=now)
    done = offline.approve(finding, by=by, now=now)
    assert done.credited_order
    return done.credited_order


def sent(now: datetime) -> list[str]:
    """What was sent since the last time: subject and text."""
    mail.outbox.clear()
    mails.send_due(now=now)
    return [f"{message.subject}\n{message.body}" for message in mail.outbox]


def test_a_declaration_is_answered_with_where_it_stands(acme: Organisation, now: datetime) -> None:
    transfer = begin(acme, now=now)
    assert sent(now) == []

    offline.declare(transfer, now=now, payer="Acme Ltd")
    offline.declare(transfer, now=now, payer="Acme Holding")

    [received] = sent(now)
    assert received.startswith(f"We look for your transfer: order {transfer.order.number}\n")
    assert transfer.reference in received
    assert "This usually takes one working day: until 2026-07-16 18:00 (UTC+8)." in received
    assert "USD $1,000.00" in received


def test_an_approved_transfer_tells_amount_rate_why_and_what_was_credited(
    acme: Organisation, fiona: User, now: datetime
) -> None:
    transfer = begin(acme, now=now, currency="CNY")
    order = credit(transfer, "7200", by=fiona, now=now)

    [paid] = sent(now)

    assert paid.startswith(f"USD $1,000.00 credited: order {order.number}\n")
    for said in (
        "Amount received: CNY ¥7,200.00",
        "1 USD = 7.2000 CNY (Bank of China",
        "The quoted rate applies, because the bank's value date is within its validity.",
        "Credited: USD $1,000.00",
        transfer.reference,
    ):
        assert said in paid
    assert "Stripe" not in paid
    order.refresh_from_db()
    lines = dict(receipts.lines(order, readable=Order.objects.all()))
    assert lines["Reference"] == transfer.reference
    assert lines["Amount paid"] == "CNY ¥7,200.00"
    assert "The quoted rate applies" in lines["Rate"]


def test_money_that_comes_after_its_quote_is_told_with_the_rate_of_its_day(
    acme: Organisation, fiona: User, now: datetime
) -> None:
    transfer = begin(acme, now=now, currency="CNY")
    later = now + timedelta(days=7)
    offline.set_rate("7.2", at=later)
    credit(transfer, "7200", by=fiona, now=later)

    assert "The rate of the bank's value date applies, because no quoted rate held on that day." in sent(later)[0]


def test_short_and_over_say_how_much_was_asked_for(acme: Organisation, fiona: User, now: datetime) -> None:
    credit(begin(acme, now=now), "985", by=fiona, now=now, reason="The bank took a fee.")
    [short] = sent(now)
    assert short.startswith("USD $985.00 credited, less than asked for: order ")
    assert "Less than asked for arrived; what arrived was credited: The bank took a fee." in short
    assert "Asked for: USD $1,000.00" in short
    assert "Amount received: USD $985.00" in short

    credit(begin(acme, now=now), "1100", by=fiona, now=now, reason="All of it is theirs.")
    over, rest = sent(now)
    assert "More than asked for arrived" in over
    assert "Amount received: USD $100.00" in rest
    assert "Follows order:" in rest


def test_a_fee_that_we_bear_is_told_apart_from_what_arrived(acme: Organisation, fiona: User, now: datetime) -> None:
    transfer = begin(acme, now=now)
    BankAccount.objects.filter(pk=transfer.account_id).update(fee_tolerance=10)
    transfer.account.refresh_from_db()
    facts = offline.by_hand(
        transfer.account, offline.usd(990), on=business_date(now), fee=offline.usd(10), reason="The bank took a fee."
    )
    finding = offline.record(transfer, facts, by=fiona, now=now)
    order = offline.approve(finding, by=people.make_staff("felix", "finance"), now=now).credited_order
    assert order

    [paid] = sent(now)

    assert "USD $990.00 for Acme Messaging arrived at our bank" in paid
    assert "Asked for: USD $1,000.00\nAmount received: USD $990.00\nBank fee borne by us: USD $10.00\n" in paid
    assert "Credited: USD $1,000.00" in paid
    lines = dict(receipts.lines(order, readable=Order.objects.all()))
    assert (lines["Amount received"], lines["Bank fee borne by us"]) == ("USD $990.00", "USD $10.00")
    assert lines["Credited"] == "USD $1,000.00"
    assert "Amount paid" not in lines


def test_a_rejection_is_told_with_its_reason_and_what_to_do(acme: Organisation, fiona: User, now: datetime) -> None:
    transfer = offline.declare(begin(acme, now=now), now=now)
    desk.reject(transfer_id=transfer.pk, by=fiona, reason="Nothing has arrived.", now=now)

    rejected = sent(now)[-1]

    assert rejected.startswith(f"Please correct your transfer: order {transfer.order.number}\n")
    assert "Nothing has arrived." in rejected
    assert "submit it again; order and reference stay the same" in rejected


def test_a_part_that_arrived_is_told(acme: Organisation, now: datetime) -> None:
    transfer = offline.declare(begin(acme, now=now), now=now)
    with transaction.atomic():
        orders.note_part(order=orders.lock(transfer.order_id), by="Fiona", detail="$400 / $1,000", now=now)

    part = sent(now)[-1]

    assert part.startswith(f"A part arrived: order {transfer.order.number}\n")
    assert "Arrived so far: $400 / $1,000" in part


def test_an_expired_offline_order_is_told_and_a_cancelled_one_is_not(acme: Organisation, now: datetime) -> None:
    expired, cancelled = begin(acme, now=now), begin(acme, now=now)
    transfers.cancel(order_id=cancelled.order_id, by="Alice", now=now)
    much_later = now + timedelta(days=40)
    transfers.expire_due(now=much_later)

    told = [text for text in sent(much_later) if expired.order.number in text or cancelled.order.number in text]

    assert len(told) == 1
    assert told[0].startswith(f"Not paid in time: order {expired.order.number}\n")


def test_a_delayed_card_payment_gets_no_mail_about_a_transfer(acme: Organisation, now: datetime) -> None:
    orders.mark_processing(order=builders.begin_top_up(acme, now=now).order, by="Stripe", now=now)

    assert sent(now) == []


def test_mails_about_transfers_speak_chinese_to_chinese_readers(acme: Organisation, fiona: User, now: datetime) -> None:
    alice = builders.owner_of(acme)
    alice.language = "zh-hans"
    alice.save()
    credit(offline.declare(begin(acme, now=now), now=now), "1000", by=fiona, now=now)

    assert all(any("一" <= letter <= "鿿" for letter in text) for text in sent(now))
