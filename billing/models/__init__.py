"""The rows of billing: orders with their timeline, doubts, limits, and the mails sent of them."""

from billing.models.flags import Flag
from billing.models.limits import TopUpLimit
from billing.models.mails import OrderMail
from billing.models.orders import CREDITED, ON_THEIR_WAY, Method, Note, Order, OrderEvent, State

__all__ = [
    "CREDITED",
    "ON_THEIR_WAY",
    "Flag",
    "Method",
    "Note",
    "Order",
    "OrderEvent",
    "OrderMail",
    "State",
    "TopUpLimit",
]
