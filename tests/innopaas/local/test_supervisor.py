"""`make run` as a whole, in a copy of the project: started, killed, started again, stopped; nothing is left behind."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from innopaas.local import ports
from innopaas.local.memory import Memory

_PROJECT = Path(__file__).resolve().parents[3]
_PATIENCE = 150.0
_LOOK = """
import sys
from django.conf import settings
from billing.models import Order
print(settings.SITE_URL, Order.objects.exists())
sys.exit(7)
"""


def do_errand(site: "Site", *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "innopaas.local", "site", "--", *command],
        cwd=site.folder,
        env={"PATH": os.environ["PATH"], "HOME": str(site.folder)},
        capture_output=True,
        text=True,
        check=False,
    )


class Site:
    """One copy of the project, with a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "a copy"  # with a space, as in many people's folders
        unneeded = shutil.ignore_patterns(".venv", ".git", ".innopaas", "tests", "__pycache__", ".*_cache", "docs")
        shutil.copytree(_PROJECT, self.folder, ignore=unneeded)
        self.port = ports.choose(Memory(folder / "memory.json"), "web")
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = folder / "run.log"

    def start(self) -> subprocess.Popen[bytes]:
        # None of the settings of the test run itself: like a shell somebody has just opened.
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "PORT": str(self.port)}
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "innopaas.local", "run"],
                cwd=self.folder,
                env=env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self, run: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + _PATIENCE
        while "InnoPaaS Top-up is up." not in self.read():
            assert run.poll() is None, self.read()
            assert time.monotonic() < until, self.read()
            time.sleep(0.1)

    def read(self) -> str:
        return self.log.read_text(errors="replace")

    def processes(self) -> list[psutil.Process]:
        """Everything that works in this copy's folder or with its data, whoever started it."""
        found = []
        for process in psutil.process_iter():
            try:
                words = " ".join([process.cwd(), *process.cmdline()])
                if str(self.folder) in words and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def wait_until_empty(self) -> None:
        until = time.monotonic() + 20
        while self.processes() and time.monotonic() < until:
            time.sleep(0.1)
        assert [process.cmdline() for process in self.processes()] == []


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    for process in site.processes():
        process.kill()


def test_the_site_starts_survives_a_kill_and_leaves_no_process_behind(site: Site) -> None:
    early = do_errand(site, "python", "manage.py", "stuck")
    assert early.stderr.startswith("innopaas: The site is not up: start it with `make run`")
    first = site.start()
    site.wait(first)
    assert requests.get(f"{site.address}/healthz", timeout=10).status_code == 200

    second = subprocess.run(
        [sys.executable, "-m", "innopaas.local", "run"], cwd=site.folder, capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert second.stderr.startswith("innopaas: It is already running in ")

    errand = do_errand(site, "python", "manage.py", "shell", "-v", "0", "-c", _LOOK)
    assert (errand.returncode, errand.stdout.split()) == (7, [f"{site.address}", "True"]), errand.stderr

    first.send_signal(signal.SIGKILL)
    first.wait()
    again = site.start()  # at once, while what was left behind may still be there
    site.wait(again)

    again.send_signal(signal.SIGINT)
    assert again.wait(timeout=30) == 130
    site.wait_until_empty()
    late = do_errand(site, "python", "manage.py", "stuck")
    assert (late.returncode, late.stdout) == (1, "")
    assert late.stderr.startswith("innopaas: The site is not up")


def test_a_taken_port_is_one_sentence_and_leaves_nothing_behind(site: Site) -> None:
    with socket.create_server(("127.0.0.1", site.port)):
        run = site.start()
        assert run.wait(timeout=30) == 1
    assert site.read().strip() == (
        f"innopaas: Port {site.port} is taken by another program: "
        f"choose another, as in `make run PORT={site.port + 1}`."
    )
    site.wait_until_empty()
