"""Sums of the ledger by product and day: of organisations' days that are asked for, or of whole days that are over."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final, TypeAlias
from uuid import UUID

from django.db import connection

from products.models import Product, UsageDay
from wallet import chart
from wallet.models import Entry

SPENDING: Final = ["CHARGE", "CAPTURE"]
"""The kinds of posting by which a product's balance, or what is held of it, becomes revenue."""

_BATCH: Final = 1000


@dataclass(frozen=True, kw_only=True)
class Sums:
    """What moved on one day; `net` is what came in less what went out."""

    spent: Decimal
    charge_count: int
    net: Decimal


Key: TypeAlias = tuple[UUID, UUID]
"""An organisation's id and a product's."""


def read(product: Product, organisation_id: UUID, *, first: date, last: date) -> dict[date, Sums]:
    """What the ledger says of one balance's days; those that are kept already are not among them."""
    asked: dict[str, Any] = {
        "organisations": [organisation_id],
        "products": [product.pk],
        "spending": SPENDING,
        "first": first,
        "last": last,
    }
    with connection.cursor() as cursor:
        cursor.execute(_LIVE, asked)
        return {
            day: Sums(spent=spent, charge_count=charge_count, net=net)
            for day, spent, charge_count, net in cursor.fetchall()
        }


def read_use(
    products: Sequence[Product], organisation_ids: Sequence[UUID], *, first: date, today: date
) -> dict[Key, dict[date, Decimal]]:
    """What these products were used for, on the days on which they were: all of them from the first day to yesterday,
    and the last one before that. Of a product used on none of them, today.
    """
    used: dict[Key, dict[date, Decimal]] = {}
    asked: dict[str, Any] = {
        "organisations": list(organisation_ids),
        "products": [product.pk for product in products],
        "spending": SPENDING,
        "first": first,
        "last": today - timedelta(days=1),
        "today": today,
    }
    with connection.cursor() as cursor:
        cursor.execute(_USED, asked)
        for organisation_id, product_id, day, spent in cursor.fetchall():
            used.setdefault((organisation_id, product_id), {})[day] = spent
    return used


def have_any(first: date, last: date) -> bool:
    """Whether any product's balance moved on one of the days."""
    entries = Entry.objects.filter(posting__business_date__gte=first, posting__business_date__lte=last)
    return entries.filter(account__code__startswith=chart.product("")).exists()


def sum_up(first: date, last: date) -> Iterator[UsageDay]:
    """The rows to keep, of all organisations. Reads everything that was posted from the first day until now."""
    with connection.cursor() as cursor:
        cursor.execute(_ROLL_UP, [SPENDING, SPENDING, first, last])
        while rows := cursor.fetchmany(_BATCH):
            for organisation_id, product_id, day, spent, charge_count, closing in rows:
                yield UsageDay(
                    organisation_id=organisation_id,
                    product_id=product_id,
                    day=day,
                    spent=spent,
                    charge_count=charge_count,
                    closing=closing,
                )


# All read the postings of whole days by their index (posting_by_day). A product's balance is two accounts,
# product:<slug> and product:<slug>:held.

# Days that are kept are read from there, the others from the ledger. All organisations' days are kept together, so the
# last kept day of any tells; and where none of the products has an account there is nothing to read.
_KEPT_TO: Final = """
balance AS MATERIALIZED (
    SELECT account.id AS account_id, account.organisation_id, product.id AS product_id
    FROM products_product AS product
    JOIN wallet_account AS account ON account.organisation_id = ANY(%(organisations)s)
         AND account.code IN ('product:' || product.slug, 'product:' || product.slug || ':held')
         AND account.currency = product.currency
    WHERE product.id = ANY(%(products)s)
), kept_to AS (
    SELECT holder.organisation_id, greatest(kept.day, %(first)s::date - 1) AS day
    FROM (SELECT DISTINCT organisation_id FROM balance) AS holder
    CROSS JOIN (SELECT max(day) AS day FROM products_usageday) AS kept
)
"""

