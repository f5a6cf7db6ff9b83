"""The audit of orders: every paid order was credited exactly once, and every credit has its order."""

from collections.abc import Iterable
from typing import Any, Final

from django.db import connections

from wallet.audit import Check

_PAID = "('PAID', 'PARTIALLY_REFUNDED', 'REFUNDED', 'DISPUTED', 'CHARGED_BACK')"


def check_paid_orders(using: str) -> Iterable[str]:
    """One posting for every order that was paid, on its target, of its amount."""
    rows = _rows(
        using,
        f"""
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
        WHERE "order".state IN {_PAID}
        GROUP BY "order".id HAVING count(posting.id) <> 1 OR count(entry.id) <> 1
        """,  # noqa: S608  # a constant of this module
    )
    for number, postings, matching in rows:
        yield f"Paid order {number} has {postings} postings, {matching} of them crediting its target its amount."


def check_credits(using: str) -> Iterable[str]:
    """No order was credited that is not paid."""
    rows = _rows(
        using,
        f"""
        SELECT posting.key, posting.organisation_id FROM wallet_posting AS posting
        WHERE posting.kind = 'TOP_UP' AND NOT EXISTS (
            SELECT FROM billing_order AS "order"
            WHERE "order".organisation_id = posting.organisation_id AND "order".number = posting.order_number
              AND "order".state IN {_PAID})
        """,  # noqa: S608  # a constant of this module
    )
    for key, organisation in rows:
        yield f"Posting {key} of {organisation} credits a top-up that has no paid order."


CHECKS: Final[tuple[Check, ...]] = (check_paid_orders, check_credits)


def _rows(using: str, statement: str) -> list[tuple[Any, ...]]:
    with connections[using].cursor() as cursor:
        cursor.execute(statement)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
