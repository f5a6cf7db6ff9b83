"""The table as Markdown, and its place in docs/performance.md."""

import os
import platform
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from django.db import connection

from tests.bench import data, stage
from tests.bench.rounds import ROUNDS, SECONDS, Line

FOLDER: Final = stage.PROJECT / "docs" / "performance"
_PAGE: Final = stage.PROJECT / "docs" / "performance.md"
_BEGIN: Final = "<!-- made by make bench -->"
_END: Final = "<!-- end of what make bench made -->"
_HEAD: Final = (
    "| subject | what | measured | held against | ratio | target | |\n| --- | --- | ---: | --- | ---: | ---: | --- |\n"
)


def tell(lines: Sequence[Line]) -> str:
    """Rows of the table."""
    return "".join(map(_row, lines))


def tell_head() -> str:
    """The machine, and the table's heads."""
    return f"{_machine()}\n\n{_HEAD}"


def write(lines: Sequence[Line]) -> None:
    """Into the page, between its marks; what stands around them is written by hand."""
    text = _PAGE.read_text("utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    _PAGE.write_text(f"{before}{_BEGIN}\n\n{tell_head()}{tell(lines)}\n{_END}{after}", "utf-8")


def spell(number: float) -> str:
    """As many digits as tell something."""
    if number >= 100 or float(number).is_integer():
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def _row(line: Line) -> str:
    against = f"{line.beside}: {_spread(line.floors)}" if line.floors else line.beside
    measured = f"{_spread(line.values)} {line.unit}" if line.values else "not measured"
    target = f"≥ {line.least:g}" if line.least is not None else f"≤ {line.most:g}" if line.most is not None else ""
    cells = (line.subject, line.what, measured, against, _spread(line.ratios), target, _judge(line))
    return f"| {' | '.join(cells)} |\n"


def _judge(line: Line) -> str:
    met = "" if line.least is None and line.most is None else "met" if line.is_met else "**missed**"
    return "; ".join(filter(None, [met if line.values else "", line.note]))


def _spread(values: Sequence[float]) -> str:
    """The middle, with the least and the most."""
    if not values:
        return ""
    middle = spell(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({spell(min(values))}–{spell(max(values))})"


def _machine() -> str:
    """What the numbers belong to."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text("utf-8").splitlines() if told.exists() else []
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT split_part(version(), ' ', 2), current_setting('synchronous_commit'), current_setting('fsync'),"
            " current_setting('shared_buffers')"
        )
        postgres, commit, fsync, buffers = cursor.fetchone()
    return (
        f"{datetime.now(tz=UTC):%Y-%m-%d}, {os.cpu_count()} × {model}, load before {os.getloadavg()[2]:.1f}; Python"
        f" {platform.python_version()}, PostgreSQL {postgres} (synchronous_commit {commit}, fsync {fsync},"
        f" shared_buffers {buffers}), Granian with 2 workers; clients, servers and database on this one machine;"
        f" {ROUNDS} rounds of {SECONDS:g} s, up to {max(data.SIZES):,} postings. In brackets the least and the most."
    )
