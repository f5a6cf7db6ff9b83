"""Staff pages of payments: orders with their stories, payments, the inbox, finance's desk and rules, bank lines."""

from payments.admin import assignments, inbox, lines, orders, payments, rules, statements, transfers

__all__ = ["assignments", "inbox", "lines", "orders", "payments", "rules", "statements", "transfers"]
