"""What a business day consists of, for stories about its close."""

import secrets
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from django.db import transaction

from billing import orders
from billing.models import Order
from payments.models import BalanceTransaction, Difference, Payment
from tests import builders
from tests.builders import usd
from wallet.models import Organisation

DAY = date(2026, 7, 15)
NOON = datetime(2026, 7, 15, 4, 0, tzinfo=UTC)
NEXT_MORNING = datetime(2026, 7, 16, 1, 0, tzinfo=UTC)
"""Nine o'clock in Shanghai: the day is over, and finance begins."""

Outcome = BalanceTransaction.Outcome


def card_order(organisation: Organisation, amount: str = "100", *, at: datetime = NOON) -> Payment:
    """A card top-up that was confirmed and credited."""
    payment = builders.begin_top_up(organisation, now=at, amount=usd(amount))
    order = _credit(payment.order, at=at)
    payment.state, payment.confirmed_at, payment.credited_order = Payment.State.CONFIRMED, at, order
    payment.payment_intent_id = f"pi_{secrets.token_hex(8)}"
    payment.save()
    return payment


def listed(payment: Payment, *, fee: str = "0", at: datetime = NOON, **facts: object) -> BalanceTransaction:
    """The charge of a payment as Stripe lists it."""
    amount = payment.amount
    fields = {
        "stripe_id": f"txn_{secrets.token_hex(8)}",
        "type": "charge",
        "category": "charge",
        "amount": amount,
        "fee": Decimal(fee),
        "net": amount.amount - Decimal(fee),
        "source_id": f"ch_{secrets.token_hex(8)}",
        "payment_intent_id": payment.payment_intent_id,
        "stripe_created_at": at,
        "available_at": at + timedelta(days=2),
        "loaded_at": at,
        "outcome": Outcome.AGREED,
        "organisation_id": payment.organisation_id,
    }
    return BalanceTransaction.objects.create(**(fields | facts))


def kinds(differences: "list[Difference]") -> list[tuple[str, str]]:
    return [(difference.kind, difference.subject) for difference in differences]


def _credit(order: Order, *, at: datetime) -> Order:
    with transaction.atomic():
        locked = orders.lock(order.pk)
        return orders.mark_paid(order=locked, arrival=builders.by_card(locked), by="Stripe", now=at)
