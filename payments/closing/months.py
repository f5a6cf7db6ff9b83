"""The end of a month: what every account holds, how prepaid balances came to what they are, and what is still open.

Amounts are as charged, tax included. Every figure is read from postings with a business date, so a month whose days are
all sealed gives the same figures for ever.
"""

import re
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final, Self

from django.db import DEFAULT_DB_ALIAS, models
from django.utils.translation import gettext_lazy as _

from billing import rates
from payments.models import DayClose
from wallet import chart
from wallet.audit import read
from wallet.calendar import BOOKS
from wallet.models import Posting, SealedDay

_DAY: Final = timedelta(days=1)
_MONTH: Final = re.compile(r"2[0-9]{3}-[0-9]{2}")  # others overflow
_AGES: Final = (7, 30, 90)
"""Upper ends of the classes of age, in days; the last class has none."""


@dataclass(frozen=True, kw_only=True)
class Month:
    """A calendar month of business dates."""

    first: date
    last: date

    @classmethod
    def read(cls, text: str) -> Self:
        """From `YYYY-MM`, of this millennium. Raises `ValueError`."""
        if not _MONTH.fullmatch(text):
            raise ValueError(text)
        first = datetime.strptime(text, "%Y-%m").replace(tzinfo=BOOKS).date()
        return cls(first=first, last=first.replace(day=monthrange(first.year, first.month)[1]))

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"

    @property
    def end(self) -> datetime:
        return datetime.combine(self.last + _DAY, time.min, BOOKS)


@dataclass(frozen=True, kw_only=True)
class TrialLine:
    """What one code holds in one currency at the end of the month, over all organisations."""

    code: str
    currency: str
    account_class: str
    debit: Decimal
    credit: Decimal

    @property
    def balance(self) -> Decimal:
        """Debit less credit."""
        return self.debit - self.credit


class Flow(models.TextChoices):
    """What changes prepaid balances; usage is revenue."""

    TOP_UPS = "TOP_UPS", _("Top-ups")
    MOVES = "MOVES", _("Moves between balances")
    USAGE = "USAGE", _("Usage (revenue)")
    REFUNDS = "REFUNDS", _("Refunds")
    DISPUTES = "DISPUTES", _("Disputes and what is owed for them")
    CORRECTIONS = "CORRECTIONS", _("Corrections")
    OTHER = "OTHER", _("Other")


@dataclass(frozen=True, kw_only=True)
class RollForward:
    """How the prepaid balances of one kind came from their opening to their closing, what is held included."""

    code: str
    currency: str
    opening: Decimal
    flows: dict[str, Decimal]
    closing: Decimal

    @property
    def adds_up(self) -> bool:
        return self.opening + sum(self.flows.values(), Decimal(0)) == self.closing

    @property
    def cells(self) -> list[Decimal]:
        return [self.opening, *(self.flows.get(flow, Decimal(0)) for flow in Flow.values), self.closing]


@dataclass(frozen=True, kw_only=True)
class Aged:
    """Open money of one kind by how old it is: up to 7, 30 and 90 days, and older."""

    code: str
    currency: str
    classes: tuple[Decimal, ...]

    @property
    def total(self) -> Decimal:
        return sum(self.classes, Decimal(0))


@dataclass(frozen=True, kw_only=True)
class Position:
    """What was converted and not yet exchanged at the bank. `result` is what exchanging it at the month's last rate
    would bring; it is told, not posted.
    """

    currency: str
    amount: Decimal
    booked_at: Decimal
    """In USD, at the orders' own rates."""
    rate: Decimal | None
    rate_on: date | None

    @property
    def worth(self) -> Decimal | None:
        return (self.amount / self.rate).quantize(Decimal("0.01")) if self.rate else None

    @property
    def result(self) -> Decimal | None:
        return None if self.worth is None else self.worth - self.booked_at


