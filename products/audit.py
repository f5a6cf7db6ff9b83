"""The audit of usage: what is held is held for a reason, each hold is what its postings say, and money put into a
product becomes that product's revenue and nothing else; what is kept of a day is what the ledger says.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from products.models import ApiKey, Hold, Product, ProductBalance, UsageDay
from wallet.audit import Check, compare_schema, read
from wallet.calendar import business_date
from wallet.schema import read_schema

GUARDS: Final = read_schema(
    folder=Path(__file__).parent / "sql",
    files="guards.sql",
    prefix="products_",
    models=(Product, ProductBalance, Hold, ApiKey, UsageDay),
    grants={
        "products_product": frozenset({"INSERT", "UPDATE"}),
        "products_productbalance": frozenset({"INSERT"}),
        "products_hold": frozenset({"INSERT", "UPDATE"}),
        "products_apikey": frozenset({"INSERT", "UPDATE"}),
        "products_usageday": frozenset({"INSERT"}),
    },
)

_DAYS: Final = timedelta(days=35)
"""So far back kept days are compared with the ledger: more than anybody's average looks."""

_REASONS: Final = (
    # organisation, the account whose money is held, currency, how much
    """
    SELECT hold.organisation_id, 'product:' || product.slug, hold.amount_currency,
           hold.amount - hold.captured - hold.released
    FROM products_hold AS hold JOIN products_product AS product ON product.id = hold.product_id
    WHERE hold.state = 'OPEN'
    """,
    """
    SELECT refund.organisation_id, refunded.target, refund.amount_currency, refund.amount
    FROM billing_refund AS refund JOIN billing_order AS refunded ON refunded.id = refund.order_id
    WHERE refund.state IN ('ASKED', 'APPROVED')
    """,
)
"""Everything that sets money aside; whatever else comes to do so is one more line here."""


def check_held(using: str, _now: datetime) -> Iterable[str]:
    """What each organisation's held accounts hold is what is set aside for a reason, and the reverse."""
    rows = read(
        using,
        f"""
        WITH reason (organisation_id, code, currency, amount) AS ({" UNION ALL ".join(_REASONS)}),
        due AS (
            SELECT organisation_id, code || ':held' AS code, currency, sum(amount) AS amount
            FROM reason GROUP BY 1, 2, 3
        ), stored AS (
            SELECT organisation_id, code, currency, balance FROM wallet_account WHERE code ~ ':held$'
        )
        SELECT organisation_id, code, currency, coalesce(stored.balance, 0), coalesce(due.amount, 0)
        FROM stored FULL JOIN due USING (organisation_id, code, currency)
        WHERE coalesce(stored.balance, 0) <> coalesce(due.amount, 0)
        """,  # noqa: S608  # made of our own texts
    )
    for organisation, code, currency, stored, due in rows:
        yield f"Account {code} of {organisation} has {stored} {currency}, set aside are {due}."


def check_holds(using: str, _now: datetime) -> Iterable[str]:
    """Each hold was posted when it was placed, and was captured and released as much as its postings say."""
    rows = read(
        using,
        """
        WITH given AS (
            SELECT posting.organisation_id, split_part(posting.key, ':', 2) AS hold, account.code,
                   sum(entry.amount) FILTER (WHERE posting.kind = 'CAPTURE') AS captured,
                   sum(entry.amount) FILTER (WHERE posting.kind = 'RELEASE') AS released
            FROM wallet_posting AS posting
            JOIN wallet_entry AS entry ON entry.posting_id = posting.id AND entry.side = 'DEBIT'
            JOIN wallet_account AS account ON account.id = entry.account_id
            WHERE posting.kind IN ('CAPTURE', 'RELEASE')
            GROUP BY 1, 2, 3
        ), placed AS (
            SELECT posting.organisation_id, posting.key, account.code, entry.amount, entry.currency
            FROM wallet_posting AS posting
            JOIN wallet_entry AS entry ON entry.posting_id = posting.id AND entry.side = 'CREDIT'
            JOIN wallet_account AS account ON account.id = entry.account_id
            WHERE posting.kind = 'HOLD'
        )
        SELECT hold.id, hold.organisation_id, hold.amount, hold.captured, hold.released,
               coalesce(placed.amount, 0), coalesce(given.captured, 0), coalesce(given.released, 0)
        FROM products_hold AS hold JOIN products_product AS product ON product.id = hold.product_id
        LEFT JOIN placed ON placed.organisation_id = hold.organisation_id
         AND placed.key = 'hold:' || product.slug || ':' || hold.request_id
         AND placed.code = 'product:' || product.slug || ':held' AND placed.currency = hold.amount_currency
        LEFT JOIN given ON given.organisation_id = hold.organisation_id AND given.hold = hold.id::text
         AND given.code = 'product:' || product.slug || ':held'
        WHERE (hold.amount, hold.captured, hold.released)
              <> (coalesce(placed.amount, 0), coalesce(given.captured, 0), coalesce(given.released, 0))
        """,
    )
    for hold, organisation, *stored_and_posted in rows:
        stored, posted = (" / ".join(map(str, part)) for part in (stored_and_posted[:3], stored_and_posted[3:]))
        yield f"Hold {hold} of {organisation} says {stored} (held / captured / released), its postings {posted}."


