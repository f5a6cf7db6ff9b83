"""Prints what is stuck, as the page of ops shows it; exits 1 when anything is."""

import json
from argparse import ArgumentParser
from datetime import datetime
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from innopaas import stuck


class Command(BaseCommand):
    help = "Print everything that does not go on by itself, and what helps; exits 1 when there is anything."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="One JSON document instead of lines.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002  # Django's contract
        now = timezone.now()
        groups = stuck.find(now=now)
        if options["json"]:
            self.stdout.write(json.dumps(_list(groups, now=now), indent=2, ensure_ascii=False))
        else:
            for group in groups:
                self._print(group, now=now)
        if groups:
            count = sum(len(group.shown) for group in groups)
            raise CommandError("One thing is stuck." if count == 1 else f"{count} things are stuck.", returncode=1)
        if not options["json"]:
            self.stdout.write("Nothing is stuck.")

    def _print(self, group: stuck.Group, *, now: datetime) -> None:
        self.stdout.write(group.title)
        for one in group.shown:
            self.stdout.write(f"  {one.subject} ({_age(one, now=now)}): {one.why}")
            self.stdout.write(f"    {one.act.title}: {_address(one)}")
        if group.is_cut:
            self.stdout.write(f"  And more: these are the {stuck.MOST} oldest.")


def _list(groups: list[stuck.Group], *, now: datetime) -> dict[str, Any]:
    return {
        "at": now.isoformat(),
        "stuck": [
            {
                "kind": group.kind.name,
                "subject": one.subject,
                "since": one.since.isoformat() if one.since else None,
                "why": str(one.why),
                "act": str(one.act.title),
                "address": _address(one),
            }
            for group in groups
            for one in group.shown
        ],
        "cut": [group.kind.name for group in groups if group.is_cut],
    }


def _address(one: stuck.Stuck) -> str:
    """Where a person does it: of a button the page of its subject, which has it too."""
    address = one.address if one.act.is_sent else one.act.address
    return urljoin(settings.SITE_URL or "/", address)


def _age(one: stuck.Stuck, *, now: datetime) -> str:
    if one.since is None:
        return "never"
    minutes = max(int((now - one.since).total_seconds() // 60), 0)
    days, rest = divmod(minutes, 24 * 60)
    return f"{days} d {rest // 60} h" if days else f"{rest // 60} h {rest % 60} min"
