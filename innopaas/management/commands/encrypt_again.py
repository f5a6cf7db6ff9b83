"""Encrypts with the first of DATA_KEYS whatever an older one still holds; only then may the older one go."""

from typing import Any

from django.core.management.base import BaseCommand

from billing import callbacks
from wallet import second_factors


class Command(BaseCommand):
    help = "After a new key was put first into DATA_KEYS: encrypt all stored secrets with it. Repeat until it says 0."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002  # Django's contract
        self.stdout.write(f"second factors: {second_factors.encrypt_again()}")
        self.stdout.write(f"callback secrets: {callbacks.encrypt_again()}")
