"""Staff pages of payments: orders with everything that happened to them, payments, the inbox, signs of life."""

from payments.admin import inbox, orders, payments

__all__ = ["inbox", "orders", "payments"]
