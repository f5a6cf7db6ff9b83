"""What tests may turn: how events are delivered, and which API calls go wrong."""

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from .errors import InvalidRequest

RETRY_DELAYS = (1, 5, 30, 120, 600, 3600, 3 * 3600, 12 * 3600, 24 * 3600, 24 * 3600)
FAULT_KINDS = ("drop", "error", "rate_limit", "slow", "html")


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """How events travel."""

    webhook_url: str | None = None
    webhook_secret: str = "whsec_standin"  # noqa: S105 -- a default for tests, no secret
    deliveries: str = "on"
    """`on`; `off` keeps them until it is on again; `drop` loses them"""
    delay: float = 0
    """seconds before the first attempt"""
    shuffle: float = 0
    """seconds over which first attempts are strewn at random"""
    duplicate: int = 1
    """how often each event is sent"""
    parallel: int = 4
    """how many deliveries may be under way at once"""
    timestamp_age: int = 0
    """seconds by which the signed timestamp lies in the past"""
    wrong_secret: bool = False
    timeout: float = 10
    retry_delays: tuple[float, ...] = RETRY_DELAYS
    clock: float = 0
    """seconds by which what happens here lies after the real moment, or before it; deliveries keep to the real one"""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What befalls the next `calls` API calls of that method (or any) and path prefix."""

    kind: str
    when: str = "after"
    """`before` or `after` the work is done"""
    calls: int = 1
    method: str = ""
    path: str = "/v1/"
    seconds: float = 1
    """for `slow`"""


@dataclass(kw_only=True)
class Switches:
    """The present setting; safe to read and turn from any thread."""

    initial: Delivery
    delivery: Delivery = field(init=False)
    _faults: list[Fault] = field(init=False, default_factory=list)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.delivery = self.initial

    def turn(self, wanted: Mapping[str, Any]) -> None:
        """Set what is named and leave the rest. `faults` replaces the list of faults."""
        with self._lock:
            settings = {name: value for name, value in wanted.items() if name != "faults"}
            delivery = replace(self.delivery, **_checked(settings, self.initial))
            if delivery.deliveries not in {"on", "off", "drop"}:
                raise InvalidRequest("deliveries is on, off or drop", param="deliveries")
            if "faults" in wanted:
                self._faults = [_fault(each) for each in wanted["faults"]]
            self.delivery = delivery

    def reset(self) -> None:
        with self._lock:
            self.delivery = self.initial
            self._faults = []

    def take_fault(self, *, method: str, path: str) -> Fault | None:
        """Find the first fault that fits, and count it down."""
        with self._lock:
            for position, fault in enumerate(self._faults):
                if path.startswith(fault.path) and fault.method in {"", method}:
                    left = fault.calls - 1
                    self._faults[position : position + 1] = [replace(fault, calls=left)] if left > 0 else []
                    return fault
        return None

    def show(self) -> dict[str, Any]:
        with self._lock:
            return {**asdict(self.delivery), "faults": [asdict(fault) for fault in self._faults]}


def _checked(settings: Mapping[str, Any], initial: Delivery) -> dict[str, Any]:
    known = {each.name: getattr(initial, each.name) for each in fields(Delivery)}
    for name, value in settings.items():
        if name not in known:
            raise InvalidRequest(f"There is no switch {name}.", code="parameter_unknown", param=name)
        if not _alike(value, known[name]):
            raise InvalidRequest(f"The switch {name} cannot be {value!r}.", param=name)
    return {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}


def _alike(value: Any, known: Any) -> bool:
    match known:
        case bool():
            return isinstance(value, bool)
        case int() | float():
            return isinstance(value, int | float) and not isinstance(value, bool)
        case tuple():
            return isinstance(value, list) and all(_alike(each, 0) for each in value)
        case _:
            return value is None or isinstance(value, str)


def _fault(given: Any) -> Fault:
    try:
        fault = Fault(**given)
    except TypeError as error:
        raise InvalidRequest(f"This is no fault: {given!r}", param="faults") from error
    if fault.kind not in FAULT_KINDS or fault.when not in {"before", "after"}:
        raise InvalidRequest(f"This is no fault: {given!r}", param="faults")
    return fault
