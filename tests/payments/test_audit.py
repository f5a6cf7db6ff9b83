"""The audit of payments: what Stripe confirmed and what it told us cannot lie about unnoticed."""

from datetime import datetime, timedelta

import pytest

from billing.models import Order, State
from payments import audit
from payments.models import InboxEvent, Payment
from tests import builders
from wallet.ids import new_id

pytestmark = pytest.mark.django_db


def findings(word: object, *, now: datetime) -> list[str]:
    return [finding for check in audit.CHECKS for finding in check("default", now) if str(word) in finding]


@pytest.mark.parametrize(
    ("change", "named"),
    [({}, 0), ({"state": State.PENDING, "paid_at": None}, 1), ({"paid": builders.usd(99)}, 1)],
    ids=str,
)
def test_confirmed_payment_whose_order_was_not_credited_with_it_is_named(
    change: dict[str, object], named: int, now: datetime
) -> None:
    payment = builders.begin_top_up(builders.make_organisation(now=now), now=now)
    Payment.objects.filter(pk=payment.pk).update(
        state=Payment.State.CONFIRMED, confirmed_at=now, credited_order=payment.order
    )
    Order.objects.filter(pk=payment.order_id).update(**{"state": State.PAID, "paid_at": now} | change)
    assert len(findings(payment.pk, now=now)) == named


@pytest.mark.parametrize(("minutes", "named"), [(14, 0), (16, 1)])
def test_event_that_waits_for_a_quarter_of_an_hour_is_named(minutes: int, named: int, now: datetime) -> None:
    then = now - timedelta(minutes=minutes)
    event = InboxEvent.objects.create(
        event_id=f"evt_{new_id()}", type="x", object_id="cs_1", raw=b"{}", received_at=then, due_at=then
    )
    assert len(findings(event.event_id, now=now)) == named
