"""Refunds that only wait for approval, and give way to money of their order that has left already."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from djmoney.money import Money

from billing.models import Note, Order, Refund
from billing.refunds import states
from wallet import ledger


@dataclass(frozen=True, kw_only=True)
class Concession:
    """What ended refunds release: postings that their caller owes, and how much these put back into the balance."""

    drafts: tuple[ledger.Draft, ...]
    amount: Money


def lock_waiting(order: Order) -> list[Refund]:
    """What waits for approval, the newest first, for this transaction alone. Call with the order locked."""
    waiting = list(order.refunds.filter(state=Refund.State.ASKED).select_for_update().order_by("-id"))
    for refund in waiting:
        refund.order = order
    return waiting


def give_way(
    waiting: Sequence[Refund], *, order: Order, note: Note, failure: str, by: str, now: datetime
) -> Concession:
    """End these refunds of the order. `failure` is what the customer reads, marked for translation.

    The drafts are posted in one call with what the money is taken for, before it, so that nobody spends it in between.
    """
    drafts = []
    for refund in waiting:
        refund.failure = failure
        drafts.append(states.give_back(refund, to=Refund.State.DECLINED, note=note, by=by, now=now))
    amount = sum((refund.amount for refund in waiting), start=Money(0, order.credited.currency))
    return Concession(drafts=tuple(drafts), amount=amount)
