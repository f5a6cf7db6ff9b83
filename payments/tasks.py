"""Celery's doors: they wake the work that stands in rows, and hold nothing themselves."""

from typing import Final

from celery import shared_task
from kombu.exceptions import OperationalError

from payments import inbox, sweeps
from payments.bell import Bell
from wallet import clocks

_SWEEPS = {sweep.name: sweep for sweep in sweeps.SWEEPS}
_BELL: Final = Bell()


@shared_task  # type: ignore[untyped-decorator]  # celery has no types
def handle_inbox() -> None:
    _BELL.listen()
    if inbox.handle_due(now=clocks.read(), limit=inbox.BATCH) and inbox.is_due(now=clocks.read()):
        wake_inbox()


@shared_task  # type: ignore[untyped-decorator]  # celery has no types
def sweep(name: str) -> None:
    sweeps.run(_SWEEPS[name], now=clocks.read())


def wake_inbox() -> None:
    """Tell a worker that there is something in the inbox; without a broker the sweep finds it soon."""
    if not _BELL.ring():
        return
    try:
        handle_inbox.apply_async(retry=False, ignore_result=True)
    except (OperationalError, OSError) as error:
        _BELL.rest(error)
