"""Mails about refunds: one for each step a customer waits for, in his language, with amounts and where they are."""

from datetime import datetime

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from djmoney.money import Money

from billing import disputes, mails, refunds
from billing.models import OrderMail
from tests.billing.disputing import taken, told
from tests.billing.refunding import LAPSED, Counter, approved_refund, ask_refund, start_refund, usd

pytestmark = pytest.mark.django_db


@pytest.fixture
def counter(db: None, now: datetime) -> Counter:
    return Counter(now)


def sent(counter: Counter) -> list[EmailMessage]:
    """What is sent now, of refunds."""
    mail.outbox.clear()
    mails.send_due(now=counter.now)
    return [message for message in mail.outbox if "efund" in message.subject or "退款" in message.subject]


def test_each_step_is_mailed_once_and_nothing_else_with_it(counter: Counter) -> None:
    order = counter.card("100")
    sent(counter)
    refund = ask_refund(order, amount=usd(40), now=counter.now)
    [asked] = sent(counter)
    assert asked.subject == f"Refund of USD $40.00 asked for: order {order.number}"
    assert asked.to == [counter.alice.email]
    assert "USD $40.00 of Wallet is set aside until it is decided." in asked.body
    assert "Reason: Bought too much" in asked.body
    assert refund.number in asked.body

    refunds.approve(refund_id=refund.pk, by=counter.frank, now=counter.now)
    assert (sent(counter), mail.outbox) == ([], [])

    refunds.succeed(refund_id=refund.pk, source="stripe_clearing", by="Stripe", now=counter.now)
    [succeeded] = sent(counter)
    assert succeeded.subject == f"USD $40.00 refunded: order {order.number}"
    assert "It goes to the card it came from; banks show it within 5 to 10 days." in succeeded.body

    refunds.return_to_balance(
        refund_id=refund.pk, source="stripe_clearing", failure="Lost card", by="Stripe", now=counter.now
    )
    [returned] = sent(counter)
    assert "USD $40.00 is in Wallet again." in returned.body
    assert "Reason: Lost card" in returned.body
    assert mail.outbox == [returned]  # and no second one that says it was paid
    assert (sent(counter), OrderMail.objects.filter(event__order=order).count()) == ([], 4)


def test_what_failed_and_what_was_declined_says_why(counter: Counter) -> None:
    order = counter.card("100")
    failing = approved_refund(order, amount=usd(10), now=counter.now)
    refunds.fail(refund_id=failing.pk, failure="The card is closed", by="Stripe", now=counter.now)
    declined = ask_refund(order, amount=usd(20), now=counter.now)
    refunds.decline(refund_id=declined.pk, by=counter.fiona, reason="Used already", now=counter.now)
    said = {message.subject: message.body for message in sent(counter)}
    assert "The card is closed" in said[f"The refund of USD $10.00 failed: order {order.number}"]
    assert "Used already" in said[f"The refund of USD $20.00 was declined: order {order.number}"]


def test_what_is_withdrawn_is_not_mailed(counter: Counter) -> None:
    refund = ask_refund(counter.card("100"), now=counter.now)
    sent(counter)
    refunds.withdraw(refund_id=refund.pk, by=counter.alice, now=counter.now)
    assert (sent(counter), mail.outbox) == ([], [])


def test_a_refund_in_rmb_names_both_amounts_and_the_rate(counter: Counter) -> None:
    order = counter.in_rmb("7200")
    order.created_by = counter.alice
    order.save(update_fields=["created_by"])
    approved = approved_refund(order, amount=usd(500), now=counter.now)
    refunds.succeed(refund_id=approved.pk, source="bank:cny-1", by="Fiona", now=counter.now)
    succeeded = sent(counter)[-1]
    assert (approved.back, succeeded.subject) == (
        Money(3600, "CNY"), f"CNY ¥3,600.00 refunded: order {order.number}"
    )  # fmt: skip
    assert "Amount: USD $500.00" in succeeded.body
    assert "Paid back: CNY ¥3,600.00\nRate: 1 USD = 7.2000 CNY" in succeeded.body


def test_a_move_that_went_back_is_in_the_wallet(counter: Counter) -> None:
    counter.card("100")
    move = counter.move("50")
    started = start_refund(move, by=counter.fiona, now=counter.now + LAPSED)
    refunds.approve(refund_id=started.pk, by=counter.frank, now=counter.now + LAPSED)
    assert "It is in the wallet." in sent(counter)[-1].body


def test_a_chinese_reader_reads_chinese(counter: Counter) -> None:
    alice = counter.alice
    alice.language = "zh-hans"
    alice.save(update_fields=["language"])
    ask_refund(counter.card("100"), now=counter.now)
    mails.send_due(now=counter.now)
    assert "订单" in mail.outbox[-1].body


def test_what_gave_way_to_a_dispute_says_why_once(counter: Counter) -> None:
    order = counter.card("100")
    ask_refund(order, amount=usd(40), now=counter.now)
    sent(counter)
    heard = told(taken(), now=counter.now)
    for _ in range(2):
        disputes.follow(order_id=order.pk, told=heard, by="Stripe", now=counter.now)
    [ended] = sent(counter)
    assert ended.subject == f"The refund of USD $40.00 has ended because of a dispute: order {order.number}"
    assert "the card's bank took the money back itself" in ended.body
    assert ended.to == [counter.alice.email]
