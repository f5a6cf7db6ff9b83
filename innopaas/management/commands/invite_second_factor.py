"""Prints the link by which one of the staff sets up the first second factor; so the very first administrator begins."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse
from django.utils import timezone

from wallet import second_factors
from wallet.models import User


class Command(BaseCommand):
    help = "Print a link, good for one use within 24 hours, by which EMAIL (staff) sets up a first second factor."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", metavar="EMAIL")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002  # Django's contract
        user = User.objects.filter(email=options["email"].strip().lower()).first()
        if user is None:
            raise CommandError("Nobody has this e-mail address.")
        try:
            token = second_factors.invite(user_id=user.pk, now=timezone.now())
        except second_factors.NotStaff:
            raise CommandError("This person is not staff, or is deactivated.") from None
        except second_factors.HasSecondFactor:
            raise CommandError("This person has a second factor already; an administrator can take it away.") from None
        self.stdout.write(f"{settings.SITE_URL}{reverse('wallet:accept_second_factor', args=[token])}")
