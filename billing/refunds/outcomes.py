"""What became of an approved refund at Stripe or at the bank."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from billing.models import Note, Refund
from billing.refunds import postings, states

_State = Refund.State


def succeed(*, refund_id: UUID, source: str, by: str, now: datetime) -> Refund:
    """The money has left, from the account `source` in the ledger. Raises `IllegalTransition` unless it was approved.

    Repeating it, also after the money came back, changes nothing.
    """
    with transaction.atomic():
        _order, refund = states.lock(refund_id)
        if refund.state in {_State.SUCCEEDED, _State.RETURNED}:
            return refund
        if refund.state != _State.APPROVED:
            raise states.IllegalTransition(f"{refund.number}: {refund.state} cannot succeed")
        states.leave(refund, source=source, by=by, now=now)
        return refund


def fail(*, refund_id: UUID, failure: str, by: str, now: datetime) -> Refund:
    """The money never left: the amount is back in the balance. `failure` is what the customer reads.

    Raises `IllegalTransition` when it was never approved, or has left already. Repeating it changes nothing.
    """
    with transaction.atomic():
        _order, refund = states.lock(refund_id)
        if refund.state == _State.FAILED:
            return refund
        refund.failure = failure[:500]
        draft = states.give_back(refund, to=_State.FAILED, note=Note.REFUND_FAILED, by=by, now=now)
        states.post(refund, draft, now=now)
        return refund


def return_to_balance(*, refund_id: UUID, source: str, failure: str, by: str, now: datetime) -> Refund:
    """The money had left and came back to `source`: it is in the balance again. `failure` is what the customer reads.

    Raises `IllegalTransition` unless it had succeeded. Repeating it changes nothing.
    """
    with transaction.atomic():
        order, refund = states.lock(refund_id)
        if refund.state == _State.RETURNED:
            return refund
        draft = postings.come_back(refund, order, source=source, by=by)
        refund.failure, refund.ended_at, refund.debt = failure[:500], now, 0
        states.move(refund, to=_State.RETURNED)
        states.tell_and_restate(refund, note=Note.REFUND_RETURNED, by=by, now=now)
        states.post(refund, draft, now=now)
        return refund
