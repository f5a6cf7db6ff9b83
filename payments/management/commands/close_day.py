"""Draws up the close of a business day, as the admin's page does; exits 1 when something does not match."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from payments.closing import days, figures
from payments.models import DayClose
from wallet.models import User


class Command(BaseCommand):
    help = (
        "Compare orders, Stripe, bank and ledger on DATE (YYYY-MM-DD, Asia/Shanghai) and name every difference; "
        "exits 1 when there is one that is more than timing. With --sign, sign and seal the day."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("date", metavar="DATE", type=date.fromisoformat)
        parser.add_argument("--sign", action="store_true", help="sign the day; needs --by")
        parser.add_argument("--by", metavar="EMAIL", help="the member of staff who signs it")

    def handle(self, *_args: Any, **options: Any) -> None:
        now = timezone.now()
        try:
            close = days.draw_up(day=options["date"], now=now)
            self._say(close)
            if options["sign"]:
                signed = days.sign(day=options["date"], by=_find_signer(options["by"]), now=now)
                self.stdout.write(f"Signed and sealed: {signed.seal}")
        except days.DayNotOver as error:
            raise CommandError(f"{error} is not over yet.") from error
        except days.NotSignable as error:
            raise CommandError(str(error), returncode=1) from error
        if unmatched := close.differences.open().filter(is_timing=False).count():
            raise CommandError(f"{unmatched} differences.", returncode=1)

    def _say(self, close: DayClose) -> None:
        self.stdout.write(f"{'':34}{'orders':>16}{'Stripe':>16}{'bank':>16}{'ledger':>16}")
        for row in map(figures.read_row, close.figures):
            sides = "".join(f"{'' if said is None else said:>16}" for said in row.sides)
            self.stdout.write(f"{row.label[:29]:30}{row.currency:4}{sides}")
        for difference in close.differences.open().select_related("owner").order_by("kind", "key"):
            words = [
                "timing" if difference.is_timing else f"since {difference.since}",
                difference.get_kind_display(),
                difference.subject,
                str(difference.amount),
                difference.detail,
                f"({difference.owner}: {difference.note})" if difference.owner else "",
            ]
            self.stdout.write("  ".join(word for word in words if word))


def _find_signer(email: str | None) -> User:
    by = User.objects.filter(email__iexact=email or "", is_staff=True, is_active=True).first()
    if by is None or not by.has_perm("payments.change_dayclose"):
        raise CommandError(f"{email or 'Nobody'} is no active member of staff who may sign.")
    return by
