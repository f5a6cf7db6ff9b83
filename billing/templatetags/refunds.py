"""`{% refunds_of order %}`: the refunds of an order, what is on its way, and what can be done about it;
`{{ refund|way_back }}`: where its money goes and until when it is there; `{{ refund|refund_state }}`: how far it got.
"""

from typing import Any
from uuid import UUID

from django import template
from django.template import Context

from billing import explanations, remainders
from billing.models import Method, Order, Refund

register = template.Library()


@register.inclusion_tag("billing/_refunds.html", takes_context=True)
def refunds_of(context: Context, order: Order) -> dict[str, Any]:
    """Shows nothing while there is neither a refund nor anybody who could ask for one."""
    may_top_up = bool(context.get("may_top_up"))
    is_askable = order.method != Method.BALANCE and not remainders.why_nothing(order)
    return {
        "order": order,
        "refunds": sorted(order.refunds.all(), key=_age),
        "may_ask": may_top_up and is_askable,
        "may_withdraw": may_top_up,
    }


def _age(refund: Refund) -> UUID:
    return refund.pk


@register.filter
def way_back(refund: Refund) -> str:
    return str(explanations.explain_way_back(refund.order))


@register.filter
def refund_state(refund: Refund) -> str:
    return str(explanations.name_refund(refund))