def find_unsigned(month: Month) -> date | None:
    """The first day of the month that nobody has signed off, if any. Days before anything was posted need no signature,
    nor do those that the first seal of all closed with its own.
    """
    from_day = Posting.objects.order_by("business_date").values_list("business_date", flat=True).first()
    if from_day is None:
        return None
    first_sealed = SealedDay.objects.order_by("day").values_list("day", flat=True).first()
    signed = set(DayClose.objects.filter(state=DayClose.State.SIGNED).values_list("day", flat=True))
    day = max(from_day, month.first)
    while day <= month.last and (day in signed or (first_sealed is not None and day < first_sealed)):
        day += _DAY
    return day if day <= month.last else None


def balance_trial(month: Month) -> list[TrialLine]:
    """Every code in every currency at the end of the month."""
    rows = read(
        DEFAULT_DB_ALIAS,
        """
        SELECT account.code, entry.currency, min(account.account_class),
               coalesce(sum(entry.amount) FILTER (WHERE entry.side = 'DEBIT'), 0),
               coalesce(sum(entry.amount) FILTER (WHERE entry.side = 'CREDIT'), 0)
        FROM wallet_entry AS entry
        JOIN wallet_account AS account ON account.id = entry.account_id
        JOIN wallet_posting AS posting ON posting.id = entry.posting_id
        WHERE posting.business_date <= %s
        GROUP BY 1, 2 ORDER BY 2 DESC, 1
        """,
        [month.last],
    )
    return [
        TrialLine(code=code, currency=currency, account_class=account_class, debit=debit, credit=credit)
        for code, currency, account_class, debit, credit in rows
    ]


def find_imbalance(lines: Iterable[TrialLine]) -> dict[str, Decimal]:
    """By currency what is left of debits less credits, where that is not nothing."""
    left: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        left[line.currency] += line.balance
    return {currency: amount for currency, amount in left.items() if amount}


def roll_forward(month: Month) -> list[RollForward]:
    """One row for the wallets and one for each product, by currency."""
    rows = read(DEFAULT_DB_ALIAS, _ROLL_FORWARD, {"first": month.first, "last": month.last})
    openings: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    flows: dict[tuple[str, str], dict[str, Decimal]] = defaultdict(dict)
    for code, currency, flow, amount in rows:
        if flow == "OPENING":
            openings[code, currency] += amount
        else:
            flows[code, currency][flow] = amount
    closings = {
        (line.code.removesuffix(":held"), line.currency): Decimal(0)
        for line in balance_trial(month)
        if _is_prepaid(line)
    }
    for line in balance_trial(month):
        if _is_prepaid(line):
            closings[line.code.removesuffix(":held"), line.currency] -= line.balance
    return [
        RollForward(
            code=code,
            currency=currency,
            opening=openings[code, currency],
            flows=flows.get((code, currency), {}),
            closing=closing,
        )
        for (code, currency), closing in sorted(closings.items(), key=lambda item: (item[0][0] != "wallet", item[0]))
    ]


def age_open_money(month: Month) -> list[Aged]:
    """What lies in suspense and what customers owe, by age at the end of the month."""
    classes: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * (len(_AGES) + 1))
    for code, currency, since, amount in read(DEFAULT_DB_ALIAS, _OPEN_MONEY, {"last": month.last}):
        age = (month.last - since).days
        place = next((place for place, limit in enumerate(_AGES) if age <= limit), len(_AGES))
        classes[code, currency][place] += amount
    return [
        Aged(code=code, currency=currency, classes=tuple(amounts))
        for (code, currency), amounts in sorted(classes.items())
        if any(amounts)
    ]


def open_position(month: Month) -> list[Position]:
    """Of each foreign currency what `fx` holds, beside the dollars booked against it."""
    held = {line.currency: -line.balance for line in balance_trial(month) if line.code == chart.FX}
    try:
        rate = rates.rate_of_day(month.last)
    except rates.RateUnknown:
        rate = None
    booked = -held.get("USD", Decimal(0))
    return [
        Position(
            currency=currency,
            amount=amount,
            booked_at=booked,
            rate=rate.rate if rate else None,
            rate_on=rate.rate_at.astimezone(BOOKS).date() if rate else None,
        )
        for currency, amount in sorted(held.items())
        if currency != "USD" and amount
    ]


