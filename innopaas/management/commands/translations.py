"""Brings the Chinese texts up to date with the sources, or checks that they are."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from innopaas import translations


class Command(BaseCommand):
    help = "Collect every marked string into locale/; --check only says what is missing, and exits 1 if anything is."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="change nothing")
        parser.add_argument(
            "--merge", nargs="*", default=[], type=Path, metavar="PO", help="take texts from these files too"
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002  # Django's contract
        path = translations.find_chinese()
        found = translations.collect(root=Path(settings.BASE_DIR))
        chinese = translations.read(path) if path.exists() else Catalog(locale="zh_Hans")
        if not options["check"]:
            given = [translations.read(file) for file in options["merge"]]
            chinese = translations.renew(found=found, old=chinese, given=given)
            translations.write(chinese, path)
        gaps = translations.find_gaps(found=found, translated=chinese)
        for gap in gaps:
            self.stderr.write(gap)
        if gaps:
            raise CommandError(f"{len(gaps)} of {len(found)} strings need Chinese in {translations.CHINESE}.")
        self.stdout.write(f"All {len(found)} strings have their Chinese.")
