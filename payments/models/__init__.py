"""The rows of payments: attempts to pay by card and by bank, what Stripe and banks told us, and signs of life."""

from payments.models.banks import BankAccount, BankLine, StatementFile
from payments.models.desk import DeskAct
from payments.models.findings import Allocation, Approval, Finding, Share, Suggestion
from payments.models.heartbeats import Heartbeat
from payments.models.inbox import InboxEvent
from payments.models.payments import Payment
from payments.models.rules import ApprovalLimit, RejectionReason
from payments.models.transfers import DECLARABLE, PAYABLE, RECORDABLE, Slip, Transfer

__all__ = [
    "DECLARABLE",
    "PAYABLE",
    "RECORDABLE",
    "Allocation",
    "Approval",
    "ApprovalLimit",
    "BankAccount",
    "BankLine",
    "DeskAct",
    "Finding",
    "Heartbeat",
    "InboxEvent",
    "Payment",
    "RejectionReason",
    "Share",
    "Slip",
    "StatementFile",
    "Suggestion",
    "Transfer",
]
