"""A clock inside the worker: it runs the sweeps that beat or the broker did not bring. Redis may vanish."""

import logging
from threading import Event, Thread
from typing import Any

from celery import bootsteps
from django.db import connections

from payments import sweeps
from wallet import clocks

logger = logging.getLogger(__name__)

_TICK_SECONDS = 5.0


class Timekeeper(bootsteps.StartStopStep):
    """Started with the worker, before and independent of its connection to the broker."""

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)  # type: ignore[no-untyped-call]  # celery has no types
        self._ended = Event()
        self._thread = Thread(target=self._keep_time, name="timekeeper", daemon=True)

    def start(self, parent: Any) -> None:  # noqa: ARG002  # celery's signature
        """Tick once before Celery speaks to the broker: one that refuses ends the worker, at every start anew."""
        _tick()
        self._thread.start()

    def stop(self, parent: Any) -> None:  # noqa: ARG002  # celery's signature
        self._ended.set()

    terminate = stop

    def _keep_time(self) -> None:
        while not self._ended.wait(_TICK_SECONDS):
            _tick()


def _tick() -> None:
    try:
        sweeps.run_overdue(now=clocks.read())
    except Exception:  # the database may be away too; the clock goes on
        logger.exception("the timekeeper could not run the sweeps")
    finally:
        connections.close_all()
