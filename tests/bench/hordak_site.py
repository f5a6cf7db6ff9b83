"""The same two-leg posting by django-hordak's own API, in a virtual environment of its own; answers in JSON.

Run by `tests/bench/hordak.py` as a plain script: `hordak_site.py migrate`, or `hordak_site.py post CLIENTS SECONDS`.
"""

import json
import multiprocessing
import os
import sys
import time
from importlib import import_module
from typing import Any

import dj_database_url
import django
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from moneyed import Money

settings.configure(
    DATABASES={"default": {**dj_database_url.parse(os.environ["HORDAK_DATABASE_URL"]), "CONN_MAX_AGE": 600}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "mptt", "hordak"],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    USE_TZ=True,
    SECRET_KEY="bench",  # nothing is signed
    DEFAULT_CURRENCY="USD",
    CURRENCIES=["USD"],
)
django.setup()
Account: Any = import_module("hordak.models").Account


def post(clients: int, seconds: float) -> float:
    """Transfers a second of clients in processes of their own, each between two accounts of its own."""
    pairs = [(_open(number, "LI"), _open(number, "IN")) for number in range(clients)]
    connections.close_all()
    context = multiprocessing.get_context("fork")
    start, told = context.Barrier(clients), context.SimpleQueue()
    children = [context.Process(target=_transfer, args=(*pair, start, told, seconds)) for pair in pairs]
    for child in children:
        child.start()
    rates: list[float] = [told.get() for _ in children]
    for child in children:
        child.join()
    return sum(rates)


def _open(number: int, kind: str) -> int:
    name = f"{kind} {number}"
    found = Account.objects.filter(name=name).first()
    account = found or Account.objects.create(name=name, code="", type=kind, currencies=["USD"])
    return int(account.pk)


def _transfer(source_id: int, target_id: int, start: Any, told: Any, seconds: float) -> None:
    source, target, amount = Account.objects.get(pk=source_id), Account.objects.get(pk=target_id), Money("0.01", "USD")
    for _ in range(3):
        source.transfer_to(target, amount)
    start.wait()
    began = time.perf_counter()
    count = 0
    while time.perf_counter() < began + seconds:
        source.transfer_to(target, amount)
        count += 1
    told.put(count / (time.perf_counter() - began))


if __name__ == "__main__":
    if sys.argv[1] == "migrate":
        call_command("migrate", verbosity=0)
    else:
        print(json.dumps(post(int(sys.argv[2]), float(sys.argv[3]))))  # noqa: T201  # the answer
