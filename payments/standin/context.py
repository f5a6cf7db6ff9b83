"""What every verb needs to know: where things are kept, the time, and the request it serves."""

import threading
import time
from dataclasses import dataclass

from .settings import Settings
from .store import Store
from .switches import Switches

API_VERSION = "2026-10-28.endive"


@dataclass(frozen=True, kw_only=True)
class World:
    """What one process has once."""

    store: Store
    switches: Switches
    settings: Settings
    wake: threading.Event
    """set when there is something to deliver"""

    @property
    def now(self) -> float:
        """The present moment, as the switches have it."""
        return time.time() + self.switches.delivery.clock


@dataclass(frozen=True, kw_only=True)
class Context:
    """One request or tick of the clock."""

    world: World
    now: float
    request_id: str | None = None
    idempotency_key: str | None = None
    base_url: str = ""

    @property
    def store(self) -> Store:
        return self.world.store

    @property
    def created(self) -> int:
        return int(self.now)
