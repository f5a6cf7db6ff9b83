"""Mails: each fact is told once, to the right reader, in his language; a failure is tried again."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from smtplib import SMTPException
from typing import Any
from unittest.mock import Mock

import pytest
from django.conf import LazySettings
from django.core import mail
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction

from billing import mail_retries, mails, orders
from billing.models import Order, OrderEvent, OrderMail, State
from payments.models import Payment
from products import access
from tests import builders, races
from tests.billing.correcting import Desk
from wallet.models import Member, Organisation, Role, User

AGAIN = timedelta(minutes=6)


@pytest.fixture
def acme(committed: None, now: datetime) -> Iterator[Organisation]:
    """Nothing older waits to be told, so that the counts of these tests are their own."""
    told = [
        OrderMail(event=event, to="", subject="", claimed_at=now, sent_at=now)
        for event in OrderEvent.objects.filter(mails__isnull=True)
    ]
    OrderMail.objects.bulk_create(told)
    OrderMail.objects.filter(sent_at__isnull=True).update(sent_at=now)
    yield builders.make_organisation(now=now)
    Payment.objects.filter(state=Payment.State.OPEN).update(state=Payment.State.EXPIRED)  # sweeps look at every row


def paid_order(organisation: Organisation, *, now: datetime) -> Order:
    order = builders.begin_top_up(organisation, now=now).order
    with transaction.atomic():
        return orders.mark_paid(order=order, arrival=builders.by_card(order), by="Stripe", now=now)


def failed_order(organisation: Organisation, *, now: datetime) -> Order:
    order = builders.begin_top_up(organisation, now=now).order
    orders.mark_failed(order=order, by="Stripe", now=now, detail="The bank refused.")
    return order


def text_of(message: EmailMessage) -> str:
    return f"{message.subject}\n{message.body}"


def test_mail_is_named_in_the_domain_it_comes_from(acme: Organisation, now: datetime, settings: LazySettings) -> None:
    settings.DEFAULT_FROM_EMAIL = "InnoPaaS <no-reply@pay.example.com>"
    paid_order(acme, now=now)
    mails.send_due(now=now)
    assert re.fullmatch(r"<[0-9a-f-]{36}@pay\.example\.com>", mail.outbox[0].extra_headers["Message-ID"])


def test_paid_order_is_told_once(acme: Organisation, now: datetime) -> None:
    order = paid_order(acme, now=now)
    assert mails.send_due(now=now) == 1
    assert mails.send_due(now=now + AGAIN) == 0
    [message] = mail.outbox
    assert message.to == [builders.owner_of(acme).email]
    assert order.number in message.subject
    assert "$100.00" in text_of(message)
    assert "\n" not in message.subject


def test_failed_order_is_told_with_the_reason(acme: Organisation, now: datetime) -> None:
    order = failed_order(acme, now=now)
    assert mails.send_due(now=now) == 1
    [message] = mail.outbox
    assert order.number in message.subject
    assert "The bank refused." in message.body


def test_order_ended_by_our_team_is_told_without_a_word_about_a_charge(acme: Organisation, now: datetime) -> None:
    order = builders.begin_top_up(acme, now=now).order
    orders.end_by_team(order=order, by="Olivia", note="Stripe lost it.", now=now)
    assert mails.send_due(now=now) == 1
    [message] = mail.outbox
    assert message.subject == f"Order {order.number} was ended by our team"
    assert "Stripe lost it." in message.body
    assert "charged" not in message.body
    assert "bank" not in message.body


def test_waiting_and_expired_orders_are_not_worth_a_mail(acme: Organisation, now: datetime) -> None:
    order = builders.begin_top_up(acme, now=now).order
    orders.expire(order=order, by="Stripe", now=now)
    assert mails.send_due(now=now) == 0
    assert not mail.outbox


def test_many_senders_at_once_tell_each_fact_once(acme: Organisation, now: datetime) -> None:
    numbers = {paid_order(acme, now=now).number for _ in range(races.scaled(5, full=200))}
    sent = races.run_at_once([lambda: mails.send_due(now=now, limit=1_000)] * 6)
    races.raise_failures(sent)
    assert sum(sent) == len(numbers)
    assert sorted(message.extra_headers["X-Order"] for message in mail.outbox) == sorted(numbers)


def test_mail_that_could_not_be_sent_is_tried_again(
    acme: Organisation, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid_order(acme, now=now)

    def fail(*_: Any, **__: Any) -> int:
        raise SMTPException("the post office is closed")

    with monkeypatch.context() as patch:
        patch.setattr(EmailMessage, "send", fail)
        assert mails.send_due(now=now) == 0
    left = OrderMail.objects.get(event__organisation=acme)
    assert (left.sent_at, left.attempts, left.error) == (None, 1, "the post office is closed")
    assert mails.send_due(now=now + timedelta(minutes=1)) == 0
    assert mails.send_due(now=now + AGAIN) == 1
    left.refresh_from_db()
    assert (left.sent_at, left.error) == (now + AGAIN, "")


def test_mail_of_a_sender_who_died_is_sent_by_another(
    acme: Organisation, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid_order(acme, now=now)

    def die(*_: Any, **__: Any) -> int:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(EmailMessage, "send", die)
        with pytest.raises(SystemExit):
            mails.send_due(now=now)
    assert mails.send_due(now=now + AGAIN) == 1


def test_mail_is_given_up_after_the_last_pause(
    acme: Organisation, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid_order(acme, now=now)

    def fail(*_: Any, **__: Any) -> int:
        raise OSError("unreachable")

    monkeypatch.setattr(EmailMessage, "send", fail)
    for attempt in range(20):
        mails.send_due(now=now + attempt * timedelta(hours=6))
    assert OrderMail.objects.get(event__organisation=acme).attempts == len(mail_retries.PAUSES) + 1


def test_mail_speaks_the_language_of_its_reader(acme: Organisation, now: datetime) -> None:
    alice = builders.owner_of(acme)
    alice.language = "zh-hans"
    alice.save()
    paid_order(acme, now=now)
    mails.send_due(now=now)
    in_chinese = text_of(mail.outbox[-1])
    alice.language = "en"
    alice.save()
    paid_order(acme, now=now)
    mails.send_due(now=now)
    in_english = text_of(mail.outbox[-1])
    assert _has_chinese(in_chinese)
    assert not _has_chinese(in_english)


def test_mail_goes_to_the_owners_when_whoever_paid_has_left(acme: Organisation, now: datetime) -> None:
    bill = builders.make_member(acme, role=Role.BILLING, now=now, name="bill")
    payment = builders.begin_checkout(builders.wish_for(acme), by=bill.user, now=now)
    Member.objects.filter(pk=bill.pk).delete()
    with transaction.atomic():
        orders.mark_paid(order=payment.order, arrival=builders.by_card(payment.order), by="Stripe", now=now)
    mails.send_due(now=now)
    assert mail.outbox[-1].to == [builders.owner_of(acme).email]


def test_every_owner_is_told_in_a_mail_of_his_own_and_in_his_language(acme: Organisation, now: datetime) -> None:
    payment, (first, second) = _begin_by_one_who_left(acme, now=now)
    with transaction.atomic():
        orders.mark_paid(order=payment.order, arrival=builders.by_card(payment.order), by="Stripe", now=now)
    assert mails.send_due(now=now) == 2
    [to_first] = [sent for sent in mail.outbox if sent.to == [first.email]]
    [to_second] = [sent for sent in mail.outbox if sent.to == [second.email]]
    assert not _has_chinese(text_of(to_first))
    assert _has_chinese(text_of(to_second))
    assert to_first.extra_headers["Message-ID"] != to_second.extra_headers["Message-ID"]


def test_owner_whose_mail_was_refused_is_told_later_and_the_other_once(
    acme: Organisation, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment, (first, second) = _begin_by_one_who_left(acme, now=now)
    with transaction.atomic():
        orders.mark_paid(order=payment.order, arrival=builders.by_card(payment.order), by="Stripe", now=now)
    send = EmailMessage.send

    def refuse_one(message: EmailMessage, *args: Any) -> int:
        if message.to == [second.email]:
            raise SMTPException("550 mailbox unavailable")
        return send(message, *args)

    with monkeypatch.context() as patch:
        patch.setattr(EmailMessage, "send", refuse_one)
        assert mails.send_due(now=now) == 1
    left = OrderMail.objects.get(event__organisation=acme, sent_at=None)
    assert (left.to, left.error) == (second.email, "550 mailbox unavailable")
    assert mails.send_due(now=now + AGAIN) == 1
    assert [sent.to for sent in mail.outbox] == [[first.email], [second.email]]


def test_owners_are_told_when_whoever_paid_left_before_his_mail_could_be_sent(
    acme: Organisation, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill = builders.make_member(acme, role=Role.BILLING, now=now, name="bill")
    builders.pay_by_card(builders.wish_for(acme), by=bill.user, now=now)
    with monkeypatch.context() as patch:
        patch.setattr(EmailMessage, "send", Mock(side_effect=OSError("unreachable")))
        mails.send_due(now=now)
    Member.objects.filter(pk=bill.pk).delete()
    mails.send_due(now=now + AGAIN)
    mails.send_due(now=now + AGAIN)
    assert [sent.to for sent in mail.outbox] == [[builders.owner_of(acme).email]]
    assert not OrderMail.objects.filter(event__organisation=acme, sent_at=None).exists()


def test_mail_made_out_to_nobody_yet_reaches_whoever_is_to_read_it(acme: Organisation, now: datetime) -> None:
    """As those are that were not sent when mails began to have one reader each."""
    order = paid_order(acme, now=now)
    event = OrderEvent.objects.get(order=order, state=State.PAID)
    OrderMail.objects.create(event=event, claimed_at=now - mail_retries.PAUSES[0])
    mails.send_due(now=now)
    mails.send_due(now=now)
    assert [sent.to for sent in mail.outbox] == [[builders.owner_of(acme).email]]


def test_mail_about_a_product_goes_to_the_owners_when_whoever_paid_may_not_see_it_any_more(
    acme: Organisation, now: datetime
) -> None:
    bill = builders.make_member(acme, role=Role.BILLING, now=now, name="bill")
    hidden, seen = builders.make_product("Quetzal"), builders.make_product("SMS")
    for product in (hidden, seen):
        wish = builders.wish_for(acme, target=product.code)
        builders.pay_by_card(wish, by=bill.user, now=now)
    access.limit(member_id=bill.pk, products=[seen], by=builders.owner_of(acme))
    mails.send_due(now=now)
    told = {tuple(sent.to): text_of(sent) for sent in mail.outbox[-2:]}
    assert "Quetzal" in told[builders.owner_of(acme).email,]
    assert "SMS" in told[bill.user.email,]


def test_correction_is_told_to_the_owners_when_whoever_paid_may_not_see_where_it_came_from(
    acme: Organisation, now: datetime
) -> None:
    bill = builders.make_member(acme, role=Role.BILLING, now=now, name="bill")
    desk = Desk(now)
    desk.acme = acme
    wish = builders.wish_for(acme, target=desk.wrong.code)
    right = desk.approve(desk.propose(builders.pay_by_card(wish, by=bill.user, now=now)))
    assert right.created_by == bill.user
    access.limit(member_id=bill.pk, products=[desk.right], by=builders.owner_of(acme))
    mails.send_due(now=now + timedelta(hours=3))
    [sent] = [sent for sent in mail.outbox if sent.extra_headers["X-Order"] == right.number]
    assert sent.to == [builders.owner_of(acme).email]


def test_name_of_an_organisation_cannot_add_lines_to_a_mail(acme: Organisation) -> None:
    """The database itself refuses such a name, whoever writes it."""
    with pytest.raises(IntegrityError, match="organisation_name_is_one_line"), transaction.atomic():
        Organisation.objects.filter(pk=acme.pk).update(name="Acme\nBcc: mallory@example.com")


def test_mail_outlives_an_outage_of_two_days(
    acme: Organisation, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = paid_order(acme, now=now)

    def fail(*_: Any, **__: Any) -> int:
        raise SMTPException("the post office is closed")

    with monkeypatch.context() as patch:
        patch.setattr(EmailMessage, "send", fail)
        for hour in range(48):
            mails.send_due(now=now + timedelta(hours=hour))
    mails.send_due(now=now + timedelta(hours=54))
    assert order.number in [sent.extra_headers["X-Order"] for sent in mail.outbox]


def _begin_by_one_who_left(organisation: Organisation, *, now: datetime) -> tuple[Payment, tuple[User, User]]:
    """A payment begun by somebody who is gone, and the two owners who are told instead; the second reads Chinese."""
    first = builders.owner_of(organisation)
    second = builders.make_member(organisation, role=Role.OWNER, now=now, name="song").user
    second.language = "zh-hans"
    second.save()
    bill = builders.make_member(organisation, role=Role.BILLING, now=now, name="bill")
    payment = builders.begin_checkout(builders.wish_for(organisation), by=bill.user, now=now)
    Member.objects.filter(pk=bill.pk).delete()
    return payment, (first, second)


def _has_chinese(text: str) -> bool:
    return any("一" <= character <= "鿿" for character in text)
