"""Money moved from the wallet into products: an order that is paid as it is made, and undone while it is unspent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from djmoney.money import Money

from billing import limits, orders, top_ups
from billing.arrivals import Arrival, Source
from billing.models import AutoFill, Method, Note, Order, OrderEvent, State
from products import catalogue
from wallet import chart, kill_points, ledger
from wallet.models import Account, User
from wallet.money import WALLET_CURRENCY

UNDOABLE_FOR: Final = timedelta(minutes=30)


class WalletTooLow(Exception):
    """The wallet holds less than the moves need; `missing` says how much less."""

    def __init__(self, missing: Money) -> None:
        super().__init__(f"{missing} missing")
        self.missing = missing


class CannotBeUndone(Exception):
    """The order is no move from the wallet, was undone before, or its time for that is over."""


class AlreadySpent(Exception):
    """The product's balance does not hold the amount any more."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A balance as it is, and as it would be afterwards."""

    code: str
    before: Money
    after: Money


def foresee(wishes: Sequence[top_ups.TopUp]) -> list[Change]:
    """What these moves would change now, the wallet first. Changes nothing; raises what the moves would."""
    for wish in wishes:
        _check(wish)
    wanted = _sum(wishes)
    wallet, *products = _foresee(wishes[0].organisation_id, {wish.target: wish.amount for wish in wishes})
    if wallet.after.amount < 0:
        raise WalletTooLow(wanted - wallet.before)
    return [wallet, *products]


def foresee_undo(order: Order) -> list[Change]:
    """What undoing the move would change now, the wallet first. Raises `AlreadySpent`."""
    wallet, product = _foresee(order.organisation_id, {order.target: -order.credited})
    if product.after.amount < 0:
        raise AlreadySpent(order.number)
    return [wallet, product]


def was_sent(form_token: str) -> bool:
    """Whether the form of this token has moved money already, into one product or several."""
    made = Q(form_token=form_token) | Q(form_token__startswith=f"{form_token}.")
    return Order.objects.filter(made).exists()


def move(wish: top_ups.TopUp, *, by: User, now: datetime) -> Order:
    """Make the order of a wish and pay it from the wallet, in one transaction. The same wish again gives that order.

    Raises `WalletTooLow`, `top_ups.FormTokenReused`, `limits.OutsideLimits` and `catalogue.NotOffered`; then nothing
    has happened.
    """
    try:
        with transaction.atomic(durable=True):
            paid = pay(wish, by=by, paid_by=str(by), now=now)
            kill_points.reach("before-move-commits")
            return paid
    except ledger.InsufficientFunds as error:
        raise WalletTooLow(_missing([wish])) from error


def move_several(wishes: Sequence[top_ups.TopUp], *, by: User, now: datetime) -> list[Order]:
    """As `move`, for several products of one organisation: all of them or none. There is at least one, and one form
    token: the same wishes under it again give the same orders, any others `top_ups.FormTokenReused`.
    """
    parts = _part(wishes)
    try:
        with transaction.atomic(durable=True):
            first = orders.lock(top_ups.open_order(parts[0], by=by, now=now).pk)
            if first.state != State.PENDING:  # the form was sent before, and what it made then is complete
                return _repeat(parts, first=first, by=by, now=now)
            made = [first, *(top_ups.open_order(part, by=by, now=now) for part in parts[1:])]
            orders.mark_all_paid([(order, _from_wallet(order)) for order in made], by=str(by), now=now)
            return made
    except ledger.InsufficientFunds as error:
        raise WalletTooLow(_missing(wishes)) from error


def pay(wish: top_ups.TopUp, *, by: User, paid_by: str, now: datetime) -> Order:
    """The order of a wish, paid from the wallet; call inside a transaction. `by` made it, `paid_by` is what the
    timeline says. Raises `ledger.InsufficientFunds`.
    """
    _check_is_product(wish)
    order = orders.lock(top_ups.open_order(wish, by=by, now=now).pk)
    if order.state != State.PENDING:
        return order
    return orders.mark_paid(order=order, arrival=_from_wallet(order), by=paid_by, now=now)


def may_be_undone(order: Order, *, now: datetime) -> bool:
    """Whether the order is a move whose time is not over; whether its money is unspent is seen when it is undone."""
    return bool(
        order.method == Method.BALANCE
        and order.follows_id is None
        and order.state == State.PAID
        and order.paid_at
        and now < order.paid_at + UNDOABLE_FOR
    )


