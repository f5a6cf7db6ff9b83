"""Staff pages of billing: flags of orders, limits, rates, working days, and the mails sent. Orders: see payments."""

from billing.admin import flags, limits, mails, rates, workdays

__all__ = ["flags", "limits", "mails", "rates", "workdays"]
