"""Many at once: threads that start together, each with a database connection of its own; and how large a proof is."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections

_PATIENCE = 60


def scaled(size: int, *, full: int) -> int:
    """The size of a proof: `size` for `make test`, `full` for `make prove`.

    PROVE_SCALE is "full", or a number that multiplies, up to `full`.
    """
    scale = os.environ.get("PROVE_SCALE", "1")
    return full if scale == "full" else max(1, min(int(size * float(scale)), max(full, size)))


def rounds(size: int, *, full: int) -> range:
    """The numbers of a proof's rounds, one test each; PROVE_SLICE ("3/40") is the part of them that is run now."""
    count = scaled(size, full=full)
    number, parts = (int(word) for word in os.environ.get("PROVE_SLICE", "1/1").split("/"))
    return range(count * (number - 1) // parts, count * number // parts)


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
