"""The whole site, and clusters of their own, for proofs that kill what others need: they run with `make prove` only."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.site import Site, running
from tests.prove.cluster import Cluster, clusters


@pytest.fixture(scope="session")
def _at_full_size() -> None:
    if "PROVE_SCALE" not in os.environ:
        pytest.skip("takes minutes and stops servers: `make prove` runs it (or PROVE_SCALE=1 with these tests alone)")


@pytest.fixture(scope="session")
def site(_at_full_size: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Web, worker and beat as processes, with a database, a broker and a Stripe of their own."""
    with running(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest.fixture
def books(site: Site) -> Iterator[None]:
    """Whatever a story did to the site, the audit finds nothing; what an earlier one left dead is started."""
    if not site.valkey.is_running():
        site.valkey.start()
    for name in ("web", "worker", "beat"):
        if name not in site.processes or site.processes[name].poll() is not None:
            site.start(name)
    site.stand_in.reset()
    yield
    assert "agrees with itself" in site.manage("audit_ledger")


@pytest.fixture
def make_cluster(_at_full_size: None, tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    with clusters(tmp_path) as make:
        yield make
