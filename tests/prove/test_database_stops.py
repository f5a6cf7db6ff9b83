"""P4: what somebody was told is done is done, wherever PostgreSQL is stopped, and nothing is half done."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.prove.cluster import Cluster, Writers, writing
from tests.races import scaled

WRITERS = 8
BETWEEN = 25
"""Postings that are acknowledged between two stops."""

NOTHING_IS_WAITED_FOR = {"synchronous_commit": "off", "wal_writer_delay": "10s"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that can be filled up."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400m,mode=755", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a file system, and not everywhere")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_nothing_acknowledged_is_lost_when_postgresql_is_stopped_at_once(make_cluster: Callable[..., Cluster]) -> None:
    cluster = make_cluster()
    with writing(cluster, WRITERS) as writers:
        for _stop in range(scaled(4, full=100)):
            writers.wait_for_more(BETWEEN)
            cluster.stop_at_once()
        writers.wait_for_more(BETWEEN)
    assert_nothing_is_lost(cluster, writers)


def test_nothing_acknowledged_is_lost_when_backends_are_killed(make_cluster: Callable[..., Cluster]) -> None:
    cluster = make_cluster()
    with writing(cluster, WRITERS) as writers:
        for _kill in range(scaled(4, full=100)):
            writers.wait_for_more(BETWEEN)
            cluster.kill_backend()
        writers.wait_for_more(BETWEEN)
    assert_nothing_is_lost(cluster, writers)


def test_a_server_that_answers_before_it_has_written_is_seen_to_lose(make_cluster: Callable[..., Cluster]) -> None:
    """The proof above would be worth nothing if it passed here too."""
    cluster = make_cluster()
    cluster.set(**NOTHING_IS_WAITED_FOR)
    with writing(cluster, WRITERS) as writers:
        writers.wait_for_more(BETWEEN)
        cluster.stop_at_once()
        acknowledged = list(writers.acknowledged)
    assert cluster.find_lost(acknowledged)


def test_nothing_acknowledged_is_lost_when_the_disk_is_full(
    make_cluster: Callable[..., Cluster], small_disk: Path
) -> None:
    cluster = make_cluster(at=small_disk)
    with writing(cluster, WRITERS) as writers:
        for _time in range(scaled(1, full=5)):
            writers.wait_for_more(BETWEEN)
            filler = fill(small_disk)
            wait_for_refusal(cluster)
            filler.unlink()
            cluster.postgres.stop()
            cluster.postgres.start()
        writers.wait_for_more(BETWEEN)
    assert_nothing_is_lost(cluster, writers)


def fill(folder: Path) -> Path:
    """Take all that is left of the disk."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65536))
        except OSError:
            return path


def wait_for_refusal(cluster: Cluster) -> None:
    """Write until the server cannot any more; it may end itself over that."""
    with pytest.raises(psycopg.Error):
        write_much(cluster)


def write_much(cluster: Cluster) -> None:
    rows = "INSERT INTO filler SELECT repeat(md5(random()::text), 40) FROM generate_series(1, 500)"
    with psycopg.connect(cluster.postgres.superuser_url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS filler (bytes text)")
        for _time in range(2000):
            connection.execute(rows)


def assert_nothing_is_lost(cluster: Cluster, writers: Writers) -> None:
    assert cluster.find_lost(writers.acknowledged) == []
    assert len(set(writers.acknowledged)) == len(writers.acknowledged)
    assert "agrees with itself" in cluster.manage("audit_ledger")
