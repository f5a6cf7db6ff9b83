"""What a top-up may amount to."""

import pytest
from django.db import DatabaseError, IntegrityError, connection
from djmoney.money import Money

from billing import limits
from billing.models import Method, TopUpLimit
from tests.builders import usd

pytestmark = pytest.mark.django_db


@pytest.fixture
def card_limit() -> TopUpLimit:
    return limits.limit_for(method=Method.CARD, currency="USD")


def test_amounts_from_the_smallest_to_the_largest_are_good(card_limit: TopUpLimit) -> None:
    for amount in [card_limit.lowest, card_limit.highest, *card_limit.offers]:
        limits.check(method=Method.CARD, amount=amount)


def test_amounts_just_outside_are_refused_with_the_bound(card_limit: TopUpLimit) -> None:
    with pytest.raises(limits.OutsideLimits, match=r"\$5\.00"):
        limits.check(method=Method.CARD, amount=card_limit.lowest - usd("0.01"))
    with pytest.raises(limits.OutsideLimits, match=r"\$10,000\.00"):
        limits.check(method=Method.CARD, amount=card_limit.highest + usd("0.01"))


def test_finance_changes_a_limit_and_it_holds_at_once(card_limit: TopUpLimit) -> None:
    TopUpLimit.objects.filter(pk=card_limit.pk).update(minimum=50)
    with pytest.raises(limits.OutsideLimits):
        limits.check(method=Method.CARD, amount=usd(49))


def test_nobody_tops_up_by_a_method_without_limits() -> None:
    with pytest.raises(TopUpLimit.DoesNotExist):
        limits.check(method=Method.BALANCE, amount=Money(50, "CNY"))


@pytest.mark.parametrize("change", [{"minimum": 0}, {"minimum": -1}, {"minimum": 20_000}], ids=str)
def test_limit_that_is_no_range_is_refused(change: dict[str, int], card_limit: TopUpLimit) -> None:
    with pytest.raises(IntegrityError, match="limit_is_a_range"):
        TopUpLimit.objects.filter(pk=card_limit.pk).update(**change)


@pytest.mark.parametrize("maximum", ["NaN", "1000000000000"])
def test_maximum_without_bound_is_refused(maximum: str, card_limit: TopUpLimit) -> None:
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("UPDATE billing_topuplimit SET maximum = %s::numeric WHERE id = %s", [maximum, card_limit.pk])


def test_offline_limits_have_days_to_pay() -> None:
    for currency, lowest, highest in (("USD", 100, 200_000), ("CNY", 500, 1_500_000)):
        limit = limits.limit_for(method=Method.OFFLINE, currency=currency)
        assert (limit.lowest, limit.highest) == (Money(lowest, currency), Money(highest, currency))
        assert limit.days_to_pay == 14
        for offered in limit.offers:
            limits.check(method=Method.OFFLINE, amount=offered)


@pytest.mark.parametrize(
    ("method", "days"), [(Method.OFFLINE, None), (Method.OFFLINE, 0), (Method.OFFLINE, 61), (Method.CARD, 14)]
)
def test_days_to_pay_belong_to_offline_limits_only(method: Method, days: int | None) -> None:
    with pytest.raises(IntegrityError, match="limit_has_days_when_offline"):
        TopUpLimit.objects.filter(method=method, currency="USD").update(days_to_pay=days)
