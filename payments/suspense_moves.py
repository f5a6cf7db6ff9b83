"""What finance does with money at Stripe that credited nobody: credited to a customer, or sent back to its card. One
person proposes it, another approves; the database refuses the rest (payments/sql/suspense_moves.sql).

Locks: payment or charge, order, movement, account.
"""

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, OperationalError, transaction
from django.utils.translation import gettext as _

from billing import orders
from billing.arrivals import Arrival, Source
from billing.models import Method, Note, Order
from payments import card_suspense, desk, refunding, settlement, stripe_api
from payments.card_suspense import Held
from payments.models import BalanceTransaction, Payment, SuspenseMove
from wallet import chart
from wallet.models import HOUSE_ID, User
from wallet.money import WALLET_CURRENCY

_GONE = frozenset({"failed", "canceled"})

_MOVEMENTS = {"succeeded": {1}, "failed": {2}, "canceled": {0, 2}}
"""How many balance transactions a refund has once it is at its end: out, and in again where it failed."""

_ATTEMPTS = 3
_DEADLOCK = "40P01"
"""A credit and whatever else posts to the same suspense may wait for each other; PostgreSQL ends one of them, and
nothing of it has happened.
"""

_DECIDED = (
    *("approved_by", "approved_by_name", "approved_at", "credited_order", "ended_at", "idempotency_key", "request"),
    "ask_at",
)

Kind = SuspenseMove.Kind


class NotMovable(Exception):
    """Nothing of it waits, or it cannot be moved like this; the message says why."""


class AlreadyProposed(Exception):
    """Somebody has proposed what becomes of it, or it is on its way back to the card."""


class MayNotDecide(Exception):
    """This person may not approve it; the message says why."""


class NotWaiting(Exception):
    """It was approved or withdrawn before."""


def propose_credit(
    *, source: Payment | BalanceTransaction, reason: str, by: User, now: datetime, to: UUID | None = None
) -> SuspenseMove:
    """Say whose it is: of a payment its order's; of a charge of nobody's the wallet of `to`. Nothing is posted before
    somebody else approves.

    Raises `NotMovable`, `AlreadyProposed` and `desk.OwnOrganisation`.
    """
    with transaction.atomic(durable=True):
        held = card_suspense.lock(source)
        if why := why_not_credit(held):
            raise NotMovable(why)
        if (to is None) is (held.payment is None) or to == HOUSE_ID:
            raise NotMovable(_("Say whose money it is."))
        desk.check_stranger(by, to or held.organisation_id)
        return _propose(held, Kind.CREDIT, reason=reason, by=by, now=now, to_id=to)


def propose_refund(*, source: Payment | BalanceTransaction, reason: str, by: User, now: datetime) -> SuspenseMove:
    """Ask for it to be sent back to the card. Stripe is asked once somebody else has approved.

    Raises `NotMovable`, `AlreadyProposed` and `desk.OwnOrganisation`.
    """
    with transaction.atomic(durable=True):
        held = card_suspense.lock(source)
        if why := why_not_refund(held):
            raise NotMovable(why)
        desk.check_stranger(by, held.organisation_id)
        return _propose(held, Kind.REFUND, reason=reason, by=by, now=now)


def approve(*, move_id: UUID, by: User, now: datetime) -> SuspenseMove:
    """Credit it, or let Stripe be asked to send it back. Stripe is asked first what it has given back already.

    Raises `MayNotDecide`, `NotWaiting`, `NotMovable`, `desk.OwnOrganisation`, and what asking Stripe raises:
    `StripeUnavailable`, `StripeRefused`, `RefundUnreadable`. Then nothing has happened.
    """
    source = _source_of(SuspenseMove.objects.select_related("payment__order", "charge").get(pk=move_id))
    _look_for_refunds(source, by=str(by), now=now)
    for _attempt in range(_ATTEMPTS - 1):
        try:
            return _approve(move_id, source, by=by, now=now)
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", "") != _DEADLOCK:
                raise
    return _approve(move_id, source, by=by, now=now)


def withdraw(*, move_id: UUID, by: User, now: datetime) -> SuspenseMove:
    """Nobody approves it any more, and another may be proposed. Raises `NotWaiting`."""
    with transaction.atomic(durable=True):
        move = _lock(move_id)
        move.withdrawn_by, move.withdrawn_at = by, now
        move.save(update_fields=["withdrawn_by", "withdrawn_at"])
        return move


def why_not_credit(held: Held) -> str:
    """Why nobody can be credited with it, in words; empty when somebody can."""
    if held.rest.amount > 0 and held.rest.currency.code != WALLET_CURRENCY:
        return _("Only USD is credited: send it back to the card.")
    if why := why_not_refund(held):
        return why
    if card_suspense.is_disputed(held):
        return _("Its card's holder disputes it, so it may not be ours to credit: wait for the bank, or send it back.")
    if held.rest != held.arrived:
        return _("A part of it has gone back already: send the rest back to the card, too.")
    return ""


def why_not_refund(held: Held) -> str:
    """Why it cannot be sent back to the card, in words; empty when it can."""
    if held.rest.amount <= 0 or (held.payment and held.payment.state != Payment.State.MISMATCHED):
        return _("Nothing of it waits in suspense any more.")
    if not held.source.payment_intent_id:
        return _("Stripe names no payment intent of it: refund it in Stripe's dashboard.")
    if held.charge and Payment.objects.filter(payment_intent_id=held.charge.payment_intent_id).exists():
        return _("A payment of ours is known for it by now.")
    return ""


