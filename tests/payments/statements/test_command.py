"""`manage.py read_statement`: what was read, as JSON, without a database."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.payments.statements.files import CREDIT, mt940


def _printed(path: Path, *options: str) -> Any:
    out = StringIO()
    call_command("read_statement", str(path), *options, stdout=out)
    return json.loads(out.getvalue())


def test_a_statement_is_printed_with_amounts_as_texts(tmp_path: Path) -> None:
    file = tmp_path / "day.sta"
    file.write_text(mt940(CREDIT, ":86:IN7XK2M9QFR4"))
    (statement,) = _printed(file)
    assert {**statement, "lines": []} == {
        "account": "4567890123",
        "currency": "USD",
        "opening": "500.00",
        "closing": "1500.00",
        "first_day": "2026-07-15",
        "last_day": "2026-07-15",
        "lines": [],
    }
    assert statement["lines"] == [
        {
            "line": 5,
            "booked_on": "2026-07-15",
            "value_on": "2026-07-15",
            "direction": "IN",
            "is_reversal": False,
            "amount": "1000.00",
            "currency": "USD",
            "bank_reference": "B001",
            "occurrence": 1,
            "payer_name": "",
            "payer_account": "",
            "text": "IN7XK2M9QFR4",
        }
    ]


def test_a_csv_is_read_by_the_columns_named(tmp_path: Path) -> None:
    file = tmp_path / "day.csv"
    file.write_text("Day,Sum\n15/07/2026,10\n")
    columns = '{"booked_on": "Day", "amount": "Sum", "day_order": "DAY_FIRST"}'
    (statement,) = _printed(file, "--columns", columns, "--currency", "usd", "--profile", "generic")
    assert (statement["opening"], statement["lines"][0]["amount"]) == (None, "10.00")


@pytest.mark.parametrize(
    ("content", "options", "reason"),
    [
        ("Day,Sum\nx,10\n", ["--columns", '{"booked_on": "Day", "amount": "Sum"}', "--currency", "USD"], "Line 2: "),
        ("Day,Sum\nx,10\n", ["--columns", "{}"], "Name the column"),
        ("", [], "day.csv is empty"),
        (None, [], "No such file"),
    ],
)
def test_a_bad_file_is_one_sentence_and_exit_1(
    tmp_path: Path, content: str | None, options: list[str], reason: str
) -> None:
    file = tmp_path / "day.csv"
    if content is not None:
        file.write_text(content)
    with pytest.raises(CommandError, match=reason) as refusal:
        _printed(file, *options)
    assert refusal.value.returncode == 1
