"""The whole audit, of every app; nightly task and command run the same one."""

from datetime import datetime, timedelta
from time import monotonic
from typing import Final

from billing.audit import CHECKS as ORDER_CHECKS
from payments.audit import CHECKS as PAYMENT_CHECKS
from products.audit import CHECKS as USAGE_CHECKS
from wallet import audit
from wallet.models import AuditRun

CHECKS: Final[tuple[audit.Check, ...]] = audit.CHECKS + USAGE_CHECKS + ORDER_CHECKS + PAYMENT_CHECKS


def run(*, now: datetime) -> AuditRun:
    """Run every check and keep the result."""
    started = monotonic()
    problems = audit.find_problems(checks=CHECKS, now=now)
    return audit.record(problems=problems, started_at=now, finished_at=now + timedelta(seconds=monotonic() - started))
