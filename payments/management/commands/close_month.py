"""The end of a month: trial balance, roll-forward, what is open, and the journal; exits 1 when it does not balance."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from payments.closing import journal, months


class Command(BaseCommand):
    help = (
        "Show the end of MONTH (YYYY-MM): trial balance, prepaid balances, open money, currency position, "
        "money at Stripe. Refuses while a day is unsigned; exits 1 when the trial balance is not zero."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("month", metavar="MONTH")
        parser.add_argument("--journal", metavar="FILE", type=Path, help="write the journal as CSV")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            month = months.Month.read(options["month"])
        except ValueError as error:
            raise CommandError(f"{options['month']} is no month: write YYYY-MM.") from error
        if unsigned := months.find_unsigned(month):
            raise CommandError(f"{unsigned} is not signed: close every day of the month first.", returncode=1)
        lines = months.balance_trial(month)
        self._say_trial(lines)
        self._say_rest(month)
        if unmapped := journal.find_unmapped(line.code for line in lines):
            self.stdout.write(f"Without a general ledger number: {', '.join(unmapped)}")
        if options["journal"]:
            with options["journal"].open("w", encoding="utf-8", newline="") as file:
                file.writelines(journal.write_csv(month))
        left = months.find_imbalance(lines)
        forwards = [row for row in months.roll_forward(month) if not row.adds_up]
        if left or forwards:
            amounts = [f"{amount} {currency}" for currency, amount in left.items()]
            amounts += [f"{row.code} in {row.currency}" for row in forwards]
            raise CommandError(f"It does not add up: {', '.join(amounts)}", returncode=1)

    def _say_trial(self, lines: list[months.TrialLine]) -> None:
        self.stdout.write("Trial balance")
        for line in lines:
            self.stdout.write(f"  {line.code:36}{line.currency:4}{line.debit:>20.6f}{line.credit:>20.6f}")

    def _say_rest(self, month: months.Month) -> None:
        self.stdout.write("Prepaid balances: opening, " + ", ".join(map(str, months.Flow.labels)) + ", closing")
        for row in months.roll_forward(month):
            self.stdout.write(f"  {row.code:36}{row.currency:4}" + "".join(f"{cell:>18.6f}" for cell in row.cells))
        self.stdout.write("Open, by age: up to 7, 30 and 90 days, and older")
        for aged in months.age_open_money(month):
            amounts = "".join(f"{amount:>18.6f}" for amount in aged.classes)
            self.stdout.write(f"  {aged.code:36}{aged.currency:4}{amounts}")
        self.stdout.write("Open currency position")
        for position in months.open_position(month):
            self.stdout.write(
                f"  {position.amount} {position.currency} booked at {position.booked_at} USD; at {position.rate} "
                f"({position.rate_on}) worth {position.worth} USD: {position.result} USD"
            )
        self.stdout.write("At Stripe, by payout")
        for payout, expected_on, currency, amount in months.list_clearing(month):
            self.stdout.write(f"  {payout or 'not paid out':36}{expected_on or ''!s:12}{amount:>20.6f} {currency}")
