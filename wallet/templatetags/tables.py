"""`{{ table|figure_columns }}`: which columns of staff's tables hold amounts and counts, to be set flush right."""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from django import template
from django.utils.html import strip_tags
from djmoney.money import Money

register = template.Library()

_FIGURE: Final = re.compile(r"[−+-]?(?:[A-Z]{3} )?[−+-]?[$¥]?[0-9]{1,3}(?:,[0-9]{3})*(?:\.[0-9]+)?(?: %)?")
"""With its thousands parted, so that long numbers of documents and accounts are none."""

_NOTHING: Final = frozenset({"", "—", "-"})


@register.filter
def figure_columns(table: Mapping[str, Any]) -> frozenset[int]:
    """The places of the columns in which whatever is said is a figure."""
    columns = zip(*table["rows"], strict=False)
    return frozenset(place for place, cells in enumerate(columns) if _are_figures(cells))


def _are_figures(cells: Iterable[object]) -> bool:
    said = [cell for cell in cells if str(cell) not in _NOTHING]
    return bool(said) and all(_is_figure(cell) for cell in said)


def _is_figure(cell: object) -> bool:
    if isinstance(cell, int | Decimal | Money):
        return True
    return _FIGURE.fullmatch(strip_tags(str(cell))) is not None


@register.filter
def cell_at(row: Sequence[object], place: int) -> object:
    """Of a row, or of the headers, what stands in that column."""
    return row[place]