# Each day of each organisation is summed up by itself, and none where all are kept: so the days are found by their
# index, whatever the planner believes, and neither others' postings nor a balance's earlier ones are read.
_LATER: Final = """
    FROM kept_to
    CROSS JOIN generate_series(1, %(last)s::date - kept_to.day) AS later (days)
    CROSS JOIN LATERAL (
        SELECT balance.product_id, posting.business_date AS day,
               coalesce(sum(entry.amount) FILTER (WHERE posting.kind = ANY(%(spending)s) AND entry.side = 'DEBIT'), 0)
                   AS spent,
               count(*) FILTER (WHERE posting.kind = ANY(%(spending)s) AND entry.side = 'DEBIT') AS charge_count,
               sum(CASE entry.side WHEN 'CREDIT' THEN entry.amount ELSE -entry.amount END) AS net
        FROM wallet_posting AS posting
        JOIN wallet_entry AS entry ON entry.posting_id = posting.id
        JOIN balance ON balance.account_id = entry.account_id
        WHERE posting.organisation_id = kept_to.organisation_id AND posting.business_date = kept_to.day + later.days
        GROUP BY balance.product_id, posting.business_date
    ) AS moved
"""

_LIVE: Final = f"""
WITH {_KEPT_TO}
SELECT moved.day, moved.spent, moved.charge_count, moved.net
{_LATER}
"""

# Today is read of balances never used before alone: their accounts have few entries but today's.
_USED: Final = f"""
WITH {_KEPT_TO}, used AS (
    SELECT organisation_id, product_id, day, spent FROM products_usageday
    WHERE organisation_id = ANY(%(organisations)s) AND product_id = ANY(%(products)s)
      AND day BETWEEN %(first)s AND %(last)s AND spent > 0
    UNION ALL
    SELECT kept_to.organisation_id, moved.product_id, moved.day, moved.spent
    {_LATER}
    WHERE moved.spent > 0
    UNION ALL
    SELECT kept_to.organisation_id, product.id, before.day, before.spent
    FROM kept_to
    CROSS JOIN unnest(%(products)s::uuid[]) AS product (id)
    CROSS JOIN LATERAL (
        SELECT kept.day, kept.spent FROM products_usageday AS kept
        WHERE kept.organisation_id = kept_to.organisation_id AND kept.product_id = product.id
          AND kept.day < %(first)s AND kept.charge_count > 0
        ORDER BY kept.day DESC LIMIT 1
    ) AS before
), begun_today AS (
    SELECT balance.organisation_id, balance.product_id, posting.business_date, sum(entry.amount)
    FROM balance
    JOIN wallet_entry AS entry ON entry.account_id = balance.account_id AND entry.side = 'DEBIT'
    JOIN wallet_posting AS posting ON posting.id = entry.posting_id
         AND posting.business_date = %(today)s AND posting.kind = ANY(%(spending)s)
    WHERE NOT EXISTS (
        SELECT FROM used
        WHERE used.organisation_id = balance.organisation_id AND used.product_id = balance.product_id
    )
    GROUP BY balance.organisation_id, balance.product_id, posting.business_date
)
SELECT * FROM used UNION ALL SELECT * FROM begun_today
"""  # noqa: S608  # made of the constants above alone

# A day's closing is what the balance holds now without what moved after that day: it needs no row of the day before.
_ROLL_UP: Final = """
WITH moved AS (
    SELECT account.organisation_id, product.id AS product_id, posting.business_date AS day,
           coalesce(sum(entry.amount) FILTER (WHERE posting.kind = ANY(%s) AND entry.side = 'DEBIT'), 0) AS spent,
           count(*) FILTER (WHERE posting.kind = ANY(%s) AND entry.side = 'DEBIT') AS charge_count,
           sum(CASE entry.side WHEN 'CREDIT' THEN entry.amount ELSE -entry.amount END) AS net
    FROM wallet_posting AS posting
    JOIN wallet_entry AS entry ON entry.posting_id = posting.id
    JOIN wallet_account AS account ON account.id = entry.account_id
    JOIN products_product AS product ON starts_with(account.code, 'product:')
         AND product.slug = split_part(account.code, ':', 2) AND product.currency = account.currency
    WHERE posting.business_date >= %s
    GROUP BY account.organisation_id, product.id, posting.business_date
), closed AS (
    SELECT moved.*,
           holding.balance - coalesce(sum(moved.net) OVER later, 0) AS closing
    FROM moved
    JOIN products_product AS product ON product.id = moved.product_id
    CROSS JOIN LATERAL (
        SELECT sum(account.balance) AS balance
        FROM wallet_account AS account
        WHERE account.organisation_id = moved.organisation_id AND account.currency = product.currency
          AND account.code IN ('product:' || product.slug, 'product:' || product.slug || ':held')
    ) AS holding
    WINDOW later AS (
        PARTITION BY moved.organisation_id, moved.product_id ORDER BY moved.day DESC
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
)
SELECT organisation_id, product_id, day, spent, charge_count, closing FROM closed WHERE day <= %s
"""
