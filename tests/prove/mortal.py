"""Processes that live for one act and may die in the middle of it, in this test's database.

They are children of a server that has Django loaded, so that a life costs a fork. `multiprocessing` gives the server;
it is no child of the test's process, so nothing of the test (connections, threads) is in them.
"""

import contextlib
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import django
import psycopg
from django.apps import apps
from django.conf import settings
from django.db import connection, connections

if not apps.ready:  # in the server; a test has set Django up long since
    django.setup()

from wallet import kill_points

_PATIENCE = 60
_CHILDREN = multiprocessing.get_context("forkserver")
_CHILDREN.set_forkserver_preload(["tests.prove.mortal", "tests.prove.acts"])

KILLED = -9


@dataclass(frozen=True, kw_only=True)
class Death:
    """Where a process dies, or loses its backend at the database and has to cope with that."""

    point: str
    of_backend: str = ""

    def __str__(self) -> str:
        return f"{self.point}{'-without-backend' if self.of_backend else ''}"


@dataclass(frozen=True, kw_only=True)
class Life:
    """What a process does: `act` is a function of a module, with arguments that can be sent."""

    act: Callable[..., None]
    arguments: tuple[Any, ...]
    death: Death | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    databases: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {alias: dict(connections[alias].settings_dict) for alias in ("default", "owner")}
    )


def live(life: Life) -> int:
    """Have a process live it, and give its exit code: KILLED when it died on the way."""
    process = _CHILDREN.Process(target=_live, args=(life,))
    process.start()
    process.join(timeout=_PATIENCE)
    code = process.exitcode
    assert code is not None, f"{life.act.__name__} has not ended"
    process.close()
    return code


def _live(life: Life) -> None:
    for alias, values in life.databases.items():
        connections[alias].settings_dict.update(values)
    for name, value in life.settings.items():
        setattr(settings, name, value)
    if life.death:
        settings.KILL_AT = [life.death.point]
        if life.death.of_backend:
            kill_points._end = _lose_backend
    life.act(*life.arguments)


def _go_on(name: str) -> None:
    pass


def _lose_backend(name: str) -> None:
    """Once: whoever copes with it may come here again."""
    kill_points._end = _go_on
    held = connection.connection
    if held is None:
        return
    values = connection.settings_dict
    address = {"dbname": values["NAME"], "user": values["USER"], "password": values["PASSWORD"]}
    with psycopg.connect(host=values["HOST"], port=values["PORT"], **address, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [held.info.backend_pid])
    with contextlib.suppress(psycopg.Error):
        for _time in range(1000):
            held.execute("SELECT 1")
            time.sleep(0.001)
