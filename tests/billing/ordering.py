"""Orders in the states that the pages show, made by the site's own verbs."""

from datetime import datetime

from django.db import transaction
from djmoney.money import Money

from billing import orders
from billing.models import Order
from tests import builders
from wallet.models import Organisation


def open_order(organisation: Organisation, *, now: datetime, amount: Money | None = None) -> Order:
    """An order that waits, with its payment."""
    return builders.begin_top_up(organisation, now=now, amount=amount).order


def pay(order: Order, *, now: datetime) -> Order:
    """What the corridor does with an order once its money is certain; the order that was credited."""
    with transaction.atomic():
        locked = orders.lock(order.pk)
        return orders.mark_paid(order=locked, arrival=builders.by_card(locked), by="Stripe", now=now)


def paid_order(organisation: Organisation, *, now: datetime, amount: Money | None = None) -> Order:
    return pay(open_order(organisation, now=now, amount=amount), now=now)
