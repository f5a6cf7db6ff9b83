"""Looks at the site every few seconds: memory and open files of each process, connections, and what waits."""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import psutil
import redis

from tests.load.stack import Stack

EVERY: Final = 5.0
MEGABYTE: Final = 1024 * 1024
QUEUES: Final = {
    "inbox": ("payments_inboxevent", "received_at", "handled_at IS NULL"),
    "mails of orders": ("billing_ordermail", "claimed_at", "sent_at IS NULL"),
    "mails of notices": ("billing_noticemail", "claimed_at", "sent_at IS NULL"),
    "callbacks": ("billing_callback", "next_at", "next_at <= now()"),
    "receipts": (
        "billing_order o LEFT JOIN billing_document d ON d.order_id = o.id AND d.kind = 'RECEIPT'",
        "o.paid_at",
        "o.paid_at IS NOT NULL AND d.id IS NULL",
    ),
}
"""What waits to be done: a table, since when, and which rows."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """How many, and how many seconds the oldest of them has waited."""

    count: int
    oldest: float


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Memory in bytes by role: a share of what is shared (PSS), for PostgreSQL what is its own (USS) in all."""

    at: float
    memory: Mapping[str, int]
    pids: Mapping[str, int]
    files: Mapping[str, int]
    connections: int
    tasks: int
    waiting: Mapping[str, Waiting]


@dataclass
class Sampler:
    """Samples in a thread of its own from `start` to `stop`."""

    stack: Stack
    samples: list[Sample] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(timeout=60)

    def look(self) -> Sample:
        roles = dict(self._find_processes())
        measured = {name: measure(name, process) for name, process in roles.items()}
        return Sample(
            at=time.monotonic(),
            memory={name: memory for name, (memory, _files) in measured.items()},
            pids={name: process.pid for name, process in roles.items()},
            files={name: files for name, (_memory, files) in measured.items()},
            connections=_whole(self.stack.ask("SELECT count(*) FROM pg_stat_activity WHERE datname = 'load'")[0][0]),
            tasks=self._count_tasks(),
            waiting=dict(self.find_waiting()),
        )

    def find_waiting(self) -> Iterator[tuple[str, Waiting]]:
        for name, (table, since, where) in QUEUES.items():
            look = f"SELECT count(*), coalesce(extract(epoch FROM now() - min({since})), 0) FROM {table}"  # noqa: S608  # QUEUES
            ((found, oldest),) = self.stack.ask(f"{look} WHERE {where}")
            yield name, Waiting(count=_whole(found), oldest=float(str(oldest)))

    def count_left(self) -> int:
        return sum(waiting.count for _name, waiting in self.find_waiting()) + self._count_tasks()

    def _go_on(self) -> None:
        while not self._ended.wait(EVERY):
            try:
                self.samples.append(self.look())
            except Exception as error:  # noqa: BLE001  # told at the end, and then it is a failure
                self.troubles.append(f"a sample could not be taken: {error!r}")

    def _find_processes(self) -> Iterator[tuple[str, psutil.Process]]:
        for name in ("web", "worker", "beat"):
            own = psutil.Process(self.stack.processes[name].pid)
            yield (f"{name} parent" if name == "web" else name), own
            # Not what those begin: a web process has slips decoded by one that lives for a moment. In order of their
            # beginnings, because numbers of processes begin anew some day.
            children = sorted(own.children(), key=lambda process: process.create_time())
            yield from ((f"{name} {place}", process) for place, process in enumerate(children, start=1))
        yield "stand-in", psutil.Process(self.stack.stand_in.process.pid)
        yield "Valkey", psutil.Process(self.stack.pid_of("valkey"))
        yield "PostgreSQL", psutil.Process(self.stack.pid_of("postgres"))

    def _count_tasks(self) -> int:
        with redis.Redis.from_url(self.stack.environment["REDIS_URL"], socket_timeout=5) as broker:
            return _whole(broker.llen("celery"))


def measure(name: str, process: psutil.Process) -> tuple[int, int]:
    """Memory and open files."""
    if name != "PostgreSQL":
        return process.memory_full_info().pss, process.num_fds()
    own = files = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            own, files = own + one.memory_full_info().uss, files + one.num_fds()
        except psutil.NoSuchProcess:  # sessions come and go
            continue
    return own, files


def _whole(value: Any) -> int:
    return int(value)
