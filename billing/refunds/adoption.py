"""Refunds that somebody made at Stripe and not here: booked as they happened."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_noop
from djmoney.money import Money

from billing import aftermath, flags, numbers
from billing.models import Flag, Note, Order, Refund
from billing.refunds import concessions, postings, states
from wallet import ledger
from wallet.calendar import business_date
from wallet.models import Account
from wallet.money import round_half_up

_BY: Final = "Stripe"
_REASON: Final = "Refunded at Stripe"
"""Of the row; readers are told by its origin, in their language."""

_INSTEAD: Final = gettext_noop("Our team refunded this order at Stripe instead.")

_TRIES: Final = 5
"""So often a balance may change between being read and being taken from."""


def adopt(*, order_id: UUID, back: Money, stripe_id: str, now: datetime) -> Refund:
    """Book a refund of a payment that was made at Stripe and not here, as one on its way; the order is flagged.

    `order_id` is the order of the payment; where a correction led its money on, the order that has it is refunded.
    What only waits for approval gives way to it. What the balance does not hold any more, the customer owes. Repeating
    it returns the first. Raises `ledger.InsufficientFunds` when the balance does not stand still: call it again.
    """
    for _turn in range(_TRIES - 1):
        try:
            with transaction.atomic():
                return _adopt(order_id, back=back, stripe_id=stripe_id, now=now)
        except ledger.InsufficientFunds:
            continue
    with transaction.atomic():
        return _adopt(order_id, back=back, stripe_id=stripe_id, now=now)


def _adopt(order_id: UUID, *, back: Money, stripe_id: str, now: datetime) -> Refund:
    order = aftermath.lock_bearer(order_id)
    if stored := Refund.objects.filter(stripe_id=stripe_id).first():
        return stored
    amount = round_half_up(Money(back.amount / (order.rate or 1), order.credited.currency))
    given_way = concessions.give_way(
        _find_giving_way(order, amount), order=order, note=Note.REFUND_DECLINED, failure=_INSTEAD, by=_BY, now=now
    )
    holds = _find_balance(order) + given_way.amount
    refund = Refund.objects.create(
        organisation_id=order.organisation_id,
        order=order,
        number=numbers.draw(business_date(now), kind=numbers.REFUND),
        origin=Refund.Origin.STRIPE,
        state=Refund.State.APPROVED,
        amount=amount,
        back=back,
        debt=max(amount - holds, Money(0, amount.currency)).amount,
        reason=_REASON,
        asked_by_name=_BY,
        asked_at=now,
        stripe_id=stripe_id,
    )
    flags.raise_flag(order=order, reason=Flag.Reason.REFUNDED_AT_STRIPE, detail=states.describe(refund), now=now)
    states.tell(refund, note=Note.REFUND_APPROVED, by=_BY, now=now)
    states.post(refund, *given_way.drafts, postings.hold(refund, order, by=_BY), now=now)
    return refund


def _find_giving_way(order: Order, amount: Money) -> list[Refund]:
    """What waits for approval and does not fit beside this amount any more, the newest first."""
    left = order.credited - aftermath.sum_counting(order)
    chosen = []
    for waiting in concessions.lock_waiting(order):
        if left >= amount:
            break
        left += waiting.amount
        chosen.append(waiting)
    return chosen


def _find_balance(order: Order) -> Money:
    return Account.objects.balance(
        organisation_id=order.organisation_id, code=order.target, currency=order.credited.currency.code
    )
