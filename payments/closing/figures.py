"""The four sides of a business day beside each other: what orders, Stripe, bank and ledger say moved, by method."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, models
from django.utils.translation import gettext_lazy as _

from wallet.audit import read
from wallet.calendar import BOOKS
from wallet.money import WALLET_CURRENCY

_DAY: Final = timedelta(days=1)


class Measure(models.TextChoices):
    """What is compared: each row of the close is one of them in one currency."""

    CARD = "CARD", _("Top-ups by card")
    CARD_REFUNDS = "CARD_REFUNDS", _("Refunds to cards")
    DISPUTES = "DISPUTES", _("Disputed, less given back")
    STRIPE_FEES = "STRIPE_FEES", _("Stripe's fees")
    OTHER_STRIPE = "OTHER_STRIPE", _("Other movements at Stripe")
    PAYOUTS = "PAYOUTS", _("Payouts at the bank")
    AT_STRIPE = "AT_STRIPE", _("At Stripe and on its way to the bank")
    OFFLINE = "OFFLINE", _("Top-ups by transfer")
    BANK_REFUNDS = "BANK_REFUNDS", _("Refunds by transfer")
    OTHER_BANK = "OTHER_BANK", _("Other money at the bank")
    BALANCE = "BALANCE", _("Moved from wallets to products")
    USAGE = "USAGE", _("Usage")


SIDES: Final = ("orders", "stripe", "bank", "ledger")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measure in one currency; amounts as plain decimal text, None for a side that has nothing to say of it."""

    measure: str
    currency: str
    orders: str | None = None
    stripe: str | None = None
    bank: str | None = None
    ledger: str | None = None
    count: int = 0
    """How many orders, refunds or movements the first side with any has."""

    @property
    def label(self) -> str:
        return str(Measure(self.measure).label)

    @property
    def sides(self) -> list[str | None]:
        return [getattr(self, side) for side in SIDES]

    @property
    def spread(self) -> Decimal:
        """How far the sides are apart."""
        said = [Decimal(amount) for amount in self.sides if amount is not None]
        return max(said) - min(said) if said else Decimal(0)

    @property
    def agrees(self) -> bool:
        """Whether all sides that say anything say the same."""
        return not self.spread


@dataclass(frozen=True, kw_only=True)
class _Said:
    """What one side says of one measure in one currency."""

    measure: str
    currency: str
    side: str
    amount: Decimal
    count: int


def read_row(kept: Mapping[str, Any]) -> Row:
    """A row as it was kept."""
    return Row(**kept)


def compare(day: date) -> list[Row]:
    """One row for each measure and currency in which anything moved; those of cards stand always."""
    cells: dict[tuple[str, str], dict[str, _Said]] = defaultdict(dict)
    for said in _ask(day):
        cells[said.measure, said.currency][said.side] = said
    for measure in (Measure.CARD, Measure.AT_STRIPE, Measure.OFFLINE, Measure.BALANCE):
        cells.setdefault((measure.value, WALLET_CURRENCY), {})
    order = list(Measure.values)
    return [
        _row(measure, currency, cells[measure, currency])
        for measure, currency in sorted(cells, key=lambda cell: (order.index(cell[0]), cell[1] != "USD", cell[1]))
    ]


_SIDES_OF: Final[Mapping[str, tuple[str, ...]]] = {
    Measure.CARD: ("orders", "stripe", "ledger"),
    Measure.CARD_REFUNDS: ("orders", "stripe", "ledger"),
    Measure.DISPUTES: ("orders", "stripe", "ledger"),
    Measure.STRIPE_FEES: ("stripe", "ledger"),
    Measure.OTHER_STRIPE: ("stripe", "ledger"),
    Measure.PAYOUTS: ("stripe", "bank", "ledger"),
    Measure.AT_STRIPE: ("stripe", "ledger"),
    Measure.OFFLINE: ("orders", "bank", "ledger"),
    Measure.BANK_REFUNDS: ("orders", "bank", "ledger"),
    Measure.OTHER_BANK: ("bank", "ledger"),
    Measure.BALANCE: ("orders", "ledger"),
    Measure.USAGE: ("ledger",),
}
"""Which sides have to do with a measure; the others stay empty."""


def _row(measure: str, currency: str, said: Mapping[str, _Said]) -> Row:
    amounts = {side: f"{said[side].amount if side in said else Decimal(0):.2f}" for side in _SIDES_OF[measure]}
    count = next((said[side].count for side in SIDES if side in said and said[side].count), 0)
    return Row(measure=measure, currency=currency, count=count, **amounts)


def _ask(day: date) -> Iterator[_Said]:
    start, end = (datetime.combine(moment, time.min, BOOKS) for moment in (day, day + _DAY))
    for side, statement in _STATEMENTS:
        for measure, currency, amount, count in read(
            DEFAULT_DB_ALIAS, statement, {"start": start, "end": end, "day": day}
        ):
            sign = -1 if (measure, side) in _GOING_OUT else 1
            if amount or count:
                yield _Said(measure=measure, currency=currency, side=side, amount=sign * amount, count=count)


