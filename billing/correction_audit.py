"""The audit of corrections: each credited what it took back, where it says, and two people carried it out."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from billing.models import Correction
from wallet.audit import Check, compare_schema, read
from wallet.schema import read_schema

_ENDING: Final = "approved_by_id approved_by_name approved_at credited_order_id withdrawn_by_id withdrawn_at"

CORRECTIONS: Final = read_schema(
    folder=Path(__file__).parent / "sql",
    files="corrections.sql",
    prefix="corrections_",
    models=(Correction,),
    grants={"billing_correction": frozenset({"INSERT", *(f"UPDATE ({column})" for column in _ENDING.split())})},
)


def check_corrections(using: str, _now: datetime) -> Iterable[str]:
    """What a correction took back it credited, all of it, where it says; whatever was taken back or credited so has its
    correction; and two people who did not belong to the organisation carried it out.
    """
    rows = read(
        using,
        """
        WITH source AS (
            SELECT posting.organisation_id, posting.order_number,
                   array_agg(account.code || ' ' || entry.amount || ' ' || entry.currency
                             ORDER BY account.code, entry.amount) AS debits
            FROM wallet_posting AS posting
            JOIN wallet_entry AS entry ON entry.posting_id = posting.id AND entry.side = 'DEBIT'
            JOIN wallet_account AS account ON account.id = entry.account_id AND account.code <> 'fx'
            WHERE posting.kind = 'TOP_UP' GROUP BY posting.id
        )
        SELECT wrong.number, 'credited other than what it took back'
        FROM billing_correction AS done
        JOIN billing_order AS wrong ON wrong.id = done.order_id
        JOIN billing_order AS credited ON credited.id = done.credited_order_id
        WHERE (credited.follows_id, credited.organisation_id, credited.target, credited.paid, credited.paid_currency,
               credited.credited, credited.credited_currency)
              IS DISTINCT FROM (wrong.id, wrong.organisation_id, done.target, wrong.paid, wrong.paid_currency,
                                wrong.credited, wrong.credited_currency)
        UNION ALL
        SELECT wrong.number, 'was paid otherwise than what it took back'
        FROM billing_correction AS done
        JOIN billing_order AS wrong ON wrong.id = done.order_id
        JOIN billing_order AS credited ON credited.id = done.credited_order_id
        LEFT JOIN source AS first
          ON first.organisation_id = wrong.organisation_id AND first.order_number = wrong.number
        LEFT JOIN source AS second
          ON second.organisation_id = credited.organisation_id AND second.order_number = credited.number
        WHERE first.debits IS DISTINCT FROM second.debits
        UNION ALL
        SELECT follower.number, 'is not there, though it follows an order of another balance or method'
        FROM billing_order AS follower JOIN billing_order AS first ON first.id = follower.follows_id
        WHERE (follower.method <> first.method OR follower.method = 'BALANCE' OR follower.target <> first.target)
          AND NOT EXISTS (SELECT FROM billing_correction AS done
                          WHERE done.credited_order_id = follower.id AND done.approved_at IS NOT NULL)
        UNION ALL
        SELECT "order".number, 'is told of, but nobody approved one'
        FROM billing_orderevent AS event JOIN billing_order AS "order" ON "order".id = event.order_id
        LEFT JOIN billing_correction AS done ON done.approved_at IS NOT NULL AND CASE event.note
            WHEN 'TAKEN_BACK' THEN done.order_id ELSE done.credited_order_id END = "order".id
        WHERE event.note IN ('TAKEN_BACK', 'CORRECTED') AND done.id IS NULL
        UNION ALL
        SELECT wrong.number, 'was approved by whoever proposed it'
        FROM billing_correction AS done JOIN billing_order AS wrong ON wrong.id = done.order_id
        WHERE done.approved_by_id = done.made_by_id
        UNION ALL
        SELECT DISTINCT wrong.number, 'was made by a member of the organisation'
        FROM billing_correction AS done JOIN billing_order AS wrong ON wrong.id = done.order_id
        JOIN wallet_member AS member ON member.organisation_id = done.organisation_id
         AND (member.user_id = done.approved_by_id AND member.joined_at <= done.approved_at
              OR member.user_id = done.made_by_id AND member.joined_at <= done.made_at)
        WHERE done.approved_at IS NOT NULL
        """,
    )
    for number, said in rows:
        yield f"The correction of order {number} {said}."


def check_guards(using: str, _now: datetime) -> Iterable[str]:
    """What makes a correction two people's is there, and as this version defines it."""
    yield from compare_schema(using, CORRECTIONS)


CHECKS: Final[tuple[Check, ...]] = (check_corrections, check_guards)
