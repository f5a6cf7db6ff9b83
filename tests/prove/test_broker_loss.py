"""P10: Redis may vanish at any moment. The rows are the queue: webhooks are answered, everybody is credited."""

import time
from collections.abc import Iterator
from typing import Any

import redis
import requests

from tests.browser.site import Site, wait_until
from tests.prove.customers import count_unhandled, gather, trouble
from tests.races import scaled

EVERY = 5.0
DONE_WITHIN = 120.0


def test_a_broker_emptied_and_killed_every_five_seconds_loses_nobody(site: Site, books: None) -> None:
    crowd, began = gather(site, scaled(40, full=10_000)), time.time()
    with trouble(_flush_and_kill(site)):
        crowd.pay_all()
        time.sleep(2 * EVERY)
    _kill(site)  # it has ended with the thread that had started it; now it is also waited for
    site.valkey.start()
    assert site.valkey.is_running()
    site.stand_in.wait_for_deliveries(seconds=DONE_WITHIN)
    crowd.wait_until_credited(seconds=DONE_WITHIN)
    wait_until(lambda: count_unhandled(site) == 0, "an empty inbox", seconds=DONE_WITHIN)
    crowd.assert_credited_once()
    assert _refusals(site, since=began) == []


def test_while_the_broker_is_away_webhooks_are_answered_and_customers_credited(site: Site, books: None) -> None:
    away = scaled(45, full=600)
    crowd, began = gather(site, away // 3), time.time()
    _kill(site)
    try:
        crowd.pay_all(seconds_between=away / len(crowd.waiting))
        site.stand_in.wait_for_deliveries(seconds=60)
        assert _refusals(site, since=began) == []
        assert requests.get(f"{site.base}/readyz", timeout=10).status_code == 503
        crowd.wait_until_credited(seconds=90)
        assert crowd.measure_waits()[-1] <= 90
    finally:
        site.valkey.start()
    crowd.assert_credited_once()
    late = gather(site, 3)
    late.pay_all()
    late.wait_until_credited(seconds=60)
    wait_until(lambda: requests.get(f"{site.base}/readyz", timeout=10).ok, "the site to be ready again", seconds=60)


def _flush_and_kill(site: Site) -> Iterator[None]:
    while True:
        with redis.Redis.from_url(site.valkey.url()) as broker:
            broker.flushall()
        yield
        time.sleep(EVERY / 2)
        _kill(site)
        time.sleep(EVERY / 2)
        site.valkey.start()
        yield


def _kill(site: Site) -> None:
    """As the kernel would when memory is short."""
    process = site.valkey._server._process
    assert process is not None
    process.kill()
    process.wait()


def _refusals(site: Site, *, since: float) -> list[dict[str, Any]]:
    """Attempts to deliver, from that moment on, that were not answered with 200."""
    return [
        attempt
        for attempt in site.stand_in.deliveries()
        if attempt["attempted_at"] >= since and attempt["status"] != 200
    ]