_GOING_OUT: Final = frozenset(
    {
        *((measure, side) for measure in (Measure.CARD_REFUNDS, Measure.DISPUTES) for side in ("stripe", "ledger")),
        *((Measure.BANK_REFUNDS, side) for side in ("bank", "ledger")),
        (Measure.PAYOUTS, "ledger"),
        (Measure.USAGE, "ledger"),
    }
)
"""Where a side counts what came in, and the measure is about what went out."""

_ORDERS: Final = """
    SELECT "order".method, "order".paid_currency, sum("order".paid - borne.amount), count(*)
    FROM billing_order AS "order" CROSS JOIN LATERAL (
        SELECT coalesce(sum(entry.amount), 0) AS amount
        FROM wallet_posting AS posting
        JOIN wallet_entry AS entry ON entry.posting_id = posting.id AND entry.side = 'DEBIT'
        JOIN wallet_account AS account ON account.id = entry.account_id AND account.code = 'bank_charges'
        WHERE "order".method = 'OFFLINE' AND posting.organisation_id = "order".organisation_id
          AND posting.order_number = "order".number AND posting.kind = 'TOP_UP'
    ) AS borne
    WHERE "order".paid_at >= %(start)s AND "order".paid_at < %(end)s
      AND NOT EXISTS (SELECT FROM billing_correction AS done WHERE done.credited_order_id = "order".id)
    GROUP BY 1, 2
"""
"""Without what the banks on the way kept and we bear. What a correction credited came in before, with the order it
corrects.
"""

_REFUNDS: Final = """
    SELECT measure, currency, sum(amount), count(*) FROM (
        SELECT CASE "order".method WHEN 'CARD' THEN 'CARD_REFUNDS' ELSE 'BANK_REFUNDS' END AS measure,
               refund.back_currency AS currency,
               CASE moment.is_back WHEN true THEN -refund.back ELSE refund.back END AS amount
        FROM billing_refund AS refund JOIN billing_order AS "order" ON "order".id = refund.order_id
        CROSS JOIN LATERAL (VALUES (false, refund.succeeded_at),
                                   (true, CASE refund.state WHEN 'RETURNED' THEN refund.ended_at END)
        ) AS moment (is_back, at)
        WHERE "order".method <> 'BALANCE' AND moment.at >= %(start)s AND moment.at < %(end)s
    ) AS moved GROUP BY 1, 2
"""

_DISPUTES: Final = """
    SELECT 'DISPUTES', amount_currency,
           sum(CASE kind WHEN 'WITHDRAWN' THEN amount WHEN 'REINSTATED' THEN -amount ELSE 0 END), count(*)
    FROM billing_disputemovement WHERE at >= %(start)s AND at < %(end)s GROUP BY 2
"""

_STRIPE: Final = """
    SELECT CASE WHEN type IN ('charge', 'payment') THEN 'CARD'
                WHEN type ~ 'refund' THEN 'CARD_REFUNDS'
                WHEN type = 'adjustment' AND category ~ '^dispute' THEN 'DISPUTES'
                ELSE 'OTHER_STRIPE' END,
           amount_currency, sum(amount), count(*)
    FROM payments_balancetransaction
    WHERE stripe_created_at >= %(start)s AND stripe_created_at < %(end)s AND type !~ '(_(fee|cost)$|^payout)'
    GROUP BY 1, 2
    UNION ALL
    SELECT 'STRIPE_FEES', amount_currency, sum(CASE WHEN type ~ '_(fee|cost)$' THEN -net ELSE fee END), count(*)
    FROM payments_balancetransaction
    WHERE stripe_created_at >= %(start)s AND stripe_created_at < %(end)s AND (fee <> 0 OR type ~ '_(fee|cost)$')
    GROUP BY 2
    UNION ALL
    SELECT 'AT_STRIPE', currency, sum(amount), 0 FROM (
        SELECT amount_currency, CASE WHEN type ~ '^payout' THEN -fee ELSE net END
        FROM payments_balancetransaction WHERE stripe_created_at < %(end)s
        UNION ALL
        SELECT amount_currency, -amount FROM payments_payout
        WHERE matched_at < %(end)s AND (reversed_at IS NULL OR reversed_at >= %(end)s)
    ) AS held (currency, amount) GROUP BY 2
    UNION ALL
    SELECT 'PAYOUTS', payout.amount_currency, sum(payout.amount * moment.sign), count(*)
    FROM payments_payout AS payout JOIN payments_bankline AS line ON line.id = payout.line_id
    CROSS JOIN LATERAL (VALUES (1, line.booked_on),
                               (-1, (payout.reversed_at AT TIME ZONE 'Asia/Shanghai')::date)) AS moment (sign, day)
    WHERE moment.day = %(day)s GROUP BY 2
"""
"""A payout counts once the bank has it: until then its money is on its way."""

