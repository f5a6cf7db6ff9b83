"""Paid into the wrong product: taken back while unspent, credited where it belongs, by two people of finance."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from billing import corrections, moves
from billing.models import AutoFill, Correction, Note, Order, State
from innopaas.audit import CHECKS
from products.models import Product, ProductBalance
from tests import builders, people
from tests.billing.correcting import Desk, usd
from tests.payments import offline
from tests.payments.offline import cny
from wallet import audit, chart
from wallet.models import Member, Posting, Role, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(db: None, now: datetime) -> Desk:
    return Desk(now)


def entries_of(order: Order, kind: str) -> list[tuple[object, ...]]:
    posting = Posting.objects.get(order_number=order.number, kind=kind)
    return [
        (entry.side, entry.account.code, entry.amount.amount, entry.amount.currency.code)
        for entry in posting.entries.select_related("account").order_by("line")
    ]


def notes_of(order: Order) -> list[str]:
    return list(order.events.order_by("id").values_list("note", flat=True))


def problems(desk: Desk) -> list[str]:
    return audit.find_problems(checks=CHECKS, now=desk.now)


# --- what a correction does ---


def test_card_money_moves_to_the_right_product_as_an_order_that_follows(desk: Desk) -> None:
    order = desk.by_card("100")
    credited = desk.approve(desk.propose(order))
    order.refresh_from_db()
    assert (order.state, notes_of(order)[-1]) == (State.REFUNDED, Note.TAKEN_BACK)
    assert (credited.state, credited.follows, credited.target) == (State.PAID, order, desk.right.code)
    assert (credited.paid, credited.credited, credited.method) == (order.paid, order.credited, order.method)
    assert notes_of(credited) == [Note.OPENED, Note.CORRECTED]
    assert credited.created_by == order.created_by
    assert desk.holds(desk.wrong.code) == 0
    assert desk.holds(desk.right.code) == 100
    assert desk.holds(chart.STRIPE_CLEARING) == 100
    assert problems(desk) == []


def test_both_timelines_say_who_and_why(desk: Desk) -> None:
    order = desk.by_card("100")
    credited = desk.approve(desk.propose(order))
    for told in (order.events.latest("id"), credited.events.latest("id")):
        assert (told.by, told.detail) == (str(desk.frank), "Meant for SMS")


def test_the_right_product_gets_its_number(desk: Desk) -> None:
    desk.approve(desk.propose(desk.by_card("100")))
    assert ProductBalance.objects.filter(organisation=desk.acme, product=desk.right).count() == 1


def test_money_can_go_on_to_the_wallet_and_from_the_wallet_to_a_product(desk: Desk) -> None:
    desk.approve(desk.propose(desk.by_card("100"), chart.WALLET))
    in_wallet = builders.fill_wallet(desk.acme, usd(30), now=desk.now)
    desk.approve(desk.propose(in_wallet, desk.right.code))
    assert [desk.holds(code) for code in (desk.wrong.code, chart.WALLET, desk.right.code)] == [0, 100, 30]
    assert problems(desk) == []


def test_a_transfer_keeps_its_bank_line_and_the_fee_we_bore(desk: Desk) -> None:
    order = desk.by_transfer(usd(1000), fee=usd(15))
    bank = next(code for _, code, *_ in entries_of(order, "TOP_UP") if str(code).startswith("bank:"))
    credited = desk.approve(desk.propose(order))
    assert entries_of(order, "REVERSAL") == [
        ("CREDIT", bank, 985, "USD"),
        ("CREDIT", chart.BANK_CHARGES, 15, "USD"),
        ("DEBIT", desk.wrong.code, 1000, "USD"),
    ]
    assert entries_of(credited, "TOP_UP") == [
        ("DEBIT", bank, 985, "USD"),
        ("DEBIT", chart.BANK_CHARGES, 15, "USD"),
        ("CREDIT", desk.right.code, 1000, "USD"),
    ]
    assert problems(desk) == []


def test_rmb_keeps_the_rate_it_was_credited_at(desk: Desk) -> None:
    offline.set_rate("7.2", at=desk.now)
    order = desk.by_transfer(cny(7200))
    offline.set_rate("7.3", at=desk.now + timedelta(minutes=30))
    credited = desk.approve(desk.propose(order))
    order.refresh_from_db()
    assert (credited.paid, credited.credited, credited.rate) == (cny(7200), usd(1000), Decimal("7.2"))
    assert (credited.rate_source, credited.rate_at) == (order.rate_source, order.rate_at)
    assert [line[1:] for line in entries_of(credited, "TOP_UP")][1:] == [
        (chart.FX, 7200, "CNY"),
        (chart.FX, 1000, "USD"),
        (desk.right.code, 1000, "USD"),
    ]
    assert problems(desk) == []


def test_money_that_came_out_of_suspense_leaves_nothing_there(desk: Desk) -> None:
    desk.approve(desk.propose(desk.by_transfer(usd(1000), is_held=True)))
    assert desk.holds(chart.SUSPENSE) == 0
    assert desk.holds(desk.right.code) == 1000
    assert problems(desk) == []


def test_a_move_from_the_wallet_goes_to_another_product_and_leaves_the_wallet_alone(desk: Desk) -> None:
    credited = desk.approve(desk.propose(desk.by_move("100")))
    assert [desk.holds(code) for code in (chart.WALLET, desk.wrong.code, desk.right.code)] == [0, 0, 100]
    assert entries_of(credited, "TOP_UP") == [
        ("DEBIT", chart.WALLET, 100, "USD"),
        ("CREDIT", desk.right.code, 100, "USD"),
    ]
    assert problems(desk) == []


def test_what_was_corrected_wrongly_is_corrected_again(desk: Desk) -> None:
    third = builders.make_product("Voice")
    for order in (desk.by_card("100"), desk.by_transfer(usd(500))):
        again = desk.approve(desk.propose(desk.approve(desk.propose(order)), third.code))
        assert again.follows is not None
        assert again.follows.follows == order
    assert [desk.holds(code) for code in (desk.wrong.code, desk.right.code, third.code)] == [0, 0, 600]
    assert problems(desk) == []


def test_a_corrected_move_is_not_undone_by_its_customer(desk: Desk) -> None:
    """Finance decided where it belongs."""
    credited = desk.approve(desk.propose(desk.by_move("100")))
    with pytest.raises(moves.CannotBeUndone):
        moves.undo(order_id=credited.pk, by="Alice", now=desk.now + timedelta(hours=2, minutes=1))
    assert [desk.holds(code) for code in (chart.WALLET, desk.wrong.code, desk.right.code)] == [0, 0, 100]


def test_only_what_was_credited_is_taken_back(desk: Desk) -> None:
    desk.by_card("40")
    order = desk.by_card("100")
    desk.approve(desk.propose(order))
    assert (desk.holds(desk.wrong.code), desk.holds(desk.right.code)) == (40, 100)


# --- what it refuses, and what has happened then: nothing ---


def unchanged(desk: Desk, order: Order, *, wrong: str = "100") -> bool:
    order.refresh_from_db()
    is_still_there = desk.holds(desk.wrong.code) == Decimal(wrong) and desk.holds(desk.right.code) == 0
    return order.state == State.PAID and is_still_there


def test_nobody_approves_his_own_proposal(desk: Desk) -> None:
    order = desk.by_card("100")
    proposed = desk.propose(order)
    with pytest.raises(corrections.MayNotCorrect, match="yourself"):
        desk.approve(proposed, by=desk.fiona)
    assert unchanged(desk, order)


@pytest.mark.parametrize("field", ["is_active", "is_staff"])
def test_what_somebody_proposed_who_has_left_is_withdrawn_not_approved(field: str, desk: Desk) -> None:
    order = desk.by_card("100")
    proposed = desk.propose(order)
    User.objects.filter(pk=desk.fiona.pk).update(**{field: False})
    with pytest.raises(corrections.MayNotCorrect, match="not of the team any more"):
        desk.approve(proposed)
    assert unchanged(desk, order)
    desk.withdraw(proposed, by=desk.frank)
    assert desk.approve(desk.propose(order, by=people.make_staff("felix", "finance"))).state == State.PAID


def join(person: User, desk: Desk) -> None:
    Member.objects.create(organisation=desk.acme, user=person, role=Role.VIEWER, joined_at=desk.now)


def test_nobody_corrects_for_an_organisation_he_belongs_to(desk: Desk) -> None:
    order = desk.by_card("100")
    join(desk.fiona, desk)
    with pytest.raises(corrections.MayNotCorrect, match="belong"):
        desk.propose(order)
    proposed = desk.propose(order, by=desk.frank)
    with pytest.raises(corrections.MayNotCorrect, match="belong"):
        desk.approve(proposed, by=desk.fiona)
    with pytest.raises(corrections.MayNotCorrect, match="belong"):
        desk.withdraw(proposed, by=desk.fiona)
    join(desk.frank, desk)
    with pytest.raises(corrections.MayNotCorrect, match="Whoever proposed"):
        desk.approve(proposed, by=people.make_staff("felix", "finance"))
    assert unchanged(desk, order)


def test_money_that_is_spent_stays_spent_and_the_correction_waits(desk: Desk) -> None:
    order = desk.by_card("100")
    proposed = desk.propose(order)
    desk.spend("0.01")
    with pytest.raises(corrections.MoneySpent, match=r"holds only \$99\.99 of the \$100\.00"):
        desk.approve(proposed)
    assert unchanged(desk, order, wrong="99.99")
    assert Correction.objects.get(pk=proposed.pk).is_waiting
    desk.by_card("5")  # filled again: it holds that much
    desk.approve(proposed)
    assert desk.holds(desk.wrong.code) == Decimal("4.99")


def test_spent_money_is_not_even_proposed(desk: Desk) -> None:
    order = desk.by_card("100")
    desk.spend("60")
    with pytest.raises(corrections.MoneySpent):
        desk.propose(order)
    assert not order.corrections.exists()


def test_an_order_has_one_correction_that_waits(desk: Desk) -> None:
    order = desk.by_card("100")
    proposed = desk.propose(order)
    with pytest.raises(corrections.AlreadyProposed):
        desk.propose(order, chart.WALLET, by=desk.frank)
    desk.withdraw(proposed)
    assert desk.propose(order, chart.WALLET, by=desk.frank).is_waiting


def test_a_withdrawn_correction_is_not_approved_and_nothing_moved(desk: Desk) -> None:
    order = desk.by_card("100")
    proposed = desk.propose(order)
    desk.withdraw(proposed, by=desk.frank)
    with pytest.raises(corrections.NotWaiting):
        desk.approve(proposed)
    with pytest.raises(corrections.NotWaiting):
        desk.withdraw(proposed)
    assert unchanged(desk, order)


def test_approving_twice_credits_once(desk: Desk) -> None:
    order = desk.by_card("100")
    proposed = desk.propose(order)
    desk.approve(proposed)
    with pytest.raises(corrections.NotWaiting):
        desk.approve(proposed, by=people.make_staff("felix", "finance"))
    with pytest.raises(corrections.NotCorrectable, match="Refunded"):
        desk.propose(order, chart.WALLET)
    assert desk.holds(desk.right.code) == 100


def test_only_a_paid_order_is_corrected(desk: Desk) -> None:
    waiting = builders.begin_top_up(desk.acme, now=desk.now).order
    with pytest.raises(corrections.NotCorrectable, match="not paid"):
        desk.propose(waiting)
    move = desk.by_move("100")
    proposed = desk.propose(move)
    moves.undo(order_id=move.pk, by="Alice", now=desk.now + timedelta(minutes=1))
    with pytest.raises(corrections.NotCorrectable, match="Refunded"):
        desk.approve(proposed)
    assert desk.holds(chart.WALLET) == 100


def test_what_an_auto_fill_would_fill_again_is_not_corrected_before_it_is_off(desk: Desk) -> None:
    order = desk.by_move("100")
    rule = AutoFill.objects.create(
        organisation=desk.acme,
        product=desk.wrong,
        threshold=usd(10),
        amount=100,
        daily_cap=500,
        set_by=order.created_by,
        set_by_name="Alice",
        set_at=desk.now,
    )
    Order.objects.filter(pk=order.pk).update(auto_fill=rule)
    with pytest.raises(corrections.NotCorrectable, match="switch it off"):
        desk.propose(order)
    AutoFill.objects.filter(pk=rule.pk).update(is_on=False)
    desk.approve(desk.propose(order))
    assert desk.holds(desk.right.code) == 100


@pytest.mark.parametrize("target", ["", "product:nothing", "fx", "bank:x", "wallet:held", "product:x:held"])
def test_money_goes_to_the_wallet_or_a_product_that_is_sold(target: str, desk: Desk) -> None:
    order = desk.by_card("100")
    with pytest.raises(corrections.TargetRefused):
        corrections.propose(order_id=order.pk, target=target, reason="why", by=desk.fiona, now=desk.now)


def test_money_does_not_go_where_it_is(desk: Desk) -> None:
    with pytest.raises(corrections.TargetRefused, match="already"):
        desk.propose(desk.by_card("100"), desk.wrong.code)


def test_a_move_is_not_corrected_back_into_the_wallet(desk: Desk) -> None:
    move = desk.by_move("100")
    with pytest.raises(corrections.TargetRefused, match="came from the wallet"):
        desk.propose(move, chart.WALLET)
    assert chart.WALLET not in corrections.list_targets(move)


def test_a_product_that_is_sold_no_more_gets_nothing(desk: Desk) -> None:
    order = desk.by_card("100")
    proposed = desk.propose(order)
    Product.objects.filter(pk=desk.right.pk).update(is_active=False)
    assert desk.right.code not in corrections.list_targets(order)
    with pytest.raises(corrections.TargetRefused, match="No product"):
        desk.approve(proposed)
    assert unchanged(desk, order)


def test_what_it_would_do_is_foreseen(desk: Desk) -> None:
    desk.by_card("5", desk.right)
    order = desk.by_card("100")
    wrong, right = corrections.foresee(order, target=desk.right.code)
    assert (wrong.name, wrong.before, wrong.after) == ("WhatsApp", usd(100), usd(0))
    assert (right.name, right.before, right.after) == ("SMS", usd(5), usd(105))
    assert {chart.WALLET, desk.right.code} <= set(corrections.list_targets(order))
    assert desk.wrong.code not in corrections.list_targets(order)
