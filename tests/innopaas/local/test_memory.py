"""What a stand remembers."""

from pathlib import Path

from innopaas.local.memory import Memory


def test_a_secret_is_the_same_at_the_next_start(tmp_path: Path) -> None:
    first = Memory(tmp_path / "memory.json").secret("valkey")
    assert Memory(tmp_path / "memory.json").secret("valkey") == first
    assert len(first) == 64


def test_only_the_owner_reads_what_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / "memory.json"
    Memory(path).secret("valkey")
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_stands_never_share_a_secret(tmp_path: Path) -> None:
    assert Memory(tmp_path / "a").secret("valkey") != Memory(tmp_path / "b").secret("valkey")
