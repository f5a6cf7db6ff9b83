"""Staff pages of billing: flags and corrections of orders, limits, rates, working days, what moves money by itself,
legal entities with their documents, and what was sent. Orders: see payments.
"""

from billing.admin import auto_fill, callbacks, corrections, documents, flags, limits, mails, notices, rates, workdays

__all__ = [
    "auto_fill",
    "callbacks",
    "corrections",
    "documents",
    "flags",
    "limits",
    "mails",
    "notices",
    "rates",
    "workdays",
]
