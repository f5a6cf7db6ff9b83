"""Model fields for money."""

from typing import Any

from djmoney.models.fields import MoneyField


def money_field(name: Any) -> Any:
    """A Money in two columns, `<name>` numeric(20,6) and `<name>_currency`; annotate it as Field[Money, Money]."""
    return MoneyField(name, max_digits=20, decimal_places=6)
