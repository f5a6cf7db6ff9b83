"""What disputes do to orders, balances and debts: the facts Stripe tells, in whatever order and however often."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from djmoney.money import Money

from billing import card_blocks, disputes
from billing.dispute_postings import Moved
from billing.models import CardBlock, Dispute, Flag, Note, OrderEvent
from tests import builders
from tests.billing import refunding
from tests.billing.correcting import Desk
from tests.billing.disputing import State, Story, given_back, more, parts_of, state_of, taken, told, usd
from wallet import chart
from wallet.models import Posting

pytestmark = pytest.mark.django_db


@pytest.fixture
def story(db: None, now: datetime) -> Story:
    return Story(now)


def kinds_of(story: Story) -> list[str]:
    found = Posting.objects.filter(organisation=story.acme, kind__startswith="D").order_by("id")
    return list(found.values_list("kind", flat=True))


def test_disputed_money_is_taken_from_the_wallet_it_was_credited_to(story: Story) -> None:
    order = story.by_card(100)
    dispute, _ = story.dispute(order)
    assert (story.holds(), story.owed, story.holds(chart.CHARGEBACKS)) == (0, 0, 15)
    assert story.holds(chart.STRIPE_CLEARING) == -15
    assert (dispute.is_withdrawn, dispute.fee) == (True, usd(15))
    assert parts_of(dispute) == (0, 100, 0, 0)
    assert state_of(order) == "DISPUTED"
    assert kinds_of(story) == ["DISPUTE", "DISPUTE_FEE"]


def test_what_was_spent_of_it_is_owed(story: Story) -> None:
    dispute = story.owe(40)
    assert (story.holds(), story.owed) == (0, 40)
    assert dispute.owed == usd(40)


def test_of_a_product_first_its_balance_then_the_wallet_pays(story: Story) -> None:
    order = story.into_product(100)
    story.spend(70)
    story.by_card(50)
    dispute, _ = story.dispute(order)
    assert (story.holds(story.product.code), story.holds(), story.owed) == (0, 0, 20)
    assert parts_of(dispute) == (30, 50, 20, 0)


def test_of_the_wallet_no_product_pays(story: Story) -> None:
    order = story.by_card(100)
    story.move(60)
    story.dispute(order)
    assert (story.holds(story.product.code), story.holds(), story.owed) == (60, 0, 60)


def test_an_inquiry_moves_no_money_and_is_flagged(story: Story) -> None:
    order = story.by_card(100)
    story.hear(order, told(state=State.INQUIRY, now=story.now))
    assert (story.holds(), state_of(order)) == (100, "PAID")
    assert Flag.objects.filter(order=order, reason=Flag.Reason.DISPUTED, resolved_at=None).count() == 1
    assert not CardBlock.objects.filter(organisation=story.acme).exists()
    assert OrderEvent.objects.filter(order=order, note=Note.DISPUTE_ASKED).count() == 1


def test_a_dispute_told_twice_is_booked_and_told_once(story: Story) -> None:
    order = story.by_card(100)
    _, what = story.dispute(order)
    story.hear(order, what)
    assert kinds_of(story) == ["DISPUTE", "DISPUTE_FEE"]
    assert OrderEvent.objects.filter(order=order, note=Note.DISPUTED).count() == 1
    assert Dispute.objects.filter(order=order).count() == 1


def test_won_money_comes_back_to_where_it_was_taken_from(story: Story) -> None:
    order = story.into_product(100)
    story.spend(70)
    story.by_card(50)
    _, what = story.dispute(order)
    dispute = story.hear(order, more(what, given_back(), state=State.WON))
    assert (story.holds(story.product.code), story.holds(), story.owed) == (30, 50, 0)
    assert (dispute.is_withdrawn, dispute.away, state_of(order)) == (False, usd(0), "PAID")
    assert OrderEvent.objects.filter(order=order, note=Note.REINSTATED).count() == 1


def test_won_money_gives_back_what_top_ups_had_paid_of_the_debt(story: Story) -> None:
    order = story.into_product(100)
    story.spend(100)
    _, what = story.dispute(order)
    story.by_bank(60)
    assert (story.owed, story.holds()) == (40, 0)
    story.hear(order, more(what, given_back(), state=State.WON))
    assert (story.owed, story.holds(), story.holds(story.product.code)) == (0, 60, 0)


def test_lost_changes_the_state_and_no_balance(story: Story) -> None:
    order = story.by_card(100)
    _, what = story.dispute(order)
    story.hear(order, more(what, state=State.LOST))
    assert (story.holds(), story.holds(chart.STRIPE_CLEARING), state_of(order)) == (0, -15, "CHARGED_BACK")
    assert OrderEvent.objects.filter(order=order, note=Note.DISPUTE_LOST).count() == 1


def test_reinstated_after_it_was_lost_brings_the_order_back(story: Story) -> None:
    order = story.by_card(100)
    _, what = story.dispute(order)
    lost = more(what, state=State.LOST)
    story.hear(order, lost)
    story.hear(order, more(lost, given_back()))
    assert (story.holds(), state_of(order)) == (100, "PAID")


def test_withdrawn_again_after_it_was_reinstated_is_taken_again(story: Story) -> None:
    order = story.by_card(100)
    _, what = story.dispute(order)
    won = more(what, given_back(), state=State.WON)
    story.hear(order, won)
    story.move(30)
    again = more(won, taken(fee=0), state=State.OPEN)
    dispute = story.hear(order, again)
    assert (story.holds(), story.owed, dispute.is_withdrawn) == (0, 30, True)
    assert state_of(order) == "DISPUTED"


def test_everything_told_at_once_ends_as_told_one_by_one(story: Story) -> None:
    order = story.by_card(100)
    story.hear(order, told(taken(), given_back(), state=State.WON, now=story.now))
    assert (story.holds(), story.owed, story.holds(chart.CHARGEBACKS), state_of(order)) == (100, 0, 15, "PAID")


def test_a_fee_given_back_is_booked(story: Story) -> None:
    order = story.by_card(100)
    _, what = story.dispute(order)
    dispute = story.hear(order, more(what, given_back(fee=-15), state=State.WON))
    assert (story.holds(chart.CHARGEBACKS), story.holds(chart.STRIPE_CLEARING)) == (0, 100)
    assert dispute.fee == usd(0)


def test_more_than_was_away_is_booked_to_the_balance(story: Story) -> None:
    order = story.by_card(100)
    _, what = story.dispute(order)
    dispute = story.hear(order, more(what, given_back(120), state=State.WON))
    assert (story.holds(), dispute.is_withdrawn) == (120, False)


def test_a_part_that_comes_back_pays_the_debt_first(story: Story) -> None:
    order = story.by_card(100)
    story.move(40)
    story.spend(40)
    _, what = story.dispute(order)
    dispute = story.hear(order, more(what, given_back(50)))
    assert (story.owed, story.holds(), dispute.is_withdrawn, dispute.away) == (0, 10, True, usd(50))
    assert state_of(order) == "DISPUTED"


def test_a_dispute_of_money_that_credited_nobody_takes_it_from_suspense(story: Story) -> None:
    story.by_card(70)
    order = builders.begin_top_up(story.acme, now=story.now).order
    dispute = story.hear(order, told(taken(), now=story.now), held_in=chart.SUSPENSE)
    assert (story.holds(), story.owed, dispute.code) == (70, 100, chart.SUSPENSE)
    assert state_of(order) == "PENDING"


def test_no_refund_gives_way_to_a_dispute_of_money_that_credited_nobody(story: Story) -> None:
    order = story.by_card(100)
    asked = refunding.ask_refund(order, amount=usd(70), now=story.now)
    story.hear(order, told(taken(), now=story.now), held_in=chart.SUSPENSE)
    asked.refresh_from_db()
    assert (asked.state, story.holds(), story.holds("wallet:held"), story.owed) == ("ASKED", 30, 70, 100)


def test_another_currency_is_a_named_doubt_and_not_booked(story: Story) -> None:
    order = story.by_card(100)
    euros = Moved(transaction_id="txn_eur", amount=Money(-90, "EUR"), fee=Money(0, "EUR"))
    dispute = story.hear(order, told(euros, now=story.now))
    assert (story.holds(), dispute.is_withdrawn) == (100, False)
    assert "txn_eur" in Flag.objects.get(order=order, reason=Flag.Reason.DISPUTE_UNCLEAR).detail


def test_a_dispute_in_another_currency_than_the_wallets_leaves_nothing_owed(story: Story) -> None:
    """What could not be paid in the wallet's currency would keep every top-up from being credited."""
    order = story.by_card(100)
    euros = Moved(transaction_id="txn_eur", amount=Money(-90, "EUR"), fee=Money(0, "EUR"))
    dispute = story.hear(order, replace(told(euros, now=story.now), amount=Money(90, "EUR")))
    assert (parts_of(dispute), dispute.is_withdrawn) == ((0, 0, 0, 0), False)
    assert "txn_eur" in Flag.objects.get(order=order, reason=Flag.Reason.DISPUTE_UNCLEAR).detail
    story.by_bank(10)
    assert story.holds() == 110


