"""A clock that is wrong stops what it has to stop, and costs nobody money: the others go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.browser.site import Site, wait_until
from tests.prove.customers import gather

CREDITED_WITHIN = 180.0
_WRONG = "this process's clock is"
_LIBRARIES = sorted(Path("/usr").glob("lib/*/faketime/libfaketimeMT.so.1"))

pytestmark = pytest.mark.skipif(not _LIBRARIES, reason="libfaketime is not installed (Debian's package of that name)")


@pytest.mark.parametrize("shift", ["+10m", "-10m"])
def test_web_with_a_wrong_clock_refuses_stripes_signature_and_the_sweep_asks(
    site: Site, books: None, shift: str
) -> None:
    crowd = gather(site, 5)
    with _shifted(site, "web", shift):
        crowd.pay_all()
        crowd.wait_until_credited(seconds=CREDITED_WITHIN)
        assert 400 in {attempt["status"] for attempt in site.stand_in.deliveries()}
    crowd.assert_credited_once()


@pytest.mark.parametrize("shift", ["+3d", "-3d"])
def test_worker_with_a_wrong_clock_does_nothing_and_says_so(site: Site, books: None, shift: str) -> None:
    crowd = gather(site, 5)
    log = site.folder / "worker.log"
    said = log.read_text().count(_WRONG)
    with _shifted(site, "worker", shift):
        crowd.pay_all()
        site.stand_in.wait_for_deliveries(seconds=60)
        wait_until(lambda: log.read_text().count(_WRONG) >= said + 3, "the worker to refuse", seconds=60)
        assert crowd.count_credited() == 0
    crowd.wait_until_credited(seconds=CREDITED_WITHIN)
    crowd.assert_credited_once()


@contextmanager
def _shifted(site: Site, name: str, shift: str) -> Iterator[None]:
    wrong = {"LD_PRELOAD": str(_LIBRARIES[0]), "FAKETIME": shift, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    site.kill(name)
    before = dict(site.environment)
    site.environment.update(wrong)
    site.start(name)
    site.environment.clear()
    site.environment.update(before)
    try:
        yield
    finally:
        site.kill(name)
        site.start(name)
