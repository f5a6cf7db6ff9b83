"""What is promised in docs/promises.md: every promise has its guards in the code, its proofs and its planted faults."""

from pathlib import Path

import pytest

from tests.faults.__main__ import PROJECT, Fault, read_faults
from tests.prove import records, steps, table
from tests.prove.steps import Guard, Promise

PROMISES = steps.read()
FAULTS = read_faults()


def is_there(test: str) -> bool:
    """A folder or file of tests, or `file::test`."""
    file, _colons, name = test.partition("::")
    path = PROJECT / file
    return path.exists() and (not name or f"def {name.partition('[')[0]}(" in path.read_text("utf-8"))


def test_there_are_23_promises_and_each_is_told_in_the_table() -> None:
    assert [promise.name for promise in PROMISES] == [f"P{number}" for number in range(1, 24)]
    text = table.FILE.read_text("utf-8")
    assert [promise.name for promise in PROMISES if f"| {promise.name} | {promise.text} |" not in text] == []


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.name)
def test_promise_names_its_guards_and_tests_as_they_stand(promise: Promise) -> None:
    assert [guard for guard in promise.guards if (PROJECT / guard.file).read_text("utf-8").count(guard.text) != 1] == []
    tests = [test for step in promise.steps for test in step.tests if test != "tests.faults"]
    assert [test for test in tests if not is_there(test)] == []
    assert promise.guards


def test_a_guard_is_found_at_its_line() -> None:
    assert Guard(file="manage.py", text="if __name__").line == _line_of("manage.py", "if __name__")
    with pytest.raises(LookupError, match=r"manage\.py"):
        _ = Guard(file="manage.py", text="nothing of the kind").line


def test_every_planted_fault_finds_its_place_and_its_test() -> None:
    def is_in_place(fault: Fault) -> bool:
        return (PROJECT / fault.file).read_text("utf-8").count(fault.find) == 1 and is_there(fault.test)

    assert [fault.name for fault in FAULTS if not is_in_place(fault)] == []
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 40


def test_faults_are_planted_for_every_promise_that_code_keeps() -> None:
    kept_by_code = {promise.name for promise in PROMISES} - {
        "P19",
        "P22",
        "P23",
    }  # browser, backup, the faults themselves
    assert kept_by_code - {fault.promise for fault in FAULTS} == set()


def test_what_was_tried_is_of_promises_that_there_are() -> None:
    known = {(promise.name, step.tests) for promise in PROMISES for step in promise.steps}
    assert [each for each in records.read() if (each.promise, tuple(each.tests)) not in known] == []


def _line_of(file: str, text: str) -> int:
    lines = Path(PROJECT / file).read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)