LINE_MEASURE: Final = """
    CASE WHEN line.direction = 'IN' AND (used.kind = 'PAYOUT' OR used.kind IS NULL AND line.pile_reason = 'PAYOUT')
         THEN 'PAYOUTS'
         WHEN used.kind IN ('REFUND', 'BOUNCED') THEN 'BANK_REFUNDS'
         WHEN used.kind IN ('PAYOUT', 'CHARGE', 'EXCHANGE') OR line.direction = 'OUT' OR line.is_reversal
              OR line.pile = 'OTHER' THEN 'OTHER_BANK'
         ELSE 'OFFLINE' END
"""
"""What a bank line is about, by what became of it, else by its pile."""

_BANK: Final = f"""
    SELECT {LINE_MEASURE},
           line.amount_currency, sum(CASE line.direction WHEN 'IN' THEN line.amount ELSE -line.amount END), count(*)
    FROM payments_bankline AS line LEFT JOIN LATERAL (
        SELECT max(kind) AS kind FROM payments_allocation WHERE line_id = line.id
    ) AS used ON true
    WHERE line.booked_on = %(day)s AND used.kind IS DISTINCT FROM 'SAME'
    GROUP BY 1, 2
"""  # noqa: S608  # two constants of this module

_LEDGER: Final = f"""
    WITH moved AS (
        SELECT account.code, coalesce(first.kind, posting.kind) AS kind, posting.id, entry.currency,
               CASE WHEN line.id IS NULL THEN '' WHEN posting.kind = 'SUSPENSE_RETURN' THEN 'OTHER_BANK'
                    ELSE {LINE_MEASURE} END AS line_measure,
               CASE entry.side WHEN 'DEBIT' THEN entry.amount ELSE -entry.amount END AS amount
        FROM wallet_posting AS posting
        JOIN wallet_entry AS entry ON entry.posting_id = posting.id
        JOIN wallet_account AS account ON account.id = entry.account_id
        LEFT JOIN wallet_posting AS first ON first.id = posting.reverses_id
        LEFT JOIN payments_bankline AS line ON starts_with(posting.key, 'bankline:')
         AND line.id = CASE WHEN starts_with(posting.key, 'bankline:') THEN split_part(posting.key, ':', 2)::uuid END
        LEFT JOIN LATERAL (SELECT max(kind) AS kind FROM payments_allocation WHERE line_id = line.id) AS used ON true
        WHERE posting.business_date = %(day)s
          AND (account.code ~ '^(revenue:|bank:)' OR account.code IN ('stripe_fees', 'stripe_clearing')
               OR account.code = 'chargebacks' AND posting.kind = 'DISPUTE_FEE'
               OR account.code = 'wallet' AND posting.kind = 'TOP_UP' AND entry.side = 'DEBIT')
    )
    SELECT CASE
               WHEN code ~ '^revenue:' THEN 'USAGE'
               WHEN code IN ('stripe_fees', 'chargebacks') THEN 'STRIPE_FEES'
               WHEN code = 'wallet' THEN 'BALANCE'
               WHEN code = 'stripe_clearing' AND kind = 'PAYOUT' THEN 'PAYOUTS'
               WHEN code = 'stripe_clearing' AND kind ~ '^(REFUND|SUSPENSE_RETURN)' THEN 'CARD_REFUNDS'
               WHEN code = 'stripe_clearing' AND kind ~ '^DISPUTE' THEN 'DISPUTES'
               WHEN code = 'stripe_clearing' THEN 'CARD'
               WHEN line_measure <> '' THEN line_measure
               WHEN kind ~ '^REFUND' THEN 'BANK_REFUNDS'
               WHEN kind IN ('TOP_UP', 'REVERSAL') THEN 'OFFLINE'
               ELSE 'OTHER_BANK'
           END,
           currency, sum(amount), count(DISTINCT id)
    FROM moved
    WHERE NOT (code = 'stripe_clearing' AND kind IN ('STRIPE_FEE', 'DISPUTE_FEE'))
      AND NOT (code ~ '^bank:' AND line_measure = 'PAYOUTS')
    GROUP BY 1, 2
    UNION ALL
    SELECT 'AT_STRIPE', currency, sum(amount), 0 FROM (
        SELECT currency, balance FROM wallet_account WHERE code = 'stripe_clearing'
        UNION ALL
        SELECT entry.currency, CASE entry.side WHEN 'DEBIT' THEN -entry.amount ELSE entry.amount END
        FROM wallet_posting AS posting
        JOIN wallet_entry AS entry ON entry.posting_id = posting.id
        JOIN wallet_account AS account ON account.id = entry.account_id AND account.code = 'stripe_clearing'
        WHERE posting.business_date > %(day)s
    ) AS held (currency, amount) GROUP BY 2
"""  # noqa: S608  # a constant of this module
"""A payout is told by the clearing account, whichever way it took to the bank's. What is at Stripe is what the accounts
hold now, less what came on later days: that does not grow with the years.
"""

_STATEMENTS: Final = (
    ("orders", _ORDERS),
    ("orders", _REFUNDS),
    ("orders", _DISPUTES),
    ("stripe", _STRIPE),
    ("bank", _BANK),
    ("ledger", _LEDGER),
)
