"""What of an order's money can still go back to who paid it, and where the rest of it is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django.db.models import QuerySet, Sum
from django.utils.translation import gettext as _
from djmoney.money import Money

from billing import aftermath, moves, targets
from billing.models import Correction, Order, Refund, State
from products import access
from wallet import chart, sentences
from wallet.models import Account, Member
from wallet.money import round_down, shown

REFUNDABLE = (State.PAID, State.PARTIALLY_REFUNDED)


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What was moved on from the wallet into one product since the order was paid."""

    code: str
    amount: Money


@dataclass(frozen=True, kw_only=True)
class Refundable:
    """`most` can be refunded now; `why` says, in words, where the rest went; it is empty when that is all of it.

    `refunded` went back before, `under_way` is about to, and the balance `holds` this much now.
    """

    most: Money
    why: str
    refunded: Money
    under_way: Money
    holds: Money
    moved: tuple[Moved, ...] = ()


def find(order: Order, *, reader: Member | None = None) -> Refundable:
    """How much of the order can be refunded as things are now, and why not more. A reader of the organisation is told
    of no product by name that he may not use.
    """
    refunded, counting = aftermath.sum_refunded(order), aftermath.sum_counting(order)
    holds = _balance(order, order.target)
    left = order.credited - counting
    reason = why_nothing(order)
    most = Money(0, order.credited.currency) if reason else min(left, round_down(holds))
    moved = _find_moved(order) if holds < left and order.target == chart.WALLET else ()
    found = Refundable(
        most=most, why=reason, refunded=refunded, under_way=counting - refunded, holds=holds, moved=moved
    )
    return found if reason else replace(found, why=sentences.join(*_explain(order, found, reader=reader)))


def why_nothing(order: Order) -> str:
    """Why nothing of the order can be refunded, whatever its balance holds; empty when something may be."""
    if not order.is_credited:
        return _("Nothing was credited for this order, so there is nothing to refund.")
    return _why_gone(order) or _why_not_now(order)


def _why_gone(order: Order) -> str:
    if aftermath.was_taken_back(order):
        if order.corrections.filter(approved_at__isnull=False).exists():
            return _("Its money was credited to another balance instead. Refund the order that follows this one.")
        return _("This move was undone: its money is back in the wallet.")
    if order.state == State.REFUNDED:
        return _("All of it was refunded.")
    return ""


def _why_not_now(order: Order) -> str:
    if order.state not in REFUNDABLE:
        return _("The card's holder disputes this payment at the bank. Until that is over nothing is refunded.")
    if Correction.objects.waiting().filter(order=order).exists():
        return _("Our finance team is correcting this order. Once that is done, it can be refunded.")
    if order.auto_fill is not None and order.auto_fill.is_on:
        return _("An auto-fill made it, and would fill the balance again: its owner has to switch it off first.")
    return ""


def _explain(order: Order, found: Refundable, *, reader: Member | None) -> Iterable[str]:
    if found.refunded:
        yield _("%(amount)s was refunded before.") % {"amount": shown(found.refunded)}
    if found.under_way:
        yield _("%(amount)s is being refunded already.") % {"amount": shown(found.under_way)}
    if found.holds >= order.credited - found.refunded - found.under_way:
        return
    facts = {"balance": targets.name(order.target), "holds": shown(found.holds)}
    yield _("%(balance)s holds %(holds)s now.") % facts
    if found.moved:
        yield _("Since this top-up was moved: %(parts)s.") % {"parts": ", ".join(_name_moved(found.moved, reader))}
    aside = _balance(order, chart.held(order.target)) - found.under_way
    if aside.amount > 0:
        yield _("%(amount)s is set aside for something else.") % {"amount": shown(aside)}
    if order.target != chart.WALLET:
        yield _("What was used is not refunded.")


def _name_moved(moved: Sequence[Moved], reader: Member | None) -> Iterable[str]:
    seen = {product.code for product in access.usable(reader)} if reader else {part.code for part in moved}
    for part in moved:
        if part.code in seen:
            yield _("%(amount)s to %(product)s") % {"amount": shown(part.amount), "product": targets.name(part.code)}
    if others := [part.amount for part in moved if part.code not in seen]:
        yield _("%(amount)s to other products") % {"amount": shown(sum(others[1:], start=others[0]))}


def _find_moved(order: Order) -> tuple[Moved, ...]:
    """By product, the most first. What was undone, or went back to the wallet, is not there."""
    since = moves.standing().filter(organisation_id=order.organisation_id, paid_at__gte=order.paid_at, follows=None)
    sums = _sum_by_target(since, "credited")
    back = _sum_by_target(since.filter(refunds__state=Refund.State.SUCCEEDED), "refunds__amount")
    left = {code: amount - back.get(code, 0) for code, amount in sums.items()}
    there = sorted((-amount, code) for code, amount in left.items() if amount > 0)
    return tuple(Moved(code=code, amount=Money(-less, order.credited.currency)) for less, code in there)


def _sum_by_target(orders: QuerySet[Order], field: str) -> dict[str, Decimal]:
    return dict(orders.order_by().values_list("target").annotate(total=Sum(field)))


def _balance(order: Order, code: str) -> Money:
    return Account.objects.balance(
        organisation_id=order.organisation_id, code=code, currency=order.credited.currency.code
    )
