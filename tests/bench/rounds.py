"""Measuring: clients in processes of their own, all at once; what is compared takes turns, round after round."""

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final

from django.db import connections

SECONDS: Final = float(os.environ.get("BENCH_SECONDS", "3"))
"""How long clients are at it in one round."""
ROUNDS: Final = max(int(os.environ.get("BENCH_ROUNDS", "3")), 1)
_PATIENCE: Final = 300
_FORK: Final = multiprocessing.get_context("fork")

Act = Callable[[], object]
Client = Callable[[], Act]
"""Connects, in the process where it is called, and gives what it does there again and again."""


class Exhausted(Exception):
    """There is nothing left that an act could be done to."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """What clients did together."""

    per_second: float
    median: float
    slow: float
    """Milliseconds that one took in the middle, and that one of a hundred took longer than."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the table: what was measured in each round, and beside it what it is held against."""

    subject: str
    what: str
    unit: str
    values: Sequence[float]
    beside: str = ""
    floors: Sequence[float] = ()
    least: float | None = None
    most: float | None = None
    note: str = ""

    @property
    def ratios(self) -> list[float]:
        return [value / floor for value, floor in zip(self.values, self.floors, strict=False)]

    @property
    def judged(self) -> list[float]:
        """What the target is about: the ratio, or where there is nothing beside it the value."""
        return self.ratios or list(self.values)

    @property
    def is_met(self) -> bool:
        """Whether the middle of the rounds is what was aimed at."""
        if not self.judged:
            return False
        middle = statistics.median(self.judged)
        return (self.least is None or middle >= self.least) and (self.most is None or middle <= self.most)


def measure(clients: Sequence[Client], *, seconds: float = SECONDS) -> Rate:
    """One process a client, which begin together; the first acts of each are not counted."""
    connections.close_all()  # a child must not share the parent's
    start = _FORK.Barrier(len(clients))
    pipes, children = [], []
    for client in clients:
        ours, theirs = _FORK.Pipe(duplex=False)
        child = _FORK.Process(target=_run, args=(client, start, theirs, seconds), daemon=True)
        child.start()
        theirs.close()
        pipes.append(ours)
        children.append(child)
    answers: list[Any] = [pipe.recv() if pipe.poll(_PATIENCE) else "does not answer" for pipe in pipes]
    for child in children:
        child.join(timeout=_PATIENCE)
    if failed := [answer for answer in answers if isinstance(answer, str)]:
        raise RuntimeError(f"a client failed: {failed[0]}")
    return _add_up([took for took in answers if took])


def take_turns(*measurements: Callable[[], float]) -> list[list[float]]:
    """Each measurement's values, one a round; every second round goes backwards, so that none is always first."""
    values: list[list[float]] = [[] for _ in measurements]
    order = list(enumerate(measurements))
    for _ in range(ROUNDS):
        for place, measurement in order:
            values[place].append(measurement())
        order.reverse()
    return values


def time_of(act: Act) -> float:
    """Seconds."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def middle_of(act: Act, *, times: int) -> float:
    """The median of that many times, in milliseconds; the first two are not counted."""
    act()
    act()
    return statistics.median(time_of(act) for _ in range(times)) * 1000


def _run(
    client: Client,
    start: "multiprocessing.synchronize.Barrier",
    pipe: Connection,
    seconds: float,
) -> None:
    took: list[float] = []
    try:
        act = client()
        for _ in range(3):
            act()
        start.wait(timeout=_PATIENCE)
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            act()
            took.append(time.perf_counter() - began)
        pipe.send(took)
    except Exhausted:
        pipe.send(took)
    except Exception as error:  # noqa: BLE001  # the parent raises it
        start.abort()
        pipe.send(f"{type(error).__name__}: {error}")
    finally:
        os._exit(0)  # without the parent's tidying up


def _add_up(told: Sequence[Sequence[float]]) -> Rate:
    took = sorted(seconds for one in told for seconds in one)
    return Rate(
        per_second=sum(len(one) / sum(one) for one in told),
        median=statistics.median(took) * 1000,
        slow=took[int(len(took) * 0.99)] * 1000,
    )
