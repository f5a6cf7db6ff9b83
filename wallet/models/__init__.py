"""The rows of the wallet app: people here, money in `ledger`, what the audit found in `audit`."""

from wallet.models.audit import AuditResult, AuditRun
from wallet.models.details import BillingDetails, PayerName
from wallet.models.ledger import Account, AccountClass, Entry, Posting, SealedDay, Side
from wallet.models.people import HOUSE_ID, TOP_UP_ROLES, Invitation, Member, Organisation, Role, User
from wallet.models.sessions import Session

__all__ = [
    "HOUSE_ID",
    "TOP_UP_ROLES",
    "Account",
    "AccountClass",
    "AuditResult",
    "AuditRun",
    "BillingDetails",
    "Entry",
    "Invitation",
    "Member",
    "Organisation",
    "PayerName",
    "Posting",
    "Role",
    "SealedDay",
    "Session",
    "Side",
    "User",
]