def why_not_approve(move: SuspenseMove, *, by: User) -> str:
    """Why this person may not approve it, in words; empty when he may."""
    if by.belongs_to(move.to_id or move.organisation_id):
        return _("You belong to this organisation.")
    if move.made_by_id == by.pk:
        return _("You proposed it yourself: somebody else has to approve it.")
    if not move.made_by.is_active_staff or move.made_by.belongs_to(move.to_id or move.organisation_id):
        return _(
            "Whoever proposed it is not of the team any more, or belongs to this organisation by now: propose it anew."
        )
    return ""


def _approve(move_id: UUID, source: Payment | BalanceTransaction, *, by: User, now: datetime) -> SuspenseMove:
    with transaction.atomic(durable=True):
        held = card_suspense.lock(source)
        order = orders.lock(held.payment.order_id) if held.payment else None
        move = _lock(move_id)
        if why := why_not_approve(move, by=by):
            raise MayNotDecide(why)
        desk.check_stranger(by, move.to_id or move.organisation_id)
        if why := why_not_credit(held) if move.kind == Kind.CREDIT else why_not_refund(held):
            raise NotMovable(why)
        if held.rest != move.amount:
            raise NotMovable(_("Another amount waits there by now: withdraw it, and propose it anew."))
        move.approved_by, move.approved_by_name, move.approved_at = by, str(by), now
        if move.kind == Kind.CREDIT:
            move.credited_order, move.ended_at = _credit(move, held, order, by=by, now=now), now
        else:
            _prepare(move, held, now=now)
        move.save(update_fields=_DECIDED)
        return move


def _propose(
    held: Held, kind: SuspenseMove.Kind, *, reason: str, by: User, now: datetime, to_id: UUID | None = None
) -> SuspenseMove:
    try:
        with transaction.atomic():
            return SuspenseMove.objects.create(
                organisation_id=held.organisation_id,
                kind=kind,
                payment=held.payment,
                charge=held.charge,
                to_id=to_id,
                amount=held.rest,
                reason=reason[:500],
                made_by=by,
                made_by_name=str(by),
                made_at=now,
            )
    except IntegrityError as error:
        raise AlreadyProposed(str(held.source)) from error


def _lock(move_id: UUID) -> SuspenseMove:
    move = SuspenseMove.objects.select_for_update(of=("self",)).select_related("made_by").get(pk=move_id)
    if not move.is_waiting:
        raise NotWaiting(str(move))
    return move


def _source_of(move: SuspenseMove) -> Payment | BalanceTransaction:
    source = move.payment or move.charge
    if source is None:
        raise ValueError("a movement has a source")  # the database has it so
    return source


def _look_for_refunds(source: Payment | BalanceTransaction, *, by: str, now: datetime) -> None:
    """What was given back in Stripe's dashboard meanwhile is booked, or waited for, before anything is decided."""
    for made in stripe_api.list_refunds(payment_intent_id=source.payment_intent_id):
        if isinstance(source, Payment):
            refunding.follow(object_id=made.id, by=by, now=now)
            is_read = made.status in {"succeeded", *_GONE}
        else:
            listed = BalanceTransaction.objects.settled().filter(source_id=made.id).count()
            is_read = listed in _MOVEMENTS.get(made.status, set())
        if not is_read:
            raise NotMovable(_("Stripe is giving it back, or has: wait until that is read here."))


def _credit(move: SuspenseMove, held: Held, order: Order | None, *, by: User, now: datetime) -> Order:
    """Out of suspense, and from Stripe to the balance, as any card payment; from here on it is one.

    Locks: the balance and what is at Stripe as any card payment has them, suspense after them; but the house's before
    an organisation's, as findings.py has them.
    """
    if held.charge:
        _release(held, by=by, now=now)
    arrival = Arrival(
        sources=(Source(code=chart.STRIPE_CLEARING, amount=held.rest),),
        credited=held.rest,
        note=Note.ASSIGNED,
        detail=move.reason,
    )
    if held.payment and order:
        credited = orders.mark_paid(order=order, arrival=arrival, by=str(by), now=now)
        _release(held, by=by, now=now)
        payment = held.payment
    else:
        credited = orders.credit_unasked(
            organisation_id=move.to_id or HOUSE_ID,
            target=chart.WALLET,
            method=Method.CARD,
            arrival=arrival,
            assigned_by=move.made_by,
            now=now,
        )
        payment = _make_payment(move, credited, now=now)
    payment.amount, payment.state = held.rest, Payment.State.CONFIRMED
    payment.credited_order, payment.confirmed_at = credited, now
    payment.save()
    return credited


def _release(held: Held, *, by: User, now: datetime) -> None:
    settlement.release(
        held.key, held.rest, organisation_id=held.organisation_id, order_number=held.order_number, by=str(by), now=now
    )


def _make_payment(move: SuspenseMove, credited: Order, *, now: datetime) -> Payment:
    """The charge as a payment of ours, so that refunds and disputes of it find their order."""
    charge = move.charge
    return Payment(
        organisation_id=credited.organisation_id,
        order=credited,
        method=Method.CARD,
        idempotency_key=f"assigned:{move.pk}",
        session_request={},
        session_expires_at=now,
        payment_intent_id=charge.payment_intent_id if charge else "",
        created_at=now,
        asked_at=now,
        ask_at=now,
    )


def _prepare(move: SuspenseMove, held: Held, *, now: datetime) -> None:
    """Key and parameters stand before Stripe is asked (suspense_refunds.py)."""
    move.idempotency_key, move.ask_at = f"suspense:{move.pk}", now
    move.request = {
        "payment_intent": held.source.payment_intent_id,
        "amount": stripe_api.minor_units(held.rest),
        "reason": "requested_by_customer",
        "metadata": {"order": held.order_number, "refund": f"suspense:{move.pk}"},
    }
