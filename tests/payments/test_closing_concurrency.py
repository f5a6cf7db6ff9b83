"""Many at once on one close: one signature, and every difference once."""

from datetime import UTC, date, datetime
from functools import partial

import pytest
from django.db import IntegrityError, transaction

from payments.closing import days
from payments.models import CloseAct, DayClose, Difference
from tests import builders, people, races
from tests.payments import stripe_lists
from wallet.models import SealedDay

DAY = date(2020, 1, 2)
"""Long before anything that other tests leave behind."""
MORNING = datetime(2020, 1, 3, 1, 0, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("fresh_database")


def find_something() -> None:
    """A payout that should have been here long ago."""
    stripe_lists.make_payout(now=MORNING, arrival_on=date(2019, 12, 1))


def test_of_many_who_sign_at_once_one_does() -> None:
    staff = [people.make_staff(f"felix{place}", "finance") for place in range(races.scaled(6, full=32))]
    signed = races.run_at_once([partial(days.sign, day=DAY, by=by, now=MORNING) for by in staff])
    assert [one for one in signed if isinstance(one, Exception)] == []
    close = DayClose.objects.get(day=DAY)
    assert CloseAct.objects.get(close=close).by == close.signed_by
    assert {one.signed_by for one in signed} == {close.signed_by}
    assert SealedDay.objects.filter(day=DAY).count() == 1


def test_a_day_drawn_up_many_times_at_once_has_every_difference_once() -> None:
    days.draw_up(day=DAY, now=MORNING)
    find_something()
    drawn = races.run_at_once([partial(days.draw_up, day=DAY, now=MORNING)] * races.scaled(6, full=32))
    assert [one for one in drawn if isinstance(one, Exception)] == []
    assert Difference.objects.get(close__day=DAY).kind == Difference.Kind.PAYOUT_LATE


def test_a_note_written_while_somebody_signs_is_in_the_signed_close_or_refused() -> None:
    find_something()
    fiona, felix = people.make_staff("fiona", "finance"), people.make_staff("felix", "finance")
    found = days.draw_up(day=DAY, now=MORNING).differences.get()
    days.explain(difference_id=found.pk, owner=fiona, note="asked the bank", now=MORNING)
    explain = partial(days.explain, difference_id=found.pk, owner=felix, note="asked again", now=MORNING)
    signed, explained = races.run_at_once([partial(days.sign, day=DAY, by=fiona, now=MORNING), explain])
    assert isinstance(signed, DayClose)
    found.refresh_from_db()
    was_late = isinstance(explained, days.DaySigned)
    assert found.note == ("asked the bank" if was_late else "asked again")


def test_one_difference_is_not_kept_twice_round_python() -> None:
    find_something()
    found = days.draw_up(day=DAY, now=MORNING).differences.get()
    found.pk = builders.make_person().pk
    with pytest.raises(IntegrityError, match="difference_once_per_close"), transaction.atomic():
        found.save(force_insert=True)
