"""Plants each fault in a copy of the project, runs the test that watches it, and expects red. Exits 1 on a green one.

Run by `python -m innopaas.local exec -- .venv/bin/python -m tests.faults [WORD …]`; words choose by name, promise or
the file the fault stands in. Several are tried at once, each with a copy of the project and a database of its own.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.faults import databases

PROJECT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".*", "*.pyc", "__pycache__", "node_modules", "staticfiles", "docs")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One guard taken away."""

    name: str
    subject: str
    promise: str
    file: str
    find: str
    replace: str
    test: str

    @property
    def changes_schema(self) -> bool:
        """Whether the database itself has to be made anew, by the changed migrations."""
        return self.file.endswith(".sql") or "/migrations/" in self.file

    def is_chosen(self, words: list[str]) -> bool:
        return not words or any(w in (self.promise, self.subject) or w in self.name for w in words)


@dataclass(frozen=True)
class Outcome:
    """How many tests ran, failed, and could not even start."""

    tests: int
    failures: int
    errors: int


def read_faults() -> list[Fault]:
    files = sorted(Path(__file__).parent.glob("*.toml"))
    return [
        Fault(name=name, subject=file.stem, **fields)
        for file in files
        for name, fields in tomllib.loads(file.read_text("utf-8")).items()
    ]


def plant(fault: Fault, folder: Path) -> None:
    """Changes the one place the fault names; a place that is not there exactly once is an error of the fault's."""
    path = folder / fault.file
    text = path.read_text("utf-8")
    if text.count(fault.find) != 1:
        raise SystemExit(f"{fault.name}: its text stands {text.count(fault.find)} times in {fault.file}, not once.")
    path.write_text(text.replace(fault.find, fault.replace), "utf-8")


def run_tests(tests: Iterable[str], folder: Path, *, database: str, options: tuple[str, ...]) -> Outcome:
    report = folder / "report.xml"
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", *options, f"--junitxml={report}", *tests],
        cwd=folder,
        env={**_environment(), "TOX_PARALLEL_ENV": database},
        timeout=900,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    suite = ET.parse(report).getroot().find("testsuite")  # noqa: S314  # our own report
    if suite is None:
        return Outcome(0, 0, 0)
    return Outcome(*(int(suite.get(name, "0")) for name in ("tests", "failures", "errors")))


def _environment() -> dict[str, str]:
    """Ours without what the size of proofs and xdist's workers are told by: a trial is a run of its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PROVE_", "PYTEST_"))}


def try_fault(fault: Fault) -> str:
    """Red, or what else happened: a test that cannot start proves nothing."""
    with _copied() as folder:
        plant(fault, folder)
        if fault.changes_schema:
            outcome = run_tests([fault.test], folder, database=databases.name_one(), options=("--create-db",))
        else:
            with databases.cloned() as database:
                outcome = run_tests([fault.test], folder, database=database, options=("--reuse-db",))
    if outcome.failures:
        return "red"
    return "BROKEN" if outcome.errors or not outcome.tests else "GREEN"


@contextmanager
def _copied() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "copy"
        shutil.copytree(PROJECT, folder, ignore=LEFT_OUT)
        yield folder


def _is_healthy(tests: Iterable[str]) -> bool:
    """All of them pass in a copy without a fault, so that red later means the fault."""
    with _copied() as folder, databases.cloned() as database:
        outcome = run_tests(sorted(set(tests)), folder, database=database, options=("--reuse-db",))
    return outcome.tests > 0 and outcome.failures == outcome.errors == 0


def _say(fault: Fault, outcome: str) -> None:
    sys.stdout.write(f"{outcome:6} {fault.promise:4} {fault.name}  ({fault.test.rpartition('::')[2]})\n")
    sys.stdout.flush()


def _try_all(faults: list[Fault], *, told: Callable[[Fault, str], None]) -> list[str]:
    """Two processors are kept busy by three: a good part of each trial is waiting for the database."""

    def follow(fault: Fault) -> str:
        outcome = try_fault(fault)
        told(fault, outcome)
        return outcome

    with ThreadPoolExecutor(max_workers=(os.cpu_count() or 1) + 1) as pool:
        return list(pool.map(follow, faults))


def main(words: list[str]) -> int:
    """Options are `--report=FILE`, a summary in JUnit's form; PROVE_SLICE ("3/20") is the part that is tried now."""
    reports = [Path(word.partition("=")[2]) for word in words if word.startswith("--report=")]
    names = [word for word in words if not word.startswith("--")]
    chosen = _slice([fault for fault in read_faults() if fault.is_chosen(names)])
    with databases.template():
        if not _is_healthy(fault.test for fault in chosen):
            sys.stdout.write("The tests do not pass before anything is planted.\n")
            return 1
        outcomes = _try_all(chosen, told=_say)
    red = outcomes.count("red")
    for report in reports:
        suite = ET.Element("testsuite", tests=str(len(chosen)), failures=str(len(chosen) - red))
        wrapper = ET.Element("testsuites")
        wrapper.append(suite)
        ET.ElementTree(wrapper).write(report)
    sys.stdout.write(f"{red} of {len(chosen)} planted faults turned their test red.\n")
    return 0 if red == len(chosen) > 0 else 1


def _slice(faults: list[Fault]) -> list[Fault]:
    number, parts = (int(word) for word in os.environ.get("PROVE_SLICE", "1/1").split("/"))
    return faults[len(faults) * (number - 1) // parts : len(faults) * number // parts]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
