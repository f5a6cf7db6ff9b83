"""What became of an order's money after it was credited: refunds and disputes, and the state these make it have."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet, Sum
from djmoney.money import Money

from billing import orders
from billing.models import Dispute, Note, Order, Refund, State

TAKEN_BACK = (Note.UNDONE, Note.TAKEN_BACK)
"""What reads so has given its money away for good: nothing that comes later is about it."""


def restate(
    *, order: Order, note: Note, by: str, now: datetime, detail: str = "", refund: Refund | None = None
) -> None:
    """Give a credited order the state that its refunds and disputes make it have, and tell the timeline why.

    Call inside the transaction of the fact, with the order locked and the fact written. An order that was undone or
    corrected stays as it is.
    """
    if order.is_credited and not was_taken_back(order):
        orders.restate(order=order, to=find_state(order))
    orders.tell(order=order, note=note, by=by, now=now, detail=detail, refund=refund)


def find_state(order: Order) -> State:
    """The state of a credited order by the facts: money a card's bank has taken comes before what was refunded."""
    withdrawn = set(order.disputes.filter(is_withdrawn=True).values_list("state", flat=True))
    if withdrawn:
        return State.CHARGED_BACK if withdrawn == {Dispute.State.LOST} else State.DISPUTED
    refunded = sum_refunded(order)
    if not refunded:
        return State.PAID
    return State.REFUNDED if refunded >= order.credited else State.PARTIALLY_REFUNDED


def sum_refunded(order: Order) -> Money:
    """What went back of what the order credited."""
    return _sum(order.refunds.succeeded(), order)


def sum_counting(order: Order) -> Money:
    """That, and what is about to go back."""
    return _sum(order.refunds.counting(), order)


def was_taken_back(order: Order) -> bool:
    """Whether the order's credit was reversed, as an undone move or for a correction. Reads the events, which pages
    fetch beforehand.
    """
    return any(event.note in TAKEN_BACK for event in order.events.all())


def find_bearer(order: Order) -> Order:
    """The order that has the money which the payment of this one brought: itself, or what corrected it."""
    while follower := Order.objects.filter(corrected_by__order=order).first():
        order = follower
    return order


def lock_bearer(order_id: UUID) -> Order:
    """That order, for this transaction alone; the first one is locked too, so no correction leads its money on."""
    order = orders.lock(order_id)
    bearer = find_bearer(order)
    return order if bearer.pk == order.pk else orders.lock(bearer.pk)


def find_payer(order: Order) -> Order:
    """The order whose payment brought this one's money: itself, or the first of those that corrections led from."""
    while first := Order.objects.filter(corrections__credited_order=order).first():
        order = first
    return order


def _sum(refunds: QuerySet[Refund], order: Order) -> Money:
    return Money(refunds.aggregate(total=Sum("amount"))["total"] or 0, order.credited.currency)
