"""What is in the database: organisations with money, orders by the hundred thousand that the database itself makes."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg
from django.db import transaction
from psycopg import sql

from billing import orders
from billing.arrivals import Arrival, Source
from billing.models import Method, Note
from products import charges, usage
from tests import builders
from wallet import chart
from wallet.models import Organisation, User

SIZES: Final = tuple(int(size) for size in os.environ.get("BENCH_SIZES", "10000,100000,1000000").split(","))
"""So many postings one organisation has while growth is measured, in turn."""

MANY: Final = 16
_FIRST: Final = UUID("00000000-0000-7000-8000-000000000100").int
_FILL: Final = Path(__file__).with_name("fill.sql")
_CHUNK: Final = 100_000
_YEAR: Final = timedelta(days=364)
_MONTH: Final = timedelta(days=31)


@dataclass
class Trader:
    """An organisation that pays by card, order after order."""

    organisation: Organisation
    owner: User
    goal: int
    """So many orders it will have made in the year before now."""
    orders: int = 0


def make_trader(*, goal: int, now: datetime) -> Trader:
    owner = builders.make_person("alice")
    founded = builders.make_organisation(now=now - _YEAR - timedelta(days=1), owner=owner)
    return Trader(organisation=founded, owner=owner, goal=goal)


def use_product(trader: Trader, *, now: datetime) -> None:
    """A charge on every day of a month, and the days that are over summed up, as every night sums them up."""
    product = builders.make_product("SMS")
    fill(trader.organisation.pk, code=product.code, now=now - _MONTH)
    balance = builders.open_balance(trader.organisation, product, now=now - _MONTH)
    for days in range(_MONTH.days + 1):
        use = charges.Usage(request_id=f"day-{days}", amount=builders.usd(5))
        charges.charge(balance=balance, usage=use, by="bench", now=now - _MONTH + timedelta(days=days))
    usage.roll_up(now=now)


def open_spenders(*, now: datetime) -> list[UUID]:
    """Organisations with a full wallet, whose ids pgbench can count: they end in 00 to 0f."""
    spenders = [UUID(int=_FIRST + number) for number in range(MANY)]
    for spender in spenders:
        Organisation.objects.create(id=spender, name="Spender", created_at=now)
        fill(spender, code=chart.WALLET, now=now)
    return spenders


@transaction.atomic
def fill(organisation_id: UUID, *, code: str, now: datetime) -> None:
    """A hundred million, with the order that brought it."""
    amount = builders.usd(100_000_000)
    source = Source(code=chart.STRIPE_CLEARING, amount=amount)
    orders.credit_unasked(
        organisation_id=organisation_id,
        target=code,
        arrival=Arrival(sources=(source,), credited=amount, note=Note.ASSIGNED),
        assigned_by=builders.make_person("filler"),
        now=now,
        method=Method.CARD,
    )


def grow(trader: Trader, *, to: int, now: datetime) -> None:
    """Let the trader have that many paid orders, none of them older than those before."""
    with psycopg.connect(_writer(), autocommit=True) as connection:
        if "DATABASE_SUPERUSER_URL" in os.environ:  # spares the checks row by row; the audit checks all of it
            connection.execute("SET session_replication_role = replica")
        while trader.orders < to:
            last = min(trader.orders + _CHUNK, to)
            values = {
                "first": trader.orders + 1,
                "last": last,
                "since": now - _YEAR * (1 - trader.orders / trader.goal),
                "until": now - _YEAR * (1 - last / trader.goal) - timedelta(minutes=1),
                "salt": trader.organisation.pk.int % 2**40,
                "owner": trader.owner.pk,
                "organisation": trader.organisation.pk,
            }
            with connection.transaction(), psycopg.ClientCursor(connection) as cursor:
                cursor.execute(sql.SQL(_FILL.read_text("utf-8")), values)
            trader.orders = last
        connection.execute("VACUUM (ANALYZE)")


def _writer() -> str:
    return os.environ.get("DATABASE_SUPERUSER_URL") or os.environ["DATABASE_OWNER_URL"]