def list_clearing(month: Month) -> Iterator[tuple[str, date | None, str, Decimal]]:
    """What makes up the money at Stripe: payout (empty: not paid out yet), when it is expected, currency and sum."""
    yield from read(
        DEFAULT_DB_ALIAS,
        """
        SELECT coalesce(payout.stripe_id, ''), payout.arrival_on, listed.amount_currency, sum(listed.net)
        FROM payments_balancetransaction AS listed
        LEFT JOIN payments_payout AS payout ON payout.id = listed.payout_id
        LEFT JOIN payments_bankline AS line ON line.id = payout.line_id
        WHERE listed.stripe_created_at < %s AND listed.type !~ '^payout'
          AND (payout.id IS NULL OR payout.line_id IS NULL OR payout.matched_at >= %s)
        GROUP BY 1, 2, 3 ORDER BY 2 NULLS LAST, 1
        """,
        [month.end, month.end],
    )


def _is_prepaid(line: TrialLine) -> bool:
    return line.code.startswith((chart.WALLET, "product:"))


_ROLL_FORWARD: Final = """
    WITH moved AS (
        SELECT regexp_replace(account.code, ':held$', '') AS code, entry.currency, posting.business_date,
               coalesce(first.kind, posting.kind) AS kind, posting.kind = 'REVERSAL' AS is_reversal,
               coalesce(first.id, posting.id) AS fact,
               CASE entry.side WHEN 'CREDIT' THEN entry.amount ELSE -entry.amount END AS amount
        FROM wallet_entry AS entry
        JOIN wallet_account AS account ON account.id = entry.account_id
         AND account.code ~ '^(wallet|product:[^:]+)(:held)?$'
        JOIN wallet_posting AS posting ON posting.id = entry.posting_id
        LEFT JOIN wallet_posting AS first ON first.id = posting.reverses_id
        WHERE posting.business_date <= %(last)s
    )
    SELECT code, currency,
           CASE WHEN business_date < %(first)s THEN 'OPENING'
                WHEN kind = 'TOP_UP' AND EXISTS (
                    SELECT FROM wallet_entry AS source JOIN wallet_account AS account ON account.id = source.account_id
                    WHERE source.posting_id = moved.fact AND source.side = 'DEBIT' AND account.code = 'wallet'
                ) THEN 'MOVES'
                WHEN kind = 'TOP_UP' AND is_reversal THEN 'CORRECTIONS'
                WHEN kind = 'TOP_UP' THEN 'TOP_UPS'
                WHEN kind IN ('CHARGE', 'CAPTURE', 'HOLD', 'RELEASE') THEN 'USAGE'
                WHEN kind ~ '^REFUND' THEN 'REFUNDS'
                WHEN kind ~ '^(DISPUTE|DEBT)' THEN 'DISPUTES'
                ELSE 'OTHER' END,
           sum(amount)
    FROM moved GROUP BY 1, 2, 3
"""
"""Holds stay within the balance they are held of: their two lines come to nothing."""

_OPEN_MONEY: Final = """
    SELECT 'suspense', line.amount_currency, line.booked_on, line.amount - coalesce((
               SELECT sum(used.amount) FROM payments_allocation AS used
               WHERE used.line_id = line.id AND (used.at AT TIME ZONE 'Asia/Shanghai')::date <= %(last)s), 0)
    FROM payments_bankline AS line
    WHERE line.held_by_id IS NOT NULL AND line.booked_on <= %(last)s
    UNION ALL
    SELECT 'suspense', entry.currency, posting.business_date,
           CASE entry.side WHEN 'CREDIT' THEN entry.amount ELSE -entry.amount END
    FROM wallet_posting AS posting
    JOIN wallet_entry AS entry ON entry.posting_id = posting.id
    JOIN wallet_account AS account ON account.id = entry.account_id AND account.code = 'suspense'
    WHERE posting.key !~ '^(bankline|order|refund|payout|exchange):' AND posting.business_date <= %(last)s
    UNION ALL
    SELECT 'receivable', dispute.amount_currency, (dispute.opened_at AT TIME ZONE 'Asia/Shanghai')::date, dispute.debt
    FROM billing_dispute AS dispute
    WHERE dispute.debt > 0 AND (dispute.opened_at AT TIME ZONE 'Asia/Shanghai')::date <= %(last)s
"""
