"""Loads the business day's exchange rate from the configured provider; safe to repeat."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from billing import rate_loader, rates
from billing.models import ExchangeRate


class Command(BaseCommand):
    help = "Load today's exchange rate from RATES_URL, unless it is there already; exits 1 and says why when it cannot."

    def handle(self, *_args: Any, **_options: Any) -> None:
        if not settings.RATES_URL:
            raise CommandError("RATES_URL is not set: finance enters the rates by hand.")
        try:
            loaded = rate_loader.load(now=timezone.now())
        except rate_loader.RatesUnavailable as error:
            raise CommandError(str(error)) from None
        if loaded is None:
            self.stdout.write("Today's rate is there already.")
        elif loaded.state == ExchangeRate.State.WAITING:
            self.stdout.write(f"{rates.shown(loaded.rate)} is a jump: it waits until somebody in finance approves it.")
        else:
            self.stdout.write(rates.shown(loaded.rate))
