"""What becomes of orders. Every change is one row of TRANSITIONS and leaves an event in the timeline."""

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from billing import crediting, flags, numbers, receivables
from billing.arrivals import Arrival
from billing.models import Flag, Method, Note, Order, OrderEvent, Refund, State
from wallet import ledger
from wallet.calendar import business_date
from wallet.models import Posting, User

TRANSITIONS = MappingProxyType(
    {
        State.PENDING: {State.PAID, State.IN_REVIEW, State.FAILED, State.EXPIRED, State.CANCELLED},
        State.IN_REVIEW: {State.PAID, State.REJECTED, State.FAILED, State.CANCELLED},
        State.REJECTED: {State.IN_REVIEW, State.CANCELLED, State.EXPIRED, State.PAID},
        State.FAILED: {State.PAID},
        State.EXPIRED: {State.PAID},
        State.CANCELLED: {State.PAID},
        # A credited order is what became of its money, and Stripe and banks tell of that in any order.
        State.PAID: {State.PARTIALLY_REFUNDED, State.REFUNDED, State.DISPUTED, State.CHARGED_BACK},
        State.PARTIALLY_REFUNDED: {State.PAID, State.REFUNDED, State.DISPUTED, State.CHARGED_BACK},
        State.REFUNDED: {State.PAID, State.PARTIALLY_REFUNDED, State.DISPUTED, State.CHARGED_BACK},
        State.DISPUTED: {State.PAID, State.PARTIALLY_REFUNDED, State.REFUNDED, State.CHARGED_BACK},
        State.CHARGED_BACK: {State.PAID, State.PARTIALLY_REFUNDED, State.REFUNDED, State.DISPUTED},
    }
)
"""The only way an order changes its state: from which to which. Anything else is `IllegalTransition`."""

_PLAIN = frozenset({Note.CARD_PAID, Note.TRANSFER_PAID, Note.MOVED})
"""These say of money only that it arrived."""

_AMOUNTS = ("paid", "paid_currency", "credited", "credited_currency", "rate", "rate_source", "rate_at")


class IllegalTransition(Exception):
    """The order cannot go from its state to the one asked for."""


def lock(order_id: UUID) -> Order:
    """The order, for this transaction alone. Lock its payment first, always."""
    return Order.objects.select_for_update().get(pk=order_id)


def mark_paid(*, order: Order, arrival: Arrival, by: str, now: datetime) -> Order:
    """Credit money that arrived, and return the order that was credited.

    Call inside the transaction of the payment that became certain, with the order locked. Late money is credited and
    flagged; a note that says more than that it arrived stays. When the order was paid already, the money becomes an
    order of its own that follows it, flagged as well.
    """
    note = arrival.note
    if order.has_ended_unpaid:
        flags.raise_flag(order=order, reason=Flag.Reason.LATE_MONEY, now=now)
        note = Note.PAID_LATE if note in _PLAIN else note
    elif order.is_credited:
        order = _open_follower(order, arrival, target=order.target, by=by, now=now)
        flags.raise_flag(order=order, reason=Flag.Reason.EXTRA_PAYMENT, now=now)
        note = Note.EXTRA_MONEY
    _credit(order, arrival, note=note, by=by, now=now)
    return order


def mark_all_paid(paid: Sequence[tuple[Order, Arrival]], *, by: str, now: datetime) -> None:
    """As `mark_paid`, for orders of one organisation that wait, of which there is at least one. They are posted in one
    call, which locks all their accounts in one order, so that whatever crosses them waits and is never locked out.
    """
    drafts = [_settle(order, arrival, note=arrival.note, by=by, now=now) for order, arrival in paid]
    ledger.post(organisation_id=paid[0][0].organisation_id, drafts=drafts, now=now)


def credit_further(*, order: Order, arrival: Arrival, by: str, now: datetime) -> Order:
    """Credit what somebody knowingly gave to a paid order beyond it (the rest, too much): as an order that follows."""
    follower = _open_follower(order, arrival, target=order.target, by=by, now=now)
    _credit(follower, arrival, note=arrival.note, by=by, now=now)
    return follower


