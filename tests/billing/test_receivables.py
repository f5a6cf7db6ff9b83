"""What is owed after disputes: paid by top-ups of the wallet, the oldest first, and written off by finance."""

import secrets
from datetime import datetime

import pytest

from billing import card_blocks, receivables, top_ups
from billing.models import CardBlock, DebtPayment, Dispute, WriteOff
from tests import builders, people
from tests.billing.disputing import State, Story, given_back, more, parts_of, usd
from wallet import chart
from wallet.models import Entry, Member, Posting, Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(db: None, now: datetime) -> Story:
    return Story(now)


def write_off(story: Story, dispute: Dispute, amount: str | int, **changes: object) -> WriteOff:
    asked = {"by": story.frank, "reason": "Bankrupt", "form_token": secrets.token_hex(8)} | changes
    return receivables.write_off(debtor=dispute, amount=usd(amount), now=story.now, **asked)  # type: ignore[arg-type]  # as given


def test_a_top_up_is_credited_in_full_and_then_pays_what_is_owed(story: Story) -> None:
    dispute = story.owe(40)
    order = story.by_bank(100)
    assert (story.holds(), story.owed) == (60, 0)
    posted = Posting.objects.filter(organisation=story.acme, order_number=order.number).order_by("id")
    assert list(posted.values_list("kind", flat=True)) == ["TOP_UP", "DEBT_PAYMENT"]
    after = Entry.objects.filter(posting__in=posted, account__code=chart.WALLET).order_by("position")
    assert [entry.balance_after for entry in after] == [usd(100), usd(60)]
    dispute.refresh_from_db()
    assert parts_of(dispute) == (0, 100, 0, 0)


def test_a_small_top_up_pays_a_part(story: Story) -> None:
    story.owe(40)
    story.by_bank(25)
    assert (story.holds(), story.owed) == (0, 15)


def test_the_oldest_dispute_is_paid_first(story: Story) -> None:
    first, second = story.by_card(100), story.by_card(50)
    story.move(150)
    story.spend(150)
    older, _ = story.dispute(first, 100)
    younger, _ = story.dispute(second, 50)
    order = story.by_bank(120)
    paid = DebtPayment.objects.filter(order=order).order_by("id")
    assert [(each.dispute, each.amount) for each in paid] == [(older, usd(100)), (younger, usd(20))]
    assert (story.holds(), story.owed) == (0, 30)


def test_a_top_up_of_a_product_pays_nothing(story: Story) -> None:
    story.owe(40)
    CardBlock.objects.filter(organisation=story.acme).update(
        lifted_at=story.now, lifted_by=story.frank, lifted_by_name="Frank", note="For the test"
    )
    story.into_product(100)
    assert (story.holds(story.product.code), story.owed) == (100, 40)


def test_what_will_be_paid_is_told_before(story: Story) -> None:
    dispute = story.owe(40)
    shares = receivables.foresee(story.acme.pk, amount=usd(100))
    assert [(share.order, share.amount) for share in shares] == [(dispute.order, usd(40))]
    assert shares[0].sentence == f"$40.00 of it pays what is open from the disputed order {dispute.order.number}."
    assert receivables.owed_by(story.acme.pk) == usd(40)


def test_an_organisation_that_owes_nothing_pays_nothing(story: Story) -> None:
    assert receivables.foresee(story.acme.pk, amount=usd(100)) == []
    story.by_bank(100)
    assert not Posting.objects.filter(organisation=story.acme, kind="DEBT_PAYMENT").exists()


def test_another_organisations_debt_is_not_paid(story: Story) -> None:
    story.owe(40)
    other = builders.make_organisation(now=story.now)
    builders.fill_wallet(other, usd(100), now=story.now)
    assert builders.balance_of(other.pk) == usd(100)
    assert story.owed == 40


