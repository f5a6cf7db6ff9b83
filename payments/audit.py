"""The audit of payments: what Stripe confirmed was credited, and nothing Stripe told us lies about unhandled."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db.models import F

from payments.models import InboxEvent, Payment
from wallet.audit import Check

INBOX_LIMIT = timedelta(minutes=15)


def check_confirmed_payments(using: str, _now: datetime) -> Iterable[str]:
    """A confirmed payment credited an order of its own organisation that is, or was, paid with its amount."""
    confirmed = Payment.objects.using(using).filter(state=Payment.State.CONFIRMED)
    wrong = confirmed.filter(credited_order__paid_at__isnull=True) | confirmed.exclude(
        credited_order__paid=F("amount"), credited_order__paid_currency=F("amount_currency")
    )
    for payment in wrong.select_related("order"):
        yield f"Payment {payment.pk} of order {payment.order.number} is confirmed, but no order was credited with it."


def check_inbox(using: str, now: datetime) -> Iterable[str]:
    """No event waits longer than INBOX_LIMIT."""
    late = InboxEvent.objects.using(using).unhandled().filter(received_at__lt=now - INBOX_LIMIT)
    for event in late:
        since = f"{event.received_at:%Y-%m-%d %H:%M} UTC"
        yield f"Inbox event {event.event_id} ({event.type}) waits since {since}: {event.error}"


CHECKS: Final[tuple[Check, ...]] = (check_confirmed_payments, check_inbox)
