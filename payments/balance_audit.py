"""The audit of what moves at Stripe, of payouts at the bank and of the house's own money there: what stands written was
posted, once and with its amount, and nothing was posted that does not stand written.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from wallet.audit import Check, read


def check_transactions(using: str, _now: datetime) -> Iterable[str]:
    """What a balance transaction says was posted is there, and moved clearing by just that."""
    rows = read(
        using,
        """
        WITH moved AS (
            SELECT posting.organisation_id, posting.key,
                   sum(CASE entry.side WHEN 'DEBIT' THEN entry.amount ELSE -entry.amount END) AS amount
            FROM wallet_posting AS posting
            JOIN wallet_entry AS entry ON entry.posting_id = posting.id
            JOIN wallet_account AS account ON account.id = entry.account_id AND account.code = 'stripe_clearing'
            WHERE starts_with(posting.key, 'txn:') AND (posting.key LIKE '%:fee' OR posting.key LIKE '%:gross')
            GROUP BY posting.organisation_id, posting.key
        ), due AS (
            SELECT t.organisation_id, keys.key,
                   CASE WHEN keys.key LIKE '%:gross' THEN t.amount
                        WHEN t.fee <> 0 THEN -t.fee ELSE t.net END AS amount
            FROM payments_balancetransaction AS t CROSS JOIN LATERAL unnest(t.posting_keys) AS keys (key)
        )
        SELECT coalesce(due.key, moved.key), coalesce(due.amount, 0), coalesce(moved.amount, 0)
        FROM due FULL JOIN moved ON moved.organisation_id = due.organisation_id AND moved.key = due.key
        WHERE coalesce(due.amount, 0) <> coalesce(moved.amount, 0)
        """,
    )
    for key, due, moved in rows:
        yield f"Posting {key} moved {moved} at Stripe, its balance transaction says {due}."


def check_payouts(using: str, _now: datetime) -> Iterable[str]:
    """A payout that was found at the bank was posted with its amount, one that failed since was reversed, and no payout
    was posted otherwise.
    """
    rows = read(
        using,
        """
        WITH moved AS (
            SELECT posting.key, sum(CASE entry.side WHEN 'CREDIT' THEN entry.amount ELSE -entry.amount END) AS amount
            FROM wallet_posting AS posting
            JOIN wallet_entry AS entry ON entry.posting_id = posting.id
            JOIN wallet_account AS account ON account.id = entry.account_id AND account.code = 'stripe_clearing'
            WHERE starts_with(posting.key, 'payout:') GROUP BY posting.key
        ), due AS (
            SELECT 'payout:' || stripe_id AS key, amount FROM payments_payout WHERE line_id IS NOT NULL
            UNION ALL
            SELECT 'payout:' || stripe_id || ':failed', -amount FROM payments_payout WHERE reversed_at IS NOT NULL
        )
        SELECT coalesce(due.key, moved.key), coalesce(due.amount, 0), coalesce(moved.amount, 0)
        FROM due FULL JOIN moved ON moved.key = due.key
        WHERE coalesce(due.amount, 0) <> coalesce(moved.amount, 0)
        """,
    )
    for key, due, moved in rows:
        yield f"Posting {key} took {moved} out of Stripe, its payout says {due}."
    for (stripe_id,) in read(
        using,
        """
        SELECT stripe_id FROM payments_payout
        WHERE state IN ('FAILED', 'CANCELLED') AND line_id IS NOT NULL AND reversed_at IS NULL
        """,
    ):
        yield f"Payout {stripe_id} failed, but its posting was not reversed."


def check_house_moves(using: str, _now: datetime) -> Iterable[str]:
    """What was approved as the house's own was posted, and by two people; each line was spent on it whole."""
    rows = read(
        using,
        """
        SELECT m.id, m.approved_by_id = m.made_by_id, p.id IS NULL, coalesce(spent.amount, 0) <> due.amount
        FROM payments_housemove AS m
        LEFT JOIN wallet_posting AS p
          ON p.key = CASE m.kind WHEN 'EXCHANGE' THEN 'exchange:' || m.id ELSE 'bankline:' || m.line_id || ':charge' END
        CROSS JOIN LATERAL (
            SELECT sum(l.amount) AS amount FROM payments_bankline AS l WHERE l.id IN (m.line_id, m.came_as_id)
        ) AS due
        CROSS JOIN LATERAL (
            SELECT sum(a.amount) AS amount FROM payments_allocation AS a
            WHERE a.line_id IN (m.line_id, m.came_as_id) AND a.kind = m.kind
        ) AS spent
        WHERE m.approved_at IS NOT NULL
          AND (m.approved_by_id = m.made_by_id OR p.id IS NULL OR coalesce(spent.amount, 0) <> due.amount)
        """,
    )
    for move, is_own, is_missing, is_unspent in rows:
        if is_own:
            yield f"Movement {move} of the house was approved by whoever proposed it."
        if is_missing:
            yield f"Movement {move} of the house was approved, but not posted."
        if is_unspent:
            yield f"Movement {move} of the house did not use its bank lines whole."


CHECKS: Final[tuple[Check, ...]] = (check_transactions, check_payouts, check_house_moves)
