"""The audit of fapiao: none was issued of more than stayed paid, each file is as recorded, and the guards stand."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from billing.models import Fapiao, Refund
from billing.refund_audit import REFUNDS
from wallet.audit import Check, compare_schema, read
from wallet.schema import read_schema

_CHANGING: Final = (
    "state number issued_on issued_by_id issued_by_name issued_at file_kind file sha256"
    " ended_by_id ended_by_name ended_at red_number red_on reason"
)
_FILES_OF: Final = timedelta(days=7)
"""Every night the files recorded in these days are hashed again; all of them would be read for hours."""

FAPIAO: Final = read_schema(
    folder=Path(__file__).parent / "sql",
    files="fapiao.sql",
    prefix="fapiao_",
    models=(Fapiao, Refund),
    grants={
        "billing_fapiao": frozenset({"INSERT", *(f"UPDATE ({column})" for column in _CHANGING.split())}),
        **REFUNDS.grants,
    },
)


def check_guards(using: str, _now: datetime) -> Iterable[str]:
    """What keeps fapiao as they were issued is there, and as this version defines it."""
    yield from compare_schema(using, FAPIAO)


def check_sums(using: str, _now: datetime) -> Iterable[str]:
    """Of no order fapiao stand of more than was paid and has not gone back."""
    rows = read(
        using,
        """
        SELECT "order".number, issued.total, "order".paid - coalesce(refunded.total, 0)
        FROM (SELECT order_id, sum(amount) AS total FROM billing_fapiao WHERE state = 'ISSUED' GROUP BY order_id)
             AS issued
        JOIN billing_order AS "order" ON "order".id = issued.order_id
        LEFT JOIN (SELECT order_id, sum(back) AS total FROM billing_refund
                   WHERE state IN ('APPROVED', 'SUCCEEDED') GROUP BY order_id) AS refunded
          ON refunded.order_id = issued.order_id
        WHERE issued.total > "order".paid - coalesce(refunded.total, 0)
        """,
    )
    for number, issued, left in rows:
        yield f"Fapiao of CNY {issued} stand for order {number}, of which CNY {left} stays paid."


def check_files(using: str, now: datetime) -> Iterable[str]:
    """The files recorded lately are those that were recorded."""
    rows = read(
        using,
        "SELECT number FROM billing_fapiao WHERE issued_at > %s AND encode(sha256(file), 'hex') <> sha256",
        [now - _FILES_OF],
    )
    for (number,) in rows:
        yield f"Fapiao {number} has another file than the one recorded."


CHECKS: Final[tuple[Check, ...]] = (check_guards, check_sums, check_files)
