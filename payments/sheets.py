"""The bank sheet: what a customer needs to transfer money, for one order or several, in both languages side by side.

Its labels stand in both languages at once, whatever the reader's: a bank clerk may read the other one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.utils import translation
from djmoney.money import Money

from billing import rates, targets
from billing.models import Order
from payments import capitals, references
from payments.models import BankAccount, BankLine, Transfer
from wallet import chart, details
from wallet.calendar import BOOKS, business_date
from wallet.models import BillingDetails
from wallet.money import labelled


@dataclass(frozen=True, kw_only=True)
class Value:
    """One text, in one language or in none, and what a copy button copies of it; empty: nothing."""

    text: str
    copied: str = ""
    lang: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A label in both languages, and its values."""

    en: str
    zh: str
    values: tuple[Value, ...]
    is_strong: bool = False


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """One sentence in both languages."""

    en: str
    zh: str


REMINDER: Final = Sentence(
    en="Write the reference into the remittance text as it stands here, with or without the blanks.",
    zh="请将附言原样填写在汇款附言（用途）栏中，空格可有可无。",
)


@dataclass(frozen=True, kw_only=True)
class Section:
    """Rows under a heading in both languages."""

    en: str
    zh: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """All that a sheet says. `transfers` are those it pays, of one organisation, account and currency; `rests` is what
    each of them still asks for.
    """

    transfers: tuple[Transfer, ...]
    rests: tuple[Money, ...]
    total: Money
    sections: tuple[Section, ...]
    payer: BillingDetails | None
    reminder: Sentence = REMINDER

    @property
    def is_of_several(self) -> bool:
        return len(self.transfers) > 1

    @property
    def asked(self) -> tuple[tuple[Transfer, Money], ...]:
        return tuple(zip(self.transfers, self.rests, strict=True))

    @property
    def title(self) -> str:
        first = self.transfers[0].order.number
        return f"{first} +{len(self.transfers) - 1}" if self.is_of_several else first


def compose(transfers: Sequence[Transfer]) -> Sheet:
    """The sheet that pays all of these; at least one."""
    rests = _find_rests(transfers)
    total: Money = sum(rests[1:], start=rests[0])
    payer = details.current(transfers[0].organisation_id)
    sections = (
        Section(en="Transfer to", zh="收款信息", rows=_describe_account(transfers[0].account)),
        Section(en="Amount and reference", zh="金额与附言", rows=_describe_amount(transfers, total)),
        *_describe_targets(transfers),
        *_describe_rates(transfers),
        *_describe_payer(payer),
    )
    return Sheet(transfers=tuple(transfers), rests=rests, total=total, sections=sections, payer=payer)


def _find_rests(transfers: Sequence[Transfer]) -> tuple[Money, ...]:
    """What each still asks for: without the parts that arrived and are kept for it."""
    kept: dict[UUID | None, Decimal] = {}
    for line in BankLine.objects.with_rest().filter(kept_for__in=transfers):
        kept[line.kept_for_id] = kept.get(line.kept_for_id, Decimal(0)) + line.rest.amount
    return tuple(
        Money(transfer.amount.amount - kept.get(transfer.pk, Decimal(0)), transfer.amount.currency)
        for transfer in transfers
    )


def _describe_account(account: BankAccount) -> tuple[Row, ...]:
    rows = [
        _both("Payee", "收款人", account.payee_en, account.payee_zh),
        Row(en="Legal entity", zh="法律主体", values=(Value(text=account.legal_entity),)),
        _both("Bank and branch", "开户银行及支行", account.bank_en, account.bank_zh),
        *_one("Bank's address", "银行地址", account.bank_address),
        Row(
            en="Account number", zh="账号", values=(Value(text=account.number, copied=account.number),), is_strong=True
        ),
    ]
    has_cnaps = account.currency == rates.QUOTED and bool(account.cnaps)
    if has_cnaps:
        rows += _one("CNAPS code, within China", "联行号（境内汇款）", account.cnaps, account.cnaps)
    label = ("SWIFT code, from elsewhere", "SWIFT 代码（境外汇款）") if has_cnaps else ("SWIFT code", "SWIFT 代码")
    rows += _one(*label, account.swift, account.swift)
    return tuple(rows)


