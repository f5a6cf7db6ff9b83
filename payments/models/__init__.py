"""The rows of payments: attempts to pay, what Stripe told us, and signs of life."""

from payments.models.heartbeats import Heartbeat
from payments.models.inbox import InboxEvent
from payments.models.payments import Payment

__all__ = ["Heartbeat", "InboxEvent", "Payment"]
