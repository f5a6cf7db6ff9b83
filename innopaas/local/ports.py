"""Free ports on the loopback interface, the same at every start as long as nobody else took them."""

import secrets
import socket

from innopaas.local.memory import Memory
from innopaas.local.trouble import Trouble

# Below the range from which the kernel takes ports for outgoing connections.
_FIRST, _LAST = 20_000, 32_000


def is_free(port: int, *, host: str = "127.0.0.1") -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def choose(memory: Memory, name: str) -> int:
    remembered = memory.recall(f"port:{name}")
    if remembered and is_free(int(remembered)):
        return int(remembered)
    for _ in range(200):
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        if is_free(port):
            memory.remember(f"port:{name}", str(port))
            return port
    raise Trouble(f"No free port between {_FIRST} and {_LAST} was found on 127.0.0.1.")
