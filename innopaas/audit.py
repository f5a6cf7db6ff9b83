"""Every check of the audit, of every app; nightly task and command run the same list."""

from typing import Final

from billing.audit import CHECKS as ORDER_CHECKS
from payments.audit import CHECKS as PAYMENT_CHECKS
from wallet.audit import CHECKS as LEDGER_CHECKS
from wallet.audit import Check

CHECKS: Final[tuple[Check, ...]] = LEDGER_CHECKS + ORDER_CHECKS + PAYMENT_CHECKS
