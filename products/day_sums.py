"""Sums of the ledger by product and day: of organisations' days that are asked for, or of whole days that are over."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, TypeAlias
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

Moved: TypeAlias = dict[Key, dict[date, Sums]]


def read(products: Sequence[Product], wanted: Sequence[tuple[UUID, date]]) -> Moved:
    """What the ledger says about these organisations' days."""
    moved: Moved = {}
    if not wanted:
        return moved
    organisation_ids, days = ([pair[place] for pair in wanted] for place in (0, 1))
    with connection.cursor() as cursor:
        cursor.execute(_LIVE, [SPENDING, SPENDING, organisation_ids, days, [product.pk for product in products]])
        for organisation_id, product_id, day, spent, charge_count, net in cursor.fetchall():
            sums = Sums(spent=spent, charge_count=charge_count, net=net)
            moved.setdefault((organisation_id, product_id), {})[day] = sums
    return moved


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


# Both read the postings of whole days by their index (posting_by_day). A product's balance is two accounts,
# product:<slug> and product:<slug>:held.

_LIVE: Final = """
SELECT wanted.organisation_id, product.id, wanted.day,
       coalesce(sum(entry.amount) FILTER (WHERE posting.kind = ANY(%s) AND entry.side = 'DEBIT'), 0),
       count(*) FILTER (WHERE posting.kind = ANY(%s) AND entry.side = 'DEBIT'),
       sum(CASE entry.side WHEN 'CREDIT' THEN entry.amount ELSE -entry.amount END)
FROM unnest(%s::uuid[], %s::date[]) AS wanted (organisation_id, day)
JOIN wallet_posting AS posting
     ON posting.organisation_id = wanted.organisation_id AND posting.business_date = wanted.day
JOIN wallet_entry AS entry ON entry.posting_id = posting.id
JOIN wallet_account AS account ON account.id = entry.account_id
JOIN products_product AS product ON starts_with(account.code, 'product:')
     AND product.slug = split_part(account.code, ':', 2) AND product.currency = account.currency
WHERE product.id = ANY(%s)
GROUP BY wanted.organisation_id, product.id, wanted.day
"""

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
