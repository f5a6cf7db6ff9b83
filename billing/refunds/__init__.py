"""Refunds: asked for by the customer or started by finance, approved by somebody else of finance, and then carried out.

The amount is set aside while a refund is open, so that nobody spends it meanwhile. Who pays it out, to the card or at
the bank, lies one layer up and calls `succeed`, `fail` and `return_to_balance`. Every verb locks the order, then the
refund, posts last, and changes nothing when it is repeated. The database holds the rules about persons, states and sums
too (billing/sql/refunds.sql).
"""

from billing.refunds.adoption import adopt
from billing.refunds.asking import (
    FormTokenReused,
    TooMuch,
    ask,
    refundable,
    was_sent,
    why_not_ask,
    withdraw,
)
from billing.refunds.concessions import Concession, give_way, lock_waiting
from billing.refunds.decisions import approve, decline, why_not_approve
from billing.refunds.outcomes import fail, return_to_balance, succeed
from billing.refunds.persons import MayNotRefund
from billing.refunds.states import TRANSITIONS, IllegalTransition, NotRefundable, NotWaiting
from billing.refunds.worth import find_worth
from billing.remainders import Refundable

__all__ = [
    "TRANSITIONS",
    "Concession",
    "FormTokenReused",
    "IllegalTransition",
    "MayNotRefund",
    "NotRefundable",
    "NotWaiting",
    "Refundable",
    "TooMuch",
    "adopt",
    "approve",
    "ask",
    "decline",
    "fail",
    "find_worth",
    "give_way",
    "lock_waiting",
    "refundable",
    "return_to_balance",
    "succeed",
    "was_sent",
    "why_not_approve",
    "why_not_ask",
    "withdraw",
]
