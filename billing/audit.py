"""The audit of orders: every paid order was credited exactly once, and every credit that can be spent has its order."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from billing.models import CREDITED
from wallet.audit import Check, read


def check_paid_orders(using: str, _now: datetime) -> Iterable[str]:
    """One posting for every order that was paid, on its target, of its amount."""
    rows = read(
        using,
        """
        SELECT "order".number, count(posting.id), count(entry.id)
        FROM billing_order AS "order"
        LEFT JOIN wallet_posting AS posting
          ON posting.organisation_id = "order".organisation_id AND posting.kind = 'TOP_UP'
         AND posting.order_number = "order".number
        LEFT JOIN wallet_entry AS entry
          ON entry.posting_id = posting.id AND entry.side = 'CREDIT' AND entry.amount = "order".credited
         AND entry.currency = "order".credited_currency
         AND entry.account_id = (SELECT account.id FROM wallet_account AS account
                                 WHERE account.organisation_id = "order".organisation_id
                                   AND account.code = "order".target
                                   AND account.currency = "order".credited_currency)
        WHERE "order".state = ANY(%s)
        GROUP BY "order".id HAVING count(posting.id) <> 1 OR count(entry.id) <> 1
        """,
        [list(CREDITED)],
    )
    for number, postings, matching in rows:
        yield f"Paid order {number} has {postings} postings, {matching} of them crediting its target its amount."


def check_credits(using: str, _now: datetime) -> Iterable[str]:
    """No order was credited that is not paid."""
    rows = read(
        using,
        """
        SELECT posting.key, posting.organisation_id FROM wallet_posting AS posting
        WHERE posting.kind = 'TOP_UP' AND NOT EXISTS (
            SELECT FROM billing_order AS "order"
            WHERE "order".organisation_id = posting.organisation_id AND "order".number = posting.order_number
              AND "order".state = ANY(%s))
        """,
        [list(CREDITED)],
    )
    for key, organisation in rows:
        yield f"Posting {key} of {organisation} credits a top-up that has no paid order."


def check_spendable(using: str, _now: datetime) -> Iterable[str]:
    """Nothing but the one credit of a top-up, and what reverses a debit, adds to a balance that can be spent."""
    rows = read(
        using,
        """
        SELECT posting.key, posting.organisation_id, entry.amount, entry.currency, account.code
        FROM wallet_entry AS entry
        JOIN wallet_account AS account ON account.id = entry.account_id
         AND account.code ~ '^(wallet|product:[^:]+)$'
        JOIN wallet_posting AS posting ON posting.id = entry.posting_id
        WHERE entry.side = 'CREDIT' AND NOT CASE posting.kind
            WHEN 'TOP_UP' THEN NOT EXISTS (
                SELECT FROM wallet_entry AS other JOIN wallet_account AS second ON second.id = other.account_id
                 AND second.code ~ '^(wallet|product:[^:]+)$'
                WHERE other.posting_id = posting.id AND other.side = 'CREDIT' AND other.id <> entry.id)
            WHEN 'REVERSAL' THEN posting.reverses_id IS NOT NULL
            ELSE false END
        """,
    )
    for key, organisation, amount, currency, code in rows:
        yield f"Posting {key} of {organisation} credits {code} with {amount} {currency}, and no order asked for that."


CHECKS: Final[tuple[Check, ...]] = (check_paid_orders, check_credits, check_spendable)
