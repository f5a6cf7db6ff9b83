"""What was tried, when, where and how it ended: docs/proofs.json, which later runs go on from."""

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.prove.steps import PROJECT, Promise, Step

FILE = PROJECT / "docs" / "proofs.json"


@dataclass(frozen=True, kw_only=True)
class Record:
    """One run of a step's tests, or of one slice of them. `failed` counts tests that failed or could not start."""

    promise: str
    tests: list[str]
    turn: str
    ran: int
    failed: int
    skipped: int
    seconds: int
    on: str
    machine: str
    commit: str


def read() -> list[Record]:
    return [Record(**each) for each in json.loads(FILE.read_text("utf-8"))] if FILE.exists() else []


def keep(record: Record) -> None:
    """Adds the record in place of an older one of the same tests and turn; the file is never half written."""
    others = [each for each in read() if _place(each) != _place(record)]
    kept = sorted([*others, record], key=lambda each: (int(each.promise[1:]), each.tests, _number(each.turn)))
    new = FILE.with_suffix(".new")
    new.write_text(json.dumps([asdict(each) for each in kept], indent=1) + "\n", "utf-8")
    new.replace(FILE)


def find(records: list[Record], promise: Promise, step: Step, turn: str) -> Record | None:
    place = (promise.name, list(step.tests), turn)
    return next((each for each in records if _place(each) == place), None)


def machine() -> str:
    """Processor, how many, memory: what figures have to be read with."""
    told = Path("/proc/cpuinfo").read_text("utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.partition(":")[2].strip() for line in told if line.startswith("model name")]
    processor = models[0] if models else platform.machine()
    gigabytes = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    python = platform.python_version()
    return f"{os.cpu_count()} × {processor}, {gigabytes} GB, {platform.system()}, Python {python}"


def commit() -> str:
    """The commit the tree stands on; with a + when something in it but what this writes is not committed."""
    changed = _git("status", "--porcelain", "--", ".", ":!docs/proofs.json", ":!docs/promises.md")
    return f"{_git('rev-parse', '--short=9', 'HEAD') or 'unknown'}{'+' if changed else ''}"


def _git(*arguments: str) -> str:
    run = subprocess.run(["git", *arguments], cwd=PROJECT, capture_output=True, text=True, check=False)
    return run.stdout.strip()


def _place(record: Record) -> tuple[str, list[str], str]:
    return record.promise, record.tests, record.turn


def _number(turn: str) -> int:
    return int(turn.partition("/")[0])
