"""Doubt: raised once while it is open, closed by one person, with a note."""

from datetime import datetime

import pytest
from django.db import IntegrityError

from billing import flags
from billing.models import Flag, Order
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(db: None, now: datetime) -> Order:
    return builders.begin_top_up(builders.make_organisation(now=now), now=now).order


def test_same_doubt_is_raised_once_while_it_is_open(order: Order, now: datetime) -> None:
    for _ in range(3):
        flags.raise_flag(order=order, reason=Flag.Reason.WRONG_AMOUNT, now=now)
    flags.raise_flag(order=order, reason=Flag.Reason.LATE_MONEY, now=now)
    assert order.flags.count() == 2


def test_doubt_is_resolved_by_whoever_is_first(order: Order, now: datetime) -> None:
    flags.raise_flag(order=order, reason=Flag.Reason.WRONG_AMOUNT, now=now)
    flag = order.flags.get()
    fiona, felix = builders.make_person("fiona"), builders.make_person("felix")
    assert flags.resolve(flag_id=flag.pk, by=fiona, note="bank agrees", now=now)
    assert not flags.resolve(flag_id=flag.pk, by=felix, note="me too", now=now)
    flag.refresh_from_db()
    assert (flag.resolved_by, flag.note) == (fiona, "bank agrees")


def test_doubt_that_comes_back_is_a_new_flag(order: Order, now: datetime) -> None:
    flags.raise_flag(order=order, reason=Flag.Reason.WRONG_AMOUNT, now=now)
    flags.resolve(flag_id=order.flags.get().pk, by=builders.make_person("fiona"), note="", now=now)
    flags.raise_flag(order=order, reason=Flag.Reason.WRONG_AMOUNT, now=now)
    assert order.flags.count() == 2


def test_flag_is_resolved_by_somebody_or_not_at_all(order: Order, now: datetime) -> None:
    flags.raise_flag(order=order, reason=Flag.Reason.WRONG_AMOUNT, now=now)
    with pytest.raises(IntegrityError, match="flag_resolved_by_somebody"):
        order.flags.update(resolved_at=now)
