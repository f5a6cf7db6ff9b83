"""Days of trade through Stripe's stand-in and two banks: nothing but timing differs, and whatever is wrong is named."""

import os
from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.conf import LazySettings

from payments import stripe_api
from payments.closing import days, figures
from payments.closing.measures import Measure
from payments.models import Difference
from payments.standin.client import StandIn
from tests.payments import mishaps
from tests.payments.offline import usd
from tests.payments.trading import Shop, at, timing, told
from tests.races import scaled
from wallet.models import SealedDay

Kind = Difference.Kind


@pytest.fixture
def books(request: pytest.FixtureRequest) -> None:
    """A database that forgets the story; at full size, alone in its database, one that keeps it.

    PostgreSQL cannot tidy up the versions of a balance that one transaction has changed twenty thousand times.
    """
    request.getfixturevalue("committed" if os.environ.get("PROVE_SCALE") == "full" else "db")


@pytest.fixture
def own_process() -> Iterator[StandIn]:
    """A Stripe of its own: what other tests did is not in its balance."""
    with StandIn.start() as running:
        yield running


@pytest.fixture
def shop(books: None, own_process: StandIn, settings: LazySettings) -> Iterator[Shop]:
    settings.STRIPE_API_BASE = own_process.base
    stripe_api.connect.cache_clear()
    yield Shop(own_process)
    own_process.reset()
    stripe_api.connect.cache_clear()


def trade(shop: Shop, *, sales: int) -> None:
    """One day of everything that happens."""
    sold = [shop.sell(minute=number % 60) for number in range(sales)]
    shop.transfer("500.00")
    shop.spend()
    if shop.today.day % 2:
        shop.refund(sold[0], usd(20))
        shop.transfer("7200.00", currency="CNY")
    else:
        shop.refund(sold[0], usd(10), outcome="failed")
        shop.win(shop.dispute())
        shop.dispute()
        shop.pay_out()
    shop.sell_over_midnight()


def test_days_of_trade_differ_in_nothing_but_timing(shop: Shop) -> None:
    payouts = []
    for _ in range(scaled(3, full=30)):
        trade(shop, sales=scaled(2, full=666))
        close = shop.end_day()
        assert told(close) == []
        assert timing(close) <= {Kind.OTHER_DAY}
        payouts += [row.bank for row in figures.compare(close.day) if row.measure == Measure.PAYOUTS and row.bank]
        signed = days.sign(day=close.day, by=shop.fiona, now=at(shop.today, 10))
        assert signed.seal == SealedDay.objects.get(day=close.day).hash.hex()
    assert any(Decimal(arrived) for arrived in payouts), "the bank's lines of payouts are told as something else"


def test_fifty_mishaps_are_found_and_named_and_nothing_else(shop: Shop) -> None:
    trade(shop, sales=2)
    assert told(shop.end_day()) == []
    expected = [mishap(shop) for mishap in (*mishaps.MISHAPS, *mishaps.MISHAPS, *mishaps.ONCE)]
    named = shop.end_day().differences.open().exclude(kind=Kind.OTHER_DAY)
    found = {(one.kind, one.subject) for one in named}
    wanted = set().union(*expected)
    assert (len(expected) >= 50, wanted - found, found - wanted) == (True, set(), set())
    assert len({kind for kind, _subject in wanted}) >= 15
