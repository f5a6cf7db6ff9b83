"""Celery's doors: they wake the work that stands in rows, and hold nothing themselves."""

import logging

from celery import shared_task
from kombu.exceptions import OperationalError

from payments import inbox, sweeps
from wallet import clocks

logger = logging.getLogger(__name__)

_SWEEPS = {sweep.name: sweep for sweep in sweeps.SWEEPS}


@shared_task  # type: ignore[untyped-decorator]  # celery has no types
def handle_inbox() -> None:
    inbox.handle_due(now=clocks.read())


@shared_task  # type: ignore[untyped-decorator]  # celery has no types
def sweep(name: str) -> None:
    sweeps.run(_SWEEPS[name], now=clocks.read())


def wake_inbox() -> None:
    """Tell a worker that there is something in the inbox; without a broker the sweep finds it soon."""
    try:
        handle_inbox.apply_async(retry=False, ignore_result=True)
    except (OperationalError, OSError) as error:
        logger.warning("no broker to wake a worker with, the sweep will do it: %s", error)
