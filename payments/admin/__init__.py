"""Staff pages of payments: orders with their stories, payments, the inbox, finance's desk and rules, bank lines."""

from payments.admin import (
    assignments,
    balance_transactions,
    closes,
    disputes,
    fapiao,
    house_moves,
    inbox,
    lines,
    orders,
    payments,
    payouts,
    refunds,
    rules,
    statements,
    transfers,
)

__all__ = [
    "assignments",
    "balance_transactions",
    "closes",
    "disputes",
    "fapiao",
    "house_moves",
    "inbox",
    "lines",
    "orders",
    "payments",
    "payouts",
    "refunds",
    "rules",
    "statements",
    "transfers",
]
