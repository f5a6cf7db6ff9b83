"""Staff pages of the wallet app."""

from wallet.admin import ledger, people

__all__ = ["ledger", "people"]
