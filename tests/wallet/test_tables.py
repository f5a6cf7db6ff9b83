"""Which columns of staff's tables are set flush right."""

from decimal import Decimal

import pytest
from djmoney.money import Money

from wallet.admin.cells import link_to
from wallet.templatetags.tables import figure_columns


@pytest.mark.parametrize(
    "cell",
    [
        *(3, Decimal("1.50"), Money("7.20", "CNY"), link_to("/admin/", "34.78")),
        *("0", "1,234.50", "-95.151000", "USD $400.00", "USD -$1,000.00", "CNY ¥1,000.00", "0.0 %"),
    ],
)
def test_a_column_of_amounts_is_one_of_figures(cell: object) -> None:
    assert figure_columns({"rows": [["wallet", cell], ["sms", "—"], ["otp", ""]]}) == {1}


@pytest.mark.parametrize(
    "cell", ["2026-11-23", "25312000000012345678", "wallet", "3 days", "po_7So6", "2026-11-23 18:09:28", "✓ agree"]
)
def test_a_day_a_number_of_a_document_and_a_word_are_no_figures(cell: object) -> None:
    assert figure_columns({"rows": [["wallet", cell], ["sms", "1.00"]]}) == set()


def test_a_column_that_says_nothing_is_none_of_figures() -> None:
    assert figure_columns({"rows": [["—", ""], ["", "—"]]}) == set()
    assert figure_columns({"rows": []}) == set()