def credit_instead(*, order: Order, target: str, arrival: Arrival, by: str, now: datetime) -> Order:
    """Reverse the credit of a paid order and credit another balance, as an order that follows, with what arrived.

    As `take_back`, and posted in one call, which locks the accounts of both in one order: whatever crosses it waits and
    is never locked out.
    """
    back = _return(order, note=Note.TAKEN_BACK, by=by, now=now, detail=arrival.detail)
    follower = _open_follower(order, arrival, target=target, by=by, now=now)
    credit = _settle(follower, arrival, note=arrival.note, by=by, now=now)
    debt = receivables.draft_payment(follower, by=by, now=now)
    ledger.post(organisation_id=order.organisation_id, drafts=[back, credit, *debt], now=now)
    return follower


def take_back(*, order: Order, note: Note, by: str, now: datetime) -> None:
    """Reverse the credit of a paid order, from the balance it went into to where it came from.

    Call inside the transaction of the reason for it, with the order locked. Raises `IllegalTransition` unless nothing
    of it was refunded or is about to be, and `ledger.InsufficientFunds` when the balance does not hold it any more.
    """
    draft = _return(order, note=note, by=by, now=now)
    ledger.post(organisation_id=order.organisation_id, drafts=[draft], now=now)


def credit_unasked(
    *,
    organisation_id: UUID,
    target: str,
    arrival: Arrival,
    assigned_by: User,
    now: datetime,
    method: Method = Method.OFFLINE,
) -> Order:
    """Credit money that fitted no order as an order of its own, made by whoever assigned it."""
    order = Order.objects.create(
        organisation_id=organisation_id,
        number=numbers.draw(business_date(now)),
        target=target,
        method=method,
        paid=arrival.paid,
        credited=arrival.credited,
        created_by=assigned_by,
        created_by_name=str(assigned_by),
        created_at=now,
        deadline_at=now,
    )
    tell(order=order, note=Note.OPENED, by=str(assigned_by), now=now)
    _credit(order, arrival, note=arrival.note, by=str(assigned_by), now=now)
    return order


def declare(*, order: Order, by: str, now: datetime) -> None:
    """The customer says he has transferred the money. Raises `IllegalTransition` unless the order waits for that."""
    note = Note.DECLARED_AGAIN if order.state == State.REJECTED else Note.DECLARED
    _move(order, to=State.IN_REVIEW, note=note, by=by, now=now)


def reject(*, order: Order, by: str, reason: str, now: datetime) -> None:
    """Finance cannot accept a declared transfer; the customer reads the reason. Raises `IllegalTransition`."""
    _move(order, to=State.REJECTED, note=Note.NOT_ACCEPTED, by=by, now=now, detail=reason)


def note_part(*, order: Order, by: str, detail: str, now: datetime) -> None:
    """Tell the timeline that a part of the money arrived and is kept until the rest comes."""
    tell(order=order, note=Note.PART_ARRIVED, by=by, now=now, detail=detail)


def mark_processing(*, order: Order, by: str, now: datetime) -> None:
    """The customer did his part, the bank needs days. Repeating it, or after the end, changes nothing."""
    if order.state == State.PENDING:
        _move(order, to=State.IN_REVIEW, note=Note.PROCESSING, by=by, now=now)


def mark_failed(*, order: Order, by: str, now: datetime, detail: str = "") -> None:
    """The delayed payment was refused. After the end it changes nothing."""
    if order.is_on_its_way:
        _move(order, to=State.FAILED, note=Note.METHOD_FAILED, by=by, now=now, detail=detail)


def expire(*, order: Order, by: str, now: datetime) -> None:
    """End an order that was not paid in time. Call it for a card only after Stripe said that nothing was paid."""
    if order.state in {State.PENDING, State.REJECTED}:
        note = Note.OUT_OF_TIME if order.method == Method.OFFLINE else Note.DEADLINE
        _move(order, to=State.EXPIRED, note=note, by=by, now=now)


def cancel(*, order: Order, by: str, now: datetime) -> None:
    """End an order as its customer wishes. Call it for a card only after Stripe said that nothing was and will be paid,
    for a transfer in review only while nobody in finance has taken it.
    """
    is_offline = order.method == Method.OFFLINE
    if order.state in {State.PENDING, State.REJECTED} or (is_offline and order.state == State.IN_REVIEW):
        note = Note.WITHDRAWN if is_offline else Note.BY_CUSTOMER
        _move(order, to=State.CANCELLED, note=note, by=by, now=now)


