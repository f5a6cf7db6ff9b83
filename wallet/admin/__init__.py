"""Staff pages of the wallet app."""

from wallet.admin import details, ledger, people

__all__ = ["details", "ledger", "people"]
