"""P4: web, worker and beat as they run, killed where it hurts and at any moment; everybody is credited once."""

import contextlib
import random
import subprocess
import time
from collections.abc import Iterator

import pytest
import requests

from tests.browser.site import Site
from tests.prove.customers import Crowd, gather, trouble
from tests.races import rounds, scaled

CREDITED_WITHIN = 120.0
OF_WEB = ("before-event-stored", "after-event-stored")
OF_WORKER = (
    "after-event-taken",
    "after-session-fetched",
    "before-posting",
    "after-posting",
    "before-payment-commits",
    "after-payment-committed",
    "before-document-written",
    "after-mail-sent",
)
DEATHS = [*(("web", point) for point in OF_WEB), *(("worker", point) for point in OF_WORKER)]


@pytest.mark.parametrize("round_", rounds(4, full=60), ids=lambda n: "-".join((str(n), *DEATHS[n * 3 % len(DEATHS)])))
def test_a_process_of_the_site_that_dies_is_started_again_and_the_customer_credited_once(
    site: Site, books: None, round_: int
) -> None:
    name, point = DEATHS[round_ * 3 % len(DEATHS)]
    crowd = gather(site, 1)
    died = arm(site, name, point)
    crowd.pay_all()
    died.wait(timeout=CREDITED_WITHIN)
    assert f"killed at {point}\n" in (site.folder / f"{name}.log").read_text()
    with contextlib.suppress(ProcessLookupError):  # nothing may be left of it
        site.kill(name)
    site.start(name)
    crowd.wait_until_credited(seconds=CREDITED_WITHIN)
    settle(site, crowd)


def test_all_processes_killed_at_any_moment_leave_everybody_credited_once(site: Site, books: None) -> None:
    crowd = gather(site, scaled(30, full=1000))
    chance = random.Random(4)
    with trouble(_kill_at_random(site, chance, kills=scaled(5, full=200))):
        crowd.pay_all(seconds_between=0.5)
    for name in ("web", "worker", "beat"):
        if site.processes.get(name) is None or site.processes[name].poll() is not None:
            site.start(name)
    settle(site, crowd)


def arm(site: Site, name: str, point: str) -> "subprocess.Popen[bytes]":
    """Let the process of that name end where it comes to `point`, once."""
    site.kill(name)
    site.environment["KILL_AT"] = point
    try:
        site.start(name)
    finally:
        del site.environment["KILL_AT"]
    return site.processes[name]


def settle(site: Site, crowd: Crowd) -> None:
    crowd.wait_until_credited(seconds=CREDITED_WITHIN)
    crowd.assert_credited_once()
    assert requests.get(f"{site.base}/healthz", timeout=10).ok


def _kill_at_random(site: Site, chance: random.Random, *, kills: int) -> Iterator[None]:
    for _kill in range(kills):
        time.sleep(chance.uniform(0.5, 3))
        name = chance.choice(("web", "worker", "beat"))
        site.kill(name)
        site.start(name)
        yield
