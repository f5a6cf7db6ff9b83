"""`{{ order.target|target }}`: the balance an order goes into, in words; `{{ order|rate }}`: its rate, and why;
`{{ order.rate|shown_rate }}`: the rate alone; `{{ order|received }}` and `{{ order|fee_we_bear }}`: what paid it;
`{{ order|full_target }}`: the balance with its product number; `{{ order.target|topup_address }}`: its top-up page.
`{{ order|state }}` and `{{ event|event_state }}`: what they are, in words; `{{ order|method }}`: how it is paid;
`{{ event|actor }}`: who did it; `{{ order.target|product_address }}`: the page of the product topped up, if it was one;
`{% origin order as code %}`: the product from whose page this top-up of the wallet was begun.
In lists: `{% target_names as names %}` once, then `{{ order.target|named:names }}`.
"""

from collections.abc import Mapping
from decimal import Decimal

from django import template
from django.template import Context
from django.urls import reverse
from django.utils.translation import gettext as _
from djmoney.money import Money

from billing import auto_fill, explanations, origins, rates, targets
from billing.forms import STATE_LABELS
from billing.models import Order, OrderEvent
from products import catalogue
from wallet import chart

register = template.Library()


@register.filter
def target(code: str) -> str:
    return targets.name(code)


@register.filter
def full_target(order: Order) -> str:
    return targets.full_name(organisation_id=order.organisation_id, code=order.target)


@register.filter
def named(code: str, names: Mapping[str, str]) -> str:
    return names.get(code) or targets.name(code)


@register.simple_tag
def target_names() -> Mapping[str, str]:
    return targets.names()


@register.filter
def topup_address(code: str) -> str:
    """Of the page that tops up this balance; it lies one layer up, the address is data."""
    if code == chart.WALLET:
        return reverse("payments:topup")
    return reverse("payments:product_topup", args=[code.removeprefix(chart.product(""))])


@register.filter
def state(order: Order) -> str:
    return str(explanations.name_state(order))


@register.filter
def state_label(code: str) -> str:
    """Of orders of one stored state, several of which may be told apart one by one."""
    return str(STATE_LABELS[code])


@register.filter
def event_state(event: OrderEvent) -> str:
    return str(explanations.name_event(event))


@register.filter
def method(order: Order) -> str:
    named = order.get_method_display()
    return _("%(method)s · auto-fill") % {"method": named} if order.auto_fill_id else named


@register.filter
def actor(event: OrderEvent) -> str:
    return _("Auto-fill") if event.by == auto_fill.BY else event.by


@register.filter
def product_address(code: str) -> str:
    if catalogue.find(code) is None:
        return ""
    return reverse("product", args=[code.removeprefix(chart.product(""))])


@register.simple_tag(takes_context=True)
def origin(context: Context, order: Order) -> str:
    return origins.find(context["request"].session, order=order) if "request" in context else ""


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
