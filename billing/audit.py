"""The audit of orders: every paid order was credited exactly once, every credit that can be spent has its order, and
what was taken back was taken back for a reason.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from billing import correction_audit, dispute_audit, document_audit, fapiao_audit, refund_audit
from billing.models import CREDITED
from wallet.audit import Check, read

_RETURNS: Final = ("REVERSAL", "REFUND", "DISPUTE")
"""The kinds of posting by which money of a paid order goes back; whatever else comes to do so is one more word here."""


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


def check_sources(using: str, _now: datetime) -> Iterable[str]:
    """An order was paid from where its method's money comes from, with what it says; a move by the wallet alone."""
    rows = read(
        using,
        """
        SELECT "order".number, "order".method, "order".paid, "order".paid_currency, string_agg(
            account.code || ' ' || entry.amount || ' ' || entry.currency, ', ' ORDER BY entry.line)
        FROM billing_order AS "order"
        JOIN wallet_posting AS posting ON posting.organisation_id = "order".organisation_id
         AND posting.kind = 'TOP_UP' AND posting.order_number = "order".number
        LEFT JOIN (wallet_entry AS entry
                   JOIN wallet_account AS account ON account.id = entry.account_id AND account.code <> 'fx')
          ON entry.posting_id = posting.id AND entry.side = 'DEBIT'
        WHERE "order".state = ANY(%s)
        GROUP BY "order".id, posting.id
        HAVING sum(entry.amount) IS DISTINCT FROM "order".paid OR bool_or(entry.currency <> "order".paid_currency)
            OR "order".method = 'BALANCE' AND count(*) <> 1
            OR bool_or(account.code !~ CASE "order".method
                WHEN 'BALANCE' THEN '^wallet$'
                WHEN 'CARD' THEN '^stripe_clearing$'
                ELSE '^(bank:.*|bank_charges|suspense)$' END)
        """,
        [list(CREDITED)],
    )
    for number, method, paid, currency, debits in rows:
        yield f"Order {number} ({method}) says it was paid with {paid} {currency}, its posting {debits or 'nothing'}."


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
    """Nothing but the one credit of a top-up, what reverses a debit, what a hold gives back of the same product,
    what a refund gives back of its order, and what the card's bank gives back, adds to a balance that can be spent.
    """
    rows = read(
        using,
        """
        SELECT posting.key, posting.organisation_id, entry.amount, entry.currency, account.code
        FROM wallet_entry AS entry
        JOIN wallet_account AS account ON account.id = entry.account_id
         AND account.code ~ '^(wallet|product:[^:]+)$'
        JOIN wallet_posting AS posting ON posting.id = entry.posting_id
        LEFT JOIN products_hold AS hold ON posting.kind = 'RELEASE' AND hold.organisation_id = posting.organisation_id
         AND hold.id::text = split_part(posting.key, ':', 2)
        LEFT JOIN billing_refund AS refund ON starts_with(posting.kind, 'REFUND')
         AND refund.organisation_id = posting.organisation_id AND refund.number = split_part(posting.key, ':', 2)
        LEFT JOIN billing_order AS refunded ON refunded.id = refund.order_id
        WHERE entry.side = 'CREDIT' AND CASE posting.kind
            WHEN 'TOP_UP' THEN NOT EXISTS (
                SELECT FROM wallet_entry AS other JOIN wallet_account AS second ON second.id = other.account_id
                 AND second.code ~ '^(wallet|product:[^:]+)$'
                WHERE other.posting_id = posting.id AND other.side = 'CREDIT' AND other.id <> entry.id)
            WHEN 'REVERSAL' THEN EXISTS (
                SELECT FROM wallet_posting AS first
                WHERE first.id = posting.reverses_id AND first.reverses_id IS NULL AND first.kind <> 'REVERSAL')
            WHEN 'RELEASE' THEN hold.id IS NOT NULL AND EXISTS (
                SELECT FROM wallet_entry AS other JOIN wallet_account AS held ON held.id = other.account_id
                WHERE other.posting_id = posting.id AND other.side = 'DEBIT' AND held.code = account.code || ':held'
                  AND (other.amount, other.currency) = (entry.amount, entry.currency))
            WHEN 'REFUND' THEN refunded.method = 'BALANCE' AND account.code = 'wallet'
                AND (entry.amount, entry.currency) = (refund.back, refund.back_currency)
            WHEN 'REFUND_RELEASE' THEN account.code = refunded.target AND entry.amount <= refund.amount
            WHEN 'REFUND_RETURN' THEN account.code = refunded.target AND entry.amount <= refund.amount
            WHEN 'DISPUTE_WON' THEN EXISTS (
                SELECT FROM billing_disputemovement AS movement
                JOIN billing_dispute AS dispute ON dispute.id = movement.dispute_id
                WHERE movement.organisation_id = posting.organisation_id AND movement.kind = 'REINSTATED'
                  AND posting.key = 'dispute:' || movement.transaction_id AND account.code IN ('wallet', dispute.code))
            ELSE false END IS NOT TRUE
        """,
    )
    for key, organisation, amount, currency, code in rows:
        yield f"Posting {key} of {organisation} credits {code} with {amount} {currency}, and no order asked for that."


