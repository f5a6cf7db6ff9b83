"""Alerts with many sweeps at once: each dip is told once."""

from datetime import datetime

from billing import alerts
from billing.models import LowBalanceAlert, Notice
from tests import builders, races
from tests.builders import usd


def test_many_sweeps_at_once_tell_a_dip_once(committed: None, now: datetime) -> None:
    for _ in range(races.scaled(3, full=50)):
        acme = builders.make_organisation(now=now)
        builders.fill_wallet(acme, usd(10), now=now)
        alerts.watch_new()
        LowBalanceAlert.objects.of(acme.pk).update(threshold=50)
        told = races.run_at_once([lambda: alerts.tell_due(now=now, limit=10_000)] * 8)
        races.raise_failures(told)
        assert Notice.objects.filter(organisation=acme).count() == 1


def test_many_sweeps_at_once_begin_to_watch_a_balance_once(committed: None, now: datetime) -> None:
    acme = builders.make_organisation(now=now)
    builders.fill_wallet(acme, usd(10), now=now)
    races.raise_failures(races.run_at_once([alerts.watch_new] * 8))
    assert LowBalanceAlert.objects.of(acme.pk).count() == 1