def test_an_older_answer_never_takes_the_place_of_a_newer_one(story: Story) -> None:
    order = story.by_card(100)
    dispute, what = story.dispute(order)
    lost, later = replace(what, state=State.LOST), story.now + timedelta(seconds=9)
    disputes.follow(order_id=order.pk, told=lost, by="Stripe", now=later)
    story.hear(order, what)
    dispute.refresh_from_db()
    assert (dispute.state, state_of(order), dispute.asked_at) == ("LOST", "CHARGED_BACK", later)


def test_an_inquiry_goes_with_the_money_however_often_it_was_corrected(story: Story) -> None:
    desk = Desk(story.now)
    order = desk.by_card("100")
    what = told(state=State.INQUIRY, now=story.now)
    story.hear(order, what)
    between = desk.approve(desk.propose(order))
    bearer = desk.approve(desk.propose(between, builders.make_product("Voice").code))
    dispute = story.hear(order, more(what, taken(), state=State.OPEN))
    assert (dispute.order, desk.holds(bearer.target)) == (bearer, 0)


def test_an_unknown_word_of_stripe_leaves_the_state_and_books_the_money(story: Story) -> None:
    order = story.by_card(100)
    dispute = story.hear(order, told(taken(), state=None, now=story.now))
    assert (str(dispute.state), dispute.is_withdrawn, story.holds()) == ("OPEN", True, 0)
    assert Flag.objects.filter(order=order, reason=Flag.Reason.DISPUTE_UNCLEAR).exists()


