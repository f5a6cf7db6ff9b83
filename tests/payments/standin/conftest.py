"""One stand-in process for the run, the real stripe client, and a webhook that remembers."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import stripe
from werkzeug import Request, Response
from werkzeug.serving import WSGIRequestHandler, make_server

from payments.standin.client import StandIn

SECRET = "whsec_tests"


class SilentHandler(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        pass


@dataclass
class Webhook:
    """Takes every delivery; `answers` are used up first, then 200."""

    url: str = ""
    answers: list[Response] = field(default_factory=list)
    received: list[Request] = field(default_factory=list)
    pause: float = 0
    busy: int = 0
    most_busy: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        request.get_data()
        with self._lock:
            self.received.append(request)
            answer = self.answers.pop(0) if self.answers else Response("", 200)
            self.busy += 1
            self.most_busy = max(self.most_busy, self.busy)
        time.sleep(self.pause)
        with self._lock:
            self.busy -= 1
        return answer(environ, start_response)

    def events(self) -> list[stripe.Event]:
        """What arrived, checked with the SDK's own verification."""
        return [
            stripe.Webhook.construct_event(each.get_data(), each.headers["Stripe-Signature"], SECRET)
            for each in self.received
        ]

    def types(self) -> list[str]:
        return [event.type for event in self.events()]


@pytest.fixture(scope="session")
def process() -> Iterator[StandIn]:
    with StandIn.start(webhook_secret=SECRET) as running:
        yield running


@pytest.fixture
def stand_in(process: StandIn) -> Iterator[StandIn]:
    yield process
    process.reset()


@pytest.fixture
def webhook(stand_in: StandIn) -> Iterator[Webhook]:
    webhook = Webhook()
    server = make_server("127.0.0.1", 0, webhook, threaded=True, request_handler=SilentHandler)
    webhook.url = f"http://127.0.0.1:{server.port}/webhook/"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    stand_in.switch(webhook_url=webhook.url)
    yield webhook
    stand_in.reset()
    server.shutdown()
    server.server_close()
    thread.join()


def client_of(base: str, *, key: str = "sk_test_tests", retries: int = 0, timeout: float = 20) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        base_addresses={"api": base, "files": base, "connect": base},
        max_network_retries=retries,
        http_client=stripe.RequestsClient(timeout=timeout),
    )


@pytest.fixture
def client(stand_in: StandIn) -> stripe.StripeClient:
    return client_of(stand_in.base)


def wanted(**more: Any) -> Any:
    """Parameters of a card top-up of $100, some of them replaced."""
    amount = more.pop("amount", 10_000)
    name = more.pop("name", "Wallet top-up")
    currency = more.pop("currency", "usd")
    return {
        "mode": "payment",
        "line_items": [
            {
                "price_data": {
                    "currency": currency,
                    "unit_amount": amount,
                    "product_data": {"name": name, "description": "Order TU1"},
                },
                "quantity": 1,
            }
        ],
        "success_url": "http://127.0.0.1:1/return/?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://127.0.0.1:1/topup/",
        "client_reference_id": "TU1",
        "customer_email": "alice@example.com",
        "metadata": {"order": "TU1"},
        "payment_intent_data": {"metadata": {"order": "TU1"}},
        **more,
    }


@pytest.fixture
def make_session(client: stripe.StripeClient) -> Callable[..., Any]:
    def make(**more: Any) -> Any:
        return client.v1.checkout.sessions.create(wanted(**more))

    return make
