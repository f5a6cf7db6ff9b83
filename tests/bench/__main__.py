"""How fast money is spent, on a database of its own and the real web server; prints a table and stops.

Run by `python -m innopaas.local exec -- python -m tests.bench` (`make bench`). BENCH_SECONDS is how long each line of
the table is measured. It proves nothing and fails for no number: rates belong to the machine they were taken on.
"""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psycopg
from psycopg.sql import SQL, Identifier

_PROJECT = Path(__file__).resolve().parents[2]
_BIN = Path(sys.executable).parent
_PATIENCE = 60


def main() -> int:
    with _database() as environment, _web(environment) as base:
        told = "from tests.bench import rates; rates.tell()"
        command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", told]
        return subprocess.run(command, cwd=_PROJECT, env=environment | {"BENCH_BASE": base}, check=False).returncode


@contextlib.contextmanager
def _database() -> Iterator[dict[str, str]]:
    """Settings of a site in production, on a migrated database that is dropped afterwards."""
    name = f"bench_{secrets.token_hex(4)}"
    owner = os.environ["DATABASE_OWNER_URL"]
    environment = os.environ | {
        "DATABASE_URL": f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}",
        "DATABASE_OWNER_URL": f"{owner.rpartition('/')[0]}/{name}",
        "DEBUG": "0",
        "ALLOWED_HOSTS": "127.0.0.1",
        "SITE_URL": "https://127.0.0.1",
        "TRUSTED_PROXIES": "1",
        "LOG_LEVEL": "WARNING",
    }
    environment.pop("STRIPE_API_BASE", None)
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    try:
        migrate = [sys.executable, "manage.py", "migrate", "--database", "owner", "--verbosity", "0"]
        subprocess.run(migrate, cwd=_PROJECT, env=environment, check=True)
        yield environment
    finally:
        with psycopg.connect(owner, autocommit=True) as connection:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@contextlib.contextmanager
def _web(environment: dict[str, str]) -> Iterator[str]:
    """The web server as the Dockerfile starts it, on this machine's own address alone."""
    port = _free_port()
    command = [str(_BIN / "granian"), "--interface", "wsgi", "--no-ws", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "2", "--blocking-threads", "16", "--log-level", "warning", "innopaas.wsgi:application"]
    with tempfile.TemporaryFile() as log:
        web = subprocess.Popen(command, cwd=_PROJECT, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            base = f"http://127.0.0.1:{port}"
            _wait_for(f"{base}/healthz", web)
            yield base
        except RuntimeError:
            log.seek(0)
            sys.stderr.write(log.read().decode(errors="replace"))
            raise
        finally:
            os.killpg(web.pid, signal.SIGTERM)
            web.wait(timeout=_PATIENCE)


def _wait_for(address: str, web: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while web.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(URLError, ConnectionError), urlopen(address, timeout=5):  # noqa: S310  # our own
            return
        time.sleep(0.1)
    raise RuntimeError("the web server does not answer")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
