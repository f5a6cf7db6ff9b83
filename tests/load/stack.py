"""The whole site as in production, on ports and a data folder of its own: what it runs, and how it is stopped."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from innopaas.local import environment, leftovers, ports
from innopaas.local.servers import HOME, PROJECT, Servers
from innopaas.local.trouble import Trouble
from payments.standin.client import StandIn
from tests.browser.site import Site

FOLDER: Final = HOME / "load-site"
STEP_UP_MINUTES: Final = 3
"""Shorter than in production, so that staff meet the page that asks for their second factor again."""

_BIN: Final = Path(sys.executable).parent
_DATABASE: Final = "load"


@dataclass
class Stack(Site):
    """As the Dockerfile and docker-compose.yml start it: two web processes of 16 threads, a worker of 8, beat."""

    superuser_url: str = ""

    def settle_static_files(self) -> None:
        self.manage("collectstatic", "--no-input", "--verbosity", "0")

    def manage_by_hand(self, *arguments: str, seconds: float = 900) -> str:
        """As `manage`, with DEBUG: the demo is for that only."""
        given = {"DEBUG": "1", "DJANGO_SETTINGS_MODULE": "innopaas.settings", "STRIPE_API_BASE": self.stand_in.base}
        strict, self.environment = self.environment, self.environment | given
        try:
            return self.manage(*arguments, seconds=seconds)
        finally:
            self.environment = strict

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        """Look as a superuser, who sees everybody's sessions."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            return connection.execute(statement.encode()).fetchall()

    def pid_of(self, server: str) -> int:
        """Of a server that innopaas.local keeps."""
        return int(json.loads((self.folder / f"{server}.pid.json").read_text())["pid"])

    def _command(self, name: str) -> list[str]:
        celery = [str(_BIN / "celery"), "-A", "innopaas", "--quiet"]
        granian = [str(_BIN / "granian"), "--interface", "wsgi", "--no-ws", "--host", "127.0.0.1"]
        return {
            "web": [
                *(*granian, "--port", self.base.rpartition(":")[2], "--workers", "2", "--blocking-threads", "16"),
                *("--respawn-failed-workers", "tests.load.proxy:application"),
            ],
            "worker": [
                *(*celery, "worker", "--pool", "threads", "--concurrency", "8", "--without-gossip"),
                *("--without-mingle", "--loglevel", "INFO"),
            ],
            "beat": [*celery, "beat", "--schedule", str(self.folder / "beat"), "--pidfile=", "--loglevel", "INFO"],
        }[name]


@contextlib.contextmanager
def running() -> Iterator[Stack]:
    """A migrated site with the demo in it, nothing of it started yet; its logs stay until the next one."""
    servers = Servers(FOLDER)
    if servers.postgres is None or servers.valkey is None or not servers.claim():
        raise Trouble("A load of this folder runs already, or DATABASE_URL or REDIS_URL is set: it needs its own.")
    leftovers.end(FOLDER)
    _clear()
    servers.start()
    try:
        servers.postgres.make_database(_DATABASE)
        with contextlib.closing(_assemble(servers)) as stack:
            stack.manage("migrate", "--database", "owner", "--verbosity", "0")
            stack.settle_static_files()
            stack.manage_by_hand("demo", "--brief")
            yield stack
    finally:
        servers.stop()


def _clear() -> None:
    """Begin with nothing, but for the lock that is held and what tells of servers that a killed run left."""
    for path in FOLDER.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in {"lock", "memory.json"} and not path.name.endswith(".pid.json"):
            path.unlink()


def _assemble(servers: Servers) -> Stack:
    assert servers.postgres is not None
    assert servers.valkey is not None
    folder, port = servers.folder, ports.choose(servers.memory, "web")
    base = f"http://127.0.0.1:{port}"
    keys = environment.keys(servers.memory)
    data = str(folder / "stripe.sqlite3")
    stand_in = StandIn.start(
        webhook_url=f"{base}/payments/stripe/webhook/",
        webhook_secret=keys["STRIPE_WEBHOOK_SECRETS"],
        data=data,
        options=("--payment-methods", "card"),
    )
    (folder / "prometheus").mkdir()
    made = {
        **keys,
        leftovers.MARK: str(folder),
        **servers.addresses(database=_DATABASE, broker=0),
        "DEBUG": "0",
        "DJANGO_SETTINGS_MODULE": "tests.load.settings",
        "LOAD_STAND_IN": stand_in.base,
        "LOAD_STATIC": str(folder / "static"),
        "SITE_URL": f"https://127.0.0.1:{port}",
        "ALLOWED_HOSTS": "127.0.0.1",
        "TRUSTED_PROXIES": "1",
        "EMAIL_URL": f"file:///{folder / 'mails'}",
        "MEDIA_ROOT": str(folder / "media"),
        "PROMETHEUS_MULTIPROC_DIR": str(folder / "prometheus"),
        "STAFF_STEP_UP_MINUTES": str(STEP_UP_MINUTES),
    }
    return Stack(
        folder=folder,
        base=base,
        environment=_without(environment.merge({}), "STRIPE_API_BASE") | made,
        valkey=servers.valkey,
        stand_in=stand_in,
        superuser_url=servers.postgres.superuser_url(database=_DATABASE),
    )


def _without(settings: Mapping[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in settings.items() if key != name}


def machine() -> str:
    """What the numbers belong to."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text("utf-8").splitlines() if told.exists() else []
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown processor")
    return f"{os.cpu_count()} × {model}"


def commit() -> str:
    told = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    return told.stdout.strip() or "unknown"
