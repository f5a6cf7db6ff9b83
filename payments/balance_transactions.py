"""Balance transactions of Stripe: loaded whole days at a time, judged one by one, posted where they have to be.

May be killed anywhere: a day's transactions are stored together or not at all, each is posted with what is written of
it, and the next run begins where the last one came to.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction as database
from django.db.models import Max, Min, Q

from payments import card_suspense, judgements, settlement, stripe_api
from payments.judgements import Verdict
from payments.models import BalanceTransaction, Payment, Payout
from payments.stripe_api import Transaction

logger = logging.getLogger(__name__)

OVERLAP: Final = timedelta(days=3)
"""How far before the last one seen a run begins: Stripe may list a transaction some time after its moment."""

_FIRST_REACH: Final = timedelta(days=30)
_WINDOW: Final = timedelta(days=1)
_AGAIN: Final = 500
"""Of those that did not agree so many are looked at again in one run, the longest unseen first."""

Outcome = BalanceTransaction.Outcome


def load_recent(*, now: datetime) -> int:
    """Store what Stripe has listed since the last run; returns how many were new. Repeating it changes nothing."""
    since, added = find_start(now=now), 0
    while since <= now:
        added += store(stripe_api.list_transactions(since=since, until=since + _WINDOW), now=now)
        since += _WINDOW
    return added


def store(listed: Sequence[Transaction], *, now: datetime) -> int:
    """All of them or none; those that are here already stay as they are. Returns how many were new."""
    with database.atomic():
        before = set(
            BalanceTransaction.objects.filter(stripe_id__in=[one.id for one in listed]).values_list(
                "stripe_id", flat=True
            )
        )
        rows = [_row(one, now=now) for one in listed if one.id not in before]
        BalanceTransaction.objects.bulk_create(rows, batch_size=1000, ignore_conflicts=True)
        return len(rows)


def load_payout(payout: Payout, *, now: datetime) -> None:
    """Store what an automatic payout holds, and that it does. Repeating it changes nothing."""
    listed = stripe_api.list_transactions_of(payout.stripe_id)
    with database.atomic():
        store(listed, now=now)
        mine = BalanceTransaction.objects.filter(stripe_id__in=[one.id for one in listed], payout=None)
        ids = list(mine.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
        BalanceTransaction.objects.filter(pk__in=ids).update(payout=payout)
        Payout.objects.filter(pk=payout.pk, itemised_at=None).update(itemised_at=now)


def judge_due(*, now: datetime) -> int:
    """Decide about new transactions, and again about those that did not agree; returns how many agree now."""
    waiting = BalanceTransaction.objects.to_judge()
    new = waiting.filter(outcome=Outcome.NEW)
    again = waiting.filter(outcome=Outcome.DIFFERENCE, judged_at__lt=now).order_by("judged_at", "id")[:_AGAIN]
    return _judge_all(new.iterator(chunk_size=500), now=now) + _judge_all(again, now=now)


def settle(transaction: BalanceTransaction, *, now: datetime) -> BalanceTransaction:
    """Decide about one transaction, post what it needs, and write down what became of it. Repeating it changes nothing.

    Stripe may be asked, before anything is locked. Raises `StripeUnavailable`.
    """
    session_id = _ask_for_session(transaction)
    with database.atomic():
        locked = _lock(transaction)
        if locked.outcome in {Outcome.POSTED, Outcome.AGREED}:
            return locked
        verdict = judgements.judge(locked, session_id=session_id)
        keys = _post(locked, verdict, now=now)
        locked.outcome = Outcome.DIFFERENCE if verdict.reason else Outcome.POSTED if keys else Outcome.AGREED
        locked.reason, locked.detail = verdict.reason or "", verdict.detail
        locked.organisation_id, locked.posting_keys, locked.judged_at = verdict.organisation_id, keys, now
        locked.save(update_fields=["outcome", "reason", "detail", "organisation", "posting_keys", "judged_at"])
        return locked


def find_start(*, now: datetime) -> datetime:
    """Where the last run came to, less the overlap; the first run begins with the first payment that is kept here."""
    newest: datetime | None = BalanceTransaction.objects.aggregate(at=Max("stripe_created_at"))["at"]
    if newest is not None:
        return min(newest, now) - OVERLAP
    first: datetime | None = Payment.objects.aggregate(at=Min("created_at"))["at"]
    return min(first, now) - OVERLAP if first else now - _FIRST_REACH


def _judge_all(found: Iterable[BalanceTransaction], *, now: datetime) -> int:
    agreed = 0
    for one in found:
        try:
            settled = settle(one, now=now)
        except stripe_api.StripeUnavailable:
            raise
        except Exception:  # one odd transaction must not stop the others; it stays, and is tried again
            logger.exception("balance transaction %s could not be judged", one.stripe_id)
            continue
        agreed += settled.outcome != Outcome.DIFFERENCE
    return agreed


def _lock(transaction: BalanceTransaction) -> BalanceTransaction:
    """It, for this database transaction alone; what was given back with its charge, whose rest decides about it. Rows
    of Stripe's list are always locked in the same order.
    """
    wanted = Q(pk=transaction.pk)
    if "refund" in transaction.type and transaction.payment_intent_id:
        wanted |= Q(type__in=card_suspense.CHARGES, payment_intent_id=transaction.payment_intent_id)
    rows = BalanceTransaction.objects.select_for_update(of=("self",)).filter(wanted).order_by("pk")
    return next(row for row in rows if row.pk == transaction.pk)


def _post(transaction: BalanceTransaction, verdict: Verdict, *, now: datetime) -> list[str]:
    keys: list[str] = []
    if verdict.reason or verdict.organisation_id is None:
        return keys
    if verdict.gross is not None:
        keys.append(settlement.hold_charge(transaction, now=now))
    if verdict.fee is not None:
        keys.append(
            settlement.post_fee(
                transaction,
                verdict.fee,
                organisation_id=verdict.organisation_id,
                order_number=verdict.order_number,
                now=now,
            )
        )
    return keys


def _ask_for_session(transaction: BalanceTransaction) -> str:
    """The Checkout Session of a charge that no payment of ours has."""
    is_charge = transaction.type in card_suspense.CHARGES
    if not is_charge or not transaction.payment_intent_id or judgements.find_payment(transaction):
        return ""
    return stripe_api.find_session_id(transaction.payment_intent_id)


def _row(listed: Transaction, *, now: datetime) -> BalanceTransaction:
    return BalanceTransaction(
        stripe_id=listed.id,
        type=listed.type[:60],
        category=listed.category[:60],
        amount=listed.amount,
        fee=listed.fee,
        net=listed.net,
        source_id=listed.source_id,
        payment_intent_id=listed.payment_intent_id,
        claimed_payment=listed.claimed_payment[:100],
        description=listed.description[:500],
        stripe_created_at=listed.created_at,
        available_at=listed.available_at,
        loaded_at=now,
    )
