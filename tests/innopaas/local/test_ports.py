"""Ports stay the same as long as nobody else takes them."""

import socket
from pathlib import Path

from innopaas.local import ports
from innopaas.local.memory import Memory


def test_a_port_is_the_same_at_the_next_start(tmp_path: Path) -> None:
    first = ports.choose(Memory(tmp_path / "memory.json"), "postgres")
    assert ports.choose(Memory(tmp_path / "memory.json"), "postgres") == first


def test_a_port_taken_meanwhile_is_replaced(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.json")
    first = ports.choose(memory, "postgres")
    with socket.create_server(("127.0.0.1", first)):
        assert not ports.is_free(first)
        second = ports.choose(memory, "postgres")
    assert second != first
    assert ports.choose(memory, "postgres") == second
