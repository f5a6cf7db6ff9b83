"""Pages: questions they ask the database, and how many a second, beside the same template without any question."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final

from django.db import connection
from django.http import HttpResponseBase
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.models import Order
from tests.bench import bare_pages
from tests.bench.data import Trader
from tests.bench.rounds import SECONDS, Line, middle_of, take_turns
from wallet.calendar import business_date

MOST_QUERIES: Final = 12
_TIMES: Final = max(int(12 * SECONDS), 10)


def pages(trader: Trader) -> list[Line]:
    newest = _find(trader, "-created_at")
    addresses = {
        "home": reverse("home"),
        "top-up": reverse("payments:topup"),
        "Order Details": reverse("billing:orders"),
        "one order": reverse("billing:order", args=[newest.number]),
    }
    client = come_in(trader)
    return [line for name, address in addresses.items() for line in _compare(client, name, address)]


def lists(small: Trader, large: Trader) -> list[Line]:
    """First and last page of a long list beside those of a short one."""
    lines = []
    for name, list_addresses in (("order list", _list_orders), ("statement of a year", _list_entries)):
        ours, theirs = list_addresses(large), list_addresses(small)
        for place, page in enumerate(("first", "last")):
            long, short = take_turns(
                partial(time_page, come_in(large), ours[place]), partial(time_page, come_in(small), theirs[place])
            )
            lines.append(
                Line(
                    subject="lists",
                    what=f"{name}, {page} page, of {large.orders:,} orders",
                    unit="ms",
                    values=long,
                    beside=f"of {small.orders:,} orders",
                    floors=short,
                    most=1.5,
                )
            )
        first, last = take_turns(
            partial(time_page, come_in(large), ours[0]), partial(time_page, come_in(large), ours[1])
        )
        lines.append(
            Line(
                subject="lists",
                what=f"{name}, last page, of {large.orders:,} orders",
                unit="ms",
                values=last,
                beside="its first page",
                floors=first,
                most=1.5,
            )
        )
    return lines


def come_in(trader: Trader) -> Client:
    """A browser that its owner is logged in with; each request goes through every layer but the socket."""
    client = Client(headers={"x-forwarded-proto": "https", "host": "127.0.0.1"})
    client.force_login(trader.owner)
    return client


def time_page(client: Client, address: str) -> float:
    """Milliseconds of a request, in the middle."""
    return middle_of(lambda: _get(client, address), times=_TIMES)


def first_pages(trader: Trader) -> dict[str, Callable[[], float]]:
    """What measures each page that grows with its organisation, in milliseconds."""
    client = come_in(trader)
    return {
        "home": partial(time_page, client, reverse("home")),
        "order list, last page": partial(time_page, client, _list_orders(trader)[1]),
        "statement, last page": partial(time_page, client, _list_entries(trader)[1]),
    }


def _compare(client: Client, name: str, address: str) -> Sequence[Line]:
    bare = _keep(client, name.replace(" ", "-").lower(), address)
    real, floor = take_turns(lambda: 1000 / time_page(client, address), lambda: 1000 / time_page(client, bare))
    asked, asked_bare = _count_queries(client, address), _count_queries(client, bare)
    return [
        Line(
            subject="pages",
            what=f"{name}: queries",
            unit="a page",
            values=[asked],
            most=MOST_QUERIES,
            note=f"the bare view asks {asked_bare}",
        ),
        Line(
            subject="pages",
            what=f"{name}: rendered by one process",
            unit="a second",
            values=real,
            beside="a bare view with the same session, template and context",
            floors=floor,
        ),
    ]


def _count_queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as asked:
        _get(client, address)
    return len(asked)


def _keep(client: Client, name: str, address: str) -> str:
    """Let the bare view have what the real one found out, and give the bare view's address."""
    answer: Any = _get(client, address)
    found = answer.context[0].dicts[2:]  # before it stands what context processors add to any page, the bare one too
    bare_pages.KEPT[name] = (answer.templates[0].name, {key: value for part in found for key, value in part.items()})
    return f"/bench/kept/{name}/"


def _get(client: Client, address: str) -> HttpResponseBase:
    answer = client.get(address)
    if answer.status_code != 200:
        raise RuntimeError(f"{address}: {answer.status_code}")
    return answer


def _list_orders(trader: Trader) -> tuple[str, str]:
    address = reverse("billing:orders")
    oldest = Order.objects.filter(organisation=trader.organisation).order_by("created_at", "id")
    return address, f"{address}?after={oldest[25].number}"


def _list_entries(trader: Trader) -> tuple[str, str]:
    newest = _find(trader, "-created_at")
    last = business_date(newest.created_at)
    address = f"{reverse('billing:statement')}?balance=wallet&from={last - timedelta(days=364)}&to={last}"
    return address, f"{address}&before=51"


def _find(trader: Trader, order_by: str) -> Order:
    return Order.objects.filter(organisation=trader.organisation).order_by(order_by)[0]
