"""`{{ order.target|target }}`: the balance an order goes into, in words; `{{ order|rate }}`: its rate, and why;
`{{ order.rate|shown_rate }}`: the rate alone; `{{ order|received }}` and `{{ order|fee_we_bear }}`: what paid it.
"""

from decimal import Decimal

from django import template
from djmoney.money import Money

from billing import explanations, rates, targets
from billing.models import Order

register = template.Library()


@register.filter
def target(code: str) -> str:
    return targets.name(code)


@register.filter
def rate(order: Order) -> str:
    return explanations.explain_rate(order)


@register.filter
def received(order: Order) -> Money:
    return explanations.received(order)


@register.filter
def fee_we_bear(order: Order) -> Money | None:
    return explanations.fee_we_bear(order)


@register.filter
def shown_rate(value: Decimal) -> str:
    return rates.shown(value)
