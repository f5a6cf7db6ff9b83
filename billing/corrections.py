"""Money credited to the wrong balance of its organisation: one person proposes the right one, another approves, and
while the money is unspent it is taken back and credited there, as an order that follows.

The database holds the rules about persons too (billing/sql/corrections.sql); this module gives its reasons in words.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from djmoney.money import Money

from billing import crediting, orders, targets
from billing.arrivals import Arrival, Rate, Source
from billing.models import Correction, Method, Note, Order, State
from products import balances, catalogue
from products.models import Product
from wallet import chart, ledger
from wallet.models import Account, Entry, Posting, Side, User
from wallet.money import shown


class NotCorrectable(Exception):
    """The order is not paid, or its money was taken back already; the message says which."""


class AlreadyProposed(Exception):
    """A correction of the order waits for somebody else's approval."""


class TargetRefused(ValueError):
    """The money cannot go there; the message says why."""


class MayNotCorrect(Exception):
    """This person may not propose, approve or withdraw it; the message says why."""


class NotWaiting(Exception):
    """The correction was approved or withdrawn before."""


class MoneySpent(Exception):
    """The balance does not hold the amount any more; the message says what it does hold."""


@dataclass(frozen=True, kw_only=True)
class Shift:
    """What a correction does to one balance, as things are now."""

    code: str
    name: str
    before: Money
    after: Money


def propose(*, order_id: UUID, target: str, reason: str, by: User, now: datetime) -> Correction:
    """Say that the money of a paid order belongs in another balance; nothing moves before somebody else approves.

    Raises `MayNotCorrect`, `NotCorrectable`, `AlreadyProposed`, `TargetRefused` and `MoneySpent`.
    """
    with transaction.atomic(durable=True):
        order = orders.lock(order_id)
        _check_stranger(by, order)
        if why := why_not_correctable(order):
            raise NotCorrectable(why)
        if find_waiting(order):
            raise AlreadyProposed(order.number)
        _check_target(order, target)
        if why := why_not_unspent(order):
            raise MoneySpent(why)
        return Correction.objects.create(
            organisation_id=order.organisation_id,
            order=order,
            target=target,
            reason=reason,
            made_by=by,
            made_by_name=str(by),
            made_at=now,
        )


def approve(*, correction_id: UUID, by: User, now: datetime) -> Order:
    """Take the money back and credit it where it belongs; the order that does so. All of it happens, or nothing.

    Raises `MayNotCorrect`, `NotWaiting`, `NotCorrectable`, `TargetRefused`, and `MoneySpent`: then the correction still
    waits, and can be withdrawn.
    """
    try:
        with transaction.atomic(durable=True):
            correction = _lock(correction_id)
            if why := why_not_approve(correction, by=by):
                raise MayNotCorrect(why)
            order = orders.lock(correction.order_id)
            if why := why_not_correctable(order):
                raise NotCorrectable(why)
            _check_target(order, correction.target)
            credited = _carry_out(correction, order, by=by, now=now)
            correction.approved_by, correction.approved_by_name, correction.approved_at = by, str(by), now
            correction.credited_order = credited
            correction.save(update_fields=["approved_by", "approved_by_name", "approved_at", "credited_order"])
            return credited
    except ledger.InsufficientFunds as error:
        order = Order.objects.get(corrections=correction_id)
        raise MoneySpent(
            why_not_unspent(order) or _("The balance did not hold the amount; nothing was done.")
        ) from error


def withdraw(*, correction_id: UUID, by: User, now: datetime) -> Correction:
    """Nobody approves it any more, and another may be proposed. Raises `MayNotCorrect` and `NotWaiting`."""
    with transaction.atomic(durable=True):
        correction = _lock(correction_id)
        _check_stranger(by, correction.order)
        correction.withdrawn_by, correction.withdrawn_at = by, now
        correction.save(update_fields=["withdrawn_by", "withdrawn_at"])
        return correction


def find_waiting(order: Order) -> Correction | None:
    """The correction of the order that waits for an approval."""
    return Correction.objects.waiting().filter(order=order).first()


