"""Processes of an earlier run that was killed, told by a mark in their environment that all their children inherit."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import psutil

MARK = "INNOPAAS_HOME"
_PATIENCE = 6.0


def end(folder: Path) -> None:
    """Call only while holding the folder's lock: whatever still bears its mark then has no supervisor any more."""
    found = list(_find(folder))
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(found, timeout=_PATIENCE)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=_PATIENCE)


def _find(folder: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == str(folder):
                yield process
