"""Celery's doors to what is done at night."""

import logging

from celery import shared_task
from django.core.management import call_command
from django.utils import timezone

from innopaas import audit

logger = logging.getLogger(__name__)


@shared_task  # type: ignore[untyped-decorator]  # celery has no types
def audit_ledger() -> None:
    """Run the audit and keep its result; a difference is an error in the log as well."""
    for problem in audit.run(now=timezone.now()).problems:
        logger.error("the audit found a difference: %s", problem)


@shared_task  # type: ignore[untyped-decorator]  # celery has no types
def clear_sessions() -> None:
    call_command("clearsessions")
