"""The rows of billing: orders with their timeline, doubts, limits, rates, working days, rules that move money by
themselves, corrections, alerts, and what was sent by mail and callback.
"""

from billing.models.alerts import LowBalanceAlert
from billing.models.auto_fill import AutoFill
from billing.models.callbacks import Callback, CallbackEndpoint
from billing.models.corrections import Correction
from billing.models.flags import Flag
from billing.models.limits import TopUpLimit
from billing.models.mails import OrderMail
from billing.models.notices import Notice, NoticeMail
from billing.models.orders import CREDITED, ON_THEIR_WAY, Method, Note, Order, OrderEvent, State
from billing.models.rates import ExchangeRate, RateRule
from billing.models.workdays import SpecialDay

__all__ = [
    "CREDITED",
    "ON_THEIR_WAY",
    "AutoFill",
    "Callback",
    "CallbackEndpoint",
    "Correction",
    "ExchangeRate",
    "Flag",
    "LowBalanceAlert",
    "Method",
    "Note",
    "Notice",
    "NoticeMail",
    "Order",
    "OrderEvent",
    "OrderMail",
    "RateRule",
    "SpecialDay",
    "State",
    "TopUpLimit",
]
