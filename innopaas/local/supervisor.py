"""`make run`: servers, migrations, the demo, then the Procfile's processes, until Ctrl-C; nothing is left behind."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType

from innopaas.local import environment, errands, leftovers, ports, site
from innopaas.local.processes import die_with_parent
from innopaas.local.servers import HOME, PROJECT, Servers
from innopaas.local.trouble import Trouble

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PATIENCE = 60.0
_HONCHO_PATIENCE = 10.0  # after 5 seconds it kills what has not ended


class Stopped(BaseException):
    """A signal asked us to end; no Exception, so that nothing on the way swallows it."""

    def __init__(self, number: int) -> None:
        self.number = number


def run() -> int:
    host, port = environment.read_host(), environment.read_port()
    servers = Servers(HOME)
    if not servers.claim():
        raise Trouble(f"It is already running in {PROJECT}: stop that one first (Ctrl-C there).")
    for number in _ENDINGS:
        signal.signal(number, _stop)
    try:
        leftovers.end(HOME)
        errands.close(servers)
        if reason := ports.explain(port, host=host):
            raise Trouble(reason)
        _say("starting PostgreSQL and Valkey")
        servers.start()
        return _serve(servers, site.settings(servers, host=host, port=port))
    except Stopped as stopped:
        return 128 + stopped.number
    finally:
        for number in _ENDINGS:  # a second Ctrl-C must not break off the tidying up
            signal.signal(number, signal.SIG_IGN)
        leftovers.end(HOME)
        servers.stop()


def _serve(servers: Servers, settings: Mapping[str, str]) -> int:
    with _started("stripe", settings=settings) as stand_in:  # first, because it gets ready meanwhile
        _say("preparing the database")
        _manage("migrate", "--database", "owner", "--no-input", settings=settings)
        _say("filling the demo")
        _wait_for(site.stand_in_url(settings), process=stand_in, see=str(_log("stripe-first")))
        _manage("demo", settings=settings)
    _say("starting the site")
    with _started(settings=settings) as everything:
        _wait_for(f"{settings['SITE_URL']}/healthz", process=everything, see="the lines above")
        errands.admit(servers, settings)
        print(site.welcome(settings), flush=True)
        while everything.poll() is None:
            servers.revive()
            time.sleep(0.5)
        raise Trouble("One of the processes ended, so the others were stopped: its last lines above say why.")


@contextlib.contextmanager
def _started(*names: str, settings: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """The Procfile's processes under honcho, to the terminal; or only the named ones, to a log."""
    command = [sys.executable, "-m", "honcho", "--env", os.devnull, "start", *names]
    with _log("stripe-first").open("wb") if names else contextlib.nullcontext() as log:
        honcho = subprocess.Popen(
            command,
            env=dict(settings),
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 -- no threads run here
        )
    try:
        yield honcho
    finally:
        honcho.terminate()
        try:
            honcho.wait(timeout=_HONCHO_PATIENCE)
        except subprocess.TimeoutExpired:  # it hangs when the terminal it prints to is gone
            honcho.kill()
            honcho.wait()


def _log(name: str) -> Path:
    path = HOME / "log" / f"{name}.log"
    path.parent.mkdir(exist_ok=True)
    return path


def _manage(*arguments: str, settings: Mapping[str, str]) -> None:
    path = _log(arguments[0])
    with path.open("wb") as log:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            env=dict(settings),
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        lines = path.read_text(errors="replace").splitlines() or ["it said nothing"]
        raise Trouble(f"`manage.py {' '.join(arguments)}` failed: {lines[-1]} (all of it: {path})")


def _wait_for(url: str, *, process: subprocess.Popen[bytes], see: str) -> None:
    """Any answer will do, also a 404: it is there."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 -- our own loopback address
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise Trouble(f"Nothing answers at {url}; why: see {see}.")


def _stop(number: int, _frame: FrameType | None) -> None:
    raise Stopped(number)


def _say(what: str) -> None:
    print(f"innopaas: {what} …", flush=True)
