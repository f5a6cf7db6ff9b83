"""The morning's mail: once to each of finance, on working days, with what waits."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail

from payments import digests
from payments.models import DayClose, DigestMail
from tests.payments.closing import DAY, card_order
from tests.people import make_owner, make_staff

pytestmark = pytest.mark.django_db

MORNING = datetime(2026, 7, 16, 1, 0, tzinfo=UTC)
"""Nine o'clock on a Thursday in Shanghai."""


def test_finance_is_told_once_a_morning_what_the_day_before_left() -> None:
    payment = card_order(make_owner().organisation)
    fiona, felix = make_staff("fiona", "finance"), make_staff("felix", "finance lead")
    make_staff("olivia", "ops")
    assert digests.send_due(now=MORNING) == 2
    assert digests.send_due(now=MORNING + timedelta(minutes=5)) == 0
    assert sorted(message.to[0] for message in mail.outbox) == sorted([fiona.email, felix.email])
    assert mail.outbox[0].subject == "2026-07-15: 0 differences"
    assert "only timing: 1" in mail.outbox[0].body
    assert DayClose.objects.get(day=DAY).differences.get().subject == payment.order.number


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 7, 16, 0, 20, tzinfo=UTC),  # twenty past eight
        datetime(2026, 7, 16, 11, 0, tzinfo=UTC),  # seven in the evening
        datetime(2026, 7, 18, 1, 0, tzinfo=UTC),  # a Saturday
    ],
)
def test_nobody_is_told_outside_the_morning_of_a_working_day(moment: datetime) -> None:
    make_staff("fiona", "finance")
    assert digests.send_due(now=moment) == 0
    assert not DigestMail.objects.exists()


def test_a_mail_that_could_not_be_sent_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    make_staff("fiona", "finance")
    with monkeypatch.context() as patched:
        patched.setattr(mail.EmailMessage, "send", _fail)
        assert digests.send_due(now=MORNING) == 0
    assert DigestMail.objects.get().error == "no route"
    assert digests.send_due(now=MORNING + timedelta(minutes=1)) == 0
    assert digests.send_due(now=MORNING + timedelta(minutes=6)) == 1


def _fail(_message: mail.EmailMessage) -> int:
    raise OSError("no route")
