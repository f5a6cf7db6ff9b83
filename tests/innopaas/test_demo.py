"""The demo's history: made by the site's own verbs, once, and with nothing that an audit or a close would find."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from billing.models import Dispute, Fapiao, IssuingMark, LegalEntity, Order, Refund
from innopaas import audit, demo, demo_history, demo_stripe, demo_transfers
from payments import stripe_api
from payments.models import BankAccount, BankRefund, DayClose, Difference, Payment, Payout, Transfer
from payments.standin.client import StandIn
from wallet import audit as ledger_audit
from wallet.calendar import BOOKS, business_date
from wallet.models import Posting, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def stripe(settings: LazySettings) -> Iterator[StandIn]:
    """A Stripe of its own: the history turns its clock."""
    with StandIn.start() as running:
        settings.STRIPE_API_BASE = running.base
        stripe_api.connect.cache_clear()
        yield running
    stripe_api.connect.cache_clear()


@pytest.mark.parametrize("days_ago", range(7))
def test_six_weeks_are_made_once_and_agree_with_themselves(
    stripe: StandIn, days_ago: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On whatever weekday it is made: what falls on a weekend happened the Friday before."""
    today = datetime.now(UTC)
    now = datetime.combine(business_date(today) - timedelta(days=days_ago), time(0, 40), BOOKS) if days_ago else today
    turn = demo_stripe.turn_clock

    def turn_by_the_real_clock(moment: datetime, *, now: datetime) -> None:  # as the demo calls it
        turn(moment, now=today)

    monkeypatch.setattr(demo_stripe, "turn_clock", turn_by_the_real_clock)
    IssuingMark.objects.all().delete()  # tests that committed left theirs
    before = set(ledger_audit.find_problems(checks=audit.CHECKS, now=now))
    demo.add_people(password="innopaas-demo", now=now)
    demo_transfers.open_accounts()
    demo_history.complete_entity()

    for _twice in range(2):
        demo_history.fill(now=now)
        made = (Order.objects.count(), Posting.objects.count(), Payout.objects.count(), DayClose.objects.count())
    demo_history.fill(now=now)

    assert made == (Order.objects.count(), Posting.objects.count(), Payout.objects.count(), DayClose.objects.count())
    assert set(ledger_audit.find_problems(checks=audit.CHECKS, now=now)) == before
    *signed, yesterday = DayClose.objects.order_by("day")
    assert all(close.is_signed for close in signed)
    assert not yesterday.is_signed
    assert yesterday.drawn_up_at <= now
    assert not Difference.objects.unexplained().exists()
    assert yesterday.differences.open().filter(is_timing=False).exclude(owner=None).exclude(note="").exists()
    mine = Order.objects.filter(form_token__startswith="demo-history-")
    assert sorted(Refund.objects.filter(order__in=mine).values_list("state", flat=True)) == [
        *("ASKED", "ASKED", "SUCCEEDED")
    ]
    assert BankRefund.objects.get(refund__order__in=mine).approved_at is None
    assert sorted(Dispute.objects.filter(order__in=mine).values_list("state", flat=True)) == ["OPEN", "WON"]
    assert sorted(Fapiao.objects.filter(order__in=mine).values_list("state", flat=True)) == ["ISSUED", "REQUESTED"]
    assert sorted(payout.line is None for payout in Payout.objects.all()) == [False, True]
    assert not LegalEntity.objects.get(issues_by_default=True).lacks


def test_entity_of_an_older_demo_keeps_its_name_beside_the_one_that_is_completed() -> None:
    demo_transfers.open_accounts()
    account = BankAccount.objects.get(code="demo-cny")
    LegalEntity.objects.create(code="OLD", name_en=account.legal_entity, name_zh=account.payee_zh)
    demo_history.complete_entity()
    assert not LegalEntity.objects.get(issues_by_default=True).lacks
    assert LegalEntity.objects.filter(name_en=account.legal_entity).count() == 1


def test_with_a_test_key_of_stripes_own_there_are_people_and_transfers_and_no_card_payments(
    settings: LazySettings,
) -> None:
    settings.DEBUG, settings.STRIPE_API_BASE, settings.STRIPE_SECRET_KEY = True, "", "sk_test_of_ones_own"
    for _twice in range(2):
        call_command("demo")
    assert User.objects.filter(email="alice@example.com").exists()
    assert Transfer.objects.count() == 6
    for transfer in Transfer.objects.exclude(declared_at=None):
        assert transfer.declared_at
        assert transfer.paid_on
        assert transfer.paid_on <= business_date(transfer.declared_at)  # the form refuses a day that has not come
    assert not Payment.objects.exists()


def test_a_live_key_gets_no_demo(settings: LazySettings) -> None:
    settings.DEBUG, settings.STRIPE_SECRET_KEY = True, "sk_live_of_ones_own"
    with pytest.raises(CommandError, match="never for a live key"):
        call_command("demo")
    assert not User.objects.filter(email="alice@example.com").exists()
