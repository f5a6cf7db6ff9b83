"""Webhook deliveries: signed afresh at every attempt, retried with growing delays."""

import hmac
import json
import secrets
import threading
import time
from dataclasses import dataclass
from hashlib import sha256

import requests

from .context import World
from .errors import NotFound
from .store import Json
from .switches import Delivery

_KEEP_ATTEMPTS = 10_000


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the webhook said; no status when it could not be asked."""

    status: int | None
    error: str | None

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Courier(threading.Thread):
    """Sends what is due, `parallel` at a time, until the process ends."""

    def __init__(self, world: World) -> None:
        super().__init__(name="courier", daemon=True)
        self._world = world
        self._count = 0
        self._lock = threading.Lock()

    def run(self) -> None:
        with self._world.store.transaction():
            self._world.store.change("UPDATE deliveries SET state = 'WAITING' WHERE state = 'SENDING'")
        while True:
            self._world.wake.wait(self._pause())
            self._world.wake.clear()
            self._send_due()

    def _pause(self) -> float:
        """Seconds to sleep unless woken: by an event, a finished delivery, a turned switch."""
        with self._lock:
            if self._count >= self._world.switches.delivery.parallel:
                return 1
        rows = self._world.store.rows("SELECT min(due_at) FROM deliveries WHERE state = 'WAITING'")
        if rows[0][0] is None or self._world.switches.delivery.deliveries == "off":
            return 1
        return float(min(max(rows[0][0] - time.time(), 0.02), 1))

    def _send_due(self) -> None:
        delivery = self._world.switches.delivery
        if delivery.deliveries == "off":
            return
        with self._lock:
            free = delivery.parallel - self._count
        for id_, event in _take_due(self._world, limit=free):
            with self._lock:
                self._count += 1
            threading.Thread(target=self._carry, args=(id_, event), daemon=True).start()

    def _carry(self, id_: int, event_id: str) -> None:
        try:
            delivery = self._world.switches.delivery
            answer = _attempt(self._world, event_id, delivery, delivery_id=id_)
            _note(self._world, id_, answer, delivery)
        finally:
            with self._lock:
                self._count -= 1
            self._world.wake.set()


def resend(world: World, event_id: str, *, copies: int) -> list[Answer]:
    """Send at once, whatever the switches hold back, `copies` at the same time; what was answered."""
    if world.store.find(event_id) is None:
        raise NotFound.of(noun="event", id_=event_id)
    delivery = world.switches.delivery
    answers: list[Answer] = []
    threads = [
        threading.Thread(target=lambda: answers.append(_attempt(world, event_id, delivery, delivery_id=None)))
        for _ in range(copies)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if any(answer.taken for answer in answers):
        with world.store.transaction():
            world.store.change(
                "UPDATE deliveries SET state = 'DELIVERED' WHERE event = ? AND state IN ('DROPPED', 'FAILED')",
                event_id,
            )
    return answers


def forget(world: World) -> None:
    """Give up what is still waiting."""
    with world.store.transaction():
        world.store.change("UPDATE deliveries SET state = 'DROPPED' WHERE state = 'WAITING'")


def log(world: World, *, event_id: str | None) -> Json:
    """Every attempt so far, oldest first, and how many deliveries stand how."""
    condition = "event = ?" if event_id else "? IS NULL"
    attempts = world.store.rows(
        f"SELECT event, type, attempted_at, status, error FROM attempts WHERE {condition} ORDER BY id",  # noqa: S608 -- one of two fixed texts
        event_id,
    )
    names = ("event", "type", "attempted_at", "status", "error")
    return {"attempts": [dict(zip(names, row, strict=True)) for row in attempts], **count(world, event_id=event_id)}


def count(world: World, *, event_id: str | None) -> Json:
    """How many deliveries stand how. Asked for often, while thousands are under way."""
    condition = "event = ?" if event_id else "? IS NULL"
    states = world.store.rows(
        f"SELECT state, count(*) FROM deliveries WHERE {condition} GROUP BY state",  # noqa: S608 -- one of two fixed texts
        event_id,
    )
    return {"states": dict(states)}


def sign(body: bytes, *, secret: str, timestamp: int) -> str:
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, sha256).hexdigest()
    return f"t={timestamp},v1={signed}"


def _take_due(world: World, *, limit: int) -> list[tuple[int, str]]:
    """Claim what is due; with deliveries dropped, lose it instead."""
    with world.store.transaction():
        now = time.time()
        if world.switches.delivery.deliveries == "drop":
            world.store.change("UPDATE deliveries SET state = 'DROPPED' WHERE state = 'WAITING' AND due_at <= ?", now)
            return []
        rows = world.store.rows(
            "SELECT id, event FROM deliveries WHERE state = 'WAITING' AND due_at <= ? "
            "ORDER BY due_at, id LIMIT ?",
            now, max(limit, 0),
        )  # fmt: skip
        for id_, _ in rows:
            world.store.change("UPDATE deliveries SET state = 'SENDING', attempts = attempts + 1 WHERE id = ?", id_)
    return [(id_, event) for id_, event in rows]


def _attempt(world: World, event_id: str, delivery: Delivery, *, delivery_id: int | None) -> Answer:
    event = {**(world.store.find(event_id) or {}), "pending_webhooks": 1}
    now = time.time()
    answer = _post(json.dumps(event, indent=2).encode(), delivery, timestamp=int(now) - delivery.timestamp_age)
    with world.store.transaction():
        world.store.change(
            "INSERT INTO attempts (delivery, event, type, attempted_at, status, error) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            delivery_id, event_id, event.get("type", ""), now, answer.status, answer.error,
        )  # fmt: skip
        world.store.change("DELETE FROM attempts WHERE id <= (SELECT max(id) FROM attempts) - ?", _KEEP_ATTEMPTS)
    return answer


def _post(body: bytes, delivery: Delivery, *, timestamp: int) -> Answer:
    if delivery.webhook_url is None:
        return Answer(status=None, error="no webhook address")
    secret = f"whsec_{secrets.token_hex(16)}" if delivery.wrong_secret else delivery.webhook_secret
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": sign(body, secret=secret, timestamp=timestamp),
        "User-Agent": "Stripe/1.0 (stand-in; no real money)",
    }
    with requests.Session() as session:
        session.trust_env = False
        try:
            response = session.post(
                delivery.webhook_url,
                data=body,
                headers=headers,
                timeout=delivery.timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            return Answer(status=None, error=type(error).__name__)
        return Answer(status=response.status_code, error=None)


def _note(world: World, id_: int, answer: Answer, delivery: Delivery) -> None:
    with world.store.transaction():
        if answer.taken:
            world.store.change("UPDATE deliveries SET state = 'DELIVERED' WHERE id = ?", id_)
            return
        attempts = int(world.store.rows("SELECT attempts FROM deliveries WHERE id = ?", id_)[0][0])
        if attempts > len(delivery.retry_delays):
            world.store.change("UPDATE deliveries SET state = 'FAILED' WHERE id = ?", id_)
            return
        due_at = time.time() + delivery.retry_delays[attempts - 1]
        world.store.change("UPDATE deliveries SET state = 'WAITING', due_at = ? WHERE id = ?", due_at, id_)
