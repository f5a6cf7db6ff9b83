"""P11: a worker that dies costs seconds; and a worker that is silent is seen."""

import random
import time
from collections.abc import Iterator

import psutil
import requests

from tests.browser.site import Site, wait_until
from tests.prove.customers import gather, percentile, trouble
from tests.races import scaled

CREDITED_WITHIN = 90.0
SEEN_WITHIN = 60.0


def test_workers_killed_at_random_keep_nobody_waiting_longer_than_promised(site: Site, books: None) -> None:
    crowd = gather(site, scaled(60, full=2000))
    with trouble(_kill_now_and_then(site, random.Random(11))):
        crowd.pay_all(seconds_between=scaled(4, full=1) / 8)
        crowd.wait_until_credited(seconds=2 * CREDITED_WITHIN)
    crowd.wait_until_credited(seconds=CREDITED_WITHIN)
    waits = crowd.measure_waits()
    assert percentile(waits, 0.99) <= CREDITED_WITHIN, waits[-10:]
    crowd.assert_credited_once()


def test_a_silent_worker_is_seen_within_a_minute_and_ready_again_when_it_is_back(site: Site, books: None) -> None:
    wait_until(lambda: _ready(site).ok, "the worker's first beat", seconds=SEEN_WITHIN)
    site.kill("worker")
    wait_until(lambda: not _ready(site).ok, "the silence to be seen", seconds=SEEN_WITHIN)
    assert "silent" in _ready(site).json()["worker"]
    site.start("worker")
    wait_until(lambda: _ready(site).ok, "the worker to be back", seconds=SEEN_WITHIN)


def _kill_now_and_then(site: Site, chance: random.Random) -> Iterator[None]:
    """However slow the machine is, a worker lives for some seconds after it has found its broker."""
    while True:
        wait_until(lambda: _works(site), "the worker to find its broker", seconds=SEEN_WITHIN)
        time.sleep(chance.uniform(0, 12))
        site.kill("worker")
        site.start("worker")
        yield


def _works(site: Site) -> bool:
    port = int(site.environment["REDIS_URL"].rpartition(":")[2].partition("/")[0])
    open_ones = psutil.Process(site.processes["worker"].pid).net_connections(kind="tcp")
    return any(each.raddr and each.raddr.port == port and each.status == psutil.CONN_ESTABLISHED for each in open_ones)


def _ready(site: Site) -> requests.Response:
    return requests.get(f"{site.base}/readyz", timeout=10)
