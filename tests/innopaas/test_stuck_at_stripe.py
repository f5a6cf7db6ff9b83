"""Money that is late between Stripe, the bank and us is stuck, each with the one act that helps."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse

from innopaas import stuck
from innopaas.stuck import Kind, Stuck
from payments import payouts
from tests.payments import offline, stripe_lists
from tests.payments.offline import usd
from tests.people import make_staff
from wallet.models import User

pytestmark = pytest.mark.django_db
MONDAY = date(2026, 7, 6)
IN_TIME = datetime(2026, 7, 13, 1, 0, tzinfo=UTC)
"""Monday morning in Shanghai, five business days on."""
LATE = IN_TIME + timedelta(days=1)
SAME_DAY = datetime(2026, 7, 6, 1, 0, tzinfo=UTC)


@pytest.fixture
def felix() -> User:
    return make_staff("felix", "finance")


def find(kind: Kind, *, now: datetime) -> list[Stuck]:
    return [one for group in stuck.find(now=now) if group.kind == kind for one in group.rows]


def test_a_payout_that_is_not_at_the_bank_is_stuck_after_five_business_days() -> None:
    payout = stripe_lists.make_payout(now=SAME_DAY, arrival_on=MONDAY)
    assert find(Kind.PAYOUT, now=IN_TIME) == []

    (one,) = find(Kind.PAYOUT, now=LATE)

    assert one.subject.startswith(payout.stripe_id)
    assert one.act.address == reverse("admin:payments_payout_match", args=[payout.pk])
    assert (one.act.permission, one.act.is_sent) == ("payments.change_payout", False)


def test_a_payout_that_failed_at_the_bank_is_stuck_until_the_bank_takes_it_back(felix: User) -> None:
    dollars = offline.make_account("USD")
    payout = stripe_lists.make_payout(now=SAME_DAY, arrival_on=MONDAY)
    line = offline.bring_line(dollars, payout.amount, imported_by=felix, now=SAME_DAY, text="STRIPE")
    payouts.match(payout_id=payout.pk, line_id=line.pk, by="InnoPaaS", now=SAME_DAY)
    told = stripe_lists.facts_of(id=payout.stripe_id, amount=payout.amount, arrival_on=MONDAY, status="failed")
    payouts.record(told, by="Stripe", now=SAME_DAY)
    assert find(Kind.PAYOUT, now=IN_TIME) == []

    (one,) = find(Kind.PAYOUT, now=LATE)

    assert one.act.address == reverse("admin:payments_payout_back", args=[payout.pk])


def test_a_movement_that_agrees_with_nothing_is_stuck_after_five_business_days() -> None:
    strange = stripe_lists.bring(stripe_lists.transaction(type="odd", created_at=SAME_DAY), now=SAME_DAY)
    assert find(Kind.DIFFERENCE, now=IN_TIME) == []

    (one,) = find(Kind.DIFFERENCE, now=LATE)

    assert strange.stripe_id in one.subject
    assert one.why == "A type this site does not know odd"
    assert one.act.address == reverse("admin:payments_balancetransaction_change", args=[strange.pk])
    assert one.act.permission == "payments.view_balancetransaction"


def test_money_that_stripe_does_not_pay_out_is_one_line_however_many_charges_it_is() -> None:
    for _ in range(2):
        one = stripe_lists.transaction(type="odd", created_at=SAME_DAY, available_at=SAME_DAY, amount=usd(40))
        stripe_lists.bring(one, now=SAME_DAY)
    assert find(Kind.UNPAID, now=IN_TIME) == []

    (unpaid,) = find(Kind.UNPAID, now=LATE)

    assert (unpaid.subject, unpaid.since) == ("USD $80.00", SAME_DAY)
    assert unpaid.act.address.endswith("?attention=unpaid")