def test_parts_finer_than_a_cent_are_taken_whole(story: Story) -> None:
    order = story.into_product(100)
    story.spend("99.947500")
    story.dispute(order)
    assert (story.holds(story.product.code), story.owed) == (0, Decimal("99.9475"))


def test_what_is_spent_between_reading_and_posting_is_owed(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if somebody always spent it in that very moment."""
    order = story.by_card(100)
    story.move(100)
    monkeypatch.setattr(disputes, "_read_holds", lambda *_: {chart.WALLET: Decimal(100)})
    dispute, _ = story.dispute(order)
    assert (story.holds(), story.owed) == (0, 100)
    assert parts_of(dispute) == (0, 0, 100, 0)


def test_a_refund_that_only_waits_gives_way_to_a_dispute_and_nothing_is_owed(story: Story) -> None:
    order = story.by_card(100)
    asked = refunding.ask_refund(order, amount=usd(70), now=story.now)
    dispute, _ = story.dispute(order)
    asked.refresh_from_db()
    assert (asked.state, "disputed" in asked.failure) == ("DECLINED", True)
    assert (story.holds(), story.holds("wallet:held"), story.owed) == (0, 0, 0)
    assert (parts_of(dispute), state_of(order)) == ((0, 100, 0, 0), "DISPUTED")
    assert OrderEvent.objects.filter(order=order, note=Note.REFUND_GAVE_WAY, refund=asked).count() == 1


def test_of_a_product_what_waits_is_released_before_the_wallet_pays(story: Story) -> None:
    order = story.into_product(100)
    story.by_card(50)
    story.spend(30)
    refunding.ask_refund(order, amount=usd(60), now=story.now)
    refunding.ask_refund(order, amount=usd(10), now=story.now)
    dispute, _ = story.dispute(order)
    assert (story.holds(story.product.code), story.holds(f"{story.product.code}:held"), story.holds()) == (0, 0, 20)
    assert parts_of(dispute) == (70, 30, 0, 0)


def test_what_waits_gives_way_though_all_else_is_spent_in_that_moment(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = story.by_card(100)
    refunding.ask_refund(order, amount=usd(40), now=story.now)
    story.move(60)
    monkeypatch.setattr(disputes, "_read_holds", lambda *_: {chart.WALLET: Decimal(100)})
    dispute, _ = story.dispute(order)
    assert (parts_of(dispute), story.holds(), story.owed) == ((0, 40, 60, 0), 0, 60)


def test_neither_an_inquiry_nor_the_dispute_of_another_order_ends_a_refund(story: Story) -> None:
    order, other = story.by_card(100), story.by_card(20)
    asked = refunding.ask_refund(order, amount=usd(40), now=story.now)
    story.hear(order, told(state=State.INQUIRY, now=story.now))
    story.dispute(other, 20)
    asked.refresh_from_db()
    assert (asked.state, story.holds("wallet:held")) == ("ASKED", 40)


def test_what_was_approved_goes_on_beside_a_dispute(story: Story) -> None:
    order = story.by_card(100)
    approved = refunding.approved_refund(order, amount=usd(40), now=story.now)
    story.dispute(order)
    approved.refresh_from_db()
    assert (approved.state, story.holds("wallet:held"), story.owed) == ("APPROVED", 40, 40)


def test_cards_are_blocked_while_the_money_is_away(story: Story) -> None:
    order = story.by_card(100)
    _, what = story.dispute(order)
    assert order.number in card_blocks.why_blocked(story.acme.pk)
    story.hear(order, more(what, given_back(), state=State.WON))
    assert card_blocks.why_blocked(story.acme.pk) == ""


def test_cards_stay_blocked_until_the_dispute_is_won_not_only_the_money_back(story: Story) -> None:
    order = story.by_card(100)
    _, what = story.dispute(order)
    back = more(what, given_back())
    story.hear(order, back)
    assert card_blocks.why_blocked(story.acme.pk)
    story.hear(order, replace(back, state=State.WON))
    assert not card_blocks.why_blocked(story.acme.pk)


def test_a_block_is_made_once_for_a_dispute(story: Story) -> None:
    order = story.by_card(100)
    _, what = story.dispute(order)
    story.hear(order, what)
    assert CardBlock.objects.filter(organisation=story.acme).count() == 1
