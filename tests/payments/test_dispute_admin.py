"""Finance's pages of disputes: deadlines, debts, writing off, card blocks and their rule; and what customers see."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from billing import card_blocks, mails
from billing.models import CardBlock, Dispute, WriteOff
from innopaas.dashboard import Count, list_counts
from payments.admin.dispute_advice import advise
from payments.admin.disputes import say_due
from products import access
from tests import builders, people
from tests.billing.disputing import State, Story, more
from tests.payments.desk_people import Desk, text_of
from wallet.models import Role

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _without_factors(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def now() -> datetime:
    return datetime.fromisoformat("2026-07-15T04:00:00+00:00")


@pytest.fixture
def story(db: None, now: datetime) -> Story:
    return Story(now)


@pytest.fixture
def frank(story: Story) -> Desk:
    return Desk(story.frank)


@pytest.fixture
def fiona(story: Story) -> Desk:
    return Desk(people.make_staff("fiona", "finance"))


def counts(story: Story) -> dict[str, Count]:
    """A day before the evidence is due."""
    return {str(count.title): count for count in list_counts(story.frank, now=story.now + timedelta(days=6))}


def token_on(page: str) -> str:
    return page.split('name="seen" value="')[1].split('"', maxsplit=1)[0]


def test_the_page_tells_where_the_money_is_and_what_is_owed(story: Story, fiona: Desk) -> None:
    dispute = story.owe(40)
    order = story.by_bank(10)
    page = fiona.read("billing_dispute_change", dispute.pk)
    for text in ("$30.00", order.number, "https://dashboard.stripe.com/test/disputes/", "dispute:txn_", "fraudulent"):
        assert text in page
    assert "What to do next" in page
    assert dispute.order.number in fiona.read("billing_dispute_changelist")
    assert "Write off" not in page


def test_a_finance_lead_writes_off_with_a_reason(story: Story, frank: Desk) -> None:
    dispute = story.owe(40)
    assert "Write off" in frank.read("billing_dispute_change", dispute.pk)
    page = frank.read("billing_dispute_write_off", dispute.pk)
    assert 'value="40"' in page
    frank.post("billing_dispute_write_off", dispute.pk, amount="30", reason="Bankrupt", seen=token_on(page))
    assert story.owed == 10
    done = WriteOff.objects.get(dispute=dispute)
    assert (done.by, done.reason) == (story.frank, "Bankrupt")
    assert LogEntry.objects.filter(object_id=str(dispute.pk), user=story.frank).exists()
    assert "Bankrupt" in frank.read("billing_dispute_change", dispute.pk)


@pytest.mark.parametrize("amount", ["", "0", "-1", "40.01", "1e1", "40,5"])
def test_no_odd_amount_is_written_off(story: Story, frank: Desk, amount: str) -> None:
    dispute = story.owe(40)
    page = frank.read("billing_dispute_write_off", dispute.pk)
    frank.post("billing_dispute_write_off", dispute.pk, amount=amount, reason="why", seen=token_on(page))
    assert story.owed == 40


def test_a_form_sent_twice_writes_off_once(story: Story, frank: Desk) -> None:
    dispute = story.owe(40)
    token = token_on(frank.read("billing_dispute_write_off", dispute.pk))
    for amount in ("30", "30", "5"):
        frank.post("billing_dispute_write_off", dispute.pk, amount=amount, reason="why", seen=token)
    assert story.owed == 10


def test_finance_that_does_not_lead_writes_nothing_off(story: Story, fiona: Desk) -> None:
    dispute = story.owe(40)
    for name in ("billing_dispute_write_off", "billing_cardblock_lift"):
        assert fiona.client.get(reverse(f"admin:{name}", args=[dispute.pk])).status_code == 403
    assert fiona.client.post(reverse("admin:billing_cardrule_decide"), {"rule": "BLOCKING"}).status_code == 403


def test_a_block_is_lifted_with_a_note_once_nothing_is_owed(story: Story, frank: Desk) -> None:
    story.owe(40)
    block = CardBlock.objects.get(organisation=story.acme)
    assert "still owes" in frank.read("billing_cardblock_lift", block.pk)
    story.by_bank(40)
    assert "Lift the card block" in frank.read("billing_cardblock_change", block.pk)
    frank.post("billing_cardblock_lift", block.pk, reason="Paid by transfer")
    block.refresh_from_db()
    assert (block.lifted_by, block.note) == (story.frank, "Paid by transfer")


def test_the_rule_is_decided_with_a_reason(story: Story, frank: Desk) -> None:
    assert "Decide anew" in frank.read("billing_cardrule_changelist")
    frank.post("billing_cardrule_decide", rule="NOT_BLOCKING", reason="We trust them")
    assert not card_blocks.is_rule_on()


def test_the_first_page_counts_disputes_to_answer_and_what_is_owed(story: Story) -> None:
    before = counts(story)
    story.owe(40)
    after = counts(story)
    assert after["Disputes to answer"].figure == int(before["Disputes to answer"].figure) + 1
    assert after["Disputes to answer"].is_bad
    owed = [Decimal(str(found["Owed by customers"].figure).strip("$").replace(",", "")) for found in (before, after)]
    assert owed[1] - owed[0] == 40


def test_the_deadline_is_told_in_days(story: Story) -> None:
    dispute, _ = story.dispute(story.by_card(100))
    assert say_due(dispute, now=story.now).endswith("; 7 days left")
    assert say_due(dispute, now=story.now + timedelta(days=5, hours=1)).endswith("; 1 day left")
    assert say_due(dispute, now=story.now + timedelta(days=8)).endswith("; over")
    dispute.has_evidence = True
    assert say_due(dispute, now=story.now).endswith("; sent")


def test_customers_read_what_is_open_before_they_pay_and_what_was_paid(story: Story, client: Client) -> None:
    dispute = story.owe(40)
    client.force_login(builders.owner_of(story.acme))
    page = text_of(client.get("/topup/"))
    assert "USD $40.00 is open from before." in page
    assert f"$40.00 of it pays what is open from the disputed order {dispute.order.number}." in page
    order = story.by_bank(100)
    page = text_of(client.get(f"/billing/orders/{order.number}/"))
    assert f"USD $40.00 of it paid what was open from the disputed order {dispute.order.number}." in page
    page = text_of(client.get(f"/billing/orders/{dispute.order.number}/"))
    assert "With the card's bank" in page
    assert order.number in page
    assert "is open from before" not in text_of(client.get("/topup/"))


def test_whoever_may_not_use_a_product_reads_of_no_disputed_order_of_it(story: Story, client: Client) -> None:
    order = story.into_product(100)
    story.spend(40)
    dispute, _told = story.dispute(order)
    limited = builders.make_member(story.acme, role=Role.BILLING, now=story.now)
    access.limit(member_id=limited.pk, products=[], by=builders.owner_of(story.acme))
    client.force_login(limited.user)
    page = text_of(client.get("/topup/"))
    assert "$40.00 of it pays what is open from another order." in page
    assert dispute.order.number not in page
    paying = story.by_bank(100)
    page = text_of(client.get(f"/billing/orders/{paying.number}/"))
    assert "USD $40.00 of it paid what was open from another order." in page
    assert dispute.order.number not in page


def test_each_turn_of_a_dispute_is_mailed_once(story: Story) -> None:
    order = story.by_card(100)
    story.move(40)
    mails.send_due(now=story.now)
    mail.outbox.clear()
    _, what = story.dispute(order)
    lost = more(what, state=State.LOST)
    story.hear(order, what)
    story.hear(order, lost)
    mails.send_due(now=story.now)
    mails.send_due(now=story.now)
    subjects = [message.subject for message in mail.outbox]
    assert subjects == [
        f"The card's bank took money back: order {order.number}",
        f"The dispute was decided for the card's holder: order {order.number}",
    ]
    assert "Open: USD $40.00" in mail.outbox[0].body


@pytest.mark.parametrize(
    ("state", "fields", "said"),
    [
        (Dispute.State.OPEN, {}, "It counts until 2026-07-22 12:00:00. The fee of USD $15.00 is not given back"),
        (Dispute.State.OPEN, {}, "Evidence can be sent once only"),
        (Dispute.State.INQUIRY, {}, "no money has moved"),
        (Dispute.State.OPEN, {"has_evidence": True}, "Evidence was sent."),
        (Dispute.State.OPEN, {"evidence_due_at": people.LONG_AGO}, "The time for evidence is over"),
        (Dispute.State.WON, {"is_withdrawn": True}, "has not given the money back yet"),
        (Dispute.State.WON, {"is_withdrawn": False}, "the money is back"),
        (Dispute.State.LOST, {"debt": Decimal(40)}, "writes off what will not come"),
        (Dispute.State.LOST, {"debt": Decimal(0)}, "nothing is owed"),
        (Dispute.State.CLOSED, {}, "asks no more"),
    ],
)
def test_the_page_says_what_to_do_next(state: Dispute.State, fields: dict[str, Any], said: str, now: datetime) -> None:
    facts = {"evidence_due_at": now + timedelta(days=7), "amount": builders.usd("100"), "fee": builders.usd("15")}
    assert said in advise(Dispute(state=state, **(facts | fields)), now=now)
