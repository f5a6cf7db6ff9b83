"""What becomes of orders. Every change is one row of TRANSITIONS and leaves an event in the timeline."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from djmoney.money import Money

from billing import flags, limits, numbers
from billing.models import Flag, Method, Note, Order, OrderEvent, State
from wallet import ledger
from wallet.calendar import business_date
from wallet.models import User

TRANSITIONS = MappingProxyType(
    {
        State.PENDING: {State.PAID, State.IN_REVIEW, State.FAILED, State.EXPIRED, State.CANCELLED},
        State.IN_REVIEW: {State.PAID, State.REJECTED, State.FAILED, State.CANCELLED},
        State.REJECTED: {State.IN_REVIEW, State.CANCELLED, State.EXPIRED, State.PAID},
        State.FAILED: {State.PAID},
        State.EXPIRED: {State.PAID},
        State.CANCELLED: {State.PAID},
        State.PAID: {State.PARTIALLY_REFUNDED, State.REFUNDED, State.DISPUTED},
        State.PARTIALLY_REFUNDED: {State.PARTIALLY_REFUNDED, State.REFUNDED, State.DISPUTED, State.PAID},
        State.REFUNDED: {State.PARTIALLY_REFUNDED, State.PAID},
        State.DISPUTED: {State.PAID, State.PARTIALLY_REFUNDED, State.CHARGED_BACK},
        State.CHARGED_BACK: {State.PAID, State.PARTIALLY_REFUNDED},
    }
)
"""The only way an order changes its state: from which to which. Anything else is `IllegalTransition`."""

PAYABLE_FOR = timedelta(hours=23)
"""A card order waits this long; Stripe keeps a Checkout Session open for 24 hours at the most."""


class IllegalTransition(Exception):
    """The order cannot go from its state to the one asked for."""


class FormTokenReused(Exception):
    """The form was already sent with other content; `order` is what it made then."""

    def __init__(self, order: Order) -> None:
        super().__init__(order.number)
        self.order = order


@dataclass(frozen=True, kw_only=True)
class TopUp:
    """What a customer asks for: how much, into which balance, paid how. `form_token` makes the wish unique."""

    organisation_id: UUID
    target: str
    method: Method
    amount: Money
    form_token: str


def open_order(wish: TopUp, *, by: User, now: datetime) -> Order:
    """Make the order of a wish, PENDING. The same form token with the same content returns the first order.

    Call inside the transaction that also makes its payment. Raises `FormTokenReused`, `limits.OutsideLimits`.
    """
    stored = Order.objects.filter(form_token=wish.form_token).first() or _make_order(wish, by=by, now=now)
    if not _is_same_wish(stored, wish):
        raise FormTokenReused(stored)
    return stored


def lock(order_id: UUID) -> Order:
    """The order, for this transaction alone. Lock its payment first, always."""
    return Order.objects.select_for_update().get(pk=order_id)


def mark_paid(*, order: Order, into: str, by: str, now: datetime) -> Order:
    """Credit the order's money, which arrived in the account `into`, and return the order that was credited.

    Call inside the transaction of the payment that became certain, with the order locked. Late money is credited and
    flagged. When the order was paid already, the money becomes an order of its own that follows it, flagged as well.
    """
    if order.is_on_its_way:
        note = Note.CARD_PAID
    elif order.has_ended_unpaid:
        flags.raise_flag(order=order, reason=Flag.Reason.LATE_MONEY, now=now)
        note = Note.PAID_LATE
    else:
        order = _open_follower(order, by=by, now=now)
        flags.raise_flag(order=order, reason=Flag.Reason.EXTRA_PAYMENT, now=now)
        note = Note.EXTRA_MONEY
    order.paid_at = now
    _move(order, to=State.PAID, note=note, by=by, now=now)
    ledger.post(
        organisation_id=order.organisation_id,
        drafts=[
            ledger.Draft(
                key=f"order:{order.number}:credit",
                kind="TOP_UP",
                lines=(ledger.debit(into, order.paid), ledger.credit(order.target, order.credited)),
                order_number=order.number,
                by=by,
            )
        ],
        now=now,
    )
    return order


def mark_processing(*, order: Order, by: str, now: datetime) -> None:
    """The customer did his part, the bank needs days. Repeating it, or after the end, changes nothing."""
    if order.state == State.PENDING:
        _move(order, to=State.IN_REVIEW, note=Note.PROCESSING, by=by, now=now)


def mark_failed(*, order: Order, by: str, now: datetime, detail: str = "") -> None:
    """The delayed payment was refused. After the end it changes nothing."""
    if order.is_on_its_way:
        _move(order, to=State.FAILED, note=Note.METHOD_FAILED, by=by, now=now, detail=detail)


def expire(*, order: Order, by: str, now: datetime) -> None:
    """End an order that was not paid in time. Call only after Stripe said that nothing was paid."""
    if order.state in {State.PENDING, State.REJECTED}:
        _move(order, to=State.EXPIRED, note=Note.DEADLINE, by=by, now=now)


def cancel(*, order: Order, by: str, now: datetime) -> None:
    """End an order as its customer wishes. Call only after Stripe said that nothing was and will be paid."""
    if order.state in {State.PENDING, State.REJECTED}:
        _move(order, to=State.CANCELLED, note=Note.BY_CUSTOMER, by=by, now=now)


def end_by_team(*, order: Order, by: str, note: str, now: datetime) -> None:
    """End an order that Stripe can tell nothing final about. Money that comes later is credited all the same."""
    if order.is_on_its_way:
        _move(order, to=State.FAILED, note=Note.ENDED_BY_TEAM, by=by, now=now, detail=note)


def _make_order(wish: TopUp, *, by: User, now: datetime) -> Order:
    limits.check(method=wish.method, amount=wish.amount)
    order = Order(
        organisation_id=wish.organisation_id,
        number=numbers.draw(business_date(now)),
        target=wish.target,
        method=wish.method,
        paid=wish.amount,
        credited=wish.amount,
        created_by=by,
        created_by_name=str(by),
        created_at=now,
        deadline_at=now + PAYABLE_FOR,
        form_token=wish.form_token,
    )
    Order.objects.bulk_create([order], ignore_conflicts=True)  # waits for a twin in another transaction
    stored = Order.objects.get(form_token=wish.form_token)
    if stored.pk == order.pk:
        _tell(stored, note=Note.OPENED, by=str(by), now=now)
    return stored


def _open_follower(first: Order, *, by: str, now: datetime) -> Order:
    follower = Order.objects.create(
        organisation_id=first.organisation_id,
        number=numbers.draw(business_date(now)),
        target=first.target,
        method=first.method,
        paid=first.paid,
        credited=first.credited,
        created_by_id=first.created_by_id,
        created_by_name=first.created_by_name,
        created_at=now,
        deadline_at=now,
        follows=first,
    )
    _tell(follower, note=Note.OPENED, by=by, now=now)
    return follower


def _is_same_wish(order: Order, wish: TopUp) -> bool:
    return (order.organisation_id, order.target, order.method, order.paid) == (
        wish.organisation_id,
        wish.target,
        wish.method,
        wish.amount,
    )


def _move(order: Order, *, to: State, note: Note, by: str, now: datetime, detail: str = "") -> None:
    if to not in TRANSITIONS[State(order.state)]:
        raise IllegalTransition(f"{order.number}: {order.state} -> {to}")
    order.state = to
    order.save(update_fields=["state", "paid_at"])
    _tell(order, note=note, by=by, now=now, detail=detail)


def _tell(order: Order, *, note: Note, by: str, now: datetime, detail: str = "") -> None:
    OrderEvent.objects.create(
        organisation_id=order.organisation_id,
        order=order,
        state=order.state,
        at=now,
        by=by,
        note=note,
        detail=detail[:500],
    )
