"""What docs/security.md says exists: every file and test it names, and every item of the standard it has to answer."""

import ast
import re
from pathlib import Path
from typing import Final

import pytest

PROJECT: Final = Path(__file__).parents[2]
TEXT: Final = (PROJECT / "docs" / "security.md").read_text("utf-8")
NAMED: Final = sorted(set(re.findall(r"`([A-Za-z_]+(?:/[\w.-]+)+(?:::\w+)?|SECURITY\.md|Dockerfile)`", TEXT)))

ITEMS: Final = {
    "V1.1": 2, "V1.2": 9, "V1.3": 11, "V1.4": 3, "V1.5": 2,
    "V2.1": 3, "V2.2": 3, "V2.3": 4, "V2.4": 1,
    "V3.2": 2, "V3.3": 4, "V3.4": 6, "V3.5": 5, "V3.7": 2,
    "V4.1": 3, "V4.2": 1, "V4.3": 2, "V4.4": 4,
    "V5.1": 1, "V5.2": 3, "V5.3": 2, "V5.4": 3,
    "V6.1": 3, "V6.2": 12, "V6.3": 4, "V6.4": 4, "V6.5": 5, "V6.6": 3, "V6.8": 4,
    "V7.1": 3, "V7.2": 4, "V7.3": 2, "V7.4": 5, "V7.5": 2, "V7.6": 2,
    "V8.1": 2, "V8.2": 3, "V8.3": 1, "V8.4": 1, "V9.1": 3, "V9.2": 4,
    "V11.1": 2, "V11.2": 3, "V11.3": 3, "V11.4": 4, "V11.5": 1, "V11.6": 1,
    "V12.1": 3, "V12.2": 2, "V12.3": 4, "V13.1": 1, "V13.2": 5, "V13.3": 2, "V13.4": 5,
    "V14.1": 2, "V14.2": 4, "V14.3": 3, "V15.1": 3, "V15.2": 3, "V15.3": 7,
    "V16.1": 1, "V16.2": 5, "V16.3": 4, "V16.4": 3, "V16.5": 3,
}  # fmt: skip
"""How many items of levels 1 and 2 each section of ASVS 5.0.0 has: its first ones, level 3 stands behind them."""


def find_tests(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("named", NAMED)
def test_what_is_named_exists(named: str) -> None:
    path, _, test = named.partition("::")
    assert (PROJECT / path).exists()
    assert not test or test in find_tests(PROJECT / path)


def test_much_is_named() -> None:
    assert len(NAMED) >= 130


@pytest.mark.parametrize("section", ITEMS)
def test_every_item_of_levels_1_and_2_is_answered(section: str) -> None:
    items = [f"{section}.{number}" for number in range(1, ITEMS[section] + 1)]
    assert [item for item in items if not re.search(rf"^\| [^|]*\b{re.escape(item)}\b(?!\.)", TEXT, re.MULTILINE)] == []


def test_what_is_open_stands_in_the_list_at_the_end() -> None:
    table, _, listed = TEXT.partition("\n## Open\n")
    marked = {row.split("|")[1].strip() for row in re.findall(r"^\| V.*\*\*[Oo]pen.*$", table, re.MULTILINE)}
    items = {item for row in marked for item in re.findall(r"V[\d.]+", row)}
    assert items
    assert {item for item in items if not re.search(rf"{re.escape(item)}\b", listed)} <= {
        "V12.3.3",
        "V12.3.4",
        "V13.3.2",
    }
