"""P4: what somebody was told is done is still done when the database's machine is lost and its standby takes over."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.prove import copies
from tests.prove.cluster import Cluster, Writers, writing
from tests.prove.copies import STANDBY, Copy
from tests.races import scaled, wait_until

WRITERS = 8
BEFORE = 50
"""Postings that are acknowledged before the primary is lost, and after its standby took over."""

Start = Callable[[Cluster, Path], Copy]


@pytest.fixture
def start() -> Iterator[Start]:
    with copies.starting() as start:
        yield start


def test_nothing_acknowledged_is_lost_when_the_standby_takes_over(
    make_cluster: Callable[..., Cluster], start: Start, tmp_path: Path
) -> None:
    primary = make_cluster()
    for time in range(scaled(1, full=10)):
        standby = follow(primary, start, tmp_path / f"standby-{time}")
        primary.set(synchronous_standby_names=STANDBY)
        copies.wait_for_standby(primary, "sync")
        with writing(primary, WRITERS) as writers:
            writers.wait_for_more(BEFORE)
            copies.kill(primary)
            standby.promote()
        assert_goes_on(standby, writers)
        primary = standby


def test_nothing_is_acknowledged_that_the_standby_has_not(
    make_cluster: Callable[..., Cluster], start: Start, tmp_path: Path
) -> None:
    primary = make_cluster()
    standby = follow(primary, start, tmp_path / "standby")
    primary.set(synchronous_standby_names=STANDBY)
    copies.wait_for_standby(primary, "sync")
    with writing(primary, WRITERS) as writers:
        writers.wait_for_more(BEFORE)
        standby.stop_listening()
        wait_until_silent(writers)
        copies.kill(primary)
        standby.promote()
    assert_goes_on(standby, writers)


def test_a_primary_that_does_not_wait_for_its_standby_is_seen_to_lose(
    make_cluster: Callable[..., Cluster], start: Start, tmp_path: Path
) -> None:
    """The proofs above would be worth nothing if they passed here too."""
    primary = make_cluster()
    standby = follow(primary, start, tmp_path / "standby")
    copies.wait_for_standby(primary, "async")
    with writing(primary, WRITERS) as writers:
        writers.wait_for_more(BEFORE)
        standby.stop_listening()
        writers.wait_for_more(BEFORE)
        copies.kill(primary)
        standby.promote()
    assert standby.find_lost(writers.acknowledged)


def follow(primary: Cluster, start: Start, home: Path) -> Copy:
    copies.back_up(primary, home, "--write-recovery-conf")
    return start(primary, home)


def wait_until_silent(writers: Writers) -> None:
    """Until nobody is told any more that something is done, for longer than anything takes."""
    heard = [-1] * 20

    def is_silent() -> bool:
        heard.append(len(writers.acknowledged))
        return len(set(heard[-20:])) == 1

    wait_until(is_silent, seconds=60)


def assert_goes_on(standby: Copy, writers: Writers) -> None:
    """What was acknowledged is there, and customers go on where the new primary is."""
    assert standby.find_lost(writers.acknowledged) == []
    standby.set(synchronous_standby_names="")
    with writing(standby, WRITERS) as others:
        others.wait_for_more(BEFORE)
    assert standby.find_lost(others.acknowledged) == []
    assert "agrees with itself" in standby.manage("audit_ledger")
