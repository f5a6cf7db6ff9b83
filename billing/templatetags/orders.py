"""`{{ order.target|target }}`: the balance an order goes into, in words."""

from django import template

from billing import targets

register = template.Library()


@register.filter
def target(code: str) -> str:
    return targets.name(code)
