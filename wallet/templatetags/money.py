"""`{{ order.paid|money }}` and `{{ order.paid|labelled }}`: amounts as people read them."""

from django import template
from djmoney.money import Money

from wallet import money as amounts

register = template.Library()


@register.filter
def money(amount: Money) -> str:
    return amounts.shown(amount)


@register.filter
def labelled(amount: Money) -> str:
    return amounts.labelled(amount)
