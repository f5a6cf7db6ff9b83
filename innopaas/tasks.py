"""Celery's doors to what is done at night."""

import logging

from celery import shared_task
from django.core.management import call_command
from django.db import connection
from psycopg.sql import SQL, Identifier

from innopaas import audit
from wallet import clocks

logger = logging.getLogger(__name__)

_CACHE_TABLES = ("cache_entry", "cache_mark")


@shared_task  # type: ignore[untyped-decorator]  # celery has no types
def audit_ledger() -> None:
    """Run the audit and keep its result; a difference is an error in the log as well."""
    for problem in audit.run(now=clocks.read()).problems:
        logger.error("the audit found a difference: %s", problem)


@shared_task  # type: ignore[untyped-decorator]  # celery has no types
def clear_sessions() -> None:
    """Also counters and marks whose time is over: Django throws them away only when there are very many."""
    call_command("clearsessions")
    with connection.cursor() as cursor:
        for table in _CACHE_TABLES:
            cursor.execute(SQL("DELETE FROM {} WHERE expires < now()").format(Identifier(table)))
