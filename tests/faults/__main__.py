"""Plants each fault in a copy of the project, runs the test that watches it, and expects red. Exits 1 on a green one.

Run by `python -m innopaas.local exec -- .venv/bin/python -m tests.faults [WORD …]`; words choose by name or promise.
"""

import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

PROJECT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".*", "*.pyc", "__pycache__", "node_modules", "staticfiles")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One guard taken away."""

    name: str
    promise: str
    file: str
    find: str
    replace: str
    test: str


@dataclass(frozen=True)
class Outcome:
    """How many tests ran, failed, and could not even start."""

    tests: int
    failures: int
    errors: int


def read_faults() -> list[Fault]:
    files = sorted(Path(__file__).parent.glob("*.toml"))
    return [
        Fault(name=name, **fields) for file in files for name, fields in tomllib.loads(file.read_text("utf-8")).items()
    ]


def plant(fault: Fault, folder: Path) -> None:
    """Changes the one place the fault names; a place that is not there exactly once is an error of the fault's."""
    path = folder / fault.file
    text = path.read_text("utf-8")
    if text.count(fault.find) != 1:
        raise SystemExit(f"{fault.name}: its text stands {text.count(fault.find)} times in {fault.file}, not once.")
    path.write_text(text.replace(fault.find, fault.replace), "utf-8")


def run_tests(tests: list[str], folder: Path) -> Outcome:
    report = folder / "report.xml"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "--create-db", f"--junitxml={report}", *tests],
        cwd=folder,
        timeout=600,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    suite = ET.parse(report).getroot().find("testsuite")  # noqa: S314  # our own report
    if suite is None:
        return Outcome(0, 0, 0)
    return Outcome(*(int(suite.get(name, "0")) for name in ("tests", "failures", "errors")))


def try_fault(fault: Fault) -> str:
    """Red, or what else happened: a test that cannot start proves nothing."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "copy"
        shutil.copytree(PROJECT, folder, ignore=LEFT_OUT)
        plant(fault, folder)
        outcome = run_tests([fault.test], folder)
    if outcome.errors or not outcome.tests:
        return "BROKEN"
    return "red" if outcome.failures else "GREEN"


def _is_healthy(tests: list[str]) -> bool:
    """All of them pass in a copy without a fault, so that red later means the fault."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "copy"
        shutil.copytree(PROJECT, folder, ignore=LEFT_OUT)
        outcome = run_tests(tests, folder)
    return outcome.tests > 0 and outcome.failures == outcome.errors == 0


def main(words: list[str]) -> int:
    chosen = [f for f in read_faults() if not words or any(w == f.promise or w in f.name for w in words)]
    if not _is_healthy(sorted({fault.test for fault in chosen})):
        sys.stdout.write("The tests do not pass before anything is planted.\n")
        return 1
    outcomes = []
    for fault in chosen:
        outcomes.append(try_fault(fault))
        sys.stdout.write(f"{outcomes[-1]:6} {fault.promise:4} {fault.name}  ({fault.test.rpartition('::')[2]})\n")
        sys.stdout.flush()
    sys.stdout.write(f"{outcomes.count('red')} of {len(chosen)} planted faults turned their test red.\n")
    return 0 if outcomes.count("red") == len(chosen) > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
