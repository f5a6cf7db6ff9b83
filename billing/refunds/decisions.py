"""What finance says to a refund that was asked for."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from billing import fapiao_remainders, remainders
from billing.models import Method, Note, Refund
from billing.refunds import persons, states
from billing.refunds.persons import MayNotRefund
from wallet import chart
from wallet.models import User


def why_not_approve(refund: Refund, *, by: User) -> str:
    """Why this person may not approve it, or nobody as long as a fapiao stands, in words; empty when he may."""
    return _why_not_person(refund, by=by) or fapiao_remainders.why_not_refund(refund)


def approve(*, refund_id: UUID, by: User, now: datetime) -> Refund:
    """Let it go: to the card or the bank, which others carry out from here; money of a move is in the wallet at once.

    Raises `MayNotRefund`, `NotWaiting` and `NotRefundable`: then it still waits, and can be declined. Repeating it
    changes nothing.
    """
    with transaction.atomic():
        order, refund = states.lock(refund_id)
        if refund.approved_by_id == by.pk:
            return refund
        states.check_waiting(refund)
        if why := why_not_approve(refund, by=by):
            raise MayNotRefund(why)
        if why := remainders.why_nothing(order):
            raise states.NotRefundable(why)
        refund.approved_by, refund.approved_by_name, refund.approved_at = by, str(by), now
        if order.method == Method.BALANCE:
            states.leave(refund, source=chart.WALLET, by=str(by), now=now)
        else:
            states.move(refund, to=Refund.State.APPROVED)
            states.tell(refund, note=Note.REFUND_APPROVED, by=str(by), now=now)
        return refund


def decline(*, refund_id: UUID, by: User, reason: str, now: datetime) -> Refund:
    """Finance does not refund it; the customer reads the reason, the amount is back in the balance.

    Raises `MayNotRefund` and `NotWaiting`. Repeating it changes nothing.
    """
    with transaction.atomic():
        order, refund = states.lock(refund_id)
        if refund.state == Refund.State.DECLINED:
            return refund
        persons.check_finance(by, order)
        states.check_waiting(refund)
        refund.failure = reason[:500]
        to, note = Refund.State.DECLINED, Note.REFUND_DECLINED
        states.post(refund, states.give_back(refund, to=to, note=note, by=str(by), now=now), now=now)
        return refund


def _why_not_person(refund: Refund, *, by: User) -> str:
    if why := persons.why_not_finance(by, refund.order):
        return why
    if refund.asked_by_id == by.pk:  # of finance, or of the organisation then and no more
        return _("You started it yourself: somebody else has to approve it.")
    if refund.asked_by is None or refund.origin == Refund.Origin.CUSTOMER:
        return ""
    if persons.why_not_finance(refund.asked_by, refund.order):
        return _("Whoever started it is not of the team any more, or belongs to this organisation by now: decline it.")
    return ""
