"""A PostgreSQL of a proof's own, that may be stopped at any moment, and customers who write into it all the time."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from innopaas.local.memory import Memory
from innopaas.local.postgres import APP, OWNER, Postgres
from tests.races import wait_until

PROJECT = Path(__file__).parents[2]
_WRITE = "from tests.prove.writers import write; write({count})"
_PATIENCE = 60


@dataclass
class Cluster:
    """The server and its database, migrated."""

    postgres: Postgres
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.postgres.start()
        self.environment = os.environ | {
            "DATABASE_URL": self.postgres.url(APP),
            "DATABASE_OWNER_URL": self.postgres.url(OWNER),
        }
        self.manage("migrate", "--database", "owner")

    def manage(self, *arguments: str) -> str:
        """Run a management command to its end and return what it printed; its failure fails the test."""
        run = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    def set(self, **values: str) -> None:
        """Change settings of the server, from now on."""
        with psycopg.connect(self.postgres.superuser_url(), autocommit=True) as connection:
            for name, value in values.items():
                connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
            connection.execute("SELECT pg_reload_conf()")

    def stop_at_once(self) -> None:
        """As `pg_ctl stop -m immediate`: nothing is written that was not yet; then start, and recover."""
        process = self.postgres._server._process
        assert process is not None
        process.send_signal(signal.SIGQUIT)
        process.wait(timeout=_PATIENCE)
        self.postgres.start()

    def kill_backend(self) -> None:
        """Of whoever is writing, as the kernel would when memory is short: the server starts all others anew."""
        with psycopg.connect(self.postgres.superuser_url(), autocommit=True) as connection:
            busy = "SELECT pid FROM pg_stat_activity WHERE usename = %s AND state <> 'idle' ORDER BY random() LIMIT 1"
            found = connection.execute(busy, [APP]).fetchone()
        if found:
            os.kill(found[0], signal.SIGKILL)
        wait_until(self._answers, seconds=_PATIENCE)

    def find_lost(self, acknowledged: list[str]) -> list[str]:
        """Which of the facts that somebody was told are done have no posting."""
        with psycopg.connect(self.postgres.superuser_url()) as connection:
            rows = connection.execute("SELECT key FROM wallet_posting WHERE key = ANY(%s)", [acknowledged]).fetchall()
        return sorted(set(acknowledged) - {key for (key,) in rows})

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.postgres.superuser_url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@dataclass
class Writers:
    """A process of many threads, each of which tells what was committed; `acknowledged` has what it told."""

    process: subprocess.Popen[str]
    acknowledged: list[str] = field(default_factory=list)

    def listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.acknowledged.append(line.strip())

    def wait_for_more(self, count: int) -> None:
        wanted = len(self.acknowledged) + count
        wait_until(lambda: len(self.acknowledged) >= wanted, seconds=_PATIENCE)


@contextmanager
def writing(cluster: Cluster, count: int) -> Iterator[Writers]:
    """Let them write for as long as the block lasts; whatever one of them did not expect fails the test."""
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", _WRITE.format(count=count)]
    process = subprocess.Popen(
        command, cwd=PROJECT, env=cluster.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    writers = Writers(process)
    ear = threading.Thread(target=writers.listen)
    ear.start()
    try:
        yield writers
    finally:
        assert process.stdin is not None
        process.stdin.close()  # tells them to end
        try:
            process.wait(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
        ear.join(timeout=_PATIENCE)
        if process.stdout is not None:
            process.stdout.close()
    assert process.returncode == 0


@contextmanager
def clusters(folder: Path) -> Iterator[Callable[..., Cluster]]:
    """Make any number of clusters, all of which end with the block; `at` is another folder for the data."""
    with ExitStack() as stack:

        def make(*, at: Path | None = None) -> Cluster:
            home = at or folder
            (home / "log").mkdir(exist_ok=True)
            postgres = Postgres(folder=home, memory=Memory(home / "memory.json"))
            stack.callback(postgres.stop)
            return Cluster(postgres)

        yield make