def end_by_team(*, order: Order, by: str, note: str, now: datetime) -> None:
    """End an order that Stripe can tell nothing final about. Money that comes later is credited all the same."""
    if order.is_on_its_way:
        _move(order, to=State.FAILED, note=Note.ENDED_BY_TEAM, by=by, now=now, detail=note)


def restate(*, order: Order, to: State) -> None:
    """Give a credited order the state that what became of its money makes it have; `aftermath` says which, and tells
    why. Repeating it changes nothing.
    """
    if not order.is_credited:
        raise IllegalTransition(f"{order.number}: {order.state} has no aftermath")
    if to != order.state:
        _change(order, to=to)


def tell(*, order: Order, note: Note, by: str, now: datetime, detail: str = "", refund: Refund | None = None) -> None:
    """Write into the timeline; the state is the one the order has by now."""
    OrderEvent.objects.create(
        organisation_id=order.organisation_id,
        order=order,
        state=order.state,
        at=now,
        by=by,
        note=note,
        detail=detail[:500],
        refund=refund,
    )


def _open_follower(first: Order, arrival: Arrival, *, target: str, by: str, now: datetime) -> Order:
    follower = Order.objects.create(
        organisation_id=first.organisation_id,
        number=numbers.draw(business_date(now)),
        target=target,
        method=first.method,
        paid=arrival.paid,
        credited=arrival.credited,
        created_by_id=first.created_by_id,
        created_by_name=first.created_by_name,
        created_at=now,
        deadline_at=now,
        follows=first,
    )
    tell(order=follower, note=Note.OPENED, by=by, now=now)
    return follower


def _credit(order: Order, arrival: Arrival, *, note: Note, by: str, now: datetime) -> None:
    """Mark the order paid with what arrived, and post it, with what it pays of what its organisation owes."""
    draft = _settle(order, arrival, note=note, by=by, now=now)
    debt = receivables.draft_payment(order, by=by, now=now)
    ledger.post(organisation_id=order.organisation_id, drafts=[draft, *debt], now=now)


def _settle(order: Order, arrival: Arrival, *, note: Note, by: str, now: datetime) -> ledger.Draft:
    """Mark the order paid with what arrived; the posting that its caller owes for it."""
    order.paid, order.credited, order.paid_at = arrival.paid, arrival.credited, now
    if arrival.rate:
        order.rate, order.rate_source, order.rate_at = arrival.rate.value, arrival.rate.source, arrival.rate.at
    else:  # what was quoted was not needed
        order.rate, order.rate_source, order.rate_at = None, "", None
    _change(order, to=State.PAID, also=_AMOUNTS)
    tell(order=order, note=note, by=by, now=now, detail=arrival.detail)
    return crediting.draft(order, arrival, by=by)


def _return(order: Order, *, note: Note, by: str, now: datetime, detail: str = "") -> ledger.Draft:
    """Mark the paid order as taken back; the posting that its caller owes for it."""
    if order.state != State.PAID:
        raise IllegalTransition(f"{order.number}: {order.state} cannot be taken back")
    if order.refunds.open().exists():
        raise IllegalTransition(f"{order.number}: a refund of it is under way")
    credited = Posting.objects.get(organisation_id=order.organisation_id, key=crediting.key_of(order))
    _move(order, to=State.REFUNDED, note=note, by=by, now=now, detail=detail)
    return ledger.reversal(
        organisation_id=order.organisation_id,
        posting_id=credited.pk,
        key=f"order:{order.number}:back",
        by=by,
        memo=detail[:500],
    )


def _move(order: Order, *, to: State, note: Note, by: str, now: datetime, detail: str = "") -> None:
    _change(order, to=to)
    tell(order=order, note=note, by=by, now=now, detail=detail)


def _change(order: Order, *, to: State, also: Sequence[str] = ()) -> None:
    """`also` are the fields that changed with the state: one statement writes them all."""
    if to not in TRANSITIONS[State(order.state)]:
        raise IllegalTransition(f"{order.number}: {order.state} -> {to}")
    order.state = to
    order.save(update_fields=["state", "paid_at", *also])
