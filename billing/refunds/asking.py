"""How a refund begins: with a wish of the customer's or of finance's; and how it ends when the wish is taken back."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from djmoney.money import Money

from billing import moves, numbers, orders, remainders
from billing.models import Method, Note, Order, Refund
from billing.refunds import persons, postings, states
from billing.refunds.persons import MayNotRefund
from billing.refunds.worth import find_worth
from billing.remainders import Refundable
from wallet import ledger
from wallet.calendar import business_date
from wallet.models import Member, User

MOST_A_DAY: Final = 20
"""So often a refund of one order is asked for by its customer within 24 hours: every wish is posted, mailed, and looked
at by finance, also one that is withdrawn at once.
"""

_Origin = Refund.Origin


class TooMuch(Exception):
    """More was asked for than can be refunded; `room` says how much that is, and where the rest went."""

    def __init__(self, room: Refundable) -> None:
        super().__init__(room.why)
        self.room = room


class FormTokenReused(Exception):
    """The form was already sent with other content; `refund` is what it made then."""

    def __init__(self, refund: Refund) -> None:
        super().__init__(refund.number)
        self.refund = refund


def refundable(order: Order, *, reader: Member | None = None) -> Refundable:
    """How much of the order can be refunded as things are now, and why not more. A reader of the organisation is told
    of no product by name that he may not use.
    """
    return remainders.find(order, reader=reader)


def why_not_ask(order: Order, *, by: User, origin: Refund.Origin, now: datetime) -> str:
    """Why this person cannot ask for a refund of this order, in words; empty when he can, if money is left of it."""
    return _why_not_asker(order, by=by, origin=origin) or _why_nothing(order, origin=origin, now=now)


def was_sent(form_token: str) -> bool:
    """Whether the form of this token has made a refund already."""
    return Refund.objects.filter(form_token=form_token).exists()


def ask(  # noqa: PLR0913  # all of it is what the form says
    *,
    order_id: UUID,
    amount: Money,
    reason: str,
    by: User,
    origin: Refund.Origin,
    form_token: str,
    now: datetime,
) -> Refund:
    """Ask for a part of a paid order, or all of it; the amount is set aside from now on. The same form token with the
    same content returns the first refund.

    Raises `FormTokenReused`, `MayNotRefund`, `NotRefundable` and `TooMuch`; then nothing has happened.
    """
    try:
        with transaction.atomic():
            order = orders.lock(order_id)
            if stored := Refund.objects.filter(form_token=form_token).first():
                return _repeat(stored, order_id=order_id, amount=amount, reason=reason)
            _check(order, amount=amount, by=by, origin=origin, now=now)
            refund = Refund.objects.create(
                organisation_id=order.organisation_id,
                order=order,
                number=numbers.draw(business_date(now), kind=numbers.REFUND),
                origin=origin,
                amount=amount,
                back=find_worth(order, amount),
                reason=reason[:500],
                asked_by=by,
                asked_by_name=str(by),
                asked_at=now,
                form_token=form_token,
            )
            states.tell(refund, note=Note.REFUND_ASKED, by=str(by), now=now)
            states.post(refund, postings.hold(refund, order, by=str(by)), now=now)
            return refund
    except ledger.InsufficientFunds as error:  # spent since a moment ago
        raise TooMuch(refundable(Order.objects.get(pk=order_id))) from error


def withdraw(*, refund_id: UUID, by: User, now: datetime) -> Refund:
    """Whoever asked thinks better of it: the amount is back in the balance. Raises `MayNotRefund` and `NotWaiting`.

    Repeating it changes nothing.
    """
    with transaction.atomic():
        order, refund = states.lock(refund_id)
        if refund.state == Refund.State.WITHDRAWN:
            return refund
        if refund.origin == _Origin.FINANCE:
            persons.check_finance(by, order)
        elif not persons.may_ask(by, order):
            raise MayNotRefund(_("Only an owner or a member with the role Billing may withdraw it."))
        states.check_waiting(refund)
        to, note = Refund.State.WITHDRAWN, Note.REFUND_WITHDRAWN
        states.post(refund, states.give_back(refund, to=to, note=note, by=str(by), now=now), now=now)
        return refund


def _check(order: Order, *, amount: Money, by: User, origin: Refund.Origin, now: datetime) -> None:
    if why := _why_not_asker(order, by=by, origin=origin):
        raise MayNotRefund(why)
    if why := _why_nothing(order, origin=origin, now=now):
        raise states.NotRefundable(why)
    room = refundable(order)
    if amount > room.most:
        raise TooMuch(room)


def _why_not_asker(order: Order, *, by: User, origin: Refund.Origin) -> str:
    if origin == _Origin.FINANCE:
        return persons.why_not_finance(by, order)
    if not persons.may_ask(by, order):
        return _("Only an owner or a member with the role Billing may ask for a refund.")
    if order.method == Method.BALANCE:
        return _("What was moved from the wallet is put back by our finance team. Contact our team.")
    return ""


def _why_nothing(order: Order, *, origin: Refund.Origin, now: datetime) -> str:
    if moves.may_be_undone(order, now=now):
        return _("This move can still be undone. Once the time for that is over, it can be refunded.")
    if origin == _Origin.CUSTOMER and _count_asked(order, since=now - timedelta(days=1)) >= MOST_A_DAY:
        return _("Refunds of this order were asked for many times today. Ask again tomorrow, or contact our team.")
    return remainders.why_nothing(order)


def _count_asked(order: Order, *, since: datetime) -> int:
    return order.refunds.filter(origin=_Origin.CUSTOMER, asked_at__gt=since).count()


def _repeat(stored: Refund, *, order_id: UUID, amount: Money, reason: str) -> Refund:
    if (stored.order_id, stored.amount, stored.reason) != (order_id, amount, reason[:500]):
        raise FormTokenReused(stored)
    return stored
