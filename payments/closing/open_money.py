"""What is still open at the end of a month: suspense and debts by age, unexchanged currencies, money at Stripe."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from django.db import DEFAULT_DB_ALIAS
from django.utils.translation import gettext as _

from billing import rates
from payments.closing import trials
from payments.closing.months import Month
from wallet import chart
from wallet.audit import read
from wallet.calendar import BOOKS

_AGES: Final = (7, 30, 90)
"""Upper ends of the classes of age, in days; the last class has none."""


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
    last: date
    """The month's last day."""
    amount: Decimal
    booked_at: Decimal
    """In USD, at the orders' own rates."""
    rate: Decimal | None
    rate_on: date | None

    @property
    def lacks_rate(self) -> str:
        """Why it is worth nothing that could be said, and what to do about it; empty where there is a rate."""
        if self.rate:
            return ""
        return _(
            "No exchange rate counted at the end of %(day)s, and none can be entered for it afterwards: take that day's"
            " published rate to value it. Enter or load a rate on each working day, so that the next month has one."
        ) % {"day": self.last.isoformat()}

    @property
    def worth(self) -> Decimal | None:
        return (self.amount / self.rate).quantize(Decimal("0.01")) if self.rate else None

    @property
    def result(self) -> Decimal | None:
        return None if self.worth is None else self.worth - self.booked_at


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
    held = {line.currency: -line.balance for line in trials.balance_trial(month) if line.code == chart.FX}
    try:
        rate = rates.rate_of_day(month.last)
    except rates.RateUnknown:
        rate = None
    booked = -held.get("USD", Decimal(0))
    return [
        Position(
            currency=currency,
            last=month.last,
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
