"""Which column of a CSV export is what: the banks we know, and mappings that finance writes down."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments.statements.cells import DayOrder

_EXPLANATION = re.compile(r"\[[^\]]*\]\s*$")
_BLANKS = re.compile(r"\s+")
_FULL_WIDTH = str.maketrans("（）［］／帐", "()[]/账")


class MappingUnusable(ValueError):
    """The text is no column mapping, or one that leaves out what every line needs."""


class Profile(TextChoices):
    """Whose export it is."""

    GENERIC = "GENERIC", gettext_lazy("Any CSV, with its columns named")
    BOC = "BOC", gettext_lazy("Bank of China")
    ICBC = "ICBC", gettext_lazy("ICBC")
    CMB = "CMB", gettext_lazy("China Merchants Bank")


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnMapping:
    """The heads of the columns, as they stand in the file; empty where there is none.

    The amount stands in one column with its sign, or in one without beside a `direction` column, or in `credit` (money
    in) and `debit` (money out).
    """

    booked_on: str
    value_on: str = ""
    amount: str = ""
    direction: str = ""
    credit: str = ""
    debit: str = ""
    balance: str = ""
    currency: str = ""
    account: str = ""
    bank_reference: str = ""
    payer_name: str = ""
    payer_account: str = ""
    payee_name: str = ""
    """Where the other side stands in its own columns when the money went out."""
    payee_account: str = ""
    text: tuple[str, ...] = ()
    day_order: DayOrder = DayOrder.YEAR_FIRST

    def __post_init__(self) -> None:
        if not self.booked_on or not (self.amount or (self.credit and self.debit)):
            raise MappingUnusable(_("Name the column of the day, and that of the amount or those of credit and debit."))


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """Where in a row everything stands: for each field of a `ColumnMapping` the positions that hold it."""

    places: Mapping[str, tuple[int, ...]]
    width: int
    day_order: DayOrder

    def cell(self, row: Sequence[str], field: str) -> str:
        """The first of the field's cells that is not blank."""
        return next((row[place] for place in self.places[field] if row[place]), "")

    def cells(self, row: Sequence[str], field: str) -> list[str]:
        """All of the field's cells that are not blank."""
        return [row[place] for place in self.places[field] if row[place]]

    def has(self, field: str) -> bool:
        """Whether the file has this column."""
        return bool(self.places[field])


_NAMES: Final = tuple(field.name for field in fields(ColumnMapping) if field.name not in {"text", "day_order"})

_HEADS: Final[Mapping[Profile, Mapping[str, tuple[str, ...]]]] = {
    Profile.BOC: {
        "booked_on": ("交易日期",),
        "value_on": ("起息日期",),
        "amount": ("交易金额",),
        "balance": ("交易后余额",),
        "currency": ("交易货币",),
        "bank_reference": ("交易流水号",),
        "payer_name": ("付款人名称",),
        "payer_account": ("付款人账号",),
        "payee_name": ("收款人名称",),
        "payee_account": ("收款人账号",),
        "text": ("交易附言", "备注", "用途", "摘要", "客户业务编号"),
    },
    Profile.ICBC: {
        "booked_on": ("交易时间", "交易日期", "入账日期"),
        "credit": ("贷方发生额",),
        "debit": ("借方发生额",),
        "balance": ("余额",),
        "currency": ("币种",),
        "account": ("本方账号",),
        "bank_reference": ("交易流水号", "流水号", "凭证号"),
        "payer_name": ("对方单位名称", "对方单位", "对方户名"),
        "payer_account": ("对方账号",),
        "text": ("用途", "摘要", "附言", "个性化信息", "备注"),
    },
    Profile.CMB: {
        "booked_on": ("交易日", "交易日期"),
        "value_on": ("起息日",),
        "credit": ("贷方金额",),
        "debit": ("借方金额",),
        "balance": ("余额",),
        "currency": ("币种",),
        "account": ("账号",),
        "bank_reference": ("流水号",),
        "payer_name": ("收(付)方名称",),
        "payer_account": ("收(付)方账号",),
        "text": ("摘要", "用途", "业务摘要", "其它摘要", "业务参考号"),
    },
    Profile.GENERIC: {
        "booked_on": ("Date", "Booking date"),
        "value_on": ("Value date",),
        "amount": ("Amount",),
        "direction": ("Direction",),
        "credit": ("Credit",),
        "debit": ("Debit",),
        "balance": ("Balance",),
        "currency": ("Currency",),
        "account": ("Account",),
        "bank_reference": ("Bank reference", "Transaction ID"),
        "payer_name": ("Payer", "Payer name"),
        "payer_account": ("Payer account",),
        "text": ("Text", "Description", "Remark"),
    },
}


