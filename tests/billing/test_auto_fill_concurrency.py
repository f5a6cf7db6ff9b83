"""Auto-fill with many at once: one move a dip, never below the floor, and a rule edited meanwhile counts whole."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from functools import partial

import pytest
from djmoney.money import Money

from billing import auto_fill, moves
from billing.auto_fill_terms import Terms
from billing.models import AutoFill, Order
from products.models import Product
from tests import builders, races
from tests.builders import usd
from wallet import chart
from wallet.models import Entry, Organisation

pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture
def product(committed: None) -> Product:
    return builders.make_product()


@pytest.fixture
def acme(committed: None, now: datetime) -> Iterator[Organisation]:
    """Rules of other tests are off, and this one's at its end: sweeps look at every row."""
    AutoFill.objects.update(is_on=False)
    made = builders.make_organisation(now=now)
    builders.fill_wallet(made, usd(1000), now=now)
    yield made
    AutoFill.objects.update(is_on=False)


def set_rule(organisation: Organisation, product: Product, *, now: datetime, amount: int, floor: int = 0) -> AutoFill:
    terms = Terms(threshold=usd(20), amount=usd(amount), floor=usd(floor), daily_cap=usd(10_000))
    owner = builders.owner_of(organisation)
    return auto_fill.set_rule(terms, organisation_id=organisation.pk, product=product, by=owner, now=now)


def test_many_sweeps_at_once_fill_each_dip_once(acme: Organisation, now: datetime) -> None:
    rules = [set_rule(acme, builders.make_product(), now=now, amount=50) for _ in range(races.scaled(4, full=15))]
    moved = races.run_at_once([lambda: auto_fill.fill_due(now=now)] * 10)
    races.raise_failures(moved)
    assert sum(moved) == len(rules)
    assert builders.balance_of(acme.pk) == usd(1000) - usd(50) * len(rules)
    assert [rule.orders.count() for rule in rules] == [1] * len(rules)


def test_ten_who_look_again_one_after_the_other_move_once(acme: Organisation, product: Product, now: datetime) -> None:
    rule = set_rule(acme, product, now=now, amount=50)
    moved = races.run_at_once([lambda: auto_fill.fill(rule_id=rule.pk, now=now)] * 10)
    races.raise_failures(moved)
    assert sum(moved) == 1
    assert builders.balance_of(acme.pk, product.code) == usd(50)


def test_raced_with_the_customers_own_moves_it_never_takes_the_wallet_below_its_floor(
    acme: Organisation, product: Product, now: datetime
) -> None:
    owner = builders.owner_of(acme)
    for _ in range(races.scaled(6, full=15)):
        before = builders.balance_of(acme.pk)
        floor = before - usd(50)  # either move fits alone, not both
        terms = Terms(threshold=usd(20), amount=usd(30), floor=floor, daily_cap=usd(30))
        fresh = builders.make_product()
        rule = auto_fill.set_rule(terms, organisation_id=acme.pk, product=fresh, by=owner, now=now)
        wish = builders.move_wish(acme, product, usd(30))
        own, filled = races.run_at_once(
            [partial(moves.move, wish, by=owner, now=now), partial(auto_fill.fill, rule_id=rule.pk, now=now)]
        )
        races.raise_failures([own, filled])
        rule.refresh_from_db()
        made = rule.orders.first()
        assert (made is not None, rule.is_on) == (filled, filled)
        if made:
            assert _wallet_after(made) >= floor
        assert builders.balance_of(acme.pk) == before - (usd(60) if filled else usd(30))


def _wallet_after(order: Order) -> Money:
    """What the order's posting left in the wallet."""
    return Entry.objects.get(posting__order_number=order.number, account__code=chart.WALLET).balance_after


def test_rule_edited_while_it_runs_counts_as_it_was_or_as_it_is(acme: Organisation, now: datetime) -> None:
    for _ in range(races.scaled(5, full=10)):
        fresh = builders.make_product()
        rule = set_rule(acme, fresh, now=now, amount=30)
        outcomes = races.run_at_once(
            [
                partial(auto_fill.fill, rule_id=rule.pk, now=now),
                partial(set_rule, acme, fresh, now=now, amount=70),
            ]
        )
        races.raise_failures(outcomes)
        auto_fill.fill(rule_id=rule.pk, now=now)
        rule.refresh_from_db()
        assert builders.balance_of(acme.pk, fresh.code) in {usd(30), usd(70)}
        assert (rule.is_on, rule.amount, rule.move_count) == (True, Decimal(70), 1)