def why_not_correctable(order: Order) -> str:
    """Why nothing of the order can be corrected, in words; empty when it can, if the money is unspent."""
    if order.paid_at is None:
        return _("The order is not paid; there is nothing to correct.")
    if order.state != State.PAID:
        return _("The order is “%(state)s”; only a paid one can be corrected.") % {"state": order.get_state_display()}
    if order.refunds.open().exists():
        return _("A refund of it is under way: decline it first, or wait until it is over.")
    if order.auto_fill is not None and order.auto_fill.is_on:
        return _("An auto-fill made it, and would fill the balance again: its owner has to switch it off first.")
    return ""


def why_not_unspent(order: Order) -> str:
    """Why the money cannot be taken back now, in words; empty when the balance holds it."""
    holds = _balance(order, order.target)
    if holds >= order.credited:
        return ""
    facts = {"balance": targets.name(order.target), "holds": shown(holds), "amount": shown(order.credited)}
    return _("%(balance)s holds only %(holds)s of the %(amount)s that have to be taken back.") % facts


def why_not_approve(correction: Correction, *, by: User) -> str:
    """Why this person may not approve it, in words; empty when he may."""
    if by.belongs_to(correction.order.organisation_id):
        return _("You belong to this organisation.")
    if correction.made_by_id == by.pk:
        return _("You proposed it yourself: somebody else has to approve it.")
    if correction.made_by.belongs_to(correction.order.organisation_id):
        return _("Whoever proposed it belongs to this organisation by now.")
    if not correction.made_by.is_active_staff:
        return _("Whoever proposed it is not of the team any more: withdraw it, and let somebody else propose it anew.")
    return ""


def list_targets(order: Order) -> list[str]:
    """The balances that the money of an order could belong to instead, as account codes."""
    products = [product.code for product in Product.objects.in_order().filter(is_active=True)]
    codes = products if order.method == Method.BALANCE else [chart.WALLET, *products]
    return [code for code in codes if code != order.target]


def foresee(order: Order, *, target: str) -> tuple[Shift, Shift]:
    """What taking the money back and crediting it would do to the wrong balance, and to the right one."""
    wrong, right = _balance(order, order.target), _balance(order, target)
    return (
        Shift(code=order.target, name=targets.name(order.target), before=wrong, after=wrong - order.credited),
        Shift(code=target, name=targets.name(target), before=right, after=right + order.credited),
    )


def _carry_out(correction: Correction, order: Order, *, by: User, now: datetime) -> Order:
    """What the first credit was paid from, pays the second."""
    arrival = _rebuild(order, note=Note.CORRECTED, detail=correction.reason)
    if product := catalogue.find(correction.target):
        balances.open_balance(organisation_id=order.organisation_id, product=product, now=now)
    return orders.credit_instead(order=order, target=correction.target, arrival=arrival, by=str(by), now=now)


def _rebuild(order: Order, *, note: Note, detail: str) -> Arrival:
    """The arrival that credited the order, as its posting tells: every debit but the conversion's, at the same rate."""
    posting = Posting.objects.get(organisation_id=order.organisation_id, key=crediting.key_of(order))
    debits = Entry.objects.filter(posting=posting, side=Side.DEBIT).exclude(account__code=chart.FX)
    rate = None
    if order.rate is not None and order.rate_at is not None:
        rate = Rate(value=order.rate, source=order.rate_source, at=order.rate_at)
    return Arrival(
        sources=tuple(
            Source(code=entry.account.code, amount=entry.amount)
            for entry in debits.select_related("account").order_by("line")
        ),
        credited=order.credited,
        note=note,
        detail=detail,
        rate=rate,
    )


def _lock(correction_id: UUID) -> Correction:
    found = Correction.objects.select_for_update(of=("self",)).select_related("order", "made_by").get(pk=correction_id)
    if not found.is_waiting:
        raise NotWaiting(str(found))
    return found


def _check_target(order: Order, target: str) -> None:
    if target == order.target:
        raise TargetRefused(_("The money is in this balance already."))
    if target == chart.WALLET and order.method == Method.BALANCE:
        raise TargetRefused(_("It came from the wallet: to put it back there would be to undo it, not to correct it."))
    try:
        catalogue.find_offered(target)
    except catalogue.NotOffered as error:
        raise TargetRefused(_("No product of this name can be topped up.")) from error


def _check_stranger(by: User, order: Order) -> None:
    if by.belongs_to(order.organisation_id):
        raise MayNotCorrect(_("You belong to this organisation."))


def _balance(order: Order, code: str) -> Money:
    return Account.objects.balance(
        organisation_id=order.organisation_id, code=code, currency=order.credited.currency.code
    )
