"""P15's size: 2,000 lines with `make test`, 100,000 with PROVE_SCALE=50: within 30 s of work; posted after it."""

import random
import time
from datetime import datetime, timedelta

import pytest

from payments import holding, imports
from payments.models import BankLine
from tests import builders, people, races
from tests.payments import bank_files, offline
from tests.payments.bank_files import DAY, Row
from wallet import chart
from wallet.models import HOUSE_ID, Account

pytestmark = pytest.mark.django_db

SECONDS = 30


def test_a_large_statement_is_stored_in_time_and_then_posted() -> None:
    now = datetime.fromisoformat("2026-07-15T12:00:00+08:00")
    size = races.scaled(2000, full=100_000)
    account, fiona = offline.make_account("USD"), people.make_staff("fiona", "finance")
    acme = builders.make_organisation(now=now)
    transfers = [offline.begin(acme, offline.usd(100 + n), account=account, now=now) for n in range(10)]
    random_ = random.Random(7)
    rows = [
        Row(
            amount=f"{random_.randrange(1, 10**6)}.{random_.randrange(100):02}",
            reference=f"B{n:010}",
            text=f"HTTP {random_.randbytes(20).hex()} 服务费 货款 {n}",
            payer=f"Payer {n % 977} Ltd",
            day=DAY - timedelta(days=30) + timedelta(days=30 * n // size),
        )
        for n in range(size)
    ]
    rows += [Row(amount=f"{t.amount.amount:.2f}", reference=t.reference[:8], text=t.reference) for t in transfers]
    given = bank_files.upload(account, *rows)

    started = time.process_time()
    file = imports.import_statement(given, by=fiona, now=now).file
    took = time.process_time() - started

    assert file.lines_added == len(rows)
    assert BankLine.objects.filter(file=file, pile=BankLine.Pile.EXACT).count() == len(transfers)
    assert took < SECONDS
    assert holding.hold_due(now=now) == len(rows)
    assert holding.count_due(file) == 0
    held = {
        organisation: Account.objects.balance(organisation_id=organisation, code=chart.SUSPENSE, currency="USD").amount
        for organisation in (HOUSE_ID, acme.pk)
    }
    assert sum(held.values()) == file.closing
    assert held[acme.pk] == sum(transfer.amount.amount for transfer in transfers)
