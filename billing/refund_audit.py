"""The audit of refunds: each was posted as far as it got, never more went back than an order credited, two people let
it go, and every order reads what became of its money.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from billing.models import CREDITED, Refund
from wallet.audit import Check, compare_schema, read
from wallet.schema import read_schema

_CHANGING: Final = "state debt approved_by_id approved_by_name approved_at succeeded_at ended_at failure"

REFUNDS: Final = read_schema(
    folder=Path(__file__).parent / "sql",
    files="refunds.sql",
    prefix="refunds_",
    models=(Refund,),
    grants={"billing_refund": frozenset({"INSERT", *(f"UPDATE ({column})" for column in _CHANGING.split())})},
)


def check_postings(using: str, _now: datetime) -> Iterable[str]:
    """Every refund's postings are exactly those of how far it got; where its money left to is what its method says."""
    rows = read(
        using,
        """
        WITH refund AS (
            SELECT r.*, o.number AS order_number, o.method, o.target,
                   o.target || ':held' AS held, r.amount_currency <> r.back_currency AS converts
            FROM billing_refund AS r JOIN billing_order AS o ON o.id = r.order_id
        ), line (step, side, code, of_back, converting, states) AS (VALUES
            ('hold', 'DEBIT', 'target', false, false, NULL),
            ('hold', 'CREDIT', 'held', false, false, NULL),
            ('release', 'DEBIT', 'held', false, false, ARRAY['DECLINED', 'WITHDRAWN', 'FAILED']),
            ('release', 'CREDIT', 'target', false, false, ARRAY['DECLINED', 'WITHDRAWN', 'FAILED']),
            ('out', 'DEBIT', 'held', false, false, ARRAY['SUCCEEDED', 'RETURNED']),
            ('out', 'CREDIT', 'source', true, false, ARRAY['SUCCEEDED', 'RETURNED']),
            ('out', 'CREDIT', 'fx', false, true, ARRAY['SUCCEEDED', 'RETURNED']),
            ('out', 'DEBIT', 'fx', true, true, ARRAY['SUCCEEDED', 'RETURNED']),
            ('return', 'DEBIT', 'source', true, false, ARRAY['RETURNED']),
            ('return', 'CREDIT', 'target', false, false, ARRAY['RETURNED']),
            ('return', 'CREDIT', 'fx', true, true, ARRAY['RETURNED']),
            ('return', 'DEBIT', 'fx', false, true, ARRAY['RETURNED'])
        ), due AS (
            SELECT refund.organisation_id, refund.number, line.step, line.side, line.code,
                   CASE WHEN line.of_back THEN refund.back_currency ELSE refund.amount_currency END AS currency,
                   CASE WHEN line.of_back THEN refund.back ELSE refund.amount END AS amount
            FROM refund CROSS JOIN line
            WHERE (line.states IS NULL OR refund.state = ANY(line.states)) AND (refund.converts OR NOT line.converting)
        ), posted AS (
            SELECT posting.organisation_id, split_part(posting.key, ':', 2) AS number,
                   CASE posting.kind WHEN 'REFUND_HOLD' THEN 'hold' WHEN 'REFUND_RELEASE' THEN 'release'
                        WHEN 'REFUND' THEN 'out' WHEN 'REFUND_RETURN' THEN 'return' END AS step,
                   entry.side, CASE
                       WHEN account.code = refund.held THEN 'held'
                       WHEN account.code = 'fx' THEN 'fx'
                       WHEN posting.kind IN ('REFUND', 'REFUND_RETURN') AND account.code ~ CASE refund.method
                           WHEN 'CARD' THEN '^stripe_clearing$' WHEN 'BALANCE' THEN '^wallet$' ELSE '^bank:' END
                       THEN 'source'
                       WHEN account.code = refund.target THEN 'target'
                       WHEN account.code IN ('receivable', 'chargebacks') AND refund.origin = 'STRIPE' THEN 'target'
                       ELSE account.code END AS code,
                   entry.currency, sum(entry.amount) AS amount
            FROM wallet_posting AS posting
            JOIN wallet_entry AS entry ON entry.posting_id = posting.id
            JOIN wallet_account AS account ON account.id = entry.account_id
            LEFT JOIN refund ON refund.organisation_id = posting.organisation_id
             AND refund.number = split_part(posting.key, ':', 2) AND refund.order_number = posting.order_number
            WHERE posting.kind IN ('REFUND_HOLD', 'REFUND_RELEASE', 'REFUND', 'REFUND_RETURN')
            GROUP BY 1, 2, 3, 4, 5, 6
        )
        SELECT number, organisation_id, step, side, code, currency, coalesce(posted.amount, 0), coalesce(due.amount, 0)
        FROM posted FULL JOIN due USING (organisation_id, number, step, side, code, currency)
        WHERE coalesce(posted.amount, 0) <> coalesce(due.amount, 0)
        ORDER BY number, step, side, code
        """,
    )
    for number, organisation, step, side, code, currency, posted, due in rows:
        yield (
            f"Refund {number} of {organisation} ({step}, {side.lower()} {code}):"
            f" {posted} {currency} posted, due are {due}."
        )


