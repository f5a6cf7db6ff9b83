"""Celery's doors to what is done at night."""

import logging

from celery import shared_task
from django.core.management import call_command
from django.db import connection
from psycopg.sql import SQL, Identifier

from innopaas import audit
from wallet import clocks

logger = logging.getLogger(__name__)

_ENDING = {"cache_entry": "expires", "cache_mark": "expires", "django_session": "expire_date"}


@shared_task  # type: ignore[untyped-decorator]  # celery has no types
def audit_ledger() -> None:
    """Run the audit and keep its result; a difference is an error in the log as well.

    By the database's clock: nothing would repeat tonight's audit if this process's own were wrong.
    """
    for problem in audit.run(now=clocks.ask_database()).problems:
        logger.error("the audit found a difference: %s", problem)


@shared_task  # type: ignore[untyped-decorator]  # celery has no types
def clear_sessions() -> None:
    """Also counters and marks whose time is over, which Django throws away only when there are very many, and sessions
    of releases that kept them elsewhere.
    """
    clocks.read()  # a clock that runs ahead would end everybody's sessions
    call_command("clearsessions")
    with connection.cursor() as cursor:
        for table, end in _ENDING.items():
            cursor.execute(SQL("DELETE FROM {} WHERE {} < now()").format(Identifier(table), Identifier(end)))