def read_mapping(text: str) -> ColumnMapping:
    """A mapping written as JSON, like `{"booked_on": "Day", "amount": "Sum", "text": ["Purpose"]}`."""
    try:
        given: Any = json.loads(text)
    except (ValueError, RecursionError):
        given = None
    if isinstance(given, dict) and set(given) <= {*_NAMES, "text", "day_order"} and _are_texts(given):
        return ColumnMapping(
            **{name: given.get(name, "") for name in _NAMES},
            text=tuple(given.get("text", ())),
            day_order=DayOrder(given.get("day_order", DayOrder.YEAR_FIRST)),
        )
    raise MappingUnusable(
        _("A column mapping is a JSON object of column names; it may name %(names)s, text (a list) and day_order.")
        % {"names": ", ".join(_NAMES)}
    )


def find_columns(head: Sequence[str], *, profile: Profile, mapping: ColumnMapping | None) -> Columns | None:
    """Where everything stands below this head; None when the row is not the head that is looked for."""
    wanted = _HEADS[profile] if mapping is None else _heads_named(mapping)
    plain = [_plain(cell) for cell in head]
    places = {field: _places(plain, map(_plain, wanted.get(field, ()))) for field in _NAMES}
    places["text"] = tuple(place for name in wanted.get("text", ()) for place in _all_places(plain, _plain(name)))
    is_whole = places["booked_on"] and (places["amount"] or (places["credit"] and places["debit"]))
    if not is_whole:
        return None
    width = max((number for number, cell in enumerate(plain, start=1) if cell), default=0)
    order = DayOrder.YEAR_FIRST if mapping is None else mapping.day_order
    return Columns(places=places, width=width, day_order=order)


def missing_columns(columns: Columns, mapping: ColumnMapping) -> list[str]:
    """The heads a mapping names that the file has not."""
    return [
        name
        for field, names in _heads_named(mapping).items()
        if len(columns.places[field]) < len(names)
        for name in names
    ]


def _plain(cell: str) -> str:
    """A head as it is compared: without blanks, without the translation in brackets, in one width."""
    narrow = cell.translate(_FULL_WIDTH)
    return _BLANKS.sub("", _EXPLANATION.sub("", narrow)).casefold()


def _places(plain: Sequence[str], names: Iterable[str]) -> tuple[int, ...]:
    """Two columns of one name could be either: neither counts."""
    return tuple(plain.index(name) for name in names if name and plain.count(name) == 1)


def _all_places(plain: Sequence[str], name: str) -> tuple[int, ...]:
    return tuple(place for place, cell in enumerate(plain) if name and cell == name)


def _heads_named(mapping: ColumnMapping) -> dict[str, tuple[str, ...]]:
    named = {name: (head,) for name in _NAMES if (head := getattr(mapping, name))}
    return named | {"text": mapping.text}


def _are_texts(given: Mapping[str, object]) -> bool:
    texts = given.get("text", [])
    return (
        isinstance(texts, list)
        and all(isinstance(text, str) for text in texts)
        and given.get("day_order", DayOrder.YEAR_FIRST) in DayOrder.values
        and all(isinstance(value, str) for name, value in given.items() if name != "text")
    )
