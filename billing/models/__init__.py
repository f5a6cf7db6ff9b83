"""The rows of billing: orders with their timeline, doubts, limits, rates, working days, and the mails sent."""

from billing.models.flags import Flag
from billing.models.limits import TopUpLimit
from billing.models.mails import OrderMail
from billing.models.orders import CREDITED, ON_THEIR_WAY, Method, Note, Order, OrderEvent, State
from billing.models.rates import ExchangeRate, RateRule
from billing.models.workdays import SpecialDay

__all__ = [
    "CREDITED",
    "ON_THEIR_WAY",
    "ExchangeRate",
    "Flag",
    "Method",
    "Note",
    "Order",
    "OrderEvent",
    "OrderMail",
    "RateRule",
    "SpecialDay",
    "State",
    "TopUpLimit",
]
