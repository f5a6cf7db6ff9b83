"""Customers of a running site, as many as a proof wants: they open checkouts, pay, and are credited once or not."""

import re
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.browser.site import Site, wait_until

AT_ONCE = 4
_LEFT_OVER = 240
_OPEN = """
from datetime import UTC, datetime
from tests import builders
acme = builders.make_organisation(now=datetime.now(UTC))
for _ in range({count}):
    print(builders.open_checkout(acme, now=datetime.now(UTC)).session_id)
"""
_OF_SESSIONS = """FROM payments_payment p JOIN billing_order o ON o.id = p.order_id
    WHERE p.session_id = ANY(%s)"""
_CREDITS = """SELECT count(*), count(DISTINCT c.key)
    FROM payments_payment p JOIN billing_order o ON o.id = p.order_id
    JOIN wallet_posting c ON c.organisation_id = o.organisation_id AND c.key = 'order:' || o.number || ':credit'
    WHERE p.session_id = ANY(%s)"""


@dataclass
class Crowd:
    """Customers on Stripe's page; `paid_at` says when each of them pressed the button."""

    site: Site
    waiting: list[str]
    paid_at: dict[str, datetime] = field(default_factory=dict)

    def pay(self, session_id: str) -> None:
        self.paid_at[session_id] = datetime.now(UTC)
        self.site.stand_in.pay(session_id)

    def pay_all(self, *, seconds_between: float = 0) -> None:
        """Some at once; or one after the other with a pause."""
        if not seconds_between:
            with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
                list(pool.map(self.pay, self.waiting))
            return
        for session_id in self.waiting:
            self.pay(session_id)
            time.sleep(seconds_between)

    def count_credited(self) -> int:
        return int(self.site.query(f"SELECT count(*) {_OF_SESSIONS} AND o.state = 'PAID'", list(self.paid_at))[0][0])

    def wait_until_credited(self, *, seconds: float) -> None:
        wait_until(lambda: self.count_credited() == len(self.paid_at), "everybody to be credited", seconds=seconds)

    def measure_waits(self) -> list[float]:
        """How many seconds each credited customer waited, the shortest first."""
        statement = f"SELECT p.session_id, o.paid_at {_OF_SESSIONS} AND o.state = 'PAID'"
        found = self.site.query(statement, list(self.paid_at))
        return sorted((at - self.paid_at[session_id]).total_seconds() for session_id, at in found)

    def assert_credited_once(self) -> None:
        """When the inbox is empty too: of what a worker had in hand when it died, others learn some time later."""
        wait_until(lambda: count_unhandled(self.site) == 0, "an empty inbox", seconds=_LEFT_OVER)
        posted = self.site.query(_CREDITS, list(self.paid_at))
        assert posted == [(len(self.paid_at), len(self.paid_at))]


def gather(site: Site, count: int) -> Crowd:
    opened = site.manage("shell", "--no-imports", "-c", _OPEN.format(count=count), seconds=300 + count)
    return Crowd(site=site, waiting=re.findall(r"cs_test_\w+", opened))


def count_unhandled(site: Site) -> int:
    return int(site.query("SELECT count(*) FROM payments_inboxevent WHERE handled_at IS NULL")[0][0])


def percentile(sorted_values: list[float], share: float) -> float:
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]


@contextmanager
def trouble(steps: Iterable[None]) -> Iterator[None]:
    """Go through `steps` beside the block, until it has ended: each step makes some trouble, and mends it."""
    ended = threading.Event()
    failures: list[BaseException] = []

    def go_on() -> None:
        try:
            for _step in steps:
                if ended.is_set():
                    return
        except BaseException as error:  # noqa: BLE001  # the test looks at it
            failures.append(error)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    assert not failures, failures
