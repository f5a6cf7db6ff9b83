"""`{% fapiao_of order %}`: the way to an order's fapiao, or why there are none."""

from typing import Any

from django import template

from billing import fapiao_remainders
from billing.models import Fapiao, Order

register = template.Library()


@register.inclusion_tag("billing/_fapiao.html")
def fapiao_of(order: Order) -> dict[str, Any]:
    told = _list(order)
    return {
        "order": order,
        "why_none": fapiao_remainders.why_none(order),
        "fapiaos": told,
        "has_any": any(fapiao.state in Fapiao.COUNTING for fapiao in told),
    }


def _list(order: Order) -> list[Fapiao]:
    """Those that count, and a rejection while nothing that counts was asked for after it."""
    if not fapiao_remainders.is_paid_so(order):
        return []
    states = [*Fapiao.COUNTING, Fapiao.State.REJECTED]
    known = list(order.fapiaos.light().filter(state__in=states).order_by("place"))
    return [fapiao for fapiao in known if fapiao.state != Fapiao.State.REJECTED or fapiao == known[-1]]
