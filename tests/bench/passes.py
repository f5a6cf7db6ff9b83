"""What passes over much at once: the audit of everything, and a bank's statement of a hundred thousand lines."""

import os
import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from innopaas import audit
from payments import imports
from tests import people
from tests.bench.data import Trader
from tests.bench.rounds import ROUNDS, Line, time_of
from tests.payments import bank_files, offline
from tests.payments.bank_files import Row
from wallet.models import Entry

STATEMENT_LINES: Final = int(os.environ.get("BENCH_LINES", "100000"))
_MILLION: Final = 1_000_000


def judge_audit(seconds: Sequence[float], orders: int) -> Line:
    """Seconds of the whole audit for a million entries, as they were measured with so many orders."""
    return Line(
        subject="audit",
        what=f"`audit_ledger` with {orders:,} orders",
        unit="s a million entries",
        values=seconds,
        most=60,
    )


def time_audit(_trader: Trader) -> float:
    """Seconds for a million entries. It has to find nothing, or the data would not be honest."""
    return time_of(_audit) / Entry.objects.count() * _MILLION


def statements() -> list[Line]:
    """From the bytes of a file to its lines in their piles."""
    return [
        Line(
            subject="statement",
            what=f"import of a statement of {STATEMENT_LINES:,} lines",
            unit="s",
            values=[_import(number) for number in range(ROUNDS)],
            most=30 * STATEMENT_LINES / 100_000,
        )
    ]


def _audit() -> None:
    found = audit.run(now=datetime.now(tz=UTC)).problems
    if found:
        raise RuntimeError(f"the audit finds {len(found)} differences: {found[0]}")


def _import(number: int) -> float:
    now = datetime.now(tz=UTC)
    day = now.date() - timedelta(days=40)
    account, fiona = offline.make_account("USD"), people.make_staff("fiona", "finance")
    upload = bank_files.upload(account, *_make_rows(number, day))
    return time_of(lambda: imports.import_statement(upload, by=fiona, now=now))


def _make_rows(number: int, day: date) -> list[Row]:
    chance = random.Random(number)
    return [
        Row(
            amount=f"{chance.randrange(1, 10**6)}.{chance.randrange(100):02}",
            reference=f"B{number}{place:010}",
            text=f"HTTP {chance.randbytes(20).hex()} 服务费 货款 {place}",
            payer=f"Payer {place % 977} Ltd",
            day=day + timedelta(days=30 * place // STATEMENT_LINES),
        )
        for place in range(STATEMENT_LINES)
    ]
