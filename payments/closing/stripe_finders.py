"""What does not agree with Stripe's list of balance transactions, and payouts that do not arrive."""

from collections.abc import Iterator
from datetime import datetime, time
from typing import Final

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Exists, OuterRef
from djmoney.money import Money

from billing import workdays
from payments.closing.found import Found, Span
from payments.models import BalanceTransaction, CardRefund, Difference, Payment, Payout
from wallet.audit import read
from wallet.calendar import BOOKS
from wallet.models import HOUSE_ID

PAYOUT_PATIENCE: Final = 5
"""Working days that a payout may need from the day Stripe names to our statement."""

_CHARGES: Final = ("charge", "payment")

Kind = Difference.Kind


def find(span: Span) -> list[Found]:
    """All of it, one kind after the other."""
    return [
        *_find_payments(span),
        *_find_refunds(span),
        *_find_transactions(span),
        *_find_strange_charges(span),
        *_find_held_charges(span),
        *_find_given_back(span),
        *_find_fees(span),
        *_find_payouts(span),
    ]


def _find_payments(span: Span) -> Iterator[Found]:
    """Payments confirmed here of which Stripe lists no charge."""
    listed = BalanceTransaction.objects.filter(type__in=_CHARGES, payment_intent_id=OuterRef("payment_intent_id"))
    confirmed = Payment.objects.filter(
        ~Exists(listed), state=Payment.State.CONFIRMED, confirmed_at__gte=span.start, confirmed_at__lt=span.end
    )
    for payment in confirmed.select_related("order").order_by("id"):
        yield Found(
            key=f"payment:{payment.pk}",
            kind=Kind.PAYMENT_UNKNOWN_THERE,
            amount=payment.amount,
            subject=payment.order.number,
            detail=payment.payment_intent_id,
            is_timing=payment.confirmed_at is not None and span.is_today(payment.confirmed_at),
            order_id=payment.order_id,
        )


def _find_refunds(span: Span) -> Iterator[Found]:
    """Refunds that succeeded here of which Stripe lists no balance transaction."""
    listed = BalanceTransaction.objects.filter(source_id=OuterRef("stripe_id"))
    succeeded = CardRefund.objects.filter(
        ~Exists(listed), refund__succeeded_at__gte=span.start, refund__succeeded_at__lt=span.end
    )
    for sent in succeeded.select_related("refund").order_by("id"):
        yield Found(
            key=f"refund:{sent.refund.number}",
            kind=Kind.REFUND_UNKNOWN_THERE,
            amount=sent.amount,
            subject=sent.refund.number,
            detail=sent.stripe_id or "",
            is_timing=sent.refund.succeeded_at is not None and span.is_today(sent.refund.succeeded_at),
            order_id=sent.refund.order_id,
        )


def _find_transactions(span: Span) -> Iterator[Found]:
    """Balance transactions that are not posted, and not agreed with what is, or that nobody has judged."""
    open_ = BalanceTransaction.objects.to_judge().filter(stripe_created_at__lt=span.end)
    for transaction in open_.order_by("stripe_created_at", "id"):
        is_new = transaction.outcome == BalanceTransaction.Outcome.NEW
        yield Found(
            key=f"transaction:{transaction.stripe_id}",
            kind=Kind.NAMED_TRANSACTION,
            amount=transaction.amount,
            subject=transaction.stripe_id,
            facts={
                "about": f"{transaction.type} {transaction.source_id}".strip(),
                "outcome": transaction.outcome,
                "reason": transaction.reason,
                "said": transaction.detail,
            },
            is_timing=(is_new or transaction.is_timing) and span.is_today(transaction.stripe_created_at),
        )


