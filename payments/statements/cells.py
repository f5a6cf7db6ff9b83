"""What stands in one field of a statement: amounts and days as banks write them, each read in one way or refused."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from djmoney.money import Money

from wallet.money import decimal_places, parse_amount

_GROUPED = re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_ZERO = re.compile(r"[+-]?0+(?:\.0+)?")
_YEAR_FIRST = re.compile(r"(?P<y>[0-9]{4})(?P<mark>[-/.])(?P<m>[0-9]{1,2})(?P=mark)(?P<d>[0-9]{1,2})")
_COMPACT = re.compile(r"(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})")
_CHINESE = re.compile(r"(?P<y>[0-9]{4})年(?P<m>[0-9]{1,2})月(?P<d>[0-9]{1,2})日")
_YEAR_LAST = re.compile(r"(?P<first>[0-9]{1,2})(?P<mark>[-/.])(?P<second>[0-9]{1,2})(?P=mark)(?P<y>[0-9]{4})")
_TIME = re.compile(r"[-T \t]+[0-9]{1,2}[:.]?[0-9]{2}(?:[:.]?[0-9]{2}(?:\.[0-9]{1,9})?)?")
_SPOILT = re.compile(r"[0-9](?:\.[0-9]+)?[eE]\+[0-9]+")
_TEXT_FORMULA = re.compile(r'="(?P<text>[^"]*)"')


class DayUnreadable(ValueError):
    """The text is no day, or could be two."""


class NumberSpoilt(ValueError):
    """A spreadsheet has replaced the digits of an account or reference by a rounded figure."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """An amount above zero and the sign before it."""

    amount: Money
    is_minus: bool


class DayOrder(TextChoices):
    """How a file writes its days."""

    YEAR_FIRST = "YEAR_FIRST", gettext_lazy("2026-07-15, 20260715 or 2026年7月15日")
    DAY_FIRST = "DAY_FIRST", gettext_lazy("15/07/2026")
    MONTH_FIRST = "MONTH_FIRST", gettext_lazy("07/15/2026")


def is_nothing(text: str) -> bool:
    """Whether a debit or credit column says that the money went the other way: blank, a dash or zero."""
    return text in {"", "-", "--"} or _ZERO.fullmatch(text) is not None


def read_change(text: str, currency: str) -> Change:
    """An amount with its sign, never zero; raises AmountError.

    Takes off the sign and well-formed thousands commas, which banks write; `parse_amount` decides about the rest.
    """
    text = text.strip(" \t")
    figure = text[1:] if text[:1] in {"+", "-"} else text
    if figure[:1] in {" ", "\t"}:
        figure = text  # "- 1" is no figure
    plain = figure.replace(",", "") if _GROUPED.fullmatch(figure) else figure
    return Change(amount=parse_amount(plain, currency), is_minus=text.startswith("-"))


def read_balance(text: str, currency: str) -> Money:
    """A balance, which may also be zero or below; raises AmountError."""
    if _ZERO.fullmatch(text.strip(" \t")):
        return Money(Decimal(0).scaleb(-decimal_places(currency)), currency)
    change = read_change(text, currency)
    return -change.amount if change.is_minus else change.amount


@lru_cache(maxsize=4096)
def read_day(text: str, order: DayOrder = DayOrder.YEAR_FIRST) -> date:
    """A day; a time of day behind it is left aside. Raises DayUnreadable."""
    for pattern in (_YEAR_FIRST, _COMPACT, _CHINESE) if order is DayOrder.YEAR_FIRST else (_YEAR_LAST,):
        match = pattern.match(text)
        if match and (match.end() == len(text) or _TIME.fullmatch(text, match.end())):
            return _day(match, order)
    raise DayUnreadable(_("“%(text)s” is not a day we can read.") % {"text": text[:40]})


def read_identifier(text: str) -> str:
    """An account number or reference as text, without the marks by which spreadsheets keep it one."""
    text = text.strip(" \t")
    formula = _TEXT_FORMULA.fullmatch(text)
    text = (formula["text"] if formula else text.removeprefix("'")).strip(" \t")
    if _SPOILT.fullmatch(text):
        raise NumberSpoilt(
            _(
                "“%(text)s” is a number that a spreadsheet has rounded, its digits are lost. Export the file again"
                " and import it without opening it in a spreadsheet."
            )
            % {"text": text}
        )
    return text


def _day(match: re.Match[str], order: DayOrder) -> date:
    parts = match.groupdict()
    if order is DayOrder.DAY_FIRST:
        parts |= {"d": parts["first"], "m": parts["second"]}
    elif order is DayOrder.MONTH_FIRST:
        parts |= {"m": parts["first"], "d": parts["second"]}
    try:
        return date(int(parts["y"]), int(parts["m"]), int(parts["d"]))
    except ValueError:
        raise DayUnreadable(_("“%(text)s” is not a day of the calendar.") % {"text": match[0]}) from None
