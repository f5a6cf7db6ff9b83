"""The states of a refund, and what is written with every change."""

from datetime import datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

from billing import aftermath, orders
from billing.models import Note, Order, Refund
from billing.refunds import postings
from wallet import ledger
from wallet.money import labelled

_State = Refund.State

TRANSITIONS: Final = MappingProxyType(
    {
        _State.ASKED: {_State.APPROVED, _State.SUCCEEDED, _State.DECLINED, _State.WITHDRAWN},
        _State.APPROVED: {_State.SUCCEEDED, _State.FAILED},
        _State.SUCCEEDED: {_State.RETURNED},
    }
)
"""The only way a refund changes its state. From ASKED to SUCCEEDED goes only what came from the wallet: no bank and no
card has any part in it.
"""

_CHANGING: Final = (
    *("state", "debt", "approved_by", "approved_by_name", "approved_at"),
    *("succeeded_at", "ended_at", "failure"),
)


class IllegalTransition(Exception):
    """The refund cannot go from its state to the one asked for."""


class NotWaiting(Exception):
    """The refund was approved, declined or withdrawn before."""


class NotRefundable(Exception):
    """Nothing of the order can be refunded; the message says why."""


def lock(refund_id: UUID) -> tuple[Order, Refund]:
    """Both for this transaction alone, the order first. They are of one type each, so they are not mixed up."""
    order = orders.lock(Refund.objects.values_list("order_id", flat=True).get(pk=refund_id))
    refund = Refund.objects.select_for_update(of=("self",)).select_related("asked_by").get(pk=refund_id)
    refund.order = order
    return order, refund


def check_waiting(refund: Refund) -> None:
    if refund.state != _State.ASKED:
        raise NotWaiting(refund.number)


def move(refund: Refund, *, to: Refund.State) -> None:
    if to not in TRANSITIONS.get(_State(refund.state), frozenset()):
        raise IllegalTransition(f"{refund.number}: {refund.state} -> {to}")
    refund.state = to
    refund.save(update_fields=_CHANGING)


def give_back(refund: Refund, *, to: Refund.State, note: Note, by: str, now: datetime) -> ledger.Draft:
    """End an open refund whose money did not go; the posting that its caller owes for it."""
    order = refund.order
    draft = postings.release(refund, order, by=by)
    refund.ended_at, refund.debt = now, 0
    move(refund, to=to)
    tell(refund, note=note, by=by, now=now)
    return draft


def leave(refund: Refund, *, source: str, by: str, now: datetime) -> None:
    """The money of a refund goes, from the account `source`."""
    order = refund.order
    refund.succeeded_at = now
    move(refund, to=_State.SUCCEEDED)
    tell_and_restate(refund, note=Note.REFUND_SUCCEEDED, by=by, now=now)
    post(refund, postings.go_out(refund, order, source=source, by=by), now=now)


def post(refund: Refund, *drafts: ledger.Draft, now: datetime) -> None:
    ledger.post(organisation_id=refund.organisation_id, drafts=drafts, now=now)


def tell(refund: Refund, *, note: Note, by: str, now: datetime) -> None:
    orders.tell(order=refund.order, note=note, by=by, now=now, detail=describe(refund), refund=refund)


def tell_and_restate(refund: Refund, *, note: Note, by: str, now: datetime) -> None:
    aftermath.restate(order=refund.order, note=note, by=by, now=now, detail=describe(refund), refund=refund)


def describe(refund: Refund) -> str:
    """Its number, what it takes from the balance, what that is for the customer, and why it did not go; no words of
    ours, since the timeline is read in several languages.
    """
    is_converted = refund.amount.currency != refund.back.currency
    worth = f"{labelled(refund.amount)} → {labelled(refund.back)}" if is_converted else labelled(refund.amount)
    return " · ".join(filter(None, [refund.number, worth, refund.failure]))
