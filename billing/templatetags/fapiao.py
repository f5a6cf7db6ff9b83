"""`{% fapiao_of order %}`: the way to an order's fapiao, or why there are none."""

from typing import Any

from django import template

from billing import fapiao_remainders
from billing.models import Order

register = template.Library()


@register.inclusion_tag("billing/_fapiao.html")
def fapiao_of(order: Order) -> dict[str, Any]:
    return {"order": order, "why_none": fapiao_remainders.why_none(order), "fapiaos": _list(order)}


def _list(order: Order) -> list[Any]:
    if not fapiao_remainders.is_paid_so(order):
        return []
    return list(order.fapiaos.counting().light().order_by("place"))
