"""`{% disputes_of order %}`: what is disputed of an order, where its money is, and what it paid of a debt or will pay.
`{% debts_of organisation %}`: what a top-up of the wallet will pay first; with `amount=…`: what one of that will.
`{% debts_paid_by order %}`: what it paid; `{% owed_by organisation as owed %}`: all that is owed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import template
from django.db.models import Prefetch
from django.template import Context
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from djmoney.money import Money

from billing import receivables, search, targets
from billing.models import DebtPayment, Dispute, DisputeMovement, Order
from wallet import chart
from wallet.models import Organisation
from wallet.money import round_up

register = template.Library()


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One line of a dispute's story. `order` is the top-up that paid, if one did."""

    at: datetime
    what: str | Promise
    amount: Money
    order: Order | None = None


@dataclass(frozen=True, kw_only=True)
class Told:
    """A dispute as its customer reads it."""

    dispute: Dispute
    taken_from: list[tuple[str, Money]]
    facts: list[Fact]

    @property
    def owed(self) -> Money:
        return round_up(self.dispute.owed)


@dataclass(frozen=True, kw_only=True)
class Owing:
    """What a top-up will pay of a debt, or has paid. `is_named`: whether the reader may see the order owed for."""

    part: receivables.Share | DebtPayment
    is_named: bool


@register.inclusion_tag("billing/_disputes.html", takes_context=True)
def disputes_of(context: Context, order: Order) -> dict[str, Any]:
    paid = DebtPayment.objects.order_by("id").select_related("order")
    found = Dispute.objects.filter(order=order).order_by("id")
    found = found.prefetch_related("movements", "write_offs", Prefetch("debt_payments", queryset=paid))
    return {
        "disputes": [_tell(dispute) for dispute in found],
        "shares": _name_shares(context, _foresee(order)),
        "payments": _name_payments(context, _list_payments(order)),
        "order": order,
    }


@register.inclusion_tag("billing/_debts.html", takes_context=True)
def debts_of(context: Context, organisation: Organisation, amount: Money | None = None) -> dict[str, Any]:
    """Nothing for an organisation that owes nothing."""
    owed = receivables.owed_by(organisation.pk)
    shares = receivables.foresee(organisation.pk, amount=amount or owed) if owed.amount else []
    return {
        "shares": _name_shares(context, shares),
        "owed": round_up(owed),
        "amount": amount,
    }


@register.inclusion_tag("billing/_debts_paid.html", takes_context=True)
def debts_paid_by(context: Context, order: Order) -> dict[str, Any]:
    return {"payments": _name_payments(context, _list_payments(order))}


@register.simple_tag
def owed_by(organisation: Organisation) -> Money | None:
    """What it owes in all; None where that is nothing."""
    owed = receivables.owed_by(organisation.pk)
    return round_up(owed) if owed.amount else None


def _name_shares(context: Context, shares: Sequence[receivables.Share]) -> list[Owing]:
    readable = _find_readable(context, [share.order.pk for share in shares])
    return [Owing(part=share, is_named=share.order.pk in readable) for share in shares]


def _name_payments(context: Context, payments: Sequence[DebtPayment]) -> list[Owing]:
    readable = _find_readable(context, map(_find_owed_for, payments))
    return [Owing(part=payment, is_named=_find_owed_for(payment) in readable) for payment in payments]


def _find_owed_for(payment: DebtPayment) -> UUID | None:
    debtor = payment.dispute or payment.refund
    return debtor.order_id if debtor else None


def _find_readable(context: Context, orders: Iterable[UUID | None]) -> set[UUID]:
    """Those that whoever reads the page may see: of a product that he may not use, he is told no order."""
    wanted = set(filter(None, orders))
    if not wanted:
        return set()
    mine = search.own(getattr(context.get("request"), "memberships", ()))
    return set(mine.filter(pk__in=wanted).values_list("pk", flat=True))


def _foresee(order: Order) -> list[receivables.Share]:
    """What the order will pay when its money comes."""
    if order.target != chart.WALLET or not order.is_on_its_way or not receivables.owed_by(order.organisation_id).amount:
        return []
    return receivables.foresee(order.organisation_id, amount=order.credited)


def _list_payments(order: Order) -> list[DebtPayment]:
    if order.target != chart.WALLET or not order.is_credited:
        return []
    paid = DebtPayment.objects.filter(order=order).select_related("dispute__order", "refund__order")
    return list(paid.order_by("id"))


def _tell(dispute: Dispute) -> Told:
    names = {"from_target": targets.name(dispute.code), "from_wallet": targets.name(chart.WALLET)}
    taken = [(name, dispute.money(getattr(dispute, part))) for part, name in names.items() if getattr(dispute, part)]
    return Told(dispute=dispute, taken_from=taken, facts=sorted(_list_facts(dispute), key=lambda fact: fact.at))


def _list_facts(dispute: Dispute) -> list[Fact]:
    moved = [
        Fact(at=each.at, what=DisputeMovement.Kind(each.kind).label, amount=each.amount)
        for each in dispute.movements.all()
        if each.amount.amount > Decimal(0)
    ]
    paid = [
        Fact(at=each.at, what=_("Paid by a top-up of the wallet"), amount=each.amount, order=each.order)
        for each in dispute.debt_payments.all()
    ]
    off = [Fact(at=each.at, what=_("Written off by us"), amount=each.amount) for each in dispute.write_offs.all()]
    return [*moved, *paid, *off]
