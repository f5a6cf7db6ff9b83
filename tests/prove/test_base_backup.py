"""P22: a base backup taken while money moves is started as a server of its own, with the same money, and goes on."""

from collections.abc import Callable
from pathlib import Path

from tests.prove import copies
from tests.prove.cluster import Cluster, writing
from tests.races import scaled

WRITERS = 8
BEFORE = 100


def test_a_base_backup_under_load_is_the_same_money(make_cluster: Callable[..., Cluster], tmp_path: Path) -> None:
    cluster = make_cluster()
    with writing(cluster, WRITERS) as writers, copies.starting() as start:
        for time in range(scaled(1, full=5)):
            writers.wait_for_more(BEFORE)
            before = list(writers.acknowledged)
            home = tmp_path / f"backup-{time}"
            copies.back_up(cluster, home)
            assert len(writers.acknowledged) > len(before), "nobody paid while it was copied"
            restored = start(cluster, home)
            assert restored.find_lost(before) == []
            assert "agrees with itself" in restored.manage("audit_ledger")
            with writing(restored, WRITERS) as others:
                others.wait_for_more(BEFORE)
            assert restored.find_lost(others.acknowledged) == []
            assert "agrees with itself" in restored.manage("audit_ledger")
            restored.postgres.stop()
    assert cluster.find_lost(writers.acknowledged) == []
