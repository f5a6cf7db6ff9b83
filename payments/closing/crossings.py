"""What one side counts on another day than the other: neither day's sums agree, although every fact does.

Stripe's moments and the bank's days are theirs; ours are those on which we learned of it and posted it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from django.db import DEFAULT_DB_ALIAS
from djmoney.money import Money

from payments.closing.sides import LINE_MEASURE
from wallet.audit import read
from wallet.calendar import BOOKS

_REACH: Final = timedelta(days=40)
"""Further apart no two sides are looked for."""


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """What Stripe or a bank counts on one day, and orders or ledger on another."""

    measure: str
    there: date
    """At Stripe or the bank."""
    here: date
    amount: Money
    count: int
    subject: str
    """One of them: an order's number, a transaction, a bank's number."""


def list_crossings(day: date) -> Iterator[Crossing]:
    """Those that begin or end on the day, or lie over it, together by measure, currency and pair of days."""
    first, last = day - _REACH, day + _REACH
    start, midnight, end = (datetime.combine(moment, time.min, BOOKS) for moment in (first, day, last))
    asked = {"day": day, "start": start, "midnight": midnight, "end": end, "first": first, "last": last}
    for measure, currency, there, here, amount, count, subject in read(DEFAULT_DB_ALIAS, _CROSSINGS, asked):
        yield Crossing(
            measure=measure,
            there=there,
            here=here,
            amount=Money(Decimal(amount), currency),
            count=count,
            subject=subject,
        )


_DAY_OF: Final = "(({moment}) AT TIME ZONE 'Asia/Shanghai')::date"
_STRIPES: Final = _DAY_OF.format(moment="listed.stripe_created_at")
_REFUNDED: Final = _DAY_OF.format(
    moment="CASE WHEN listed.type = 'refund_failure' THEN refund.ended_at ELSE refund.succeeded_at END"
)

_CROSSINGS: Final = f"""
    WITH listed AS NOT MATERIALIZED (
        SELECT * FROM payments_balancetransaction AS one
        WHERE one.stripe_created_at >= %(start)s AND one.stripe_created_at < %(end)s
    ), line AS (
        SELECT line.*, account.code AS account_code, {LINE_MEASURE} AS measure, used.first_at,
               CASE line.direction WHEN 'IN' THEN line.amount ELSE -line.amount END AS signed
        FROM payments_bankline AS line JOIN payments_bankaccount AS account ON account.id = line.account_id
        LEFT JOIN LATERAL (
            SELECT max(used.kind) AS kind, min(coalesce(sent.at, used.at)) AS first_at
            FROM payments_allocation AS used LEFT JOIN payments_allocation AS sent ON sent.id = used.sends_id
            WHERE used.line_id = line.id
        ) AS used ON true
        WHERE line.booked_on BETWEEN %(first)s AND %(last)s AND used.kind IS DISTINCT FROM 'SAME'
    ), pair (measure, currency, there, here, amount, subject) AS (
        SELECT 'CARD', listed.amount_currency, {_STRIPES}, {_DAY_OF.format(moment='"order".paid_at')},
               listed.amount, "order".number
        FROM listed JOIN payments_payment AS payment ON payment.payment_intent_id = listed.payment_intent_id
        JOIN billing_order AS "order" ON "order".id = coalesce(payment.credited_order_id, payment.order_id)
        WHERE listed.type IN ('charge', 'payment') AND payment.state = 'CONFIRMED'
          AND listed.stripe_created_at >= %(midnight)s
        UNION ALL
        SELECT 'CARD', listed.amount_currency, {_STRIPES}, {_DAY_OF.format(moment='"order".paid_at')},
               listed.amount, "order".number
        FROM billing_order AS "order" JOIN payments_payment AS payment
          ON (payment.order_id = "order".id OR payment.credited_order_id = "order".id)
         AND coalesce(payment.credited_order_id, payment.order_id) = "order".id
        JOIN listed ON listed.payment_intent_id = payment.payment_intent_id
        WHERE listed.type IN ('charge', 'payment') AND payment.state = 'CONFIRMED'
          AND "order".paid_at >= %(midnight)s AND "order".paid_at < %(end)s AND "order".method = 'CARD'
          AND listed.stripe_created_at < %(midnight)s
        UNION ALL
        SELECT CASE WHEN posting.part = 'fee' THEN 'STRIPE_FEES' WHEN listed.type ~ 'refund' THEN 'CARD_REFUNDS'
                    ELSE 'CARD' END, listed.amount_currency, {_STRIPES}, posting.business_date,
               CASE WHEN posting.part = 'fee' THEN listed.amount - listed.net
                    WHEN listed.type ~ 'refund' THEN -listed.amount ELSE listed.amount END, listed.stripe_id
        FROM (
            SELECT organisation_id, business_date, split_part(key, ':', 2) AS stripe_id, split_part(key, ':', 3) AS part
            FROM wallet_posting
            WHERE business_date BETWEEN %(day)s - 1 AND %(last)s AND starts_with(key, 'txn:')
        ) AS posting JOIN listed
          ON listed.stripe_id = posting.stripe_id AND listed.organisation_id = posting.organisation_id
        WHERE posting.part IN ('gross', 'fee')
        UNION ALL
        SELECT 'CARD_REFUNDS', listed.amount_currency, {_STRIPES},
               {_REFUNDED},
               -listed.amount, refund.number
        FROM listed JOIN payments_cardrefund AS sent ON sent.stripe_id = listed.source_id
        JOIN billing_refund AS refund ON refund.id = sent.refund_id
        WHERE listed.type ~ 'refund' AND refund.succeeded_at IS NOT NULL
        UNION ALL
        SELECT 'DISPUTES', listed.amount_currency, {_STRIPES}, {_DAY_OF.format(moment="movement.at")},
               -listed.amount, listed.source_id
        FROM listed JOIN billing_disputemovement AS movement ON movement.transaction_id = listed.stripe_id
        WHERE listed.amount <> 0
        UNION ALL
        SELECT 'STRIPE_FEES', listed.amount_currency, {_STRIPES}, {_DAY_OF.format(moment="movement.at")},
               listed.fee, listed.source_id
        FROM listed JOIN billing_disputemovement AS movement ON movement.transaction_id = listed.stripe_id
        WHERE listed.fee <> 0
        UNION ALL
        SELECT line.measure, line.amount_currency, line.booked_on,
               coalesce(posting.business_date, {_DAY_OF.format(moment="refund.paid_at")},
                        {_DAY_OF.format(moment="line.first_at")}),
               line.signed, line.bank_reference
        FROM line LEFT JOIN wallet_posting AS posting
          ON posting.organisation_id = line.held_by_id AND posting.key = 'bankline:' || line.id || ':suspense'
        LEFT JOIN payments_bankrefund AS refund ON refund.line_id = line.id
        UNION ALL
        SELECT 'PAYOUTS', payout.amount_currency, line.booked_on, {_DAY_OF.format(moment="payout.matched_at")},
               payout.amount, payout.stripe_id
        FROM line JOIN payments_payout AS payout ON payout.line_id = line.id
        UNION ALL
        SELECT 'OFFLINE', line.amount_currency, line.booked_on, {_DAY_OF.format(moment="allocation.at")},
               allocation.amount, "order".number
        FROM line JOIN payments_allocation AS allocation ON allocation.line_id = line.id
        JOIN billing_order AS "order" ON "order".id = allocation.order_id
        WHERE allocation.kind = 'CREDITED'
    )
    SELECT measure, currency, there, here, sum(amount), count(*), min(subject)
    FROM pair WHERE there <> here AND %(day)s BETWEEN least(there, here) AND greatest(there, here)
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""  # noqa: S608  # constants of this module and of the sides
"""The two largest parts are asked from the day on, each from its own side, so that they do not grow with the reach:
what Stripe lists since that midnight, and what was paid or posted here since then. A transaction's posting is younger
than it, but for a clock that is fast: so the day before is asked too.
"""
