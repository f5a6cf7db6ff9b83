"""Everybody in front of the site, each with a person of the cast to be."""

import json
import os
import random
import time
from itertools import count
from pathlib import Path
from typing import Any, Final

from locust import HttpUser
from locust.exception import StopUser

from tests.load.browsing import Browser, Missed

_CAST: Final[dict[str, Any]] = json.loads(Path(os.environ["LOAD_CAST"]).read_text())
_FOLDER: Final = Path(os.environ["LOAD_FAILURES"])
_IPS: Final = count(1)


def choose(name: str) -> Any:
    """Somebody nobody else is; the cast has enough of them."""
    return _CAST[name].pop(0)


def secret_of(slug: str) -> str:
    return str(_CAST["services"][slug])


def look_around() -> list[dict[str, Any]]:
    """The customers whose product numbers programs charge."""
    return list(_CAST["charged"])


def pause(shortest: float = 1.5, longest: float = 4) -> None:
    """What reading or typing takes."""
    time.sleep(random.uniform(shortest, longest))


class Person(HttpUser):
    """Logs in once, and again when asked to."""

    abstract = True
    kind = ""
    password: str = _CAST["password"]

    def on_start(self) -> None:
        self.person = choose(self.kind)
        place = next(_IPS)
        self.browser = Browser(
            client=self.client,
            site=str(self.host),
            folder=_FOLDER,
            ip=f"10.0.{place // 250}.{place % 250 + 1}",
            secret=self.person.get("secret", ""),
        )
        self.email = str(self.person["email"])
        try:
            self.browser.log_in(self.email, self.password)
        except Missed as missed:
            raise StopUser from missed
