"""The audit of disputes and debts: the account `receivable` is what rows say is owed, every movement, payment and
write-off was posted and nothing else was, and no money of a dispute is lost between its parts.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from billing.models import CardBlock, CardRule, DebtPayment, Dispute, DisputeMovement, WriteOff
from wallet.audit import Check, compare_schema, read
from wallet.schema import read_schema

_CHANGING: Final = (
    "order_id state reason amount fee code is_withdrawn from_target from_wallet debt written_off"
    " evidence_due_at has_evidence asked_at ended_at"
)
_LIFTING: Final = "lifted_at lifted_by_id lifted_by_name note"

DISPUTES: Final = read_schema(
    folder=Path(__file__).parent / "sql",
    files="disputes.sql",
    prefix="disputes_",
    models=(Dispute, DisputeMovement, DebtPayment, WriteOff, CardBlock, CardRule),
    grants={
        "billing_dispute": frozenset({"INSERT", *(f"UPDATE ({column})" for column in _CHANGING.split())}),
        "billing_disputemovement": frozenset({"INSERT"}),
        "billing_debtpayment": frozenset({"INSERT"}),
        "billing_writeoff": frozenset({"INSERT"}),
        "billing_cardblock": frozenset({"INSERT", *(f"UPDATE ({column})" for column in _LIFTING.split())}),
        "billing_cardrule": frozenset({"INSERT"}),
    },
)


def check_receivables(using: str, _now: datetime) -> Iterable[str]:
    """What an organisation owes in the ledger is what its disputes and refunds say."""
    rows = read(
        using,
        """
        WITH owed AS (
            SELECT organisation_id, amount_currency AS currency, debt FROM billing_dispute WHERE debt > 0
            UNION ALL
            SELECT organisation_id, amount_currency, debt FROM billing_refund WHERE debt > 0
        ), due AS (
            SELECT organisation_id, currency, sum(debt) AS debt FROM owed GROUP BY 1, 2
        ), posted AS (
            SELECT organisation_id, currency, balance FROM wallet_account WHERE code = 'receivable'
        )
        SELECT organisation_id, currency, coalesce(posted.balance, 0), coalesce(due.debt, 0)
        FROM posted FULL JOIN due USING (organisation_id, currency)
        WHERE coalesce(posted.balance, 0) <> coalesce(due.debt, 0)
        """,
    )
    for organisation, currency, posted, due in rows:
        yield f"{organisation} owes {posted} {currency} in the ledger, and {due} by its disputes and refunds."


def check_parts(using: str, _now: datetime) -> Iterable[str]:
    """What is away of a dispute is what was taken less what came back, and its fee the sum of its movements'."""
    rows = read(
        using,
        """
        SELECT dispute.stripe_id,
               dispute.from_target + dispute.from_wallet + dispute.debt + dispute.written_off, dispute.fee,
               coalesce(sum(CASE movement.kind WHEN 'WITHDRAWN' THEN movement.amount ELSE -movement.amount END), 0),
               coalesce(sum(movement.fee), 0)
        FROM billing_dispute AS dispute
        LEFT JOIN billing_disputemovement AS movement ON movement.dispute_id = dispute.id
        GROUP BY dispute.id
        HAVING dispute.from_target + dispute.from_wallet + dispute.debt + dispute.written_off <> greatest(0,
            coalesce(sum(CASE movement.kind WHEN 'WITHDRAWN' THEN movement.amount ELSE -movement.amount END), 0))
            OR dispute.fee <> coalesce(sum(movement.fee), 0)
        """,
    )
    for stripe_id, away, fee, due, fees in rows:
        yield f"Of dispute {stripe_id} {away} is away with a fee of {fee}; by its movements {due} with {fees}."


def check_postings(using: str, _now: datetime) -> Iterable[str]:
    """Every movement, payment and write-off moved its amount in the ledger once, and nothing else of these kinds."""
    rows = read(
        using,
        """
        WITH due AS (
            SELECT organisation_id, 'dispute:' || transaction_id AS key,
                   CASE kind WHEN 'WITHDRAWN' THEN 'DISPUTE' ELSE 'DISPUTE_WON' END AS kind,
                   'stripe_clearing' AS code, CASE kind WHEN 'WITHDRAWN' THEN -amount ELSE amount END AS amount
            FROM billing_disputemovement WHERE kind <> 'FEE'
            UNION ALL
            SELECT organisation_id, 'dispute:' || transaction_id || ':fee', 'DISPUTE_FEE', 'stripe_clearing', -fee
            FROM billing_disputemovement WHERE fee <> 0
            UNION ALL
            SELECT payment.organisation_id, 'order:' || paying.number || ':debt', 'DEBT_PAYMENT', 'receivable',
                   -sum(payment.amount)
            FROM billing_debtpayment AS payment JOIN billing_order AS paying ON paying.id = payment.order_id
            GROUP BY payment.organisation_id, paying.number
            UNION ALL
            SELECT organisation_id, 'writeoff:' || id, 'DEBT_WRITE_OFF', 'receivable', -amount FROM billing_writeoff
        ), posted AS (
            SELECT posting.organisation_id, posting.key, posting.kind,
                   CASE WHEN starts_with(posting.kind, 'DISPUTE') THEN 'stripe_clearing' ELSE 'receivable' END AS code,
                   sum(CASE entry.side WHEN 'DEBIT' THEN entry.amount ELSE -entry.amount END) FILTER (
                       WHERE account.code = CASE WHEN starts_with(posting.kind, 'DISPUTE')
                           THEN 'stripe_clearing' ELSE 'receivable' END) AS amount
            FROM wallet_posting AS posting
            JOIN wallet_entry AS entry ON entry.posting_id = posting.id
            JOIN wallet_account AS account ON account.id = entry.account_id
            WHERE posting.kind IN ('DISPUTE', 'DISPUTE_WON', 'DISPUTE_FEE', 'DEBT_PAYMENT', 'DEBT_WRITE_OFF')
            GROUP BY posting.id
        )
        SELECT organisation_id, key, kind, coalesce(posted.amount, 0), coalesce(due.amount, 0)
        FROM posted FULL JOIN due USING (organisation_id, key, kind, code)
        WHERE coalesce(posted.amount, 0) <> coalesce(due.amount, 0)
        """,
    )
    for organisation, key, kind, posted, due in rows:
        yield f"{key} ({kind}) of {organisation} moved {posted} in the ledger; by its row it should be {due}."


def check_people(using: str, _now: datetime) -> Iterable[str]:
    """Nobody wrote off for an organisation he belonged to, or let it pay by card again."""
    rows = read(
        using,
        """
        SELECT 'Write-off ' || off.id FROM billing_writeoff AS off JOIN wallet_member AS member
          ON member.organisation_id = off.organisation_id AND member.user_id = off.by_id AND member.joined_at <= off.at
        UNION ALL
        SELECT 'The end of card block ' || block.id FROM billing_cardblock AS block JOIN wallet_member AS member
          ON member.organisation_id = block.organisation_id AND member.user_id = block.lifted_by_id
         AND member.joined_at <= block.lifted_at
        """,
    )
    for (what,) in rows:
        yield f"{what} was decided by a member of the organisation."


def check_guards(using: str, _now: datetime) -> Iterable[str]:
    """What keeps disputes, payments of debts and write-offs as they were is there, and as this version defines it."""
    yield from compare_schema(using, DISPUTES)


CHECKS: Final[tuple[Check, ...]] = (check_receivables, check_parts, check_postings, check_people, check_guards)
