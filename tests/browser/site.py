"""The whole site as it runs: its processes, each of which a story may stop, kill and start again."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import requests

from innopaas.local.memory import Memory
from innopaas.local.valkey import Valkey
from payments.standin.client import StandIn
from tests import databases

_PATIENCE = 40
PROJECT = Path(__file__).resolve().parents[2]
_BIN = Path(sys.executable).parent


@dataclass
class Site:
    """A site on a database of its own, with its own broker, stand-in, web, worker and beat."""

    folder: Path
    base: str
    environment: dict[str, str]
    valkey: Valkey
    stand_in: StandIn
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                self._command(name), cwd=PROJECT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        if name == "web":
            wait_until(self._answers, "the site to answer")

    def stop(self, name: str) -> None:
        self._end(name, signal.SIGTERM)

    def kill(self, name: str) -> None:
        """End it with all its children as a power cut would."""
        self._end(name, signal.SIGKILL)

    def manage(self, *arguments: str, seconds: float = 300) -> str:
        """Run a management command to its end and return what it printed; its failure fails the test."""
        run = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    def query(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Look into the database as the application's role."""
        with psycopg.connect(self.environment["DATABASE_URL"]) as connection:
            return connection.execute(statement, arguments).fetchall()

    def change(self, statement: str, *arguments: Any) -> None:
        """Change what no page changes, a deadline for instance, as the database's owner."""
        with psycopg.connect(self.environment["DATABASE_OWNER_URL"]) as connection:
            connection.execute(statement, arguments)

    def mails(self) -> str:
        """All mails sent so far."""
        return "".join(path.read_text() for path in sorted((self.folder / "mails").glob("*")))

    @property
    def receiver_url(self) -> str:
        """Where a story may listen for callbacks: the one private address that this site calls."""
        return f"http://{self.environment['CALLBACK_ALLOWED_HOSTS']}/callbacks"

    def close(self) -> None:
        for name in list(self.processes):
            with contextlib.suppress(ProcessLookupError):
                self.kill(name)
        self.stand_in.stop()
        self.valkey.stop()

    def _answers(self) -> bool:
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(f"{self.base}/healthz", timeout=5).ok
        return False

    def _command(self, name: str) -> list[str]:
        port = self.base.rpartition(":")[2]
        celery = [str(_BIN / "celery"), "-A", "innopaas", "--quiet"]
        return {
            "web": [
                *(str(_BIN / "granian"), "--interface", "wsgi", "--host", "127.0.0.1", "--port", port),
                *("--blocking-threads", "8", "innopaas.wsgi:application"),
            ],
            "worker": [
                *celery,
                "worker",
                "--pool",
                "threads",
                "--concurrency",
                "2",
                "--without-gossip",
                "--without-mingle",
            ],
            "beat": [*celery, "beat", "--schedule", str(self.folder / "beat"), "--pidfile="],
        }[name]

    def _end(self, name: str, number: signal.Signals) -> None:
        process = self.processes.pop(name)
        os.killpg(process.pid, number)
        process.wait(timeout=_PATIENCE)


@contextlib.contextmanager
def running(folder: Path, *, demo: tuple[str, ...] = ("--brief",)) -> Iterator[Site]:
    """A site with the demo in it, for as long as the block lasts; `demo` are the options of its command."""
    database = f"browser_{secrets.token_hex(4)}"
    databases.copy(database)
    try:
        with contextlib.closing(_assemble(folder, database)) as site:
            site.manage("demo", *demo)
            for name in ("web", "worker", "beat"):
                site.start(name)
            yield site
    finally:
        databases.drop(database)


def wait_until(done: Callable[[], bool], what: str, *, seconds: float = _PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.1)


def _assemble(folder: Path, database: str) -> Site:
    base = f"http://127.0.0.1:{_free_port()}"
    valkey = Valkey(folder=folder, memory=Memory(folder / "memory.json"))
    valkey.start()
    secret = os.environ["STRIPE_WEBHOOK_SECRETS"].partition(",")[0]
    stand_in = StandIn.start(
        webhook_url=f"{base}/payments/stripe/webhook/",
        options=("--webhook-secret", secret, "--payment-methods", "card"),
    )
    environment = os.environ | {
        "DATABASE_URL": databases.address(os.environ["DATABASE_URL"], database),
        "DATABASE_OWNER_URL": databases.address(os.environ["DATABASE_OWNER_URL"], database),
        "REDIS_URL": valkey.url(),
        "STRIPE_API_BASE": stand_in.base,
        "SITE_URL": base,
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "EMAIL_URL": f"file:///{folder / 'mails'}",
        "MEDIA_ROOT": str(folder / "media"),
        "CALLBACK_ALLOWED_HOSTS": f"127.0.0.1:{_free_port()}",
        "DEMO_PASSWORD": "innopaas-demo",
        "DEBUG": "1",
    }
    return Site(folder=folder, base=base, environment=environment, valkey=valkey, stand_in=stand_in)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
