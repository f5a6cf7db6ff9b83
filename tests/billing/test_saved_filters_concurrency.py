"""Filters saved at the same time."""

from datetime import datetime
from functools import partial

from billing import saved_filters
from tests import builders, races
from wallet.models import Member


def test_many_at_once_take_the_last_place_once(committed: None, now: datetime) -> None:
    member = Member.objects.get(organisation=builders.make_organisation(now=now))
    keep = partial(saved_filters.keep, member_id=member.pk, address="state=PAID", now=now)
    for count in range(saved_filters.MOST - 1):
        keep(name=f"Filter {count}")

    outcomes = races.run_at_once([partial(keep, name=f"Last {racer}") for racer in range(8)])

    assert sum(isinstance(outcome, saved_filters.TooMany) for outcome in outcomes) == 7
    assert saved_filters.of_member(member).count() == saved_filters.MOST


def test_many_at_once_save_one_name_once(committed: None, now: datetime) -> None:
    member = Member.objects.get(organisation=builders.make_organisation(now=now))

    kept = races.run_at_once(
        [partial(saved_filters.keep, member_id=member.pk, name="Paid", address="state=PAID", now=now)] * 8
    )

    races.raise_failures(kept)
    assert saved_filters.of_member(member).count() == 1
