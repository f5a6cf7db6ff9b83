"""What of an order's money a fapiao can still be asked for, and what fapiao have to do with its refunds."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import QuerySet, Sum
from django.utils.translation import gettext as _
from djmoney.money import Money

from billing import aftermath
from billing.models import Correction, Fapiao, Method, Order, Refund
from billing.models.fapiao import Fapiaos
from wallet.money import shown

CURRENCY: Final = "CNY"
"""Fapiao are issued of what was paid in it, and of nothing else."""

_GOING: Final = (Refund.State.APPROVED, Refund.State.SUCCEEDED)


@dataclass(frozen=True, kw_only=True)
class Room:
    """A fapiao of `most` can be asked for now; `why` says in words why of nothing; all in what was paid.

    `refunded` went back, `going_back` is about to or was asked for; `issued` stands, `asked` waits.
    """

    most: Money
    why: str
    paid: Money
    refunded: Money
    going_back: Money
    issued: Money
    asked: Money


def find(order: Order) -> Room:
    """How much of the order a fapiao can be asked for as things are now, and why of nothing."""
    currency = order.paid.currency
    refunded = _sum(order.refunds.succeeded(), "back", currency)
    going_back = _sum(order.refunds.open(), "back", currency)
    own = list_family(order)
    issued = _sum(own.filter(state=Fapiao.State.ISSUED), "amount", currency)
    asked = _sum(own.waiting(), "amount", currency)
    why = why_none(order)
    left = max(order.paid - refunded - going_back - issued - asked, Money(0, currency))
    if not why and not left.amount:
        why = _("What was paid and not refunded is on fapiao already, issued or asked for.")
        if refunded >= order.paid:
            why = _("All of it was refunded, so there is no fapiao.")
    return Room(
        most=Money(0, currency) if why else left,
        why=why,
        paid=order.paid,
        refunded=refunded,
        going_back=going_back,
        issued=issued,
        asked=asked,
    )


def why_none(order: Order) -> str:
    """Why there is no fapiao of this order, whatever was asked for before; empty when there may be one."""
    if order.method == Method.BALANCE:
        return _("This order moved money from the wallet. A fapiao is asked for with the top-up that brought it in.")
    if not is_paid_so(order):
        return _("Fapiao are issued for transfers in RMB only. What was paid in another way has its receipt.")
    if not order.is_credited:
        return _("Once the order is paid, a fapiao can be asked for here.")
    if aftermath.was_taken_back(order):
        return _("Its money was credited to another balance instead. Ask with the order that follows this one.")
    return ""


def is_paid_so(order: Order) -> bool:
    """Whether it is paid in the one way of which there are fapiao."""
    return order.method == Method.OFFLINE and order.paid.currency.code == CURRENCY


def why_not_issue(fapiao: Fapiao) -> str:
    """Why a fapiao that was asked for cannot be issued any more, in words for finance; empty when it can."""
    if why := why_none(fapiao.order):
        return why
    room = find(fapiao.order)
    left = room.paid - room.refunded - room.going_back - room.issued
    if fapiao.amount <= left:
        return ""
    facts = {"amount": shown(fapiao.amount), "left": shown(max(left, Money(0, left.currency)))}
    return (
        _(
            "It asks for %(amount)s, but only %(left)s is paid, not refunded or about to be, and not on another fapiao."
            " Reject it and say so, or decide the refund first."
        )
        % facts
    )


def why_not_refund(refund: Refund) -> str:
    """Why a refund cannot be approved as long as its order's fapiao stand; empty when it can."""
    order = refund.order
    standing = list(list_family(order).filter(state=Fapiao.State.ISSUED).light())
    if not standing:
        return ""
    others = order.refunds.filter(state__in=_GOING).exclude(pk=refund.pk)
    left = order.paid - _sum(others, "back", order.paid.currency) - refund.back
    total = sum((fapiao.amount for fapiao in standing), start=Money(0, order.paid.currency))
    if total <= left:
        return ""
    facts = {
        "numbers": ", ".join(str(fapiao) for fapiao in standing),
        "total": shown(total),
        "left": shown(left),
    }
    return (
        _(
            "Fapiao of %(total)s stand for this order (%(numbers)s), and only %(left)s would stay paid. Have them"
            " reversed by a red-letter fapiao first; then the refund can be approved, and a fapiao of the rest be"
            " asked for."
        )
        % facts
    )


def list_family(order: Order) -> Fapiaos:
    """The order's fapiao, and those of the orders whose money a correction brought to it."""
    return Fapiao.objects.filter(order_id__in=_find_family(order))


def _find_family(order: Order) -> list[UUID]:
    family = [order.pk]
    while before := _find_corrected(family[-1]):
        family.append(before)
    return family


def _find_corrected(order_id: UUID) -> UUID | None:
    done = Correction.objects.filter(credited_order_id=order_id, approved_at__isnull=False)
    return done.values_list("order_id", flat=True).first()


def _sum(rows: "QuerySet[Refund] | QuerySet[Fapiao]", field: str, currency: object) -> Money:
    return Money(rows.aggregate(total=Sum(field))["total"] or 0, currency)
