"""Moves that race: for one wallet, under one form token, with their own undoing and with charges."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import pytest
from django.db import connection, connections, transaction
from djmoney.money import Money

from billing import moves
from billing.models import Order, State
from products import charges
from products.models import Product
from tests import builders, races
from tests.builders import usd
from wallet.models import Organisation, Posting, User

pytestmark = pytest.mark.usefixtures("committed")
SEVERAL = races.scaled(5, full=100)


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def acme(committed: None, now: datetime) -> Organisation:
    return builders.make_organisation(now=now)


@pytest.fixture
def alice(acme: Organisation) -> User:
    return builders.owner_of(acme)


@pytest.fixture
def whatsapp(committed: None) -> Product:
    return builders.make_product("WhatsApp")


def balances_of(acme: Organisation, *products: Product) -> list[Money]:
    return [builders.balance_of(acme.pk, code) for code in ("wallet", *(product.code for product in products))]


def test_ten_of_the_same_move_at_once_move_once(
    acme: Organisation, whatsapp: Product, alice: User, now: datetime
) -> None:
    builders.fill_wallet(acme, usd(100), now=now)
    wish = builders.move_wish(acme, whatsapp, usd(10))

    outcomes = races.run_at_once([partial(moves.move, wish, by=alice, now=now)] * 10)

    races.raise_failures(outcomes)
    assert len({order.pk for order in outcomes}) == 1
    assert balances_of(acme, whatsapp) == [usd(90), usd(10)]


def test_of_twenty_moves_as_many_succeed_as_the_wallet_is_good_for(
    acme: Organisation, whatsapp: Product, alice: User, now: datetime
) -> None:
    builders.fill_wallet(acme, usd(77), now=now)
    wishes = [builders.move_wish(acme, whatsapp, usd(10)) for _ in range(20)]

    outcomes = races.run_at_once([partial(moves.move, wish, by=alice, now=now) for wish in wishes])

    failed = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert len(outcomes) - len(failed) == 7
    assert {type(error) for error in failed} == {moves.WalletTooLow}
    assert Order.objects.filter(organisation=acme, method="BALANCE").count() == 7
    assert balances_of(acme, whatsapp) == [usd(7), usd(70)]


def test_the_same_several_at_once_move_once(acme: Organisation, whatsapp: Product, alice: User, now: datetime) -> None:
    builders.fill_wallet(acme, usd(100), now=now)
    sms = builders.make_product("SMS")
    wishes = [builders.move_wish(acme, product, usd(10), token=f"all-{acme.pk}"[:40]) for product in (whatsapp, sms)]
    both_ways = [partial(moves.move_several, order, by=alice, now=now) for order in (wishes, wishes[::-1])]

    outcomes = races.run_at_once(both_ways * 5)

    races.raise_failures(outcomes)
    assert len({tuple(order.pk for order in made) for made in outcomes}) == 1
    assert balances_of(acme, whatsapp, sms) == [usd(80), usd(10), usd(10)]


def test_several_that_cross_another_move_wait_for_it_and_both_come_through(
    acme: Organisation, alice: User, now: datetime
) -> None:
    """The products' accounts are older than the wallet's, so moves lock them before it. Both moves wait for the wallet,
    the one of several first: would it then lock its second product only, the other held that and waited for it.
    """
    first, second = (builders.make_product(name) for name in ("A", "B"))
    for product in (first, second):
        builders.fill_product(acme, product, usd(10), now=now)
    builders.fill_wallet(acme, usd(100), now=now)
    several = [builders.move_wish(acme, product, usd(20), token=f"{acme.pk}") for product in (first, second)]
    calls: list[Callable[[], object]] = [
        partial(moves.move_several, several, by=alice, now=now),
        partial(moves.move, builders.move_wish(acme, second, usd(5)), by=alice, now=now),
    ]

    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        with transaction.atomic():  # whose order has the wallet locked meanwhile
            builders.fill_wallet(acme, usd(10), now=now)
            running = []
            for number, call in enumerate(calls, start=1):
                running.append(pool.submit(closing, call))
                races.wait_until(partial(are_waiting, number))
        races.raise_failures([one.exception() for one in running])

    assert balances_of(acme, first, second) == [usd(65), usd(30), usd(35)]


def closing(call: Callable[[], object]) -> object:
    try:
        return call()
    finally:
        connections.close_all()


def are_waiting(number: int) -> bool:
    """Whether so many sessions of this database wait for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0] == number)


def test_undoing_at_once_moves_back_once(acme: Organisation, whatsapp: Product, alice: User, now: datetime) -> None:
    builders.fill_wallet(acme, usd(100), now=now)
    builders.fill_product(acme, whatsapp, usd(100), now=now)
    order = moves.move(builders.move_wish(acme, whatsapp, usd(40)), by=alice, now=now)

    outcomes = races.run_at_once([partial(moves.undo, order_id=order.pk, by="Alice", now=now)] * 8)

    races.raise_failures(outcomes)
    assert Posting.objects.filter(order_number=order.number, kind="REVERSAL").count() == 1
    assert order.events.filter(note="UNDONE").count() == 1
    assert balances_of(acme, whatsapp) == [usd(100), usd(100)]


def test_a_move_is_undone_or_spent_and_never_both(
    acme: Organisation, whatsapp: Product, alice: User, now: datetime
) -> None:
    builders.fill_wallet(acme, usd(10 * SEVERAL), now=now)
    balance = builders.open_balance(acme, whatsapp, now=now)
    spent = undone = 0
    for turn in range(SEVERAL):
        order = moves.move(builders.move_wish(acme, whatsapp, usd(10)), by=alice, now=now)
        usage = charges.Usage(request_id=f"turn-{turn}", amount=usd(10))
        charge = partial(charges.charge, balance=balance, usage=usage, by="WhatsApp", now=now)
        undo = partial(moves.undo, order_id=order.pk, by="Alice", now=now)

        charged, back = races.run_at_once([charge, undo])

        assert isinstance(charged, charges.InsufficientBalance) != isinstance(back, moves.AlreadySpent)
        races.raise_failures([one for one in (charged, back) if not isinstance(one, _LOST)])
        order.refresh_from_db()
        is_spent = isinstance(back, moves.AlreadySpent)
        assert order.state == (State.PAID if is_spent else State.REFUNDED)
        spent, undone = spent + is_spent, undone + (not is_spent)
    assert balances_of(acme, whatsapp) == [usd(10 * undone), usd(0)]


_LOST = (charges.InsufficientBalance, moves.AlreadySpent)
