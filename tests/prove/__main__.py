"""Runs the proofs at full size, one promise after the other, and writes docs/promises.md. Exits 1 when one failed.

Run by `python -m innopaas.local exec -- .venv/bin/python -m tests.prove [P1 …]`. What has passed is not run again:
stopped at any moment, it goes on where it was. `--again` begins anew, `--table` only writes the table.
"""

import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.prove import records, steps, table
from tests.prove.records import Record
from tests.prove.steps import PROJECT, Promise, Step


def main(words: list[str]) -> int:
    names = [word.upper() for word in words if not word.startswith("-")]
    promises = steps.read()
    if unknown := set(names) - {promise.name for promise in promises}:
        sys.stderr.write(f"There is no promise {', '.join(sorted(unknown))}; there are P1 to P{len(promises)}.\n")
        return 2
    chosen = [promise for promise in promises if promise.name in names or not names]
    failed = 0
    if "--table" not in words:
        for promise in chosen:
            failed += _prove(promise, again="--again" in words)
            table.write(promises)
    table.write(promises)
    sys.stdout.write(f"docs/promises.md is written. {failed or 'No'} test{'' if failed == 1 else 's'} failed.\n")
    return 1 if failed else 0


def _prove(promise: Promise, *, again: bool) -> int:
    """How many tests failed, of those run now and of those known from before."""
    turns = [(step, turn) for step in promise.steps for turn in step.turns()]
    known = [] if again else records.read()
    failed = 0
    for place, (step, turn) in enumerate(turns, start=1):
        before = records.find(known, promise, step, turn)
        if before is not None and not before.failed:
            continue
        record = _run(promise, step, turn)
        records.keep(record)
        failed += record.failed
        outcome = f"{record.ran} tests, {record.failed} failed, {record.seconds} s"
        _say(f"{promise.name}  part {place} of {len(turns)}: {outcome}")
    _say(f"{promise.name}  {'FAILED' if failed else 'kept'}: {promise.text}")
    return failed


def _run(promise: Promise, step: Step, turn: str) -> Record:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        ran, failed, skipped = _try(step, turn, Path(folder) / "report.xml")
    return Record(
        promise=promise.name,
        tests=list(step.tests),
        turn=turn,
        ran=ran,
        failed=failed,
        skipped=skipped,
        seconds=round(time.monotonic() - began),
        on=datetime.now(UTC).date().isoformat(),
        machine=records.machine(),
        commit=records.commit(),
    )


def _try(step: Step, turn: str, report: Path) -> tuple[int, int, int]:
    """How many tests ran, failed (or could not start, or never ended), and were skipped with a reason."""
    try:
        run = subprocess.run(
            _command(step, report),
            cwd=PROJECT,
            env={**os.environ, "PROVE_SCALE": "full", "PROVE_SLICE": turn},
            capture_output=True,
            text=True,
            timeout=step.minutes * 60,
            check=False,
        )
    except subprocess.TimeoutExpired:
        _say(f"not done after {step.minutes} minutes: {' '.join(step.tests)}")
        return 1, 1, 0
    suite = ET.parse(report).getroot().find("testsuite") if report.exists() else None  # noqa: S314  # our own report
    ran, bad, errors, skipped = (int(suite.get(name, "0")) for name in _COUNTS) if suite is not None else (0, 0, 1, 0)
    if bad or errors or run.returncode:
        _say(run.stdout[-6000:] + run.stderr[-2000:])
    return ran, bad + errors or int(run.returncode != 0), skipped


def _command(step: Step, report: Path) -> list[str]:
    if step.tests == ("tests.faults",):
        return [sys.executable, "-m", "tests.faults", f"--report={report}"]
    options = ["-p", "tests.prove.oracle", "-q", "-n", str(step.workers), "--tb=short", f"--junitxml={report}"]
    return [sys.executable, "-m", "pytest", *options, *step.tests]


_COUNTS = ("tests", "failures", "errors", "skipped")


def _say(line: str) -> None:
    sys.stdout.write(f"{datetime.now(UTC):%H:%M:%S}  {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
