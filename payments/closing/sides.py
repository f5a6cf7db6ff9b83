"""What each side says of a business day: its orders, movements at Stripe, bank lines and postings, each by measure.

The close sums these rows up, and a page lists those that one sum consists of: both from the same statements.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS

from payments.closing.measures import BANK, LEDGER, ORDERS, STRIPE
from wallet.audit import read
from wallet.calendar import BOOKS

_DAY: Final = timedelta(days=1)


def sum_up(day: date) -> list[tuple[Any, ...]]:
    """Side, measure, currency, sum and count, wherever a side says anything."""
    return [
        (side, *row)
        for side, statements in _ROWS.items()
        for statement in (*map(_sum, statements), *_STANDS.get(side, ()))
        for row in read(DEFAULT_DB_ALIAS, statement, _span(day))
    ]


def list_rows(*, day: date, side: str, measure: str, currency: str, limit: int, offset: int) -> list[tuple[Any, ...]]:
    """Amount, kind of thing, its id, what it is called and its moment, of so many rows of one sum, the oldest first."""
    wanted = {"measure": measure, "currency": currency, "limit": limit, "offset": offset}
    return read(DEFAULT_DB_ALIAS, _list(_ROWS[side]), _span(day) | wanted)


def sum_one(*, day: date, side: str, measure: str, currency: str) -> tuple[Any, ...]:
    """Sum and count of one figure, as they are now."""
    wanted = {"measure": measure, "currency": currency}
    return read(DEFAULT_DB_ALIAS, _sum_one(_ROWS[side]), _span(day) | wanted)[0]


def _span(day: date) -> dict[str, Any]:
    start, end = (datetime.combine(moment, time.min, BOOKS) for moment in (day, day + _DAY))
    return {"day": day, "start": start, "end": end}


_COLUMNS: Final = "measure, currency, amount, thing, id, subject, moment"


def _sum(rows: str) -> str:
    return f"SELECT measure, currency, sum(amount), count(*) FROM ({rows}) AS said ({_COLUMNS}) GROUP BY 1, 2"  # noqa: S608  # constants


def _together(rows: tuple[str, ...]) -> str:
    said = " UNION ALL ".join(f"(SELECT * FROM ({one}) AS part)" for one in rows)  # noqa: S608  # as above
    return f"({said}) AS said ({_COLUMNS}) WHERE measure = %(measure)s AND currency = %(currency)s"


def _list(rows: tuple[str, ...]) -> str:
    return f"""
        SELECT amount, thing, id, subject, moment FROM {_together(rows)}
        ORDER BY moment, id LIMIT %(limit)s OFFSET %(offset)s
    """  # noqa: S608  # as above


def _sum_one(rows: tuple[str, ...]) -> str:
    return f"SELECT coalesce(sum(amount), 0), count(*) FROM {_together(rows)}"  # noqa: S608  # as above


_ORDERS: Final = """
    SELECT "order".method, "order".paid_currency, "order".paid - borne.amount, 'order', "order".id, "order".number,
           "order".paid_at
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
"""
"""Without what the banks on the way kept and we bear. What a correction credited came in before, with the order it
corrects.
"""

_REFUNDS: Final = """
    SELECT CASE "order".method WHEN 'CARD' THEN 'CARD_REFUNDS' ELSE 'BANK_REFUNDS' END, refund.back_currency,
           CASE moment.is_back WHEN true THEN -refund.back ELSE refund.back END, 'refund', refund.id, refund.number,
           moment.at
    FROM billing_refund AS refund JOIN billing_order AS "order" ON "order".id = refund.order_id
    CROSS JOIN LATERAL (VALUES (false, refund.succeeded_at),
                               (true, CASE refund.state WHEN 'RETURNED' THEN refund.ended_at END)
    ) AS moment (is_back, at)
    WHERE "order".method <> 'BALANCE' AND moment.at >= %(start)s AND moment.at < %(end)s
"""

_DISPUTES: Final = """
    SELECT 'DISPUTES', movement.amount_currency,
           CASE movement.kind WHEN 'WITHDRAWN' THEN movement.amount WHEN 'REINSTATED' THEN -movement.amount ELSE 0 END,
           'dispute', dispute.id, dispute.stripe_id, movement.at
    FROM billing_disputemovement AS movement JOIN billing_dispute AS dispute ON dispute.id = movement.dispute_id
    WHERE movement.at >= %(start)s AND movement.at < %(end)s
"""

_AT_STRIPE: Final = """
    SELECT CASE WHEN type IN ('charge', 'payment') THEN 'CARD'
                WHEN type ~ 'refund' THEN 'CARD_REFUNDS'
                WHEN type = 'adjustment' AND category ~ '^dispute' THEN 'DISPUTES'
                ELSE 'OTHER_STRIPE' END,
           amount_currency, amount, 'transaction', id, stripe_id, stripe_created_at
    FROM payments_balancetransaction
    WHERE stripe_created_at >= %(start)s AND stripe_created_at < %(end)s AND type !~ '(_(fee|cost)$|^payout)'
"""

_FEES: Final = """
    SELECT 'STRIPE_FEES', amount_currency, CASE WHEN type ~ '_(fee|cost)$' THEN -net ELSE fee END, 'transaction', id,
           stripe_id, stripe_created_at
    FROM payments_balancetransaction
    WHERE stripe_created_at >= %(start)s AND stripe_created_at < %(end)s AND (fee <> 0 OR type ~ '_(fee|cost)$')
