"""docs/promises.md: every promise, how it is kept, and what was seen when it was tried at full size."""

from pathlib import Path

from tests.prove import records
from tests.prove.records import Record
from tests.prove.steps import PROJECT, Guard, Promise

FILE = PROJECT / "docs" / "promises.md"
BEGIN = "<!-- made by `make prove` -->"
END = "<!-- end of what `make prove` made -->"


def write(promises: list[Promise]) -> None:
    """Replaces what stands between the two marks; the words around them are written by hand."""
    text = FILE.read_text("utf-8")
    before, _begin, rest = text.partition(BEGIN)
    _old, _end, after = rest.partition(END)
    FILE.write_text(f"{before}{BEGIN}\n{draw(promises, records.read())}{END}{after}", "utf-8")


def draw(promises: list[Promise], known: list[Record]) -> str:
    lines = [
        "",
        "| | promise | kept by | full size | tests run | failed | seconds | date, commit |",
        "| --- | --- | --- | --- | ---: | ---: | ---: | --- |",
        *(_line(promise, [each for each in known if each.promise == promise.name]) for promise in promises),
        "",
        *(f"- {machine}" for machine in sorted({each.machine for each in known})),
        "",
    ]
    return "\n".join(lines)


def _line(promise: Promise, known: list[Record]) -> str:
    kept = f"{promise.kept}: {', '.join(_link(guard) for guard in promise.guards)}"
    cells = [promise.name, promise.text, kept, promise.full, *_outcome(promise, known)]
    return f"| {' | '.join(cells)} |"


def _outcome(promise: Promise, known: list[Record]) -> list[str]:
    wanted = {(step.tests, turn) for step in promise.steps for turn in step.turns()}
    done = [each for each in known if (tuple(each.tests), each.turn) in wanted]
    if not done:
        return ["not run yet", "", "", ""]
    skipped = sum(each.skipped for each in done)
    ran = f"{sum(each.ran for each in done) - skipped:,}" + (f" ({skipped} skipped)" if skipped else "")
    if len(done) < len(wanted):
        ran += f"; {len(done)} of {len(wanted)} parts"
    failed = sum(each.failed for each in done)
    days, commits = sorted({each.on for each in done}), sorted({each.commit for each in done})
    when = days[-1] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return [ran, f"{failed:,}", f"{sum(each.seconds for each in done):,}", f"{when}, {', '.join(commits)}"]


def _link(guard: Guard) -> str:
    return f"[{Path(guard.file).name}:{guard.line}](../{guard.file}#L{guard.line})"
