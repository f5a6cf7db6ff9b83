"""Product balances by their numbers."""

from datetime import datetime
from itertools import chain, repeat

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from products import balances, numbers
from products.models import Product, ProductBalance
from tests import builders
from tests.builders import usd
from tests.races import raise_failures, run_at_once
from wallet.models import Organisation


def test_an_organisation_has_one_number_a_product(organisation: Organisation, now: datetime) -> None:
    product = builders.make_product()
    first = builders.open_balance(organisation, product, now=now)
    assert builders.open_balance(organisation, product, now=now) == first
    assert numbers.is_number(first.number)
    assert builders.open_balance(organisation, builders.make_product("SMS"), now=now).number != first.number


def test_a_number_drawn_twice_is_drawn_again(
    organisation: Organisation, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = builders.open_balance(organisation, builders.make_product(), now=now).number
    drawn = chain(repeat(taken, 2), [numbers.draw()])
    monkeypatch.setattr(numbers, "draw", lambda: next(drawn))
    assert builders.open_balance(organisation, builders.make_product("SMS"), now=now).number != taken


def test_opened_by_many_at_once_it_has_one_number(committed: None, now: datetime) -> None:
    acme, product = builders.make_organisation(now=now), builders.make_product()
    opened = run_at_once([lambda: builders.open_balance(acme, product, now=now)] * 8)
    raise_failures(opened)
    assert len({balance.number for balance in opened}) == 1
    assert ProductBalance.objects.filter(organisation=acme).count() == 1


def test_an_untouched_balance_reads_as_nothing(organisation: Organisation) -> None:
    product = builders.make_product()
    holding = balances.read(organisation_id=organisation.pk, product=product)
    assert (holding.available, holding.held, holding.total) == (usd(0), usd(0), usd(0))


def test_a_balance_reads_what_was_paid_into_it(now: datetime, db: None) -> None:
    acme, product = builders.make_organisation(now=now), builders.make_product()
    builders.fill_product(acme, product, usd(80), now=now)
    assert balances.read(organisation_id=acme.pk, product=product).available == usd(80)
    assert builders.balance_of(acme.pk) == usd(0)


@pytest.mark.parametrize("number", ["", "123", "012345678901234", "12345678901234x"])
def test_the_database_refuses_what_is_no_number(organisation: Organisation, now: datetime, number: str) -> None:
    with pytest.raises(IntegrityError, match="product_number_has_15_digits"):
        ProductBalance.objects.create(
            organisation=organisation, product=builders.make_product(), number=number, opened_at=now
        )


def test_a_number_is_never_changed_or_deleted(organisation: Organisation, now: datetime) -> None:
    balance = builders.open_balance(organisation, builders.make_product(), now=now)
    for act in (
        lambda: ProductBalance.objects.filter(pk=balance.pk).update(number=numbers.draw()),
        lambda: ProductBalance.objects.filter(pk=balance.pk).delete(),
    ):
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            act()


def test_a_slug_never_changes(db: None) -> None:
    product = builders.make_product()
    with pytest.raises(IntegrityError, match="never changes"):
        Product.objects.filter(pk=product.pk).update(slug="other")


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"slug": "What's app"}, "product_slug_is_a_code"),
        ({"slug": "a:b"}, "product_slug_is_a_code"),
        ({"slug": "held"}, "product_slug_is_no_word_of_ours"),
        ({"name_zh": ""}, "product_has_both_names"),
        ({"icon": "skull"}, "product_icon_is_known"),
        ({"currency": "CNY"}, "product_counts_as_wallets_do"),
        ({"smallest_top_up": 10, "largest_top_up": 5}, "product_top_ups_are_a_range"),
        ({"smallest_top_up": 0}, "product_top_ups_are_a_range"),
        ({"smallest_price": 0}, "product_price_is_positive"),
    ],
)
def test_the_database_refuses_an_odd_product(db: None, fields: dict[str, object], constraint: str) -> None:
    good: dict[str, object] = {"slug": "odd", "name": "Odd", "name_zh": "怪"}
    with pytest.raises(IntegrityError, match=constraint):
        Product.objects.create(**good | fields)


def test_products_are_not_deleted(db: None) -> None:
    product = builders.make_product()
    with pytest.raises(DatabaseError, match="permission denied"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM products_product WHERE id = %s", [product.pk])
