"""The rows of billing: orders with their timeline, doubts, limits, rates, working days, rules that move money by
themselves, corrections, alerts, and what was sent by mail and callback.
"""

from billing.models.alerts import LowBalanceAlert
from billing.models.auto_fill import AutoFill
from billing.models.callbacks import Callback, CallbackEndpoint
from billing.models.card_blocks import CardBlock, CardRule
from billing.models.corrections import Correction
from billing.models.debts import DebtPayment, WriteOff
from billing.models.disputes import Dispute, DisputeMovement
from billing.models.documents import Document, DocumentKind, DocumentSeries, IssuingMark, LegalEntity
from billing.models.fapiao import Fapiao
from billing.models.flags import Flag
from billing.models.limits import TopUpLimit
from billing.models.mails import OrderMail
from billing.models.notices import Notice, NoticeMail
from billing.models.orders import CREDITED, CREDITING, ON_THEIR_WAY, Method, Note, Order, OrderEvent, State
from billing.models.rates import ExchangeRate, RateRule
from billing.models.refunds import Refund
from billing.models.saved_filters import SavedFilter
from billing.models.workdays import SpecialDay

__all__ = [
    "CREDITED",
    "CREDITING",
    "ON_THEIR_WAY",
    "AutoFill",
    "Callback",
    "CallbackEndpoint",
    "CardBlock",
    "CardRule",
    "Correction",
    "DebtPayment",
    "Dispute",
    "DisputeMovement",
    "Document",
    "DocumentKind",
    "DocumentSeries",
    "ExchangeRate",
    "Fapiao",
    "Flag",
    "IssuingMark",
    "LegalEntity",
    "LowBalanceAlert",
    "Method",
    "Note",
    "Notice",
    "NoticeMail",
    "Order",
    "OrderEvent",
    "OrderMail",
    "RateRule",
    "Refund",
    "SavedFilter",
    "SpecialDay",
    "State",
    "TopUpLimit",
    "WriteOff",
]
