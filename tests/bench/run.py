"""One run: every subject in its turn, in a process that has the site's settings and the bench's database."""

import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Final
from uuid import UUID

from django.test.utils import setup_test_environment

from tests import builders
from tests.bench import charts, data, floor, growth, intake, page, pages, passes, posting, usage
from tests.bench.data import Trader
from tests.bench.growth import Curve
from tests.bench.hordak import hordak
from tests.bench.rounds import Line
from wallet.models import User

_SMALL: Final = 10_000


@dataclass
class Site:
    """What the subjects find in the database; each is made when it is first asked for."""

    now: datetime
    curves: list[Curve] = field(default_factory=list)

    @cached_property
    def spenders(self) -> list[UUID]:
        return data.open_spenders(now=self.now)

    @cached_property
    def payer(self) -> User:
        return builders.make_person("payer")

    @cached_property
    def large(self) -> Trader:
        trader = data.make_trader(goal=max(data.SIZES), now=self.now)
        data.use_product(trader, now=self.now)
        return trader

    @cached_property
    def small(self) -> Trader:
        trader = data.make_trader(goal=min(_SMALL, *data.SIZES), now=self.now)
        data.grow(trader, to=trader.goal, now=self.now)
        return trader

    @property
    def filled(self) -> Trader:
        """The large one with all its orders."""
        data.grow(self.large, to=max(data.SIZES), now=self.now)
        return self.large


def run() -> None:
    """Measures what is wanted and prints the table; a run of everything also writes the page and its charts."""
    setup_test_environment(debug=False)  # answers tell their template and context
    wanted = [name for name in os.environ.get("BENCH_ONLY", "").replace(",", " ").split() if name]
    if unknown := sorted(set(wanted) - set(SUBJECTS)):
        raise SystemExit(f"bench: no such subject: {', '.join(unknown)}. There are: {', '.join(SUBJECTS)}.")
    sys.stdout.write(page.tell_head())
    floor.prepare()
    site, lines, failed = Site(now=datetime.now(tz=UTC)), list[Line](), list[str]()
    for name, measure in SUBJECTS.items():
        if not wanted or name in wanted:
            began = time.monotonic()
            try:
                found = measure(site)
            except Exception:  # noqa: BLE001  # the others are measured all the same
                traceback.print_exc()
                failed.append(name)
                continue
            lines += found
            sys.stdout.write(page.tell(found))
            sys.stdout.flush()
            sys.stderr.write(f"bench: {name} took {time.monotonic() - began:.0f} s\n")
    if not wanted:
        page.write(lines)
        charts.draw(lines, site.curves)
    if failed:
        raise SystemExit(f"bench: not measured, see above: {', '.join(failed)}")


def _grow(site: Site) -> Sequence[Line]:
    site.curves = growth.grow(site.large, site.spenders, site.payer, now=site.now)
    return growth.compare(site.curves)


def _audit(site: Site) -> Sequence[Line]:
    """Growth has taken it already, if it was measured."""
    return [passes.judge_audit(growth.find_audit(site.curves) or [passes.time_audit(site.filled)], site.filled.orders)]


SUBJECTS: Final[dict[str, Callable[[Site], Sequence[Line]]]] = {
    "post": lambda site: posting.post(site.spenders),
    "corridor": lambda site: posting.corridor(site.spenders, site.payer),
    "hundred": lambda site: posting.hundred(site.spenders),
    "hot": lambda site: posting.hot(site.spenders),
    "hordak": lambda site: hordak(site.spenders),
    "intake": lambda _site: intake.intake(),
    "usage": lambda site: usage.usage(spenders=site.spenders, now=site.now),
    "growth": _grow,
    "audit": _audit,
    "lists": lambda site: pages.lists(site.small, site.filled),
    "pages": lambda site: pages.pages(site.filled),
    "statement": lambda _site: passes.statements(),
}
"""In this order: what needs little data first."""