def _find_strange_charges(span: Span) -> Iterator[Found]:
    """Charges of the day that no payment here has: their money lies in the house's suspense."""
    strange = BalanceTransaction.objects.filter(
        type__in=_CHARGES, organisation_id=HOUSE_ID, stripe_created_at__gte=span.start, stripe_created_at__lt=span.end
    )
    named = set[str]()
    for transaction in strange.order_by("id"):
        if span.is_today(transaction.stripe_created_at):
            key = f"charge:{transaction.source_id}"
            yield Found(
                key=f"{key}:{transaction.stripe_id}" if key in named else key,  # one charge, listed twice
                kind=Kind.CHARGE_UNKNOWN_HERE,
                amount=transaction.amount,
                subject=transaction.source_id,
                detail=transaction.description,
            )
            named.add(key)


def _find_held_charges(span: Span) -> Iterator[Found]:
    """What was paid at Stripe, did not agree with its order, and is in suspense since, as far as it still is."""
    rows = read(
        DEFAULT_DB_ALIAS,
        f"SELECT key, order_number, memo, rest, currency FROM ({_HELD}) AS held WHERE rest > 0 ORDER BY key",  # noqa: S608  # a constant of this module
        {"first": span.first, "last": span.day},
    )
    for key, number, memo, rest, currency in rows:
        yield Found(
            key=f"held:{key}", kind=Kind.CHARGE_HELD, amount=Money(rest, currency), subject=number or key, detail=memo
        )


def _find_given_back(span: Span) -> Iterator[Found]:
    """What credited nobody and is gone from Stripe again: on the day it was paid, and on those that Stripe and the
    ledger say it went back on. No order has the one or the other.
    """
    day = {"day": span.day, "first": span.day, "last": span.day}
    start = Span(first=span.day, day=span.day).start
    rows = read(DEFAULT_DB_ALIAS, _GIVEN_BACK, day | {"start": start, "end": span.end, "house": HOUSE_ID})
    for key, number, memo, amount, currency in rows:
        yield Found(
            key=f"back:{key}:{span.day}",
            kind=Kind.CHARGE_GIVEN_BACK,
            amount=Money(amount, currency),
            subject=number or key,
            detail=memo,
        )


def _find_fees(span: Span) -> Iterator[Found]:
    """Fees as Stripe lists them, and as their postings have them."""
    rows = read(
        DEFAULT_DB_ALIAS,
        """
        SELECT listed.stripe_id, listed.fee, listed.amount_currency, coalesce(sum(
                   CASE entry.side WHEN 'DEBIT' THEN entry.amount ELSE -entry.amount END), 0) AS booked
        FROM payments_balancetransaction AS listed
        LEFT JOIN wallet_posting AS posting ON posting.organisation_id = listed.organisation_id
         AND posting.key = ANY(listed.posting_keys)
        LEFT JOIN (wallet_entry AS entry JOIN wallet_account AS account ON account.id = entry.account_id
                   AND account.code = 'stripe_fees') ON entry.posting_id = posting.id
        WHERE listed.outcome = 'POSTED' AND listed.type = ANY(%s)
          AND listed.stripe_created_at >= %s AND listed.stripe_created_at < %s
        GROUP BY listed.id HAVING listed.fee <> coalesce(sum(
                   CASE entry.side WHEN 'DEBIT' THEN entry.amount ELSE -entry.amount END), 0)
        ORDER BY listed.stripe_id
        """,
        [list(_CHARGES), span.start, span.end],
    )
    for stripe_id, fee, currency, booked in rows:
        yield Found(
            key=f"fee:{stripe_id}",
            kind=Kind.FEE_AT_STRIPE,
            amount=Money(fee, currency),
            subject=stripe_id,
            facts={"booked": f"{booked:f}", "currency": currency},
        )


