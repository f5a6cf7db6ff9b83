"""Money that credited nobody, in the close: held, credited after all, and gone back, each day told as it was."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from django.conf import LazySettings

from payments import checkout, refunding, returns, stripe_api, suspense_moves
from payments.closing import days, figures
from payments.closing.measures import Measure
from payments.models import DayClose, Difference, Payment
from payments.standin.client import StandIn
from tests import builders, people
from tests.payments import stripe_lists
from tests.payments.offline import usd
from tests.payments.trading import A_DAY, Shop, at, timing, told
from wallet.models import User

pytestmark = pytest.mark.django_db

Kind = Difference.Kind


@pytest.fixture
def shop(settings: LazySettings) -> Iterator[Shop]:
    """A shop at a Stripe of its own: what other tests did is not in its balance."""
    with StandIn.start() as running:
        settings.STRIPE_API_BASE = running.base
        stripe_api.connect.cache_clear()
        yield Shop(running)
        running.reset()
    stripe_api.connect.cache_clear()


@pytest.fixture
def frank() -> User:
    return people.make_staff("frank", "finance lead")


def hold(shop: Shop) -> Payment:
    """A checkout of $100 that Stripe says was one of $90."""
    now = shop.turn(at(shop.today, 13))
    payment = builders.open_checkout(shop.acme, now=now)
    session = builders.session_of(payment)
    shop.stripe.tamper(session, amount_total=9_000)
    shop.stripe.pay(session)
    return checkout.ask_about(payment_id=payment.pk, by="Stripe", now=now)


def kinds_of(close: DayClose) -> list[str]:
    return [kind for kind, _subject, _detail in told(close)]


def redraw(shop: Shop, day: date) -> list[str]:
    return kinds_of(days.draw_up(day=day, now=at(shop.today, 10)))


def give_back(shop: Shop, payment: Payment, *, cents: int) -> None:
    now = shop.turn(at(shop.today, 15))
    made = shop.stripe.refund(str(payment.session_id), amount=cents)
    refunding.follow(object_id=made["id"], by="Stripe", now=now)


def test_what_was_held_and_is_credited_is_named_no_longer(shop: Shop, frank: User) -> None:
    payment = hold(shop)
    first = shop.today
    assert kinds_of(shop.end_day()) == [Kind.CHARGE_HELD]

    now = shop.turn(at(shop.today, 13))
    move = suspense_moves.propose_credit(source=payment, reason="it is theirs", by=shop.fiona, now=now)
    suspense_moves.approve(move_id=move.pk, by=frank, now=now)

    assert told(shop.end_day()) == []
    assert redraw(shop, first) == []


def test_what_was_held_and_went_back_is_named_on_both_its_days(shop: Shop) -> None:
    payment = hold(shop)
    first = shop.today
    shop.end_day()
    give_back(shop, payment, cents=9_000)

    assert kinds_of(shop.end_day()) == [Kind.CHARGE_GIVEN_BACK]
    assert redraw(shop, first) == [Kind.CHARGE_GIVEN_BACK]
    assert told(shop.end_day()) == []


def test_what_came_and_went_back_in_one_day_is_named_on_it(shop: Shop) -> None:
    give_back(shop, hold(shop), cents=9_000)
    assert set(kinds_of(shop.end_day())) == {Kind.CHARGE_GIVEN_BACK}


def test_what_is_left_of_money_held_stays_named(shop: Shop) -> None:
    payment = hold(shop)
    shop.end_day()
    give_back(shop, payment, cents=3_000)
    close = shop.end_day()
    assert set(kinds_of(close)) == {Kind.CHARGE_HELD, Kind.CHARGE_GIVEN_BACK}
    assert close.differences.get(kind=Kind.CHARGE_HELD).amount == usd(60)
    assert close.differences.get(kind=Kind.CHARGE_GIVEN_BACK).amount == usd(30)
    assert kinds_of(shop.end_day()) == [Kind.CHARGE_HELD]


def test_a_charge_of_nobodys_that_went_back_and_came_again_counts_as_refunds(shop: Shop) -> None:
    noon = at(shop.today, 12)
    stripe_lists.bring(stripe_lists.transaction(payment_intent_id="pi_x", created_at=noon), now=noon)
    went, again = (
        stripe_lists.transaction(
            type=kind, amount=usd(amount), source_id="re_x", payment_intent_id="pi_x", created_at=noon
        )
        for kind, amount in (("refund", -100), ("refund_failure", 100))
    )
    stripe_lists.bring(went, now=noon + timedelta(hours=1))
    assert refunds_of(shop) == ("100.00", "100.00")
    stripe_lists.bring(again, now=noon + timedelta(hours=2))
    assert refunds_of(shop) == ("0.00", "0.00")
    found = set(kinds_of(shop.end_day()))
    assert found == {Kind.CHARGE_UNKNOWN_HERE, Kind.CHARGE_GIVEN_BACK}


def refunds_of(shop: Shop) -> tuple[str | None, str | None]:
    rows = figures.compare(shop.today)
    row = next(row for row in rows if (row.measure, row.currency) == (Measure.CARD_REFUNDS, "USD"))
    return row.stripe, row.ledger


def test_a_charge_of_nobodys_that_went_back_over_midnight_is_told_as_a_refund(shop: Shop) -> None:
    noon, late = at(shop.today, 12), at(shop.today, 23, 59, 58)
    stripe_lists.bring(stripe_lists.transaction(payment_intent_id="pi_x", created_at=noon), now=noon)
    went = stripe_lists.transaction(
        type="refund", amount=usd(-100), source_id="re_x", payment_intent_id="pi_x", created_at=late
    )
    stripe_lists.bring(went, now=at(shop.today + A_DAY, 0, 0, 5))
    close = shop.end_day()
    crossings = {one.facts["measure"]: one.amount for one in close.differences.filter(kind=Kind.OTHER_DAY)}
    del crossings[Measure.OTHER_BANK]  # the bank's own charge of the day, read the morning after
    assert crossings == {Measure.CARD_REFUNDS: usd(100)}
    assert set(kinds_of(close)) == {Kind.CHARGE_UNKNOWN_HERE, Kind.CHARGE_GIVEN_BACK}
    assert set(kinds_of(shop.end_day())) == {Kind.CHARGE_GIVEN_BACK}


def test_money_sent_back_stays_named_until_a_statement_shows_it(shop: Shop) -> None:
    shop.show(shop.usd, "77.70", number="CAME77", text="thank you")
    first = shop.end_day()
    assert Kind.LINE_WAITING in timing(first)
    line = shop.usd.lines.get(bank_reference="CAME77")
    now = at(shop.today, 11)
    returns.send_back(line_id=line.pk, amount=line.amount, note="payer unknown", by=shop.fiona, now=now)

    recorded = shop.today
    close = shop.end_day()
    named = close.differences.open().get(kind=Kind.SENT_BACK)
    assert (told(close), named.is_timing, named.amount) == ([], True, usd("77.70"))
    assert kinds_of(shop.end_day()) == [Kind.SENT_BACK]

    shop.show(shop.usd, "-77.70", number="GONE77", text="returned, your CAME77", payer="Somebody")
    shown = shop.today
    last = shop.end_day()
    assert told(last) == []
    crossing = last.differences.get(kind=Kind.OTHER_DAY, subject="GONE77")
    assert (crossing.facts["there"], crossing.facts["here"]) == (shown.isoformat(), recorded.isoformat())
