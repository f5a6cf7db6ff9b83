"""What an order's situation is, in a sentence its customer understands, and what he can do about it."""

from datetime import datetime

from billing.explanations import balance, card, corrected, offline, refunded
from billing.explanations.card import (
    CAME_BACK_UNPAID,
    CONFIRMING,
    WAITING,
    explain_declined,
    explain_silence,
)
from billing.explanations.rate import explain_rate
from billing.explanations.received import fee_we_bear, received
from billing.explanations.refunded import explain_way_back, name_refund
from billing.explanations.situations import Explanation
from billing.explanations.states import code_ending, code_state, name_event, name_state
from billing.models import Method, Order

__all__ = [
    "CAME_BACK_UNPAID",
    "CONFIRMING",
    "WAITING",
    "Explanation",
    "code_ending",
    "code_state",
    "explain",
    "explain_declined",
    "explain_rate",
    "explain_silence",
    "explain_way_back",
    "fee_we_bear",
    "name_event",
    "name_refund",
    "name_state",
    "received",
]


def explain(order: Order, *, now: datetime) -> Explanation:
    """The order's situation. Reads what `search.with_hopes` fetches beforehand for lists."""
    if money_back := refunded.explain(order):
        return money_back
    if correction := corrected.explain(order):
        return correction
    if order.method == Method.BALANCE:
        return balance.explain(order, now=now)
    if order.method == Method.OFFLINE:
        return offline.explain(order, now=now)
    return card.explain(order, now=now)
