"""Usage over HTTP: charges, holds and batches through the API, beside the bare function of the database."""

import json
import secrets
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from products import batches, keys
from products.models import Product, ProductBalance
from tests import builders
from tests.bench import callers, data, floor, stage
from tests.bench.rounds import Act, Line, measure, take_turns

_CLIENTS: Final = (1, 4, 16)


def usage(*, spenders: Sequence[UUID], now: datetime) -> list[Line]:
    product = builders.make_product("SMS")
    by = builders.make_person("admin")
    secret = keys.issue_for_product(product=product, name="bench", requests_per_minute=10**6, by=by, now=now).secret
    balances = [_open_filled(product, now=now) for _ in spenders]  # pgbench counts on the spenders
    with stage.serve() as base:
        lines = [
            line for count in _CLIENTS for line in _compare(base, secret, balances[:count], "balances of their own")
        ]
        lines += _compare(base, secret, balances[:1] * 4, "one balance")
        lines.append(_compare_batch(base, secret, balances[0]))
    return lines


def _compare(base: str, secret: str, balances: Sequence[ProductBalance], where: str) -> list[Line]:
    clients = len(balances)
    bare = floor.post_to_many if len(set(balances)) == clients else floor.post_to_one
    charges, holds, function = take_turns(
        lambda: measure([partial(_charging, base, secret, balance) for balance in balances]).per_second,
        lambda: measure([partial(_holding, base, secret, balance) for balance in balances]).per_second,
        lambda: bare(clients),
    )
    return [
        Line(
            subject="usage",
            what=f"{act}, {clients} {'client' if clients == 1 else 'clients'}, {where}",
            unit="a second",
            values=values,
            beside="pgbench calling `ledger_post`",
            floors=function,
        )
        for act, values in (("`POST /charges`", charges), ("`POST /holds` and its capture", holds))
    ]


def _compare_batch(base: str, secret: str, balance: ProductBalance) -> Line:
    batch, single = take_turns(
        lambda: measure([partial(_batching, base, secret, balance)]).per_second * batches.LARGEST,
        lambda: floor.post_to_many(1),
    )
    return Line(
        subject="usage",
        what=f"`POST /charges:batch` of {batches.LARGEST:,}, 1 client",
        unit="charges a second",
        values=batch,
        beside="pgbench calling `ledger_post`, 1 posting a call",
        floors=single,
    )


def _charging(base: str, secret: str, balance: ProductBalance) -> Act:
    post = _Caller(base, secret)
    return lambda: post(201, "charges", _usage_of(balance))


def _holding(base: str, secret: str, balance: ProductBalance) -> Act:
    post = _Caller(base, secret)

    def act() -> None:
        placed = post(201, "holds", _usage_of(balance))
        post(200, f"holds/{placed['id']}/capture", {"request_id": "capture"})

    return act


def _batching(base: str, secret: str, balance: ProductBalance) -> Act:
    post = _Caller(base, secret)
    return lambda: post(200, "charges:batch", {"charges": [_usage_of(balance) for _ in range(batches.LARGEST)]})


class _Caller:
    """A product's program."""

    def __init__(self, base: str, secret: str) -> None:
        self._post = callers.connect(base)
        self._key = {"Authorization": f"Bearer {secret}"}

    def __call__(self, status: int, path: str, body: dict[str, Any]) -> Any:
        return json.loads(callers.expect(status, self._post(f"/api/v1/{path}", json.dumps(body).encode(), self._key)))


def _usage_of(balance: ProductBalance) -> dict[str, str]:
    return {"number": balance.number, "amount": "0.0001", "request_id": secrets.token_hex(12)}


def _open_filled(product: Product, *, now: datetime) -> ProductBalance:
    acme = builders.make_organisation(now=now)
    data.fill(acme.pk, code=product.code, now=now)
    builders.open_balance(acme, product, now=now)
    return ProductBalance.objects.select_related("product").get(organisation=acme)