def check_hold_postings(using: str, _now: datetime) -> Iterable[str]:
    """Every posting that places, captures or releases has its hold."""
    rows = read(
        using,
        """
        WITH known AS (
            SELECT hold.organisation_id, names.name
            FROM products_hold AS hold JOIN products_product AS product ON product.id = hold.product_id
            CROSS JOIN LATERAL (
                VALUES ('hold:' || product.slug || ':' || hold.request_id), (hold.id::text)) AS names (name)
        ), told AS (
            SELECT posting.organisation_id, posting.key,
                   CASE posting.kind WHEN 'HOLD' THEN posting.key ELSE split_part(posting.key, ':', 2) END AS name
            FROM wallet_posting AS posting WHERE posting.kind IN ('HOLD', 'CAPTURE', 'RELEASE')
        )
        SELECT told.key, told.organisation_id FROM told
        WHERE NOT EXISTS (
            SELECT FROM known WHERE known.organisation_id = told.organisation_id AND known.name = told.name)
        """,
    )
    for key, organisation in rows:
        yield f"Posting {key} of {organisation} has no hold."


def check_usage(using: str, _now: datetime) -> Iterable[str]:
    """Every use, and every hold, moves money within one product: from its balance, or what it holds, to its revenue."""
    rows = read(
        using,
        r"""
        SELECT posting.key, posting.organisation_id
        FROM wallet_posting AS posting
        JOIN wallet_entry AS entry ON entry.posting_id = posting.id
        JOIN wallet_account AS account ON account.id = entry.account_id
        WHERE posting.kind IN ('CHARGE', 'HOLD', 'CAPTURE', 'RELEASE')
        GROUP BY posting.id
        HAVING count(*) <> 2 OR string_agg(account.code, ' ' ORDER BY entry.side DESC) !~ CASE posting.kind
            WHEN 'CHARGE' THEN '^product:([a-z0-9-]+) revenue:\1$'
            WHEN 'HOLD' THEN '^product:([a-z0-9-]+) product:\1:held$'
            WHEN 'CAPTURE' THEN '^product:([a-z0-9-]+):held revenue:\1$'
            WHEN 'RELEASE' THEN '^product:([a-z0-9-]+):held product:\1$' END
        """,
    )
    for key, organisation in rows:
        yield f"Posting {key} of {organisation} is no use of one product, paid by its own balance."


def check_leaving(using: str, _now: datetime) -> Iterable[str]:
    """Money leaves a product's balances by use, by reversal of what brought it, as a refund, or to the card's bank."""
    rows = read(
        using,
        """
        SELECT posting.key, posting.organisation_id, account.code, entry.amount, entry.currency
        FROM wallet_entry AS entry
        JOIN wallet_account AS account ON account.id = entry.account_id AND account.code ~ '^product:'
        JOIN wallet_posting AS posting ON posting.id = entry.posting_id
        WHERE entry.side = 'DEBIT' AND posting.kind NOT IN ('CHARGE', 'HOLD', 'CAPTURE', 'RELEASE')
          AND NOT (posting.kind = 'REVERSAL' AND posting.reverses_id IS NOT NULL)
          AND NOT (posting.kind IN ('REFUND_HOLD', 'REFUND_RELEASE', 'REFUND') AND EXISTS (
                SELECT FROM billing_refund AS refund JOIN billing_order AS refunded ON refunded.id = refund.order_id
                WHERE refund.organisation_id = posting.organisation_id
                  AND refund.number = split_part(posting.key, ':', 2)
                  AND refunded.target = regexp_replace(account.code, ':held$', '')))
          AND NOT (posting.kind = 'DISPUTE' AND EXISTS (
                SELECT FROM billing_disputemovement AS movement
                JOIN billing_dispute AS dispute ON dispute.id = movement.dispute_id AND dispute.code = account.code
                WHERE movement.organisation_id = posting.organisation_id
                  AND posting.key = 'dispute:' || movement.transaction_id))
        """,
    )
    for key, organisation, code, amount, currency in rows:
        yield f"Posting {key} of {organisation} takes {amount} {currency} out of {code}, which is no use of it."