def _describe_amount(transfers: Sequence[Transfer], total: Money) -> tuple[Row, ...]:
    amount = Value(text=labelled(total), copied=f"{total.amount:.2f}")
    asked: Money = sum((transfer.amount for transfer in transfers[1:]), start=transfers[0].amount)
    if total < asked:
        arrived = Value(text=f"{labelled(asked - total)} / {labelled(asked)}")
        rows = [
            Row(en="Arrived so far", zh="已收到", values=(arrived,)),
            Row(en="Still to transfer", zh="尚需汇款", values=(amount,), is_strong=True),
        ]
    else:
        rows = [Row(en="Amount", zh="金额", values=(amount,), is_strong=True)]
    if total.currency.code == rates.QUOTED:
        words = capitals.write(total)
        rows.append(
            Row(en="Amount in words", zh="人民币大写", values=(Value(text=words, copied=words, lang="zh-Hans"),))
        )
    written = " ".join(transfer.reference for transfer in transfers)
    values = [Value(text=references.spaced(transfer.reference)) for transfer in transfers]
    values[-1] = Value(text=values[-1].text, copied=written)
    rows.append(Row(en="Reference", zh="附言", values=tuple(values), is_strong=True))
    return tuple(rows)


def _describe_targets(transfers: Sequence[Transfer]) -> list[Section]:
    """Which balances are topped up, where not all of it goes to the wallet; a product's money stays in it."""
    orders = [transfer.order for transfer in transfers]
    if all(order.target == chart.WALLET for order in orders):
        return []
    rows: list[Row] = []
    for order in orders:
        if len(orders) > 1:
            rows.append(Row(en="Order", zh="订单", values=(Value(text=order.number),)))
        rows += _describe_target(order)
    return [Section(en="What it tops up", zh="充值对象", rows=tuple(rows))]


def _describe_target(order: Order) -> list[Row]:
    english, chinese = _name_in("en", order.target), _name_in("zh-hans", order.target)
    rows = [Row(en="Credited to", zh="充入", values=_once(chinese, english))]
    if order.target != chart.WALLET:
        number = targets.number(organisation_id=order.organisation_id, code=order.target)
        rows += _one("Product number", "产品编号", number, number)
        rows.append(Row(en="Use", zh="使用范围", values=_once(f"仅限{chinese}", f"Only within {english}")))
    return rows


def _name_in(language: str, code: str) -> str:
    with translation.override(language):
        return targets.name(code)


def _once(chinese: str, english: str) -> tuple[Value, ...]:
    """One value where both languages say the same."""
    if chinese == english:
        return (Value(text=english),)
    return Value(text=chinese, lang="zh-Hans"), Value(text=english, lang="en")


def _describe_rates(transfers: Sequence[Transfer]) -> list[Section]:
    """The rate each order was quoted; orders of one moment share it, others do not."""
    rows: list[Row] = []
    for transfer in transfers:
        order = transfer.order
        if order.rate is None or order.rate_at is None or order.rate_until is None:
            continue
        if len(transfers) > 1:
            rows.append(Row(en="Order", zh="订单", values=(Value(text=order.number),)))
        rows += [
            Row(en="Quoted rate", zh="报价汇率", values=(Value(text=rates.shown(order.rate)),)),
            Row(
                en="Source and time",
                zh="来源与时间",
                values=(Value(text=f"{order.rate_source}, {_moment(order.rate_at)}"),),
            ),
            Row(
                en="Holds for the bank's value dates up to and including",
                zh="适用于银行起息日不晚于（含当日）",
                values=(Value(text=f"{business_date(order.rate_until)}"),),
            ),
            Row(en="Will be credited", zh="将到账", values=(Value(text=labelled(order.credited)),)),
        ]
    return [Section(en="Exchange rate", zh="汇率", rows=tuple(rows))] if rows else []


def _describe_payer(payer: BillingDetails | None) -> list[Section]:
    if payer is None:
        return []
    rows = [
        _both("Legal name", "法定名称", payer.legal_name_en, payer.legal_name_zh),
        Row(
            en="Address",
            zh="地址",
            values=tuple(Value(text=line) for line in payer.address.splitlines()),
        ),
        *_one("Tax number", "税号", payer.tax_number),
    ]
    return [Section(en="You, the payer", zh="付款方", rows=tuple(rows))]


def _both(en: str, zh: str, english: str, chinese: str) -> Row:
    written = [Value(text=chinese, copied=chinese, lang="zh-Hans"), Value(text=english, copied=english, lang="en")]
    return Row(en=en, zh=zh, values=tuple(value for value in written if value.text))


def _one(en: str, zh: str, text: str, copied: str = "") -> list[Row]:
    return [Row(en=en, zh=zh, values=(Value(text=text, copied=copied),))] if text else []


def _moment(at: datetime) -> str:
    return f"{at.astimezone(BOOKS):%Y-%m-%d %H:%M} (UTC+8)"
