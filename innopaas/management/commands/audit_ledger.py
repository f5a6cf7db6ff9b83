"""Proves the ledger from its entries; exits 1 and says what differs when something does."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from innopaas import audit


class Command(BaseCommand):
    help = "Recomputes sums, balances, hashes, triggers and privileges of the ledger; exits 1 on a difference."

    def handle(self, *_args: Any, **_options: Any) -> None:
        problems = audit.run(now=timezone.now()).problems
        for problem in problems:
            self.stdout.write(problem)
        if problems:
            raise CommandError(f"{len(problems)} differences found.", returncode=1)
        self.stdout.write("The ledger agrees with itself.")