def test_a_write_off_takes_a_part_of_the_debt_to_the_chargebacks(story: Story) -> None:
    dispute = story.owe(40)
    write_off(story, dispute, 30)
    assert (story.owed, story.holds(chart.CHARGEBACKS)) == (10, 45)
    dispute.refresh_from_db()
    assert parts_of(dispute) == (0, 60, 10, 30)


def test_a_write_off_sent_twice_happens_once(story: Story) -> None:
    dispute = story.owe(40)
    first = write_off(story, dispute, 30, form_token="the same")
    assert write_off(story, dispute, 30, form_token="the same") == first
    assert story.owed == 10


def test_no_more_is_written_off_than_is_owed(story: Story) -> None:
    dispute = story.owe(40)
    with pytest.raises(receivables.MayNotWriteOff, match=r"Only \$40\.00 is owed"):
        write_off(story, dispute, "40.01")
    assert story.owed == 40


def test_nobody_writes_off_for_an_organisation_he_belongs_to(story: Story) -> None:
    dispute = story.owe(40)
    Member.objects.create(organisation=story.acme, user=story.frank, role=Role.VIEWER, joined_at=story.now)
    with pytest.raises(receivables.MayNotWriteOff, match="You belong"):
        write_off(story, dispute, 10)
    assert story.owed == 40


def test_what_was_written_off_is_not_given_to_the_customer_when_it_is_won(story: Story) -> None:
    order = story.by_card(100)
    story.move(40)
    story.spend(40)
    dispute, what = story.dispute(order)
    write_off(story, dispute, 30)
    story.hear(order, more(what, given_back(), state=State.WON))
    assert (story.holds(), story.owed, story.holds(chart.CHARGEBACKS)) == (60, 0, 15)


def test_a_block_is_lifted_by_hand_only_when_nothing_is_owed(story: Story) -> None:
    story.owe(40)
    block = CardBlock.objects.get(organisation=story.acme)
    with pytest.raises(card_blocks.MayNotLift, match="still owes"):
        card_blocks.lift(block_id=block.pk, by=story.frank, note="Paid", now=story.now)
    story.by_bank(40)
    card_blocks.lift(block_id=block.pk, by=story.frank, note="Paid", now=story.now)
    assert card_blocks.why_blocked(story.acme.pk) == ""
    with pytest.raises(card_blocks.NotInForce):
        card_blocks.lift(block_id=block.pk, by=story.frank, note="Paid", now=story.now)


def test_nobody_lifts_the_block_of_an_organisation_he_belongs_to(story: Story) -> None:
    story.dispute(story.by_card(100))
    block = CardBlock.objects.get(organisation=story.acme)
    Member.objects.create(organisation=story.acme, user=story.frank, role=Role.VIEWER, joined_at=story.now)
    with pytest.raises(card_blocks.MayNotLift, match="You belong"):
        card_blocks.lift(block_id=block.pk, by=story.frank, note="Paid", now=story.now)


def test_a_blocked_organisation_makes_no_card_order(story: Story) -> None:
    story.dispute(story.by_card(100))
    wish = builders.wish_for(story.acme)
    with pytest.raises(card_blocks.CardBlocked, match="Pay by transfer"):
        top_ups.open_order(wish, by=builders.owner_of(story.acme), now=story.now)


def test_where_the_rule_is_off_no_card_is_blocked(story: Story) -> None:
    card_blocks.decide(rule=card_blocks.Rule.NOT_BLOCKING, reason="A test of trust", by=story.frank, now=story.now)
    story.dispute(story.by_card(100))
    assert card_blocks.why_blocked(story.acme.pk) == ""
    card_blocks.decide(rule=card_blocks.Rule.BLOCKING, reason="Enough", by=story.frank, now=story.now)
    story.dispute(story.by_card(100))
    assert card_blocks.why_blocked(story.acme.pk)


def test_a_top_up_after_a_write_off_pays_only_the_rest(story: Story) -> None:
    dispute = story.owe(40)
    write_off(story, dispute, 30, by=people.make_staff("felix", "finance lead"))
    story.by_bank(100)
    assert (story.holds(), story.owed) == (90, 0)
