"""The rows of the wallet app: people here, money in `ledger`, what the audit found in `audit`."""

from wallet.models.audit import AuditResult, AuditRun
from wallet.models.ledger import Account, AccountClass, Entry, Posting, SealedDay, Side
from wallet.models.people import HOUSE_ID, Invitation, Member, Organisation, Role, User

__all__ = [
    "HOUSE_ID",
    "Account",
    "AccountClass",
    "AuditResult",
    "AuditRun",
    "Entry",
    "Invitation",
    "Member",
    "Organisation",
    "Posting",
    "Role",
    "SealedDay",
    "Side",
    "User",
]
