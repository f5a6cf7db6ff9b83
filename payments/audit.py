"""The audit of payments: what Stripe confirmed was credited, nothing it told us lies about unhandled; bank, ledger and
approvals agree.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from django.db.models import F

from billing.models import CREDITED
from payments import balance_audit, card_refund_audit
from payments.models import InboxEvent, Payment
from wallet.audit import Check, read

INBOX_LIMIT = timedelta(minutes=15)
SQL = Path(__file__).parent / "sql"
GUARDS = tuple(
    SQL / f"{subject}.sql"
    for subject in (
        *("guards", "bank_refunds", "card_refunds", "balance_transactions", "closes", "returns"),
        "suspense_moves",
    )
)


def check_confirmed_payments(using: str, _now: datetime) -> Iterable[str]:
    """A confirmed payment credited an order of its own organisation that is, or was, paid with its amount."""
    confirmed = Payment.objects.using(using).filter(state=Payment.State.CONFIRMED)
    wrong = confirmed.filter(credited_order__paid_at__isnull=True) | confirmed.exclude(
        credited_order__paid=F("amount"), credited_order__paid_currency=F("amount_currency")
    )
    for payment in wrong.select_related("order"):
        yield f"Payment {payment.pk} of order {payment.order.number} is confirmed, but no order was credited with it."


def check_inbox(using: str, now: datetime) -> Iterable[str]:
    """No event waits longer than INBOX_LIMIT."""
    late = InboxEvent.objects.using(using).unhandled().filter(received_at__lt=now - INBOX_LIMIT)
    for event in late:
        since = f"{event.received_at:%Y-%m-%d %H:%M} UTC"
        yield f"Inbox event {event.event_id} ({event.type}) waits since {since}: {event.error}"


def check_banks(using: str, _now: datetime) -> Iterable[str]:
    """Every receiving account holds in the ledger what its lines say, over all organisations."""
    rows = read(
        using,
        """
        WITH line AS (
            SELECT l.account_id, CASE WHEN l.held_by_id IS NOT NULL THEN l.amount ELSE coalesce(spent.credited, 0) END
                                 - coalesce(spent.gone, 0) AS amount
            FROM payments_bankline AS l LEFT JOIN (
                SELECT line_id, sum(amount) FILTER (WHERE kind = 'CREDITED') AS credited,
                       sum(amount) FILTER (WHERE kind IN ('RETURNED', 'SAME')) AS gone
                FROM payments_allocation GROUP BY line_id
            ) AS spent ON spent.line_id = l.id
            WHERE l.direction = 'IN'
            UNION ALL
            SELECT account_id, -amount FROM payments_bankrefund WHERE paid_at IS NOT NULL
            UNION ALL
            SELECT l.account_id, -a.amount FROM payments_allocation AS a
            JOIN payments_bankline AS l ON l.id = a.line_id AND l.direction = 'OUT'
            WHERE a.kind IN ('PAYOUT', 'CHARGE', 'EXCHANGE')
        )
        SELECT bank.code, bank.currency, coalesce(book.amount, 0), coalesce(said.amount, 0)
        FROM payments_bankaccount AS bank
        LEFT JOIN (SELECT account_id, sum(amount) AS amount FROM line GROUP BY account_id) AS said
          ON said.account_id = bank.id
        LEFT JOIN (SELECT code, currency, sum(balance) AS amount FROM wallet_account GROUP BY code, currency) AS book
          ON book.code = 'bank:' || bank.code AND book.currency = bank.currency
        WHERE coalesce(book.amount, 0) <> coalesce(said.amount, 0)
        """,
    )
    for code, currency, booked, said in rows:
        yield f"Account bank:{code} has {booked} {currency} in the ledger, but its bank lines say {said}."


def check_suspense(using: str, _now: datetime) -> Iterable[str]:
    """Suspense holds what is left of the bank lines held there, and what Stripe holds for no order."""
    rows = read(
        using,
        """
        WITH due AS (
            SELECT organisation_id, currency, sum(amount) AS amount FROM (
                SELECT held_by_id AS organisation_id, amount_currency AS currency, amount - allocated AS amount
                FROM payments_bankline WHERE held_by_id IS NOT NULL
                UNION ALL
                SELECT posting.organisation_id, entry.currency,
                       CASE entry.side WHEN 'CREDIT' THEN entry.amount ELSE -entry.amount END
                FROM wallet_posting AS posting
                JOIN wallet_entry AS entry ON entry.posting_id = posting.id
                JOIN wallet_account AS account ON account.id = entry.account_id AND account.code = 'suspense'
                WHERE starts_with(posting.key, 'session:') OR starts_with(posting.key, 'dispute:')
                   OR starts_with(posting.key, 'txn:')
                UNION ALL
                SELECT '00000000-0000-7000-8000-000000000001', amount_currency, amount
                FROM payments_payout WHERE reversed_at IS NOT NULL AND back_line_id IS NULL
            ) AS parts GROUP BY organisation_id, currency
        )
        SELECT coalesce(book.organisation_id, due.organisation_id), coalesce(book.currency, due.currency),
               coalesce(book.balance, 0), coalesce(due.amount, 0)
        FROM (SELECT * FROM wallet_account WHERE code = 'suspense') AS book
        FULL JOIN due ON due.organisation_id = book.organisation_id AND due.currency = book.currency
        WHERE coalesce(book.balance, 0) <> coalesce(due.amount, 0)
        """,
    )
    for organisation, currency, booked, due in rows:
        yield f"Suspense of {organisation} has {booked} {currency}, but what is held there comes to {due}."


def check_allocations(using: str, _now: datetime) -> Iterable[str]:
    """Of every bank line just as much is allocated as its allocations say."""
    rows = read(
        using,
        """
        SELECT l.id, l.allocated, coalesce(sum(a.amount), 0)
        FROM payments_bankline AS l LEFT JOIN payments_allocation AS a ON a.line_id = l.id
        GROUP BY l.id HAVING l.allocated <> coalesce(sum(a.amount), 0)
        """,
    )
    for line, stored, due in rows:
        yield f"Bank line {line} has {stored} allocated, its allocations say {due}."


def check_findings(using: str, _now: datetime) -> Iterable[str]:
    """What a finding received became credits of that much, of an order that is, or was, paid."""
    rows = read(
        using,
        """
        SELECT f.id, f.received, f.received_currency, coalesce(sum(a.amount), 0), bool_or(o.paid_at IS NULL)
        FROM payments_finding AS f
        LEFT JOIN payments_allocation AS a ON a.finding_id = f.id
        LEFT JOIN billing_order AS o ON o.id = f.credited_order_id
        WHERE f.done_at IS NOT NULL
        GROUP BY f.id HAVING f.received <> coalesce(sum(a.amount), 0) OR bool_or(o.paid_at IS NULL)
        """,
    )
    for finding, received, currency, allocated, is_unpaid in rows:
        order = "its order is not paid" if is_unpaid else f"{allocated} of it is allocated"
        yield f"Finding {finding} of {received} {currency} is carried out, but {order}."


def check_transfer_orders(using: str, _now: datetime) -> Iterable[str]:
    """Every order paid by transfer was paid with what is allocated to it, and the bank's fee that we bore.

    What a correction credited lies with the order before it; that both are the same is billing's to check.
    """
    rows = read(
        using,
        """
        SELECT o.number, o.paid, o.paid_currency, coalesce(came.amount, 0) + coalesce(bore.amount, 0)
        FROM billing_order AS o
        LEFT JOIN (
            SELECT a.order_id, l.amount_currency AS currency, sum(a.amount) AS amount
            FROM payments_allocation AS a JOIN payments_bankline AS l ON l.id = a.line_id
            WHERE a.kind = 'CREDITED' GROUP BY a.order_id, l.amount_currency
        ) AS came ON came.order_id = o.id AND came.currency = o.paid_currency
        LEFT JOIN (
            SELECT credited_order_id AS order_id, fee_currency AS currency, sum(fee) AS amount
            FROM payments_finding WHERE done_at IS NOT NULL GROUP BY credited_order_id, fee_currency
        ) AS bore ON bore.order_id = o.id AND bore.currency = o.paid_currency
        WHERE o.method = 'OFFLINE' AND o.state = ANY(%s)
          AND o.paid <> coalesce(came.amount, 0) + coalesce(bore.amount, 0)
          AND NOT EXISTS (SELECT FROM billing_correction AS c WHERE c.credited_order_id = o.id)
        """,
        [list(CREDITED)],
    )
    for number, paid, currency, due in rows:
        yield f"Order {number} says it was paid with {paid} {currency}, its bank lines and fees say {due}."


def check_statements(using: str, _now: datetime) -> Iterable[str]:
    """Every statement has the lines it brought, and they join its balances; those of an account join each other."""
    rows = read(
        using,
        """
        SELECT file.id, file.lines_added, count(l.id) FILTER (WHERE l.entered_by_id IS NULL), file.closing,
               file.opening + coalesce(sum(CASE l.direction WHEN 'IN' THEN l.amount ELSE -l.amount END), 0),
               count(l.id) = file.lines_read
        FROM payments_statementfile AS file LEFT JOIN payments_bankline AS l ON l.file_id = file.id
        GROUP BY file.id
        """,
    )
    for file, added, found, closing, reached, is_whole in rows:
        if added != found:
            yield f"Statement {file} brought {added} lines, but {found} are there."
        elif is_whole and closing != reached:
            yield f"Statement {file} closes with {closing}, but its lines make {reached}."
    rows = read(
        using,
        """
        SELECT bank.code, bank.currency, reached.amount
        FROM payments_bankaccount AS bank
        CROSS JOIN LATERAL (
            SELECT opening FROM payments_statementfile WHERE account_id = bank.id
            ORDER BY first_day, imported_at, id LIMIT 1
        ) AS earliest
        CROSS JOIN LATERAL (
            SELECT earliest.opening + coalesce(sum(CASE direction WHEN 'IN' THEN amount ELSE -amount END), 0) AS amount
            FROM payments_bankline WHERE account_id = bank.id AND file_id IS NOT NULL
        ) AS reached
        WHERE NOT EXISTS (
            SELECT FROM payments_statementfile AS file WHERE file.account_id = bank.id AND file.closing = reached.amount
              AND file.last_day = (SELECT max(last_day) FROM payments_statementfile WHERE account_id = bank.id))
        """,
    )
    for code, currency, reached in rows:
        yield f"The lines of account {code} make {reached} {currency}, but no statement of its last day closes so."


def check_approvals(using: str, _now: datetime) -> Iterable[str]:
    """Whatever was carried out was approved, and by nobody who gave it, brought its lines, or belonged to it.

    How many persons an amount needed is decided on its day; limits change.
    """
    rows = read(
        using,
        """
        SELECT f.id, 'nobody' FROM payments_finding AS f
        WHERE f.done_at IS NOT NULL AND NOT EXISTS (SELECT FROM payments_approval AS a WHERE a.finding_id = f.id)
        UNION ALL
        SELECT f.id, 'whoever gave its facts'
        FROM payments_finding AS f JOIN payments_approval AS a ON a.finding_id = f.id AND a.by_id = f.made_by_id
        WHERE f.evidence <> 'STATEMENT'
        UNION ALL
        SELECT DISTINCT f.id, 'whoever imported its lines'
        FROM payments_finding AS f JOIN payments_approval AS a ON a.finding_id = f.id
        JOIN payments_share AS s ON s.finding_id = f.id
        JOIN payments_bankline AS l ON l.id = s.line_id
        JOIN payments_statementfile AS file ON file.id = l.file_id AND file.imported_by_id = a.by_id
        WHERE file.imported_at <= a.at
        UNION ALL
        SELECT DISTINCT f.id, 'whoever typed its lines'
        FROM payments_finding AS f JOIN payments_approval AS a ON a.finding_id = f.id
        JOIN payments_share AS s ON s.finding_id = f.id
        JOIN payments_bankline AS l ON l.id = s.line_id AND l.entered_by_id = a.by_id
        LEFT JOIN payments_statementfile AS file ON file.id = l.file_id
        WHERE l.file_id IS NULL OR file.imported_at > a.at
        UNION ALL
        SELECT DISTINCT f.id, 'a member of the organisation'
        FROM payments_finding AS f JOIN payments_approval AS a ON a.finding_id = f.id
        JOIN wallet_member AS m ON m.user_id = a.by_id AND m.organisation_id = f.organisation_id AND m.joined_at <= a.at
        """,
    )
    for finding, who in rows:
        yield f"Finding {finding} was approved by {who}."


def check_bank_refunds(using: str, _now: datetime) -> Iterable[str]:
    """A refund of an offline order left by one approved payment at the bank of just its amount, and no payment without
    its refund. Nobody approved what he had prepared or asked for.
    """
    rows = read(
        using,
        """
        SELECT r.number, r.state, count(b.id) FILTER (WHERE b.paid_at IS NOT NULL),
               coalesce(bool_or(b.amount <> r.back OR b.amount_currency <> r.back_currency), false),
               coalesce(bool_or(b.approved_by_id = b.prepared_by_id OR b.approved_by_id = r.asked_by_id), false)
        FROM billing_refund AS r JOIN billing_order AS o ON o.id = r.order_id AND o.method = 'OFFLINE'
        LEFT JOIN payments_bankrefund AS b ON b.refund_id = r.id AND b.approved_at IS NOT NULL
        GROUP BY r.id
        """,
    )
    for number, state, paid, is_other, is_own in rows:
        wanted = 1 if state in {"SUCCEEDED", "RETURNED"} else 0
        if paid != wanted:
            yield f"Refund {number} is {state}, but {paid} payments at the bank carry it."
        if is_other:
            yield f"Refund {number} was paid at the bank with another amount."
        if is_own:
            yield f"The payment of refund {number} was approved by whoever prepared it or asked for it."


def check_guards(using: str, _now: datetime) -> Iterable[str]:
    """The triggers of maker and checker are there and switched on."""
    texts = [file.read_text("utf-8") for file in GUARDS]
    wanted = [
        name for text in texts for name in re.findall(r"^CREATE (?:CONSTRAINT )?TRIGGER (\w+)", text, re.MULTILINE)
    ]
    found = dict(
        read(using, "SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal AND tgname = ANY(%s)", [wanted])
    )
    for name in wanted:
        if name not in found:
            yield f"Trigger {name} is missing."
        elif found[name] not in {"O", "A"}:
            yield f"Trigger {name} is switched off."


CHECKS: Final[tuple[Check, ...]] = (
    check_confirmed_payments,
    check_inbox,
    check_banks,
    check_suspense,
    check_allocations,
    check_findings,
    check_transfer_orders,
    check_statements,
    check_approvals,
    check_bank_refunds,
    check_guards,
    *balance_audit.CHECKS,
    *card_refund_audit.CHECKS,
)
