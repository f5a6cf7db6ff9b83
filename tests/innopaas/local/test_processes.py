"""Servers of a killed start are found and ended, strangers never."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from innopaas.local import leftovers
from innopaas.local.processes import Server

_STOP = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))
_PARENT = """
import signal, sys, time
from pathlib import Path
from innopaas.local.processes import Server
server = Server(name="sleep", folder=Path(sys.argv[1]), stop_signals=((signal.SIGTERM, 5.0),))
server.start(["sleep", "600"], env={"PATH": "/usr/bin:/bin"})
print("started", flush=True)
time.sleep(600)
"""


def _server(folder: Path) -> Server:
    return Server(name="sleep", folder=folder, stop_signals=_STOP)


def _is_gone(process: psutil.Process) -> bool:
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


@contextmanager
def _sleeper(**environment: str) -> Iterator[psutil.Process]:
    with subprocess.Popen(["sleep", "600"], env={**os.environ, **environment}) as child:
        try:
            yield psutil.Process(child.pid)
        finally:
            child.kill()


def _write_record(place: Path, process: psutil.Process, **other: object) -> None:
    record = {"pid": process.pid, "began": process.create_time(), "folder": str(place), **other}
    (place / "sleep.pid.json").write_text(json.dumps(record))


def test_a_server_is_stopped(tmp_path: Path) -> None:
    server = _server(tmp_path)
    server.start(["sleep", "600"], env={})
    assert server.is_running()
    server.stop()
    assert not server.is_running()
    assert not (tmp_path / "sleep.pid.json").exists()


def test_a_server_left_by_a_killed_start_is_ended_by_the_next(tmp_path: Path) -> None:
    with _sleeper() as leftover:
        _write_record(tmp_path, leftover)
        _server(tmp_path).stop_leftover()
        assert _is_gone(leftover)


def test_a_stranger_that_got_the_pid_of_a_server_is_left_alone(tmp_path: Path) -> None:
    with _sleeper() as stranger:
        _write_record(tmp_path, stranger, began=stranger.create_time() - 3600)
        _server(tmp_path).stop_leftover()
        assert not _is_gone(stranger)


def test_the_servers_of_the_original_are_left_alone_by_a_copied_folder(tmp_path: Path) -> None:
    with _sleeper() as original:
        _write_record(tmp_path, original, folder="/another/folder")
        _server(tmp_path).stop_leftover()
        assert not _is_gone(original)


def test_a_broken_record_stops_nobody_and_nothing(tmp_path: Path) -> None:
    (tmp_path / "sleep.pid.json").write_text("{")
    _server(tmp_path).stop_leftover()
    assert not (tmp_path / "sleep.pid.json").exists()


def test_only_processes_with_this_folders_mark_are_ended(tmp_path: Path) -> None:
    with _sleeper(INNOPAAS_HOME=str(tmp_path)) as ours, _sleeper(INNOPAAS_HOME="/another/folder") as theirs:
        leftovers.end(tmp_path)
        assert _is_gone(ours)
        assert theirs.is_running()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_server_ends_by_itself_when_its_supervisor_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _PARENT, str(tmp_path)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"started\n"
        server = psutil.Process(parent.pid).children()[0]
        parent.kill()
        parent.wait()
    assert _is_gone(server)
