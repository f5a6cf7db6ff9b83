"""Many at once: threads that start together, each with a database connection of its own; and how large a proof is."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections

_PATIENCE = 60


def scaled(size: int, *, full: int | None = None) -> int:
    """The size of a proof: as given for `make test`, multiplied by PROVE_SCALE, `full` at the most."""
    wanted = max(1, int(size * float(os.environ.get("PROVE_SCALE", "1"))))
    return wanted if full is None else min(wanted, max(full, size))


def run_at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each call returned, or the exception it raised, in the order of the calls."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            start.wait(timeout=_PATIENCE)
            return call()
        except Exception as error:  # noqa: BLE001  # the outcome of a racer is what the test looks at
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        return list(pool.map(run, calls))


def raise_failures(outcomes: Sequence[Any]) -> None:
    """Fail the test with the first exception among the outcomes."""
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


def wait_until(done: Callable[[], bool], *, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(0.05)