def undo(*, order_id: UUID, by: str, now: datetime) -> Order:
    """Put the money of a move back into the wallet. Repeating it changes nothing. A rule that made the move stops,
    else it would make it again.

    Raises `CannotBeUndone` and `AlreadySpent`; then nothing has happened.
    """
    try:
        with transaction.atomic(durable=True):
            order = orders.lock(order_id)
            if order.method == Method.BALANCE and order.events.filter(note=Note.UNDONE).exists():
                return order
            if not may_be_undone(order, now=now):
                raise CannotBeUndone(order.number)
            _stop_rule(order, now=now)  # its row before the accounts, as the rule itself locks them
            orders.take_back(order=order, note=Note.UNDONE, by=by, now=now)
            return order
    except ledger.InsufficientFunds as error:
        raise AlreadySpent(str(order_id)) from error


def standing() -> QuerySet[Order]:
    """Moves that were made and neither undone nor taken back. What is refunded of one in part does not make it less."""
    return Order.objects.filter(~undone(), method=Method.BALANCE, paid_at__isnull=False)


def undone() -> Exists:
    """The condition that an order was undone or taken back; what its state became later is another matter."""
    return Exists(OrderEvent.objects.filter(order=OuterRef("pk"), note__in=[Note.UNDONE, Note.TAKEN_BACK]))


def _check(wish: top_ups.TopUp) -> None:
    _check_is_product(wish)
    limits.check(method=Method.BALANCE, amount=wish.amount)
    if product := catalogue.find_offered(wish.target):
        limits.check_product(product, credited=wish.amount)


def _check_is_product(wish: top_ups.TopUp) -> None:
    """A wallet is not filled from itself."""
    if wish.target == chart.WALLET:
        raise catalogue.NotOffered(wish.target)


def _from_wallet(order: Order) -> Arrival:
    return Arrival(sources=(Source(code=chart.WALLET, amount=order.paid),), credited=order.credited, note=Note.MOVED)


def _part(wishes: Sequence[top_ups.TopUp]) -> list[top_ups.TopUp]:
    """Each with a token of its own that comes from the one they share, and in an order that never changes. A wallet is
    not filled from itself.
    """
    for wish in wishes:
        _check_is_product(wish)
    ordered = sorted(wishes, key=lambda wish: wish.target)
    return [replace(wish, form_token=f"{wish.form_token}.{place}") for place, wish in enumerate(ordered, start=1)]


def _repeat(parts: Sequence[top_ups.TopUp], *, first: Order, by: User, now: datetime) -> list[Order]:
    """The orders these parts made before. Raises `top_ups.FormTokenReused` when they made fewer, more or others."""
    stem = parts[0].form_token.removesuffix("1")
    if Order.objects.filter(form_token__startswith=stem).count() != len(parts):
        raise top_ups.FormTokenReused(first)
    return [top_ups.open_order(part, by=by, now=now) for part in parts]


def _stop_rule(order: Order, *, now: datetime) -> None:
    if order.auto_fill_id:
        AutoFill.objects.filter(pk=order.auto_fill_id, is_on=True).update(
            is_on=False, stopped_at=now, stop_reason=AutoFill.StopReason.UNDONE
        )


def _foresee(organisation_id: UUID, amounts: Mapping[str, Money]) -> list[Change]:
    """What moving these amounts from the wallet would change, by the codes of the products; negative ones come back."""
    found = Account.objects.of(organisation_id).filter(code__in=[chart.WALLET, *amounts])
    held = {account.code: account.balance for account in found if account.balance.currency.code == WALLET_CURRENCY}
    nothing = Money(0, WALLET_CURRENCY)
    steps = {chart.WALLET: -sum(amounts.values(), start=nothing), **amounts}
    return [
        Change(code=code, before=held.get(code, nothing), after=held.get(code, nothing) + step)
        for code, step in steps.items()
    ]


def _missing(wishes: Sequence[top_ups.TopUp]) -> Money:
    """How much the wallet lacks now: nothing, when it was filled since."""
    wanted = _sum(wishes)
    holds = Account.objects.balance(
        organisation_id=wishes[0].organisation_id, code=chart.WALLET, currency=wanted.currency.code
    )
    return max(wanted - holds, Money(0, wanted.currency))


def _sum(wishes: Sequence[top_ups.TopUp]) -> Money:
    return sum((wish.amount for wish in wishes[1:]), start=wishes[0].amount)