def _find_payouts(span: Span) -> Iterator[Found]:
    """Payouts that should have arrived, and payouts at the bank that none of ours is."""
    for payout in Payout.objects.on_their_way():
        arrives = datetime.combine(payout.arrival_on, time(12), BOOKS)
        if workdays.expected_by(arrives, working_days=PAYOUT_PATIENCE).date() < span.day:
            yield Found(
                key=f"payout:{payout.stripe_id}",
                kind=Kind.PAYOUT_LATE,
                amount=payout.amount,
                subject=payout.stripe_id,
                facts={"arrival_on": payout.arrival_on.isoformat()},
            )
    for payout in Payout.objects.filter(reversed_at__lt=span.end, back_line=None).order_by("reversed_at"):
        yield Found(
            key=f"failed:{payout.stripe_id}",
            kind=Kind.PAYOUT_FAILED,
            amount=payout.amount,
            subject=payout.stripe_id,
            detail=payout.failure,
        )


_SIGNED: Final = "CASE entry.side WHEN 'CREDIT' THEN entry.amount ELSE -entry.amount END"

_HELD: Final = f"""
    SELECT held.key, held.order_number, held.memo, came.amount, came.currency, coalesce(assigned.amount, 0) AS assigned,
           least(of_session.rest, of_order.rest) AS rest
    FROM wallet_posting AS held
    JOIN wallet_entry AS came ON came.posting_id = held.id AND came.side = 'CREDIT'
    LEFT JOIN (wallet_posting AS release JOIN wallet_entry AS assigned
               ON assigned.posting_id = release.id AND assigned.side = 'DEBIT')
      ON release.organisation_id = held.organisation_id AND release.key = replace(held.key, ':suspense', ':assigned')
    CROSS JOIN LATERAL (
        SELECT sum({_SIGNED}) AS rest
        FROM wallet_posting AS moved JOIN wallet_entry AS entry ON entry.posting_id = moved.id
        WHERE entry.account_id = came.account_id AND moved.organisation_id = held.organisation_id
          AND starts_with(moved.key, replace(held.key, ':suspense', ':'))
    ) AS of_session
    CROSS JOIN LATERAL (
        SELECT sum({_SIGNED}) AS rest
        FROM wallet_posting AS moved JOIN wallet_entry AS entry ON entry.posting_id = moved.id
        WHERE entry.account_id = came.account_id AND moved.organisation_id = held.organisation_id
          AND (moved.id = held.id OR held.order_number <> '' AND moved.order_number = held.order_number
               AND moved.key ~ '^(session|dispute):')
    ) AS of_order
    WHERE held.kind = 'SUSPENSE' AND held.key ~ '^session:' AND held.business_date BETWEEN %(first)s AND %(last)s
"""  # noqa: S608  # a constant of this module
"""What is left of a session in suspense; never more than of its order's, as disputes take of it (`card_suspense`)."""

_GIVEN_BACK: Final = f"""
    WITH listed AS (
        SELECT * FROM payments_balancetransaction
        WHERE type ~ 'refund' AND stripe_created_at >= %(start)s AND stripe_created_at < %(end)s
    ), gone AS (
        SELECT * FROM wallet_posting WHERE business_date = %(day)s AND kind = 'SUSPENSE_RETURN'
        UNION
        SELECT posting.* FROM listed JOIN wallet_posting AS posting
          ON posting.organisation_id = %(house)s AND posting.key = concat('txn:', listed.stripe_id, ':gross')
        UNION
        SELECT posting.* FROM listed JOIN payments_payment AS payment
          ON payment.payment_intent_id = listed.payment_intent_id
        JOIN wallet_posting AS posting ON posting.organisation_id = payment.organisation_id
         AND posting.key = concat('session:', payment.session_id, ':refund:', listed.source_id,
                                  CASE listed.type WHEN 'refund_failure' THEN ':back' ELSE '' END)
    )
    SELECT key, order_number, memo, amount - assigned - greatest(rest, 0), currency FROM ({_HELD}) AS held
    WHERE amount - assigned > greatest(rest, 0)
    UNION ALL
    SELECT gone.key, gone.order_number, gone.memo, entry.amount, entry.currency
    FROM gone JOIN wallet_entry AS entry ON entry.posting_id = gone.id
    JOIN wallet_account AS account ON account.id = entry.account_id AND account.code = 'stripe_clearing'
    ORDER BY 1
"""  # noqa: S608  # as above
