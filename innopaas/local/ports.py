"""Free ports on the loopback interface, the same at every start as long as nobody else took them."""

import errno
import secrets
import socket

from innopaas.local.memory import Memory
from innopaas.local.trouble import Trouble

# Below the range from which the kernel takes ports for outgoing connections.
_FIRST, _LAST = 20_000, 32_000


def is_free(port: int) -> bool:
    return explain(port, host="127.0.0.1") is None


def explain(port: int, *, host: str) -> str | None:
    """Why the site cannot listen there, in one sentence that says what to do; None when it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            return f"Port {port} is for the administrator only: choose one from 1024 on, as in `make run PORT=8000`."
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"Port {port} is taken by another program: choose another, as in `make run PORT={port + 1}`."
            return f"The site cannot listen on {host}: {error.strerror}. Set HOST to an address of this machine."
    return None


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
