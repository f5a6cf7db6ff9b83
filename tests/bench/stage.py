"""Where it is measured: a database of its own, the web server as the Dockerfile starts it; both thrown away after."""

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

from tests import databases

PROJECT = Path(__file__).resolve().parents[2]
PYTHON = PROJECT / ".innopaas" / "bench" / "bin" / "python"
"""Of the environment where django-hordak and what draws charts are installed, if they could be."""
_BIN = Path(sys.executable).parent
_PATIENCE = 60
_NOBODY = "redis://127.0.0.1:1/0"
"""Where no broker answers, and neither does Stripe."""


@contextlib.contextmanager
def open_database(kind: str = "site") -> Iterator[str]:
    """A database that is dropped afterwards; its name."""
    name = f"bench_{kind}_{secrets.token_hex(4)}"
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    try:
        yield name
    finally:
        databases.drop(name)


def _point_at(name: str) -> dict[str, str]:
    """The settings of a site in production, on that database."""
    addresses = {
        variable: f"{os.environ[variable].rpartition('/')[0]}/{name}"
        for variable in ("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_SUPERUSER_URL")
        if variable in os.environ
    }
    settings = {
        "DEBUG": "0",
        "ALLOWED_HOSTS": "127.0.0.1",
        "SITE_URL": "https://127.0.0.1",
        "TRUSTED_PROXIES": "1",
        "LOG_LEVEL": "ERROR",
        "DJANGO_SETTINGS_MODULE": "tests.bench.settings",
    }
    return {**os.environ, **addresses, **settings, "STRIPE_API_BASE": ""}


@contextlib.contextmanager
def prepare(name: str) -> Iterator[dict[str, str]]:
    """What a release does before it serves: migrations as the owner, static files in one folder. The environment."""
    with tempfile.TemporaryDirectory() as folder:
        environment = _point_at(name) | {"BENCH_STATIC": folder}
        for errand in (("migrate", "--database", "owner"), ("collectstatic", "--no-input")):
            command = [sys.executable, "manage.py", *errand, "--verbosity", "0"]
            subprocess.run(command, cwd=PROJECT, env=environment, check=True)
        yield environment


@contextlib.contextmanager
def serve(**settings: str) -> Iterator[str]:
    """The web server on this machine's own address alone, with the settings of this process and those given."""
    port = _free_port()
    command = [str(_BIN / "granian"), "--interface", "wsgi", "--no-ws", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "2", "--blocking-threads", "16", "--log-level", "warning", "innopaas.wsgi:application"]
    with tempfile.TemporaryFile() as log:
        web = subprocess.Popen(
            command, cwd=PROJECT, env=os.environ | settings, stdout=log, stderr=log, start_new_session=True
        )
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


def serve_alone() -> contextlib.AbstractContextManager[str]:
    """As `serve`, while neither broker nor Stripe can be reached."""
    return serve(REDIS_URL=_NOBODY)


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