def check_days(using: str, now: datetime) -> Iterable[str]:
    """Of each day that is kept, what was spent and left is what the ledger says; none is missing, none is not over."""
    rows = read(
        using,
        """
        WITH moved AS (
            SELECT account.organisation_id, product.id AS product_id, posting.business_date AS day,
                   coalesce(sum(entry.amount) FILTER (
                       WHERE posting.kind IN ('CHARGE', 'CAPTURE') AND entry.side = 'DEBIT'), 0) AS spent,
                   sum(CASE entry.side WHEN 'CREDIT' THEN entry.amount ELSE -entry.amount END) AS net
            FROM wallet_posting AS posting
            JOIN wallet_entry AS entry ON entry.posting_id = posting.id
            JOIN wallet_account AS account ON account.id = entry.account_id AND account.code ~ '^product:'
            JOIN products_product AS product ON product.slug = split_part(account.code, ':', 2)
             AND product.currency = account.currency
            WHERE posting.business_date >= %(first)s
            GROUP BY 1, 2, 3
        ), due AS (
            SELECT moved.organisation_id, moved.product_id, moved.day, moved.spent, held.balance - coalesce(
                sum(moved.net) OVER (PARTITION BY moved.organisation_id, moved.product_id ORDER BY moved.day DESC
                                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS closing
            FROM moved JOIN products_product AS product ON product.id = moved.product_id
            CROSS JOIN LATERAL (
                SELECT sum(account.balance) AS balance FROM wallet_account AS account
                WHERE account.organisation_id = moved.organisation_id AND account.currency = product.currency
                  AND account.code IN ('product:' || product.slug, 'product:' || product.slug || ':held')) AS held
        ), kept AS (
            SELECT organisation_id, product_id, day, spent, closing FROM products_usageday WHERE day >= %(first)s
        )
        SELECT day, product.slug, organisation_id, kept.spent, kept.closing, due.spent, due.closing
        FROM kept FULL JOIN due USING (organisation_id, product_id, day)
        JOIN products_product AS product ON product.id = product_id
        WHERE (kept.spent, kept.closing) IS DISTINCT FROM (due.spent, due.closing)
          AND day <= (SELECT max(kept.day) FROM kept) OR kept.day >= (now() AT TIME ZONE 'Asia/Shanghai')::date
        ORDER BY day, product.slug
        """,
        {"first": business_date(now) - _DAYS},
    )
    for day, slug, organisation, *stored_and_due in rows:
        stored, due = (
            f"{part[0]} / {part[1]}" if part[0] is not None else "nothing"
            for part in (stored_and_due[:2], stored_and_due[2:])
        )
        yield f"Day {day} of {slug} of {organisation} is kept as {stored} (spent / left), the ledger says {due}."


def check_numbers(using: str, _now: datetime) -> Iterable[str]:
    """Whoever has money in a product has a number for it."""
    rows = read(
        using,
        """
        SELECT account.code, account.organisation_id
        FROM wallet_account AS account
        WHERE account.code ~ '^product:[^:]+$' AND NOT EXISTS (
            SELECT FROM products_productbalance AS balance
            JOIN products_product AS product ON product.id = balance.product_id
            WHERE balance.organisation_id = account.organisation_id AND account.code = 'product:' || product.slug)
        """,
    )
    for code, organisation in rows:
        yield f"Account {code} of {organisation} has no product number."


def check_guards(using: str, _now: datetime) -> Iterable[str]:
    """What keeps products, numbers, holds, keys and days is there, and as this version defines it."""
    yield from compare_schema(using, GUARDS)


CHECKS: Final[tuple[Check, ...]] = (
    check_held,
    check_holds,
    check_hold_postings,
    check_usage,
    check_leaving,
    check_days,
    check_numbers,
    check_guards,
)
