"""Copies of a running PostgreSQL: a base backup, and a standby that follows and may take over."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from innopaas.local.memory import Memory
from innopaas.local.postgres import APP, OWNER, Postgres, find_binaries
from tests.prove.cluster import Cluster
from tests.races import wait_until

STANDBY = "standby"
_PATIENCE = 60
_FOLLOWING = "SELECT sync_state FROM pg_stat_replication WHERE application_name = %s AND state = 'streaming'"


class _Copied(Postgres):
    def _make_roles(self) -> None:
        """They came with the copy, and a standby could make none."""


@dataclass
class Copy(Cluster):
    """A server begun from a base backup of another one's, with the same roles and passwords."""

    def __post_init__(self) -> None:
        self.postgres.start()
        self.environment = os.environ | {
            "DATABASE_URL": self.postgres.url(APP),
            "DATABASE_OWNER_URL": self.postgres.url(OWNER),
        }

    def promote(self) -> None:
        """As `pg_ctl promote`: from standby to primary, when all that was received is replayed."""
        with psycopg.connect(self.postgres.superuser_url(), autocommit=True) as connection:
            assert connection.execute("SELECT pg_promote(wait => true)").fetchone() == (True,)

    def stop_listening(self) -> None:
        """The standby receives nothing more, as if the network between the two had gone."""
        with psycopg.connect(self.postgres.superuser_url(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET primary_conninfo = ''")
            connection.execute("SELECT pg_reload_conf()")
        wait_until(self._hears_nothing, seconds=_PATIENCE)

    def _hears_nothing(self) -> bool:
        with psycopg.connect(self.postgres.superuser_url()) as connection:
            return connection.execute("SELECT FROM pg_stat_wal_receiver").fetchone() is None


def back_up(cluster: Cluster, home: Path, *options: str) -> Path:
    """A base backup under `home`, as docs/scale.md says; the password goes by the environment."""
    home.mkdir(exist_ok=True)
    (home / "log").mkdir(exist_ok=True)
    superuser = cluster.postgres.superuser_url()
    address = make_conninfo(superuser, application_name=STANDBY, password=None)
    data = home / "postgres"
    _call(
        "pg_basebackup",
        f"--pgdata={data}",
        f"--dbname={address}",
        "--checkpoint=fast",
        *options,
        password=conninfo_to_dict(superuser)["password"],
    )
    _call("pg_verifybackup", str(data))
    return data


@contextmanager
def starting() -> Iterator[Callable[[Cluster, Path], Copy]]:
    """Start what was backed up from a cluster into a home; all of them end with the block."""
    with ExitStack() as stack:

        def start(original: Cluster, home: Path) -> Copy:
            memory = Memory(home / "memory.json")
            for name, value in json.loads((original.postgres._folder / "memory.json").read_text()).items():
                if not name.startswith("port:") and name != "copy":
                    memory.remember(name, value)
            postgres = _Copied(folder=home, memory=memory)
            stack.callback(postgres.stop)
            return Copy(postgres)

        yield start


def wait_for_standby(cluster: Cluster, state: str) -> None:
    """Until the primary calls its standby `sync`, or `async`."""

    def follows() -> bool:
        with psycopg.connect(cluster.postgres.superuser_url()) as connection:
            return connection.execute(_FOLLOWING, [STANDBY]).fetchone() == (state,)

    wait_until(follows, seconds=_PATIENCE)


def kill(cluster: Cluster) -> None:
    """All of the server at once, as when its machine loses its power."""
    process = cluster.postgres._server._process
    assert process is not None
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for member in family:
        member.kill()
    process.wait(timeout=_PATIENCE)


def _call(tool: str, *arguments: str, password: str | int | None = None) -> None:
    done = subprocess.run(
        [str(find_binaries() / "bin" / tool), *arguments],
        env=os.environ | {"PGPASSWORD": str(password or "")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
