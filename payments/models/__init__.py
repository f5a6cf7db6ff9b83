"""The rows of payments: attempts to pay by card and by bank, what Stripe and banks told us, and signs of life."""

from payments.models.balance_transactions import SETTLEMENT_CURRENCY, BalanceTransaction, Payout
from payments.models.bank_refunds import BankRefund
from payments.models.banks import BankAccount, BankLine, StatementFile
from payments.models.card_refunds import CardRefund
from payments.models.closes import CloseAct, DayClose, Difference, DigestMail
from payments.models.desk import DeskAct
from payments.models.findings import Allocation, Approval, Finding, Share, Suggestion
from payments.models.gl import GlNumber
from payments.models.heartbeats import Heartbeat
from payments.models.house_moves import HouseMove
from payments.models.inbox import InboxEvent
from payments.models.payments import Payment
from payments.models.rules import ApprovalLimit, RejectionReason
from payments.models.suspense_moves import SuspenseMove
from payments.models.transfers import DECLARABLE, PAYABLE, RECORDABLE, Slip, Transfer

__all__ = [
    "DECLARABLE",
    "PAYABLE",
    "RECORDABLE",
    "SETTLEMENT_CURRENCY",
    "Allocation",
    "Approval",
    "ApprovalLimit",
    "BalanceTransaction",
    "BankAccount",
    "BankLine",
    "BankRefund",
    "CardRefund",
    "CloseAct",
    "DayClose",
    "DeskAct",
    "Difference",
    "DigestMail",
    "Finding",
    "GlNumber",
    "Heartbeat",
    "HouseMove",
    "InboxEvent",
    "Payment",
    "Payout",
    "RejectionReason",
    "Share",
    "Slip",
    "StatementFile",
    "Suggestion",
    "SuspenseMove",
    "Transfer",
]
