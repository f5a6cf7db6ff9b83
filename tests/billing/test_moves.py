"""Money moved from the wallet into products: once, all of it or nothing, and undone while it is unspent."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.core import mail
from djmoney.money import Money

from billing import explanations, limits, mails, moves, numbers, receipts, top_ups
from billing.models import AutoFill, Note, Order, State
from products import catalogue, charges
from products.models import Product
from tests import builders
from tests.builders import usd
from wallet import chart
from wallet.models import Entry, Organisation, Posting, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(now: datetime) -> Organisation:
    made = builders.make_organisation(now=now)
    builders.fill_wallet(made, usd(100), now=now)
    return made


@pytest.fixture
def alice(acme: Organisation) -> User:
    return builders.owner_of(acme)


@pytest.fixture
def whatsapp(db: None) -> Product:
    return builders.make_product("WhatsApp")


@pytest.fixture
def sms(db: None) -> Product:
    return builders.make_product("SMS")


@pytest.fixture
def moved(acme: Organisation, whatsapp: Product, alice: User, now: datetime) -> Order:
    return moves.move(builders.move_wish(acme, whatsapp, usd(40)), by=alice, now=now)


@pytest.fixture
def rule(acme: Organisation, whatsapp: Product, alice: User, now: datetime) -> AutoFill:
    return AutoFill.objects.create(
        organisation=acme,
        product=whatsapp,
        threshold=usd(20),
        amount=Decimal(40),
        daily_cap=Decimal(100),
        set_by=alice,
        set_by_name=str(alice),
        set_at=now,
    )


@pytest.fixture
def moved_by_rule(acme: Organisation, whatsapp: Product, alice: User, rule: AutoFill, now: datetime) -> Order:
    wish = builders.move_wish(acme, whatsapp, usd(40))
    return moves.pay(replace(wish, auto_fill_id=rule.pk), by=alice, paid_by="Auto-fill", now=now)


def balances_of(acme: Organisation, *products: Product) -> list[Money]:
    return [builders.balance_of(acme.pk, code) for code in (chart.WALLET, *(product.code for product in products))]


def spend(acme: Organisation, product: Product, amount: str, *, now: datetime) -> None:
    balance = builders.open_balance(acme, product, now=now)
    charges.charge(balance=balance, usage=charges.Usage(request_id=amount, amount=usd(amount)), by="test", now=now)


def lines_of(posting: Posting) -> set[tuple[str, str, Money]]:
    entries = Entry.objects.filter(posting=posting).select_related("account")
    return {(entry.side, entry.account.code, entry.amount) for entry in entries}


def test_a_move_is_an_order_paid_by_one_posting(
    moved: Order, acme: Organisation, whatsapp: Product, alice: User, now: datetime
) -> None:
    assert (moved.state, moved.method, moved.paid_at, moved.created_by) == (State.PAID, "BALANCE", now, alice)
    assert [event.note for event in moved.events.order_by("id")] == [Note.OPENED, Note.MOVED]
    (posting,) = Posting.objects.filter(order_number=moved.number)
    assert lines_of(posting) == {("DEBIT", "wallet", usd(40)), ("CREDIT", whatsapp.code, usd(40))}
    assert balances_of(acme, whatsapp) == [usd(60), usd(40)]
    assert len(whatsapp.balances.get(organisation=acme).number) == 15


def test_the_same_wish_again_gives_the_same_order(
    acme: Organisation, whatsapp: Product, alice: User, now: datetime
) -> None:
    wish = builders.move_wish(acme, whatsapp, usd(60))
    first, again = (moves.move(wish, by=alice, now=now) for _ in range(2))
    assert first == again
    assert balances_of(acme, whatsapp) == [usd(40), usd(60)]


def test_another_wish_under_the_same_token_is_refused(
    acme: Organisation, whatsapp: Product, alice: User, now: datetime
) -> None:
    first = moves.move(builders.move_wish(acme, whatsapp, usd(10), token="once"), by=alice, now=now)
    with pytest.raises(top_ups.FormTokenReused) as refused:
        moves.move(builders.move_wish(acme, whatsapp, usd(11), token="once"), by=alice, now=now)
    assert refused.value.order == first
    assert balances_of(acme, whatsapp) == [usd(90), usd(10)]


def test_a_wallet_too_low_says_what_is_missing_and_leaves_nothing_behind(
    acme: Organisation, whatsapp: Product, alice: User, now: datetime
) -> None:
    wish = builders.move_wish(acme, whatsapp, usd("100.01"))
    for try_it in (lambda: moves.move(wish, by=alice, now=now), lambda: moves.foresee([wish])):
        with pytest.raises(moves.WalletTooLow) as refused:
            try_it()
        assert refused.value.missing == usd("0.01")
    assert balances_of(acme, whatsapp) == [usd(100), usd(0)]
    assert not Order.objects.filter(organisation=acme, method="BALANCE").exists()


@pytest.mark.parametrize(
    ("amount", "fields"), [("0.99", {}), ("9", {"smallest_top_up": 10}), ("9", {"largest_top_up": 8})]
)
def test_the_limits_of_moves_and_of_the_product_hold(
    acme: Organisation, alice: User, now: datetime, amount: str, fields: dict[str, int]
) -> None:
    voice = builders.make_product("Voice", **fields)
    wish = builders.move_wish(acme, voice, usd(amount))
    for try_it in (lambda: moves.move(wish, by=alice, now=now), lambda: moves.foresee([wish])):
        with pytest.raises(limits.OutsideLimits):
            try_it()
    assert balances_of(acme, voice) == [usd(100), usd(0)]


def test_nothing_is_moved_into_what_is_not_offered_nor_into_the_wallet(
    acme: Organisation, alice: User, now: datetime
) -> None:
    old = builders.make_product("Fax", is_active=False)
    to_wallet = replace(builders.move_wish(acme, old, usd(5)), target=chart.WALLET)
    for wish in (builders.move_wish(acme, old, usd(5)), to_wallet):
        with pytest.raises(catalogue.NotOffered):
            moves.move(wish, by=alice, now=now)
        with pytest.raises(catalogue.NotOffered):
            moves.foresee([wish])
    assert balances_of(acme, old) == [usd(100), usd(0)]


def test_what_was_foreseen_is_what_happens(
    acme: Organisation, whatsapp: Product, sms: Product, alice: User, now: datetime
) -> None:
    builders.fill_product(acme, sms, usd(20), now=now)
    wishes = [builders.move_wish(acme, product, usd(30), token="one") for product in (whatsapp, sms)]
    foreseen = moves.foresee(wishes)
    assert [change.before for change in foreseen] == [usd(100), usd(0), usd(20)]

    moves.move_several(wishes, by=alice, now=now)

    assert [change.after for change in foreseen] == balances_of(acme, whatsapp, sms) == [usd(40), usd(30), usd(50)]


def test_several_moves_are_one_order_each_whatever_their_order(
    acme: Organisation, whatsapp: Product, sms: Product, alice: User, now: datetime
) -> None:
    wishes = [builders.move_wish(acme, product, usd(30), token="all") for product in (whatsapp, sms)]

    made = moves.move_several(wishes, by=alice, now=now)

    assert {order.target for order in made} == {whatsapp.code, sms.code}
    assert moves.move_several(wishes[::-1], by=alice, now=now) == made
    assert balances_of(acme, whatsapp, sms) == [usd(40), usd(30), usd(30)]


def test_one_of_several_too_large_moves_none(
    acme: Organisation, whatsapp: Product, sms: Product, alice: User, now: datetime
) -> None:
    wishes = [builders.move_wish(acme, product, usd(60), token="all") for product in (whatsapp, sms)]
    with pytest.raises(moves.WalletTooLow) as refused:
        moves.move_several(wishes, by=alice, now=now)
    assert refused.value.missing == usd(20)
    assert balances_of(acme, whatsapp, sms) == [usd(100), usd(0), usd(0)]
    assert not moves.was_sent("all")


@pytest.mark.parametrize("others", [("A",), ("A", "B", "C"), ("A", "C"), ("B", "C")])
def test_other_products_under_the_token_of_several_are_refused(
    acme: Organisation, alice: User, now: datetime, others: tuple[str, ...]
) -> None:
    products = {name: builders.make_product(name) for name in "ABC"}
    wishes = {name: builders.move_wish(acme, product, usd(10), token="all") for name, product in products.items()}
    made = moves.move_several([wishes["A"], wishes["B"]], by=alice, now=now)

    with pytest.raises(top_ups.FormTokenReused) as refused:
        moves.move_several([wishes[name] for name in others], by=alice, now=now)

    assert refused.value.order in made
    assert balances_of(acme, *products.values()) == [usd(80), usd(10), usd(10), usd(0)]


def test_undoing_puts_the_money_back_by_a_posting_that_reverses_the_first(
    moved: Order, acme: Organisation, whatsapp: Product, now: datetime
) -> None:
    at = now + timedelta(minutes=29, seconds=59)
    assert [change.after for change in moves.foresee_undo(moved)] == [usd(100), usd(0)]

    undone = moves.undo(order_id=moved.pk, by="Alice", now=at)

    assert undone.state == State.REFUNDED
    first, second = Posting.objects.filter(order_number=moved.number).order_by("id")
    assert second.reverses_id == first.pk
    assert lines_of(second) == {("CREDIT", "wallet", usd(40)), ("DEBIT", whatsapp.code, usd(40))}
    last = moved.events.order_by("id").last()
    assert last
    assert (last.note, last.state, last.by, last.at) == (Note.UNDONE, State.REFUNDED, "Alice", at)
    assert balances_of(acme, whatsapp) == [usd(100), usd(0)]


def test_undoing_twice_is_undoing_once(moved: Order, acme: Organisation, whatsapp: Product, now: datetime) -> None:
    for minutes in (1, 2, 60):
        assert moves.undo(order_id=moved.pk, by="Alice", now=now + timedelta(minutes=minutes)) == moved
    assert Posting.objects.filter(order_number=moved.number).count() == 2
    assert balances_of(acme, whatsapp) == [usd(100), usd(0)]


def test_after_half_an_hour_a_move_stays(moved: Order, acme: Organisation, whatsapp: Product, now: datetime) -> None:
    with pytest.raises(moves.CannotBeUndone):
        moves.undo(order_id=moved.pk, by="Alice", now=now + timedelta(minutes=30))
    assert balances_of(acme, whatsapp) == [usd(60), usd(40)]


def test_what_is_spent_is_not_moved_back(moved: Order, acme: Organisation, whatsapp: Product, now: datetime) -> None:
    spend(acme, whatsapp, "0.000001", now=now)
    with pytest.raises(moves.AlreadySpent):
        moves.foresee_undo(moved)
    with pytest.raises(moves.AlreadySpent):
        moves.undo(order_id=moved.pk, by="Alice", now=now)
    moved.refresh_from_db()
    assert moved.state == State.PAID
    assert balances_of(acme, whatsapp) == [usd(60), usd("39.999999")]


def test_money_that_lay_there_before_lets_a_move_be_undone(
    acme: Organisation, whatsapp: Product, alice: User, now: datetime
) -> None:
    builders.fill_product(acme, whatsapp, usd(20), now=now)
    order = moves.move(builders.move_wish(acme, whatsapp, usd(40)), by=alice, now=now)
    spend(acme, whatsapp, "20", now=now)
    moves.undo(order_id=order.pk, by="Alice", now=now)
    assert balances_of(acme, whatsapp) == [usd(100), usd(0)]


def test_only_moves_are_undone(acme: Organisation, whatsapp: Product, now: datetime) -> None:
    paid = builders.fill_product(acme, whatsapp, usd(10), now=now)
    with pytest.raises(moves.CannotBeUndone):
        moves.undo(order_id=paid.pk, by="Alice", now=now)
    assert balances_of(acme, whatsapp) == [usd(100), usd(10)]


def test_a_correction_of_a_move_is_not_undone_by_its_customer(
    moved: Order, acme: Organisation, sms: Product, now: datetime
) -> None:
    follower = Order.objects.create(
        **{name: getattr(moved, name) for name in ("organisation", "method", "paid", "credited", "created_by")},
        number=numbers.draw(now.date()),
        target=sms.code,
        state=State.PAID,
        created_by_name="Alice",
        created_at=now,
        deadline_at=now,
        paid_at=now,
        follows=moved,
    )
    with pytest.raises(moves.CannotBeUndone):
        moves.undo(order_id=follower.pk, by="Alice", now=now)


def test_undoing_what_a_rule_moved_stops_the_rule(moved_by_rule: Order, rule: AutoFill, now: datetime) -> None:
    moves.undo(order_id=moved_by_rule.pk, by="Alice", now=now)
    rule.refresh_from_db()
    assert (rule.is_on, rule.stopped_at, rule.stop_reason) == (False, now, AutoFill.StopReason.UNDONE)


def test_a_rule_goes_on_when_its_move_cannot_be_undone(
    moved_by_rule: Order, rule: AutoFill, acme: Organisation, whatsapp: Product, now: datetime
) -> None:
    spend(acme, whatsapp, "1", now=now)
    with pytest.raises(moves.AlreadySpent):
        moves.undo(order_id=moved_by_rule.pk, by="Alice", now=now)
    rule.refresh_from_db()
    assert rule.is_on


def test_a_rule_that_had_stopped_keeps_its_reason(moved_by_rule: Order, rule: AutoFill, now: datetime) -> None:
    earlier = now - timedelta(minutes=1)
    AutoFill.objects.update(is_on=False, stopped_at=earlier, stop_reason=AutoFill.StopReason.WALLET_TOO_LOW)
    moves.undo(order_id=moved_by_rule.pk, by="Alice", now=now)
    rule.refresh_from_db()
    assert (rule.stopped_at, rule.stop_reason) == (earlier, AutoFill.StopReason.WALLET_TOO_LOW)


def test_the_page_says_until_when_a_move_can_be_undone(moved: Order, now: datetime) -> None:
    told = explanations.explain(moved, now=now)
    assert told.may_undo
    assert "Until 12:30 (UTC+8)" in str(told.next_step)
    assert "only be used within WhatsApp" in str(told.why)
    later = explanations.explain(moved, now=now + timedelta(minutes=30))
    assert not later.may_undo
    assert "12:30" not in str(later.next_step)


def test_an_undone_move_says_so_and_leads_to_a_new_one(moved: Order, now: datetime) -> None:
    undone = moves.undo(order_id=moved.pk, by="Alice", now=now)
    told = explanations.explain(undone, now=now)
    assert (str(told.title), told.may_undo, told.may_start_again) == ("Undone", False, True)


def test_the_receipt_of_a_move_speaks_of_no_payment(moved: Order, whatsapp: Product, now: datetime) -> None:
    said = dict(receipts.lines(moved, readable=Order.objects.all()))
    assert said["Moved from the wallet"] == "USD $40.00"
    assert said["Product number"] == whatsapp.balances.get().number
    assert said["Use"] == "Only within WhatsApp"
    assert not {"Paid at", "Amount paid", "Received from", "Undone at"} & set(said)
    assert "move between balances" in receipts.disclaimer(moved)
    moves.undo(order_id=moved.pk, by="Alice", now=now)
    assert dict(receipts.lines(moved, readable=Order.objects.all()))["Undone at"] == "2026-07-15 12:00:00 (UTC+8)"


def test_whoever_moves_money_himself_gets_no_mail_of_it(moved: Order, now: datetime) -> None:
    assert mails.send_due(now=now) == 1
    (message,) = mail.outbox
    assert message.extra_headers["X-Order"] != moved.number


def test_what_a_rule_moved_is_told_by_mail(moved_by_rule: Order, whatsapp: Product, now: datetime) -> None:
    mails.send_due(now=now)
    (message,) = [one for one in mail.outbox if one.extra_headers["X-Order"] == moved_by_rule.number]
    assert message.subject == f"USD $40.00 moved to WhatsApp: order {moved_by_rule.number}"
    assert whatsapp.balances.get().number in message.body
    assert "Until 2026-07-15 12:30 (UTC+8) it can be undone" in message.body
