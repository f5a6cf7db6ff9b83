"""docs/performance.md, "Under load": each page's times, what each process grew by, what waited, and the charts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from innopaas.local.servers import PROJECT
from tests.load import charts
from tests.load.sampler import MEGABYTE, Sample
from tests.load.verdict import MOST_GROWTH, Growth

FILE: Final = PROJECT / "docs" / "performance.md"
PICTURES: Final = PROJECT / "docs" / "performance"
BEGIN: Final = "<!-- made by make load -->"
END: Final = "<!-- end of what make load made -->"
_EMPTY: Final = f"# Performance\n\n## Under load\n\n{BEGIN}\n{END}\n"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One load with everything that was seen of it."""

    machine: str
    commit: str
    day: str
    minutes: float
    users: int
    organisations: int
    per_second: float
    pages: Sequence[Mapping[str, Any]]
    samples: Sequence[Sample]
    growths: Sequence[Growth]
    troubles: Sequence[str]
    drained: float
    paid: int


def write(run: Run, *, python: Path) -> None:
    """Replaces what stands between the two marks; the words around them are by hand. `python` has what draws."""
    PICTURES.mkdir(exist_ok=True)
    for name, description in describe_pictures(run.samples).items():
        (PICTURES / f"{name}.svg").write_text(charts.draw(description, python=python), "utf-8")
    FILE.write_text(insert(FILE.read_text("utf-8") if FILE.exists() else _EMPTY, tell(run)), "utf-8")


def insert(text: str, made: str) -> str:
    if BEGIN not in text:
        text = f"{text.rstrip()}\n\n## Under load\n\n{BEGIN}\n{END}\n"
    before, _begin, rest = text.partition(BEGIN)
    _old, _end, after = rest.partition(END)
    return f"{before}{BEGIN}\n{made}{END}{after}"


def tell(run: Run) -> str:
    count = sum(page["count"] for page in run.pages)
    failed = sum(page["failures"] for page in run.pages)
    said = (
        f"{run.minutes:g} minutes with {run.users} users of {run.organisations} organisations: {count:,} requests,"
        f" {run.per_second:.1f} a second, {failed:,} failed; {run.paid:,} orders paid at Stripe's stand-in;"
        f" queues empty {run.drained:.0f} s after the last request. {run.machine}; users, site and servers on this one"
        f" machine; {run.day}, {run.commit}."
    )
    troubles = [f"- **{trouble}**" for trouble in run.troubles]
    return "\n".join([
        "", said, "", *troubles, *([""] if troubles else []),
        *_tell_pages(run.pages), "",
        *_tell_growth(run.growths), "",
        "![Memory of each process](performance/load-memory.svg)", "",
        "![What waited](performance/load-queues.svg)", "", "",
    ])  # fmt: skip


def describe_pictures(samples: Sequence[Sample]) -> dict[str, dict[str, Any]]:
    """Of at least one sample."""
    minutes = [(sample.at - samples[0].at) / 60 for sample in samples]
    roles = [role for role in samples[-1].memory if all(role in sample.memory for sample in samples)]
    memory = {role: [round(sample.memory[role] / MEGABYTE, 1) for sample in samples] for role in roles}
    queues = {name: [float(sample.waiting[name].count) for sample in samples] for name in samples[-1].waiting}
    queues["tasks at the broker"] = [float(sample.tasks) for sample in samples]
    queues["database connections"] = [float(sample.connections) for sample in samples]
    return {
        "load-memory": charts.describe("Memory of each process, MB", minutes, memory),
        "load-queues": charts.describe("Rows and tasks waiting, and connections", minutes, queues),
    }


def _tell_pages(pages: Sequence[Mapping[str, Any]]) -> list[str]:
    """The slowest first, styles and scripts left out."""
    shown = [page for page in pages if not page["name"].startswith("/static/")]
    rows = [
        f"| `{page['method']} {page['name']}` | {page['count']:,} | {page['failures']:,} |"
        f" {_milliseconds(page['p50'])} | {_milliseconds(page['p95'])} | {_milliseconds(page['p99'])} |"
        for page in sorted(shown, key=lambda page: -(page["p99"] or 0))
    ]
    return [
        "| page | requests | failed | p50 | p95 | p99 |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *rows,
    ]


def _milliseconds(value: float | None) -> str:
    return "—" if value is None else f"{value:,.0f} ms"


def _tell_growth(growths: Sequence[Growth]) -> list[str]:
    rows = [
        f"| {growth.name} | {growth.early:,.1f} | {growth.late:,.1f} | {growth.late / growth.early:.2f} |"
        f" {growth.per_hour:+,.1f} |"
        for growth in growths
    ]
    said = (
        "Memory in MB, shared parts by share; of PostgreSQL what is its sessions' own. Flat means: the most of the last"
        f" fifth is at most {MOST_GROWTH:.2f} times the most of the second fifth. The growth an hour is a straight line"
        " through the last two thirds."
    )
    return [
        said,
        "",
        "| process | second fifth | last fifth | ratio | an hour |",
        "| --- | ---: | ---: | ---: | ---: |",
        *rows,
    ]


def path() -> Path:
    return FILE.relative_to(PROJECT)
