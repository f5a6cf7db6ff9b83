"""The table: what a client can do in a second, beside the bare posting function in the same run."""

import http.client
import json
import os
import platform
import secrets
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.db import connection

from products import batches, keys
from products.models import ProductBalance
from tests import builders
from wallet import chart, ledger, money
from wallet.ids import new_id

CLIENTS = (1, 4, 16)
_SECONDS = float(os.environ.get("BENCH_SECONDS", "5"))
_POST = "SELECT * FROM ledger_post(%s, %s, (%s AT TIME ZONE 'Asia/Shanghai')::date, %s::jsonb)"

Act = Callable[[], None]
Client = Callable[[ProductBalance], Act]
"""Connects, and gives what it does again and again with a balance."""


@dataclass(frozen=True)
class Rate:
    """What clients did together."""

    per_second: float
    median: float
    slow: float
    """Milliseconds that one took in the middle, and that one of a hundred took longer than."""


def tell() -> None:
    """Measure everything and print it as a table in Markdown."""
    now = datetime.now(tz=UTC)
    product = builders.make_product("SMS")
    admin = builders.make_person("admin")
    secret = keys.issue_for_product(product=product, name="bench", requests_per_minute=10**6, by=admin, now=now).secret
    many = [_open_filled(product, now) for _ in range(max(CLIENTS))]
    sys.stdout.write(
        f"{_machine()}\n\n| what | balances | clients | a second | of the bare function | median | 99 % |\n"
    )
    sys.stdout.write("| --- | --- | ---: | ---: | ---: | ---: | ---: |\n")
    for where in ("many", "one"):
        for count in CLIENTS:
            used = many[:count] if where == "many" else many[:1] * count
            bare = measure(_bare, used)
            _print("posting function, one posting", where, count, bare, 1, bare)
            _print("`POST /charges`", where, count, measure(_charging(secret), used), 1, bare)
            _print("`POST /holds` and its capture", where, count, measure(_holding(secret), used), 1, bare)
    single, one = measure(_bare, many[:1]), many[:1]
    _print("posting function, 1,000 postings", "one", 1, measure(_bare_batch, one), batches.LARGEST, single)
    _print("`POST /charges:batch` of 1,000", "one", 1, measure(_batching(secret), one), batches.LARGEST, single)


def measure(client: Client, used: Sequence[ProductBalance]) -> Rate:
    """One thread a balance named, all at once; the first calls of each are not counted."""
    start = threading.Barrier(len(used))

    def run(balance: ProductBalance) -> list[float]:
        act, took = client(balance), list[float]()
        for _ in range(3):
            act()
        start.wait(timeout=60)
        end = time.perf_counter() + _SECONDS
        while (began := time.perf_counter()) < end:
            act()
            took.append(time.perf_counter() - began)
        return took

    with ThreadPoolExecutor(len(used)) as pool:
        took = sorted(seconds for one in pool.map(run, used) for seconds in one)
    return Rate(
        per_second=len(took) / _SECONDS,
        median=statistics.median(took) * 1000,
        slow=took[int(len(took) * 0.99)] * 1000,
    )


def _print(what: str, where: str, clients: int, rate: Rate, size: int, bare: Rate) -> None:
    done = rate.per_second * size
    times = f"{rate.median:,.1f} ms | {rate.slow:,.1f} ms"
    sys.stdout.write(f"| {what} | {where} | {clients} | {done:,.0f} | {done / bare.per_second:.2f} | {times} |\n")
    sys.stdout.flush()


def _bare(balance: ProductBalance) -> Act:
    """The database's own function, without anything of ours above it."""
    return _posting(balance, 1)


def _bare_batch(balance: ProductBalance) -> Act:
    return _posting(balance, batches.LARGEST)


def _posting(balance: ProductBalance, size: int) -> Act:
    session = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)

    def line(code: str, side: str) -> dict[str, str]:
        known = {"id": str(new_id()), "account": str(new_id()), "code": code, "side": side}
        return known | {"currency": "USD", "amount": "0.000100"}

    def act() -> None:
        now = datetime.now(tz=UTC)
        product, revenue = balance.product.code, chart.revenue(balance.product.slug)
        drafts = [
            {
                "id": str(new_id()),
                "key": f"bare:{secrets.token_hex(12)}",
                "kind": "CHARGE",
                "lines": [line(product, "DEBIT"), line(revenue, "CREDIT")],
            }
            for _ in range(size)
        ]
        session.execute(_POST, [balance.organisation_id, now, now, json.dumps(drafts)])

    return act


def _charging(secret: str) -> Client:
    def client(balance: ProductBalance) -> Act:
        post = _poster(secret)
        return lambda: _expect(201, post("charges", _usage(balance)))

    return client


def _holding(secret: str) -> Client:
    def client(balance: ProductBalance) -> Act:
        post = _poster(secret)

        def act() -> None:
            status, placed = post("holds", _usage(balance))
            _expect(201, (status, placed))
            _expect(200, post(f"holds/{placed['id']}/capture", {"request_id": "capture"}))

        return act

    return client


def _batching(secret: str) -> Client:
    def client(balance: ProductBalance) -> Act:
        post = _poster(secret)
        return lambda: _expect(
            200, post("charges:batch", {"charges": [_usage(balance) for _ in range(batches.LARGEST)]})
        )

    return client


def _usage(balance: ProductBalance) -> dict[str, str]:
    return {"number": balance.number, "amount": "0.0001", "request_id": secrets.token_hex(12)}


def _poster(secret: str) -> Callable[[str, Any], tuple[int, Any]]:
    session = http.client.HTTPConnection(urlsplit(os.environ["BENCH_BASE"]).netloc, timeout=60)
    headers = {
        "Authorization": f"Bearer {secret}",
        "Content-Type": "application/json",
        "X-Forwarded-Proto": "https",  # as behind the proxy that ends TLS
        "X-Forwarded-For": "192.0.2.1",
    }

    def post(path: str, body: Any) -> tuple[int, Any]:
        session.request("POST", f"/api/v1/{path}", json.dumps(body), headers)
        answer = session.getresponse()
        return answer.status, json.loads(answer.read())

    return post


def _expect(status: int, answer: tuple[int, Any]) -> None:
    if answer[0] != status:
        raise RuntimeError(f"{answer[0]}, not {status}: {answer[1]}")


def _open_filled(product: Any, now: datetime) -> ProductBalance:
    """A million in a balance, which no order brought: the database is thrown away."""
    acme = builders.make_organisation(now=now)
    amount = money.parse_usage("1000000", "USD")
    lines = (ledger.debit(chart.STRIPE_CLEARING, amount), ledger.credit(product.code, amount))
    draft = ledger.Draft(key="fill", kind="TOP_UP", lines=lines)
    ledger.post(organisation_id=acme.pk, drafts=[draft], now=now)
    builders.open_balance(acme, product, now=now)
    return ProductBalance.objects.select_related("product").get(organisation=acme)


def _machine() -> str:
    """What the numbers belong to."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text("utf-8").splitlines() if told.exists() else []
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    with connection.cursor() as cursor:
        cursor.execute("SELECT split_part(version(), ' ', 2), current_setting('synchronous_commit')")
        postgres, commit = cursor.fetchone()
        cursor.execute("SELECT current_setting('fsync')")
        (fsync,) = cursor.fetchone()
    return (
        f"{os.cpu_count()} × {model}; Python {platform.python_version()}, PostgreSQL {postgres}"
        f" (synchronous_commit {commit}, fsync {fsync}), Granian with 2 workers; clients, server and database on this"
        f" one machine; {_SECONDS:g} s a line."
    )
