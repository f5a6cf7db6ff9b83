"""The end of a month: trial balance, roll-forward, what is open, and the journal; exits 1 when it does not balance."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from payments.closing import journal, months, open_money, prepaid, trials


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
        if together := months.find_sealed_together(month):
            self.stdout.write(f"The days until {together.until} were sealed with {together.day}, the first one signed.")
        lines = trials.balance_trial(month)
        self._say_trial(lines)
        self._say_rest(month)
        if unmapped := journal.find_unmapped(line.code for line in lines):
            self.stdout.write(f"Without a general ledger number: {', '.join(unmapped)}")
        if options["journal"]:
            with options["journal"].open("w", encoding="utf-8", newline="") as file:
                file.writelines(journal.write_csv(month))
        left = trials.find_imbalance(lines)
        forwards = [row for row in prepaid.roll_forward(month) if not row.adds_up]
        if left or forwards:
            amounts = [f"{amount} {currency}" for currency, amount in left.items()]
            amounts += [f"{row.code} in {row.currency}" for row in forwards]
            raise CommandError(f"It does not add up: {', '.join(amounts)}", returncode=1)

    def _say_trial(self, lines: list[trials.TrialLine]) -> None:
        self.stdout.write(f"{'Trial balance':42}{'debit':>22}{'credit':>22}{'balance':>22}")
        for line in [*lines, *trials.sum_up(lines)]:
            sides = "".join(f"{trials.say(amount):>22}" for amount in (line.debit, line.credit, line.balance))
            self.stdout.write(f"  {line.code or 'Sum':36}{line.currency:4}{sides}")

    def _say_rest(self, month: months.Month) -> None:
        self.stdout.write("Prepaid balances: opening, " + ", ".join(map(str, prepaid.Flow.labels)) + ", closing")
        for row in prepaid.roll_forward(month):
            amounts = "".join(f"{trials.say(cell):>20}" for cell in row.cells)
            self.stdout.write(f"  {row.code:36}{row.currency:4}{amounts}")
        self.stdout.write("Open, by age: up to 7, 30 and 90 days, and older")
        for aged in open_money.age_open_money(month):
            amounts = "".join(f"{trials.say(amount):>20}" for amount in aged.classes)
            self.stdout.write(f"  {aged.code:36}{aged.currency:4}{amounts}")
        self.stdout.write("Open currency position")
        for position in open_money.open_position(month):
            self.stdout.write(f"  {tell_position(position)}")
        self.stdout.write("At Stripe, by payout")
        for payout, expected_on, currency, amount in open_money.list_clearing(month):
            said = f"{trials.say(amount):>20} {currency}"
            self.stdout.write(f"  {payout or 'not paid out':36}{expected_on or ''!s:12}{said}")


def tell_position(position: open_money.Position) -> str:
    """What was not exchanged yet, and what it is worth, or why that is not known."""
    held = f"{trials.say(position.amount)} {position.currency} booked at {trials.say(position.booked_at)} USD"
    if position.worth is None or position.result is None:
        return f"{held}. {position.lacks_rate}"
    worth, result = trials.say(position.worth), trials.say(position.result)
    return f"{held}; at {position.rate} ({position.rate_on}) worth {worth} USD: {result} USD"
