"""The site on a real port, with Stripe's stand-in calling its webhook: whole stories over HTTP."""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
import requests
from django.conf import LazySettings
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.test import Client
from werkzeug.serving import WSGIRequestHandler, make_server

from payments import stripe_api
from payments.standin.client import StandIn
from wallet.models import User


class SilentHandler(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class Site:
    address: str
    stripe: StandIn


@dataclass
class Browser:
    """A customer's browser, logged in; it follows redirects wherever they lead."""

    site: Site
    user: User
    http: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.http.trust_env = False
        key = Client()
        key.force_login(self.user)
        self.http.cookies.set("sessionid", key.cookies["sessionid"].value)

    def open(self, path: str) -> requests.Response:
        return self.http.get(self.site.address + path, timeout=30)

    def send(self, path: str, form: dict[str, str]) -> requests.Response:
        return self.http.post(self.site.address + path, data=form, timeout=30)

    def top_up(self, amount: str) -> requests.Response:
        """Fill in the form as shown and follow it to Stripe's page."""
        page = self.open("/topup/").text
        hidden = dict(re.findall(r'name="(csrfmiddlewaretoken|form_token)" value="([^"]+)"', page))
        return self.send("/topup/", {**hidden, "method": "card", "currency": "USD", "amount": amount})

    def pay(self, page: requests.Response, *, card: str = "4242 4242 4242 4242") -> requests.Response:
        """Pay on Stripe's page and come back."""
        form = {"email": self.user.email, "method": "card", "number": card, "expiry": "12 / 40", "cvc": "123"}
        return self.http.post(page.url, data=form, timeout=30)


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def site(committed: None, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Each request has a thread, so no connection may outlive its request."""
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    server = make_server("127.0.0.1", 0, get_wsgi_application(), threaded=True, request_handler=SilentHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.port}"
    settings.SITE_URL = address
    secret = settings.STRIPE_WEBHOOK_SECRETS[0]
    with StandIn.start(
        webhook_url=f"{address}/payments/stripe/webhook/", options=("--webhook-secret", secret)
    ) as stripe:
        settings.STRIPE_API_BASE = stripe.base
        stripe_api.connect.cache_clear()
        yield Site(address=address, stripe=stripe)
        stripe.reset()
    stripe_api.connect.cache_clear()
    server.shutdown()
    server.server_close()
    thread.join()
