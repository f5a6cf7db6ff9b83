"""A PgBouncer before a PostgreSQL: in transaction mode, on 127.0.0.1, for one role, with few connections."""

import os
import shutil
import signal
import time
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from innopaas.local import disguise, ports
from innopaas.local.memory import Memory
from innopaas.local.postgres import find_binaries
from innopaas.local.processes import Server, plain_environment
from innopaas.local.trouble import Trouble

_STOP_SIGNALS = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 10.0))
# Taking turns makes what a session was told meet another session at once, where by chance it would seldom.
_SETTINGS = """[databases]
* = host={host} port={database_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = {size}
server_round_robin = 1
max_client_conn = 500
server_idle_timeout = 10
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
"""


class PgBouncer:
    """`before` is the server's address, with the role and password that clients use too; `size` its connections."""

    name = "PgBouncer"

    def __init__(self, *, folder: Path, before: str, size: int) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._memory = Memory(folder / "memory.json")
        self._server = Server(name="pgbouncer", folder=folder, stop_signals=_STOP_SIGNALS)
        self._before = {name: str(value) for name, value in conninfo_to_dict(before).items()}
        self._size = size
        self.port = 0

    def start(self) -> None:
        self._server.stop_leftover()
        binary = find_binary()
        worn = disguise.choose(binaries=find_binaries(), folder=self._folder, memory=self._memory)
        for _ in range(3):
            self.port = ports.choose(self._memory, "pgbouncer")
            users = self._write("pgbouncer.users", f'"{self._before["user"]}" "{self._before["password"]}"\n')
            worn.give(users)
            with disguise.open_passage(worn, users) as names:
                settings = self._write("pgbouncer.ini", self._settings(users=names.path))
                worn.give(settings)
                with disguise.open_passage(worn, settings) as file:
                    self._server.start(
                        [*worn.prefix, str(binary), file.path],
                        env=plain_environment(),
                        user=worn.uid,
                        group=worn.gid,
                        pass_fds=(*names.descriptors, *file.descriptors),
                    )
            if self._wait():
                return
            if ports.is_free(self.port):
                break
        raise Trouble(f"PgBouncer did not start: see {self._server.log}")

    def stop(self) -> None:
        self._server.stop()
        disguise.remove_copy(self._memory)

    def url(self, *, database: str) -> str:
        return f"postgresql://{self._before['user']}:{self._before['password']}@127.0.0.1:{self.port}/{database}"

    def _settings(self, *, users: str) -> str:
        return _SETTINGS.format(
            host=self._before["host"],
            database_port=self._before.get("port", "5432"),
            port=self.port,
            users=users,
            size=self._size,
        )

    def _write(self, name: str, text: str) -> Path:
        """A file, since every user of the machine can read a command line."""
        path = self._folder / name
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(text)
        return path

    def _wait(self) -> bool:
        """False when it ended instead."""
        url = self.url(database=self._before["dbname"])
        while self._server.is_running():
            try:
                psycopg.connect(url, connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return True
        return False


def find_binary() -> Path:
    """Debian keeps it where only an administrator's PATH leads."""
    found = shutil.which("pgbouncer", path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"]))
    if found is None:
        raise Trouble("PgBouncer is not installed: `apt-get install pgbouncer` (its service is not needed).")
    return Path(found)
