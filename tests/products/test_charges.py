"""P3 and P5 for charges: one balance pays, never below zero, and a repeated request gives the first answer."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from products import charges
from products.charges import InsufficientBalance, RequestIdReused
from products.models import ProductBalance
from tests import builders
from tests.builders import usd
from tests.products import spending
from tests.products.spending import charge, standing
from wallet import chart
from wallet.models import Posting

LATER = timedelta(minutes=3)


def test_charge_takes_from_the_products_balance_what_becomes_revenue(sms: ProductBalance, now: datetime) -> None:
    done = charge(sms, "0.0525", "m-1", now=now, description="SMS to Hamburg")
    assert (done.request_id, done.amount, done.description) == ("m-1", usd("0.0525"), "SMS to Hamburg")
    assert (done.balance_after, done.charged_at, done.is_new) == (usd("19.9475"), now, True)
    assert standing(sms) == (Decimal("19.9475"), 0, Decimal("0.0525"))
    posting = Posting.objects.get(pk=done.id)
    assert (posting.kind, posting.memo, posting.by) == ("CHARGE", "SMS to Hamburg", spending.BY)


def test_repeated_request_gives_the_first_answer_and_charges_once(sms: ProductBalance, now: datetime) -> None:
    first = charge(sms, 2, "m-1", now=now)
    charge(sms, 3, "m-2", now=now)
    again = charge(sms, "2.000000", "m-1", now=now + LATER)
    assert not again.is_new
    assert (again.id, again.balance_after, again.charged_at) == (first.id, usd(18), now)
    assert standing(sms) == (15, 0, 5)


def test_repeated_request_is_answered_when_the_balance_is_used_up(sms: ProductBalance, now: datetime) -> None:
    first = charge(sms, 20, "m-1", now=now)
    assert charge(sms, 20, "m-1", now=now + LATER).id == first.id


@pytest.mark.parametrize(("amount", "description"), [(3, ""), (2, "another")])
def test_request_id_with_other_content_is_refused(
    amount: int, description: str, sms: ProductBalance, now: datetime
) -> None:
    charge(sms, 2, "m-1", now=now)
    with pytest.raises(RequestIdReused):
        charge(sms, amount, "m-1", now=now, description=description)
    assert standing(sms) == (18, 0, 2)


def test_request_id_belongs_to_one_product_number(sms: ProductBalance, now: datetime) -> None:
    acme, voice = sms.organisation, builders.make_product("Voice")
    builders.fill_product(acme, voice, usd(20), now=now)
    other = builders.open_balance(acme, voice, now=now)
    assert charge(sms, 1, "m-1", now=now).id != charge(other, 2, "m-1", now=now).id
    assert (standing(sms), standing(other)) == ((19, 0, 1), (18, 0, 2))


def test_more_than_the_balance_is_refused_and_nothing_happens(sms: ProductBalance, now: datetime) -> None:
    with pytest.raises(InsufficientBalance):
        charge(sms, "20.000001", "m-1", now=now)
    assert standing(sms) == (20, 0, 0)
    assert charge(sms, 20, "m-1", now=now).is_new  # the refused request id was not used


def test_charge_never_touches_the_wallet_nor_another_product(sms: ProductBalance, now: datetime) -> None:
    acme, voice = sms.organisation, builders.make_product("Voice")
    builders.fill_wallet(acme, usd(100), now=now)
    builders.fill_product(acme, voice, usd(100), now=now)
    with pytest.raises(InsufficientBalance):
        charge(sms, 21, now=now)
    charge(sms, 20, now=now)
    assert builders.balance_of(acme.pk) == usd(100)
    assert builders.balance_of(acme.pk, voice.code) == usd(100)


def test_held_money_cannot_be_charged(sms: ProductBalance, now: datetime) -> None:
    spending.place(sms, 15, now=now)
    with pytest.raises(InsufficientBalance):
        charge(sms, 6, now=now)
    charge(sms, 5, now=now)
    assert standing(sms) == (0, 15, 5)


def test_charge_is_one_round_trip(sms: ProductBalance, now: datetime) -> None:
    with CaptureQueriesContext(connection) as asked:
        charges.charge(balance=sms, usage=spending.usage(1), by=spending.BY, now=now)
    assert len(asked) == 1


def test_several_charges_are_all_made_or_none(sms: ProductBalance, now: datetime) -> None:
    usages = [spending.usage(8), spending.usage(8), spending.usage(8)]
    with pytest.raises(InsufficientBalance), transaction.atomic():
        charges.charge_all(balance=sms, usages=usages, by=spending.BY, now=now)
    assert standing(sms) == (20, 0, 0)
    with transaction.atomic():
        done = charges.charge_all(balance=sms, usages=usages[:2], by=spending.BY, now=now)
    assert [one.balance_after for one in done] == [usd(12), usd(4)]
    assert charges.charge_all(balance=sms, usages=[], by=spending.BY, now=now) == []


def test_what_was_charged_is_found_by_its_request_ids(sms: ProductBalance, now: datetime) -> None:
    first = charge(sms, 2, "m-1", now=now, description="one")
    charge(sms, 3, "m-2", now=now)
    assert list(charges.find(balance=sms, request_ids=["m-1", "m-9"])) == ["m-1"]
    assert charges.find(balance=sms, request_ids=["m-1"])["m-1"] == charge(sms, 2, "m-1", now=now, description="one")
    assert charges.find(balance=sms, request_ids=["m-1"])["m-1"].id == first.id


@pytest.mark.parametrize("text", ["a", "A-1:b/c", "x" * 100, "!~"])
def test_request_id_is_printable_ascii(text: str) -> None:
    assert charges.REQUEST_ID.fullmatch(text)


@pytest.mark.parametrize("text", ["", "a b", "x" * 101, "é", "a\n", "\x00"])
def test_what_is_no_request_id_is_refused(text: str) -> None:
    assert not charges.REQUEST_ID.fullmatch(text)


def test_revenue_is_what_was_charged(sms: ProductBalance, now: datetime) -> None:
    for number in range(5):
        charge(sms, "0.123456", f"m-{number}", now=now)
    assert builders.balance_of(sms.organisation_id, chart.revenue(sms.product.slug)) == usd("0.61728")
    assert spending.spent(sms, "CHARGE") == Decimal("0.61728")
