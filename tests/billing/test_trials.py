"""Dry runs of auto-fill: what a rule would have moved on days that are over."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from billing import auto_fill, trials
from billing.auto_fill_terms import Terms
from billing.trials import Trial
from products.usage import Day
from tests import builders
from tests.builders import usd
from wallet.calendar import business_date

FIRST = date(2026, 7, 1)


def terms(**fields: Any) -> Terms:
    given = {"threshold": usd(20), "floor": usd(0), "daily_cap": usd(500)} | fields
    return Terms(**given) if "fill_to" in given else Terms(**({"amount": usd(50)} | given))


def run(rule: Terms, *, opening: str, spent: list[str], credited: Mapping[int, str] | None = None) -> Trial:
    """Days with this use; what really came in stands in `credited` by the day's place."""
    days, balance = [], usd(opening)
    for place, amount in enumerate(spent):
        came = usd((credited or {}).get(place, 0))
        balance = balance + came - usd(amount)
        days.append(
            Day(day=FIRST + timedelta(days=place), spent=usd(amount), charge_count=1, credited=came, closing=balance)
        )
    return trials.run(rule, days, own={}, least=usd(1))


def told(trial: Trial) -> list[tuple[int, str, int]]:
    return [(day.day.day, f"{day.moved.amount:.2f}", day.move_count) for day in trial.days]


def test_three_dips_are_three_moves() -> None:
    trial = run(terms(), opening="50", spent=["30", "20", "10", "60", "45"])
    assert told(trial) == [(2, "50.00", 1), (4, "50.00", 1), (5, "50.00", 1)]
    assert (trial.moved, trial.move_count, trial.spent, trial.capped_count) == (usd(150), 3, usd(165), 0)


def test_balance_exactly_at_the_threshold_needs_nothing() -> None:
    assert told(run(terms(), opening="50", spent=["30"])) == []


def test_a_heavy_day_takes_several_moves() -> None:
    assert told(run(terms(), opening="20", spent=["120"])) == [(1, "150.00", 3)]


def test_filling_up_brings_the_first_dip_to_the_target() -> None:
    assert told(run(terms(fill_to=usd(100)), opening="0", spent=["0", "81", "80"])) == [
        (1, "100.00", 1),
        (2, "80.00", 1),
        (3, "80.00", 1),
    ]


def test_cap_lets_whole_moves_and_a_rest_through() -> None:
    trial = run(terms(daily_cap=usd(80)), opening="20", spent=["120", "0", "0"])
    assert told(trial) == [(1, "80.00", 2), (2, "50.00", 1)]
    assert trial.capped_count == 1


def test_rest_of_the_cap_below_the_smallest_move_is_not_moved() -> None:
    assert told(run(terms(daily_cap=usd("50.99")), opening="20", spent=["120"])) == [(1, "50.00", 1)]


def test_cap_below_the_first_move_moves_the_cap() -> None:
    assert told(run(terms(fill_to=usd(100), daily_cap=usd(90)), opening="0", spent=["0"])) == [(1, "90.00", 1)]


def test_own_top_ups_count_as_they_were_made() -> None:
    assert told(run(terms(), opening="50", spent=["30", "20", "41"], credited={1: "60"})) == [(3, "50.00", 1)]


@pytest.mark.django_db
def test_what_the_rule_itself_moved_is_not_counted_as_a_top_up_of_ones_own(now: datetime) -> None:
    acme, product = builders.make_organisation(now=now), builders.make_product()
    builders.fill_wallet(acme, usd(100), now=now)
    owner = builders.owner_of(acme)
    auto_fill.set_rule(terms(), organisation_id=acme.pk, product=product, by=owner, now=now)
    auto_fill.fill_due(now=now)
    trial = trials.try_out(terms(), organisation_id=acme.pk, product=product, today=business_date(now))
    today = business_date(now)
    assert [(day.day, day.move_count) for day in trial.days] == [(today - timedelta(days=29), 1)]
    assert trial.moved == usd(50)
