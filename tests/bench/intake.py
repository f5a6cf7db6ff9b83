"""Stripe's door: how fast events are taken in, beside a bare view; how long one waits with broker and Stripe away."""

import json
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import psycopg

from tests.bench import callers, stage
from tests.bench.rounds import ROUNDS, SECONDS, Act, Line, measure, take_turns
from tests.payments import deliveries

_CLIENTS: Final = 4
_REAL: Final = deliveries.ADDRESS
_BARE: Final = f"{deliveries.ADDRESS}bare/"
_A_SECOND: Final = 200
_SENDERS: Final = 32
_TABLE: Final = """
CREATE TABLE bench_inbox (
    id uuid PRIMARY KEY, event_id text NOT NULL UNIQUE, type text NOT NULL, raw bytea NOT NULL,
    received_at timestamptz NOT NULL
)
"""


def intake() -> list[Line]:
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as connection:
        connection.execute(_TABLE)
    with stage.serve() as base:
        lines = [_compare(base, "")]
    with stage.serve_alone() as base:
        lines.append(_compare(base, ", broker and Stripe away"))
        lines.append(_wait(base))
    _forget()
    return lines


def _forget() -> None:
    """By the owner, as the site deletes no event. Nobody takes them up here, and the audit would name them."""
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as connection:
        connection.execute("DELETE FROM payments_inboxevent")


def _compare(base: str, when: str) -> Line:
    real, bare = take_turns(
        *(
            partial(lambda path: measure([partial(_delivering, base, path)] * _CLIENTS).per_second, path)
            for path in (_REAL, _BARE)
        )
    )
    return Line(
        subject="intake",
        what=f"webhook, {_CLIENTS} clients{when}",
        unit="a second",
        values=real,
        beside="a bare view that verifies and inserts, behind the same middleware",
        floors=bare,
        least=0.8,
    )


def _delivering(base: str, path: str) -> Act:
    post = callers.connect(base)

    def act() -> None:
        raw = json.dumps(deliveries.event_about("cs_test_bench"), indent=2).encode()
        callers.expect(200, post(path, raw, {"Stripe-Signature": deliveries.sign(raw)}))

    return act


def _wait(base: str) -> Line:
    waits = [_send_steadily(base) for _ in range(ROUNDS)]
    return Line(
        subject="intake",
        what=f"webhook at {_A_SECOND} a second, broker and Stripe away: 99 of 100 answered within",
        unit="ms",
        values=waits,
        most=250,
        note="sent by the clock, not when the last was answered: a queue would count",
    )


def _send_steadily(base: str) -> float:
    """Milliseconds from when an event was due to be sent until it was answered, 99 of 100."""
    count = int(_A_SECOND * SECONDS)
    began = time.perf_counter() + 0.5
    moments = iter([began + number / _A_SECOND for number in range(count)])
    lock = threading.Lock()
    with ThreadPoolExecutor(_SENDERS) as pool:
        told = list(pool.map(lambda _: _send(base, moments, lock), range(_SENDERS)))
    waits = sorted(wait for one in told for wait in one)
    return waits[int(len(waits) * 0.99)] * 1000


def _send(base: str, moments: Iterator[float], lock: threading.Lock) -> list[float]:
    act, waits = _delivering(base, _REAL), list[float]()
    while True:
        with lock:
            due = next(moments, None)
        if due is None:
            return waits
        time.sleep(max(due - time.perf_counter(), 0))
        act()
        waits.append(time.perf_counter() - due)
