"""Fill the demo, once. Needs DEBUG; what is paid by card needs the Stripe stand-in, and without it is left out."""

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from billing import documents
from innopaas import audit, demo, demo_history, demo_products, demo_transfers


class Command(BaseCommand):
    help = "Fill the demo with people, organisations and top-ups (once; DEBUG only)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--brief", action="store_true", help="leave out the weeks of trade of two organisations")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002  # Django's signature
        if not settings.DEBUG or "_live_" in settings.STRIPE_SECRET_KEY:
            raise CommandError("The demo is for DEBUG=1, and never for a live key of Stripe's.")
        now = timezone.now()
        demo.add_people(password=os.environ.get("DEMO_PASSWORD", "innopaas-demo"), now=now)
        demo_transfers.open_accounts()
        demo_history.complete_entity()
        if not settings.STRIPE_API_BASE:  # Stripe itself, in its test mode: nobody has paid there yet
            demo_transfers.fill(now=now)
            self.stdout.write("People, receiving accounts and transfers are there; cards are Stripe's.")
            return
        demo_products.use_for_a_month(now=now)
        if not options["brief"]:
            demo_history.fill(now=now)
        demo_transfers.fill(now=now)
        is_new = demo.fill(now=now)
        demo_products.move_today(now=now)
        documents.issue_due(now=now)
        if is_new:
            audit.run(now=timezone.now())
        self.stdout.write("The demo is filled." if is_new else "The demo was filled before.")