"""

_PAYOUTS: Final = """
    SELECT 'PAYOUTS', payout.amount_currency, payout.amount * moment.sign, 'payout', payout.id, payout.stripe_id,
           payout.stripe_created_at
    FROM payments_payout AS payout JOIN payments_bankline AS line ON line.id = payout.line_id
    CROSS JOIN LATERAL (VALUES (1, line.booked_on),
                               (-1, (payout.reversed_at AT TIME ZONE 'Asia/Shanghai')::date)) AS moment (sign, day)
    WHERE moment.day = %(day)s
"""
"""A payout counts once the bank has it: until then its money is on its way."""

_HELD_AT_STRIPE: Final = """
    SELECT 'AT_STRIPE', currency, sum(amount), 0 FROM (
        SELECT amount_currency, CASE WHEN type ~ '^payout' THEN -fee ELSE net END
        FROM payments_balancetransaction WHERE stripe_created_at < %(end)s
        UNION ALL
        SELECT amount_currency, -amount FROM payments_payout
        WHERE matched_at < %(end)s AND (reversed_at IS NULL OR reversed_at >= %(end)s)
    ) AS held (currency, amount) GROUP BY 2
"""

LINE_MEASURE: Final = """
    CASE WHEN line.direction = 'IN' AND (used.kind = 'PAYOUT' OR used.kind IS NULL AND line.pile_reason = 'PAYOUT')
         THEN 'PAYOUTS'
         WHEN used.kind IN ('REFUND', 'BOUNCED') THEN 'BANK_REFUNDS'
         WHEN used.kind IN ('PAYOUT', 'CHARGE', 'EXCHANGE') OR line.direction = 'OUT' OR line.is_reversal
              OR line.pile = 'OTHER' THEN 'OTHER_BANK'
         ELSE 'OFFLINE' END
"""
"""What a bank line is about, by what became of it, else by its pile."""

_LINES: Final = f"""
    SELECT {LINE_MEASURE}, line.amount_currency, CASE line.direction WHEN 'IN' THEN line.amount ELSE -line.amount END,
           'line', line.id, concat_ws(' ', account.code, line.bank_reference),
           line.booked_on::timestamp AT TIME ZONE 'Asia/Shanghai'
    FROM payments_bankline AS line JOIN payments_bankaccount AS account ON account.id = line.account_id
    LEFT JOIN LATERAL (
        SELECT max(kind) AS kind FROM payments_allocation WHERE line_id = line.id
    ) AS used ON true
    WHERE line.booked_on = %(day)s AND used.kind IS DISTINCT FROM 'SAME'
"""  # noqa: S608  # two constants of this module

_LEDGER: Final = f"""
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
           currency, amount, 'posting', id, key, posted_at
    FROM (
        SELECT account.code, posting.id, posting.key, posting.posted_at, entry.currency,
               CASE WHEN posting.reverses_id IS NULL THEN posting.kind ELSE (
                   SELECT first.kind FROM wallet_posting AS first WHERE first.id = posting.reverses_id
               ) END AS kind,
               CASE WHEN line.id IS NULL THEN '' WHEN posting.kind = 'SUSPENSE_RETURN' THEN 'OTHER_BANK'
                    ELSE {LINE_MEASURE} END AS line_measure,
               CASE entry.side WHEN 'DEBIT' THEN entry.amount ELSE -entry.amount END AS amount
        FROM wallet_posting AS posting
        JOIN wallet_entry AS entry ON entry.posting_id = posting.id
        JOIN wallet_account AS account ON account.id = entry.account_id
        LEFT JOIN payments_bankline AS line ON starts_with(posting.key, 'bankline:')
         AND line.id = CASE WHEN starts_with(posting.key, 'bankline:') THEN split_part(posting.key, ':', 2)::uuid END
        LEFT JOIN LATERAL (SELECT max(kind) AS kind FROM payments_allocation WHERE line_id = line.id) AS used ON true
        WHERE posting.business_date = %(day)s
          AND (account.code ~ '^(revenue:|bank:)' OR account.code IN ('stripe_fees', 'stripe_clearing')
               OR account.code = 'chargebacks' AND posting.kind = 'DISPUTE_FEE'
               OR account.code = 'wallet' AND posting.kind = 'TOP_UP' AND entry.side = 'DEBIT')
    ) AS moved
    WHERE NOT (code = 'stripe_clearing' AND kind IN ('STRIPE_FEE', 'DISPUTE_FEE'))
      AND NOT (code ~ '^bank:' AND line_measure = 'PAYOUTS')
"""  # noqa: S608  # a constant of this module
"""A payout is told by the clearing account, whichever way it took to the bank's."""

_HELD_IN_LEDGER: Final = """
    SELECT 'AT_STRIPE', currency, sum(amount), 0 FROM (
        SELECT currency, balance FROM wallet_account WHERE code = 'stripe_clearing'
        UNION ALL
        SELECT entry.currency, CASE entry.side WHEN 'DEBIT' THEN -entry.amount ELSE entry.amount END
        FROM wallet_posting AS posting
        JOIN wallet_entry AS entry ON entry.posting_id = posting.id
        JOIN wallet_account AS account ON account.id = entry.account_id AND account.code = 'stripe_clearing'
        WHERE posting.business_date > %(day)s
    ) AS held (currency, amount) GROUP BY 2
"""
"""What the accounts hold now, less what came on later days: that does not grow with the years."""

_ROWS: Final[Mapping[str, tuple[str, ...]]] = {
    ORDERS: (_ORDERS, _REFUNDS, _DISPUTES),
    STRIPE: (_AT_STRIPE, _FEES, _PAYOUTS),
    BANK: (_LINES,),
    LEDGER: (_LEDGER,),
}
_STANDS: Final[Mapping[str, tuple[str, ...]]] = {STRIPE: (_HELD_AT_STRIPE,), LEDGER: (_HELD_IN_LEDGER,)}
"""What is there at the end of the day, and no sum of what moved."""
