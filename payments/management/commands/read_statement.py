"""Prints what a bank statement says, as JSON, without touching the database."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from djmoney.money import Money

from payments.statements.columns import MappingUnusable, Profile, read_mapping
from payments.statements.lines import Statement, StatementLine, StatementUnreadable
from payments.statements.reading import read
from wallet.calendar import business_date


class Command(BaseCommand):
    help = "Print the statements in FILE (CSV, MT940 or CAMT.053) as JSON. Nothing is stored."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument(
            "--profile",
            type=str.upper,
            choices=Profile.values,
            help="the bank a CSV comes from; else found by its heads",
        )
        parser.add_argument(
            "--columns", metavar="JSON", help='the heads of a CSV, like \'{"booked_on": "Day", "amount": "Sum"}\''
        )
        parser.add_argument("--currency", default="", type=str.upper, help="of a CSV that names none")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            statements = read(
                options["file"].read_bytes(),
                name=options["file"].name,
                profile=Profile(options["profile"]) if options["profile"] else None,
                mapping=read_mapping(options["columns"]) if options["columns"] else None,
                currency=options["currency"],
                today=business_date(timezone.now()),
            )
        except (OSError, MappingUnusable, StatementUnreadable) as error:
            raise CommandError(str(error), returncode=1) from error
        self.stdout.write(json.dumps([_statement(statement) for statement in statements], ensure_ascii=False, indent=2))


def _statement(statement: Statement) -> dict[str, object]:
    return {
        "account": statement.account,
        "currency": statement.currency,
        "opening": _figure(statement.opening),
        "closing": _figure(statement.closing),
        "first_day": statement.first_day.isoformat(),
        "last_day": statement.last_day.isoformat(),
        "lines": [_line(line) for line in statement.lines],
    }


def _line(line: StatementLine) -> dict[str, object]:
    return {
        "line": line.line_number,
        "booked_on": line.booked_on.isoformat(),
        "value_on": line.value_on.isoformat(),
        "direction": line.direction.value,
        "is_reversal": line.is_reversal,
        "amount": _figure(line.amount),
        "currency": line.amount.currency.code,
        "bank_reference": line.bank_reference,
        "occurrence": line.occurrence,
        "payer_name": line.payer_name,
        "payer_account": line.payer_account,
        "text": line.text,
    }


def _figure(money: Money | None) -> str | None:
    return None if money is None else f"{money.amount:f}"
