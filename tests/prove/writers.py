"""Customers who pay, move and use money all the time, until standard input ends; what was committed is printed."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

from django.db import DatabaseError, connections, transaction

from billing import moves, orders, top_ups
from billing.top_ups import TopUp
from products import charges
from products.charges import Usage
from products.models import ProductBalance
from tests import builders
from wallet.models import User

_PAUSE = 0.05


def write(count: int) -> None:
    """Each in a thread of its own. The key of every posting is printed after its commit was answered."""
    ended = threading.Event()
    threads = [threading.Thread(target=_write, args=[ended]) for _ in range(count)]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    ended.set()
    for thread in threads:
        thread.join()


def _write(ended: threading.Event) -> None:
    steps: Iterator[Callable[[], str]] | None = None
    step: Callable[[], str] | None = None
    while not ended.is_set():
        try:
            steps = steps or _live()
            step = step or next(steps)
            key = step()
        except DatabaseError:  # the server is away: the same step is tried again
            connections.close_all()
            time.sleep(_PAUSE)
        else:
            os.write(1, f"{key}\n".encode())
            step = None


def _live() -> Iterator[Callable[[], str]]:
    """One customer's life: each step may be repeated, as its door would repeat it, and gives its posting's key."""
    acme = builders.make_organisation(now=_now())
    product = builders.make_product()
    balance = builders.open_balance(acme, product, now=_now())
    alice = builders.owner_of(acme)
    for number in range(1_000_000):
        paid = builders.wish_for(acme, amount=builders.usd(10))
        moved = builders.move_wish(acme, product, builders.usd(5))
        usage = Usage(request_id=f"r{number}", amount=builders.usd("0.0525"))
        yield partial(_pay, paid, by=alice)
        yield partial(_move, moved, by=alice)
        yield partial(_charge, usage, balance)


def _pay(wish: TopUp, *, by: User) -> str:
    """As Stripe's answer is followed: whoever finds the order paid leaves it."""
    with transaction.atomic():
        order = orders.lock(top_ups.open_order(wish, by=by, now=_now()).pk)
        if not order.is_credited:
            orders.mark_paid(order=order, arrival=builders.by_card(order), by="Stripe", now=_now())
    return f"order:{order.number}:credit"


def _move(wish: TopUp, *, by: User) -> str:
    return f"order:{moves.move(wish, by=by, now=_now()).number}:credit"


def _charge(usage: Usage, balance: ProductBalance) -> str:
    charges.charge(balance=balance, usage=usage, by="a gateway", now=_now())
    return f"charge:{balance.product.slug}:{usage.request_id}"


def _now() -> datetime:
    return datetime.now(UTC)
