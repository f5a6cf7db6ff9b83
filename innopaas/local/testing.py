"""Test servers: kept up by `serve-test`, or started for one command; each command gets its own database name."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from innopaas.local import environment
from innopaas.local.locks import Lock
from innopaas.local.pgbouncer import PgBouncer
from innopaas.local.postgres import APP
from innopaas.local.processes import obey
from innopaas.local.servers import HOME, PROJECT, Servers
from innopaas.local.trouble import Trouble

_FOLDER = HOME / "test"
_SHARED = _FOLDER / "shared"
_MOST = 16
_POOL_SIZE = 8


@dataclass(frozen=True)
class Seat:
    """One command's place on the test servers: Django's test databases begin with `test_<database>`."""

    number: int
    lock: Lock

    @property
    def database(self) -> str:
        return "innopaas" if self.number == 0 else f"innopaas_{self.number}"

    @property
    def broker(self) -> int:
        return self.number


def serve() -> int:
    """Keeps the shared test servers up until Ctrl-C or SIGTERM."""
    servers = Servers(_SHARED)
    if not servers.claim():
        raise Trouble("The test servers of this folder are already up.")
    servers.start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    print("The test servers are up; `test` and `exec` use them. Ctrl-C stops them.", flush=True)
    try:
        signal.pause()
    except KeyboardInterrupt:
        return 0
    finally:
        servers.stop()
    return 0


def run(command: Sequence[str]) -> int:
    """Runs any command with the test servers up, and hands its exit code on."""
    with environment_for_tests() as env:
        return obey(command, env=env)


def run_pytest(arguments: Sequence[str]) -> int:
    os.chdir(PROJECT)
    return run([sys.executable, "-m", "pytest", *(arguments or ("-n", "2"))])


@contextlib.contextmanager
def environment_for_tests() -> Iterator[dict[str, str]]:
    with _servers() as servers, _sit(servers.folder) as seat:
        if servers.postgres is not None:
            servers.postgres.make_database(seat.database)
        with _pool(servers, seat) as pooled:
            yield _settings(servers, seat, pooled)


@contextlib.contextmanager
def _pool(servers: Servers, seat: Seat) -> Iterator[dict[str, str]]:
    """With POOLED=1 the application's role comes through a PgBouncer, in transaction mode and with few connections."""
    if not os.environ.get("POOLED"):
        yield {}
        return
    if servers.postgres is None:
        raise Trouble("POOLED=1 puts a PgBouncer before our own PostgreSQL: unset DATABASE_URL.")
    before = servers.postgres.url(APP, database=seat.database)
    pgbouncer = PgBouncer(folder=servers.folder / f"pool-{seat.number}", before=before, size=_POOL_SIZE)
    pgbouncer.start()
    try:
        yield {"DATABASE_URL": pgbouncer.url(database=seat.database)}
    finally:
        pgbouncer.stop()


@contextlib.contextmanager
def _servers() -> Iterator[Servers]:
    """The shared ones when they are up; else ones of our own, in a folder that nobody else uses at the moment."""
    shared = Servers(_SHARED)
    if not shared.claim():
        shared.find()
        yield shared
        return
    shared.release()
    for number in range(_MOST):
        servers = Servers(_FOLDER / str(number))
        if servers.claim():
            servers.start()
            try:
                yield servers
            finally:
                servers.stop()
            return
    raise Trouble(f"{_MOST} test runs are already going on in this folder.")


@contextlib.contextmanager
def _sit(folder: Path) -> Iterator[Seat]:
    for number in range(_MOST):
        seat = Seat(number=number, lock=Lock(folder / f"seat-{number}.lock"))
        if seat.lock.take():
            try:
                yield seat
            finally:
                seat.lock.release()
            return
    raise Trouble(f"{_MOST} commands already use the test servers of this folder.")


def _settings(servers: Servers, seat: Seat, pooled: dict[str, str]) -> dict[str, str]:
    return environment.merge(
        {
            **environment.keys(servers.memory),
            **servers.addresses(database=seat.database, broker=seat.broker),
            **pooled,
            "ALLOWED_HOSTS": "127.0.0.1,localhost,[::1],testserver",
            "EMAIL_URL": "memory://",
            "MEDIA_ROOT": str(servers.folder / "media"),
        }
    )