def check_sums(using: str, _now: datetime) -> Iterable[str]:
    """Never more goes back than the order credited, nor more than was paid; and of all of it, all that was paid."""
    rows = read(
        using,
        """
        SELECT refunded.number, sum(refund.amount), refunded.credited, sum(refund.back), refunded.paid
        FROM billing_refund AS refund JOIN billing_order AS refunded ON refunded.id = refund.order_id
        WHERE refund.state = 'SUCCEEDED'
        GROUP BY refunded.id
        HAVING sum(refund.amount) > refunded.credited OR sum(refund.back) > refunded.paid
            OR (sum(refund.amount) = refunded.credited) <> (sum(refund.back) = refunded.paid)
        """,
    )
    for number, amount, credited, back, paid in rows:
        yield f"Of order {number} {amount} of {credited} was refunded, as {back} of the {paid} that was paid."


def check_people(using: str, _now: datetime) -> Iterable[str]:
    """Whoever let a refund go is not who started it, and did not belong to the organisation."""
    rows = read(
        using,
        """
        SELECT refund.number, 'was approved by whoever asked for it'
        FROM billing_refund AS refund WHERE refund.approved_by_id = refund.asked_by_id
        UNION ALL
        SELECT DISTINCT refund.number, 'was approved by a member of the organisation'
        FROM billing_refund AS refund
        JOIN wallet_member AS member ON member.organisation_id = refund.organisation_id
         AND (member.user_id = refund.approved_by_id AND member.joined_at <= refund.approved_at
              OR refund.origin = 'FINANCE' AND member.user_id = refund.asked_by_id
                 AND member.joined_at <= refund.asked_at)
        WHERE refund.approved_at IS NOT NULL
        """,
    )
    for number, said in rows:
        yield f"Refund {number} {said}."


def check_states(using: str, _now: datetime) -> Iterable[str]:
    """Every credited order reads what its refunds and disputes make it, unless it was undone or corrected."""
    rows = read(
        using,
        """
        WITH refunded AS (
            SELECT order_id, sum(amount) AS amount FROM billing_refund WHERE state = 'SUCCEEDED' GROUP BY order_id
        ), disputed AS (
            SELECT order_id, bool_and(state = 'LOST') AS is_lost FROM billing_dispute
            WHERE is_withdrawn GROUP BY order_id
        ), due AS (
            SELECT credited.number, credited.state, CASE
                WHEN disputed.is_lost THEN 'CHARGED_BACK'
                WHEN disputed.order_id IS NOT NULL THEN 'DISPUTED'
                WHEN refunded.amount >= credited.credited THEN 'REFUNDED'
                WHEN refunded.amount > 0 THEN 'PARTIALLY_REFUNDED'
                ELSE 'PAID' END AS due
            FROM billing_order AS credited
            LEFT JOIN refunded ON refunded.order_id = credited.id
            LEFT JOIN disputed ON disputed.order_id = credited.id
            WHERE credited.state = ANY(%s) AND (
                credited.state <> 'PAID' OR refunded.order_id IS NOT NULL OR disputed.order_id IS NOT NULL)
              AND NOT EXISTS (SELECT FROM billing_orderevent AS event
                              WHERE event.order_id = credited.id AND event.note IN ('UNDONE', 'TAKEN_BACK'))
        )
        SELECT number, state, due FROM due WHERE state <> due
        """,
        [list(CREDITED)],
    )
    for number, state, due in rows:
        yield f"Order {number} reads {state}; by its refunds and disputes it is {due}."


def check_guards(using: str, _now: datetime) -> Iterable[str]:
    """What makes a refund two people's, and never too much, is there, and as this version defines it."""
    yield from compare_schema(using, REFUNDS)


CHECKS: Final[tuple[Check, ...]] = (check_postings, check_sums, check_people, check_states, check_guards)
