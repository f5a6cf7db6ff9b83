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


def test_an_address_that_is_not_this_machines_is_named() -> None:
    assert ports.explain(8000, host="192.0.2.1") == (
        "The site cannot listen on 192.0.2.1: Cannot assign requested address. Set HOST to an address of this machine."
    )
