"""Imports a bank statement, as the admin's page does."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from djmoney.money import Money

from payments import holding, imports
from payments.continuity import ImportRefused
from payments.models import BankAccount
from payments.statements.cells import read_balance
from payments.statements.columns import MappingUnusable, read_mapping
from payments.statements.lines import StatementUnreadable
from payments.uploads import Upload
from wallet.models import User
from wallet.money import AmountError


class Command(BaseCommand):
    help = "Import FILE (CSV, MT940 or CAMT.053) into the receiving account CODE, whole or not at all."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--bank", required=True, metavar="CODE", help="the receiving account")
        parser.add_argument("--by", required=True, metavar="EMAIL", help="the member of staff who imports it")
        parser.add_argument("--opening", metavar="AMOUNT", help="for a CSV that names no balances")
        parser.add_argument("--closing", metavar="AMOUNT", help="for a CSV that names no balances")
        parser.add_argument("--columns", metavar="JSON", help="the heads of a CSV from another bank")

    def handle(self, *_args: Any, **options: Any) -> None:
        now = timezone.now()
        account = BankAccount.objects.filter(code=options["bank"]).first()
        if account is None:
            raise CommandError(f"There is no receiving account {options['bank']}.")
        by = User.objects.filter(email__iexact=options["by"], is_staff=True, is_active=True).first()
        if by is None:
            raise CommandError(f"{options['by']} is no active member of staff.")
        try:
            upload = Upload(
                account=account,
                name=options["file"].name,
                raw=options["file"].read_bytes(),
                opening=_balance(options["opening"], account),
                closing=_balance(options["closing"], account),
                mapping=read_mapping(options["columns"]) if options["columns"] else None,
            )
            imported = imports.import_statement(upload, by=by, now=now)
        except (OSError, AmountError, MappingUnusable, StatementUnreadable, ImportRefused) as error:
            raise CommandError(str(error), returncode=1) from error
        if not imported.is_new:
            self.stdout.write(f"{upload.name} was imported before; nothing was added.")
        held = holding.hold_due(now=now)
        file = imported.file
        self.stdout.write(
            f"{file.name}: {file.lines_read} lines read, {file.lines_added} new, {held} lines posted to suspense."
        )


def _balance(text: str | None, account: BankAccount) -> Money | None:
    return read_balance(text, account.currency) if text else None