def check_taken_back(using: str, _now: datetime) -> Iterable[str]:
    """A move that reads as refunded though no refund of it succeeded, and an order that was corrected, had its credit
    reversed; no other order had.
    """
    rows = read(
        using,
        """
        WITH reversal AS (
            SELECT credit.organisation_id, credit.order_number
            FROM wallet_posting AS back JOIN wallet_posting AS credit ON credit.id = back.reverses_id
            WHERE back.kind = 'REVERSAL' AND credit.kind = 'TOP_UP'
        )
        SELECT "order".number, "order".state, count(reversal.order_number)
        FROM billing_order AS "order"
        LEFT JOIN reversal ON reversal.organisation_id = "order".organisation_id
          AND reversal.order_number = "order".number
        WHERE reversal.order_number IS NOT NULL OR "order".state = 'REFUNDED' AND "order".method = 'BALANCE'
              AND NOT EXISTS (SELECT FROM billing_refund AS refund
                              WHERE refund.order_id = "order".id AND refund.state = 'SUCCEEDED')
           OR EXISTS (SELECT FROM billing_correction AS done
                      WHERE done.order_id = "order".id AND done.approved_at IS NOT NULL)
        GROUP BY "order".id HAVING "order".state <> 'REFUNDED' OR count(reversal.order_number) <> 1
        """,
    )
    for number, state, reversals in rows:
        yield f"Order {number} reads {state}, and its credit was reversed {reversals} times."


def check_reversals(using: str, _now: datetime) -> Iterable[str]:
    """No reversal was reversed: that would give money out again."""
    rows = read(
        using,
        """
        SELECT posting.key, posting.organisation_id
        FROM wallet_posting AS posting JOIN wallet_posting AS first ON first.id = posting.reverses_id
        WHERE first.reverses_id IS NOT NULL OR first.kind = 'REVERSAL'
        """,
    )
    for key, organisation in rows:
        yield f"Posting {key} of {organisation} reverses a reversal."


def check_returns(using: str, _now: datetime) -> Iterable[str]:
    """Of an order whose state says that money went back, money went back; and what was taken back was undone, or
    corrected.
    """
    rows = read(
        using,
        """
        SELECT "order".number, 'reads ' || "order".state || ', and nothing was posted for that'
        FROM billing_order AS "order"
        WHERE "order".state IN ('PARTIALLY_REFUNDED', 'REFUNDED', 'DISPUTED', 'CHARGED_BACK') AND EXISTS (
            SELECT FROM wallet_posting AS credit WHERE credit.organisation_id = "order".organisation_id
             AND credit.order_number = "order".number AND credit.kind = 'TOP_UP')
          AND NOT EXISTS (
            SELECT FROM wallet_posting AS back WHERE back.organisation_id = "order".organisation_id
             AND back.order_number = "order".number AND back.kind = ANY(%s))
        UNION ALL
        SELECT "order".number, 'was taken back, and neither undone nor corrected'
        FROM wallet_posting AS back
        JOIN wallet_posting AS credit ON credit.id = back.reverses_id AND credit.kind = 'TOP_UP'
        JOIN billing_order AS "order" ON "order".organisation_id = credit.organisation_id
         AND "order".number = credit.order_number
        WHERE NOT ("order".method = 'BALANCE' AND EXISTS (
            SELECT FROM billing_orderevent AS event WHERE event.order_id = "order".id AND event.note = 'UNDONE'))
          AND NOT EXISTS (SELECT FROM billing_correction AS done
                          WHERE done.order_id = "order".id AND done.approved_at IS NOT NULL)
        """,
        [list(_RETURNS)],
    )
    for number, said in rows:
        yield f"Order {number} {said}."


def check_notes(using: str, _now: datetime) -> Iterable[str]:
    """A move is told of as a move, and nothing else is."""
    rows = read(
        using,
        """
        SELECT DISTINCT "order".number, "order".method, event.note
        FROM billing_orderevent AS event JOIN billing_order AS "order" ON "order".id = event.order_id
        WHERE CASE "order".method
            WHEN 'BALANCE' THEN event.note NOT IN ('OPENED', 'MOVED', 'UNDONE', 'TAKEN_BACK', 'CORRECTED')
                AND event.refund_id IS NULL
            ELSE event.note IN ('MOVED', 'UNDONE') END
        """,
    )
    for number, method, note in rows:
        yield f"Order {number} ({method}) is told of as {note}."


CHECKS: Final[tuple[Check, ...]] = (
    check_paid_orders,
    check_sources,
    check_credits,
    check_spendable,
    check_taken_back,
    check_reversals,
    check_returns,
    check_notes,
    *correction_audit.CHECKS,
    *document_audit.CHECKS,
    *refund_audit.CHECKS,
    *dispute_audit.CHECKS,
    *fapiao_audit.CHECKS,
)
