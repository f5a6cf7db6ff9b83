"""Gives the staff groups exactly their permissions again, should somebody have edited them."""

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand
from django.db import DEFAULT_DB_ALIAS

from innopaas import staff


class Command(BaseCommand):
    help = "Set every staff group's permissions to the table in innopaas/staff.py; repeating it changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002  # Django's contract
        staff.grant(apps=apps, using=DEFAULT_DB_ALIAS)
        self.stdout.write(f"Staff groups: {', '.join(staff.GROUPS)}")
