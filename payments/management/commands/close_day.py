"""Draws up the close of a business day, as the admin's page does; exits 1 when something does not match and nobody said
why.
"""

from argparse import ArgumentParser
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from payments import sightings
from payments.closing import days, figures, words
from payments.models import DayClose, Difference
from wallet.models import User
from wallet.money import labelled


class Command(BaseCommand):
    help = (
        "Compare orders, Stripe, bank and ledger on DATE (YYYY-MM-DD, Asia/Shanghai) and name every difference; "
        "exits 1 when one that is more than timing has no owner with a note yet, so that the day cannot be signed; "
        "those that have are listed, and exit 0. With --sign, sign and seal the day."
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
                seen, by = sightings.of_close(close), _find_signer(options["by"])
                signed = days.sign(day=options["date"], by=by, now=now, seen=seen)
                self.stdout.write(f"Signed and sealed: {signed.seal}")
        except days.DayNotOver as error:
            raise CommandError(f"{error} is not over yet.") from error
        except days.FoundOtherwise as error:
            raise CommandError(
                "Something changed while this was printed: look again, then sign.", returncode=1
            ) from error
        except days.NotSignable as error:
            raise CommandError(str(error), returncode=1) from error
        unexplained = Difference.objects.unexplained().filter(close=close).count()
        if unexplained:
            raise CommandError(_count(unexplained, "without an owner and a note"), returncode=1)
        if explained := close.differences.open().filter(is_timing=False).count():
            self.stdout.write(_count(explained, "explained"))

    def _say(self, close: DayClose) -> None:
        rows = [figures.read_row(kept) for kept in close.figures]
        width = max((len(row.label) for row in rows), default=0) + 2
        self.stdout.write(f"{'':{width + 4}}{'orders':>18}{'Stripe':>18}{'bank':>18}{'ledger':>18}")
        for row in rows:
            sides = "".join(f"{'' if said is None else f'{Decimal(said):,}':>18}" for said in row.sides)
            self.stdout.write(f"{row.label:{width}}{row.currency:4}{sides}")
        for difference in close.differences.open().select_related("owner").order_by("kind", "key"):
            said = [
                "timing" if difference.is_timing else f"since {difference.since}",
                difference.get_kind_display(),
                words.tell_subject(difference),
                labelled(difference.amount),
                words.tell_detail(difference),
                f"({difference.owner}: {difference.note})" if difference.owner else "",
            ]
            self.stdout.write("  ".join(part for part in said if part))


def _count(count: int, how: str) -> str:
    return f"{count} {'difference' if count == 1 else 'differences'} {how}."


def _find_signer(email: str | None) -> User:
    by = User.objects.filter(email__iexact=email or "", is_staff=True, is_active=True).first()
    if by is None or not by.has_perm("payments.change_dayclose"):
        raise CommandError(f"{email or 'Nobody'} is no active member of staff who may sign.")
    return by
