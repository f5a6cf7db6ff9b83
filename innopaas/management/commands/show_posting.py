"""Prints a posting and everything that explains it, as the page of finance shows it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from innopaas import posting_search, posting_stories
from innopaas.posting_stories import Fact, Leg, Story
from wallet.models import Posting


class Command(BaseCommand):
    help = (
        "Print the posting that KEY, an id, the number of an order, refund or receipt, an id of Stripe's, an amount or "
        "a day (2026-01-31) means; a list of several."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("text", metavar="KEY|ID|ORDER|AMOUNT|DATE", nargs="+", help="a day and an amount together")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002  # Django's contract
        text = " ".join(options["text"])
        try:
            hits = posting_search.find(text)
        except posting_search.TooSlow:
            raise CommandError(
                "Looking for it took too long: write the day before it, like 2026-01-31 100.00"
            ) from None
        if not hits.postings:
            raise CommandError(
                f"No posting is found by {text!r}. What can be looked for: its key or id; the number of its order, "
                "refund or receipt; Stripe's id of the session, payment, charge, balance transaction, refund, dispute, "
                "payout or event; a day like 2026-01-31, an amount like 100.00 USD, or both.",
                returncode=1,
            )
        if len(hits.postings) == 1:
            self._print(posting_stories.tell(hits.postings[0]))
            return
        for posting in hits.postings:
            self.stdout.write(_line(posting))
        if hits.is_cut:
            self.stdout.write(f"And more: these are the {posting_search.MOST} newest.")

    def _print(self, story: Story) -> None:
        self._print_facts(story.facts)
        self.stdout.write("Entries:")
        for leg in story.legs:
            self.stdout.write(f"  {_leg(leg)}")
        for title, facts in story.sections:
            if facts:
                self.stdout.write(f"{title}:")
                self._print_facts(facts, indent="  ")

    def _print_facts(self, facts: Any, *, indent: str = "") -> None:
        for fact in facts:
            self.stdout.write(f"{indent}{_say(fact)}")


def _say(fact: Fact) -> str:
    return f"{fact.label}: {fact.text}"


def _line(posting: Posting) -> str:
    return f"{posting.business_date} {posting.kind} {posting.key} {posting.organisation} {posting.pk}"


def _leg(leg: Leg) -> str:
    amount = f"debit {leg.debit}" if leg.debit else f"credit {leg.credit}"
    return f"{leg.account.code} {amount}, before {leg.before}, after {leg.after}"
