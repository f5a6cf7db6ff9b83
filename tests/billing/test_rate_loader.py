"""The daily rate of a provider, tried against a real server: only a good answer becomes a rate."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from io import StringIO
from threading import Thread
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.utils import timezone
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from billing import rate_loader, rates
from billing.models import ExchangeRate
from tests import people
from tests.races import run_at_once

KEY = "key-that-nobody-may-read"


class SilentHandler(WSGIRequestHandler):
    def log(self, *args: Any, **kwargs: Any) -> None:
        pass


class Provider:
    """What the provider answers next, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.answer: Callable[[], Response] = lambda: Response("nothing", 404)

    def says(self, **told: Any) -> None:
        self.sends(json.dumps(told))

    def sends(self, body: str | bytes, *, status: int = 200, **headers: str) -> None:
        self.answer = lambda: Response(body, status, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.asked.append(Request(environ))
        return self.answer()(environ, start_response)


@pytest.fixture(scope="module")
def server() -> Iterator[BaseWSGIServer]:
    """One for the whole module: stopping it takes half a second."""
    server = make_server("127.0.0.1", 0, Provider(), threaded=True, request_handler=SilentHandler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.fixture
def provider(server: BaseWSGIServer, settings: LazySettings) -> Provider:
    settings.DEBUG = True
    settings.RATES_URL = f"http://127.0.0.1:{server.port}/api/latest.json"
    settings.RATES_APP_ID = KEY
    settings.RATES_SOURCE = "Open Exchange Rates"
    server.app = provider = Provider()
    return provider


def good(now: datetime, rate: Any = 7.2, **changed: Any) -> dict[str, Any]:
    return {"base": "USD", "timestamp": int(now.timestamp()), "rates": {"CNY": rate, "EUR": 0.9}} | changed


@pytest.mark.django_db
def test_a_good_answer_becomes_todays_rate(provider: Provider, now: datetime) -> None:
    provider.says(**good(now - timedelta(hours=1), 7.1987654))

    loaded = rate_loader.load(now=now)

    assert loaded is not None
    assert (loaded.rate, loaded.source, loaded.stated_at, loaded.effective_at, loaded.entered_by) == (
        Decimal("7.198765"),  # half up to six places
        "Open Exchange Rates",
        now - timedelta(hours=1),
        now,
        None,
    )
    asked = provider.asked[0]
    assert (asked.path, asked.args["symbols"], asked.args["app_id"]) == ("/api/latest.json", "CNY", KEY)


@pytest.mark.django_db
def test_a_day_is_asked_for_once(provider: Provider, now: datetime) -> None:
    provider.says(**good(now))
    rate_loader.load_daily(now=now)
    rate_loader.load_daily(now=now + timedelta(minutes=10))
    assert rate_loader.load(now=now + timedelta(minutes=10)) is None
    assert len(provider.asked) == 1
    assert ExchangeRate.objects.count() == 1


def test_two_loaders_at_once_leave_one_rate(
    committed: None, fresh_database: None, provider: Provider, now: datetime
) -> None:
    provider.says(**good(now))
    outcomes = run_at_once([lambda: rate_loader.load(now=now)] * 4)
    assert sum(isinstance(outcome, ExchangeRate) for outcome in outcomes) == 1
    assert outcomes.count(None) == 3


@pytest.mark.django_db
def test_the_sweep_begins_at_nine_in_shanghai(provider: Provider, now: datetime) -> None:
    provider.says(**good(now))
    nine = now - timedelta(hours=3)
    rate_loader.load_daily(now=nine - timedelta(microseconds=1))
    assert provider.asked == []
    provider.says(**good(nine))
    rate_loader.load_daily(now=nine)
    assert ExchangeRate.objects.count() == 1


@pytest.mark.django_db
def test_without_an_address_the_sweep_does_nothing(provider: Provider, settings: LazySettings, now: datetime) -> None:
    settings.RATES_URL = ""
    rate_loader.load_daily(now=now)
    assert provider.asked == []


@pytest.mark.django_db
def test_a_failed_load_is_tried_again(provider: Provider, now: datetime, caplog: pytest.LogCaptureFixture) -> None:
    provider.sends("down for maintenance", status=503)
    with caplog.at_level(logging.WARNING):
        rate_loader.load_daily(now=now)
    assert "The provider answers 503" in caplog.text
    assert not ExchangeRate.objects.exists()

    provider.says(**good(now))
    rate_loader.load_daily(now=now + timedelta(minutes=10))
    assert rates.quote(now=now + timedelta(minutes=10)).rate == Decimal("7.2")


@pytest.mark.django_db
def test_a_loaded_jump_waits(provider: Provider, now: datetime) -> None:
    rates.enter(rate=Decimal("7.2"), source="by hand", by=people.make_staff("fiona", "finance"), now=now)
    provider.says(**good(now, 72))

    loaded = rate_loader.load(now=now)

    assert loaded is not None
    assert loaded.state == ExchangeRate.State.WAITING
    assert rates.quote(now=now).rate == Decimal("7.2")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Please log in</body></html>",
        b"",
        b"{",
        b"[]",
        b"null",
        b"7.2",
        b"\xff\xfe\x00",
        b"[" * 60_000,
        b'{"base": "USD", "timestamp": TIME}',
        b'{"base": "USD", "timestamp": TIME, "rates": {}}',
        b'{"base": "USD", "timestamp": TIME, "rates": {"EUR": 0.9}}',
        b'{"base": "USD", "timestamp": TIME, "rates": []}',
        b'{"base": "USD", "timestamp": TIME, "rates": {"CNY": NaN}}',
        b'{"base": "USD", "timestamp": TIME, "rates": {"CNY": Infinity}}',
        b'{"base": "USD", "timestamp": TIME, "rates": {"CNY": -Infinity}}',
        b'{"base": "USD", "timestamp": TIME, "rates": {"CNY": 0}}',
        b'{"base": "USD", "timestamp": TIME, "rates": {"CNY": 0.0000001}}',
        b'{"base": "USD", "timestamp": TIME, "rates": {"CNY": 1e-400}}',
        b'{"base": "USD", "timestamp": TIME, "rates": {"CNY": -7.2}}',
        b'{"base": "USD", "timestamp": TIME, "rates": {"CNY": 1e400}}',
        b'{"base": "USD", "timestamp": TIME, "rates": {"CNY": 1e99999999999999999999}}',
        b'{"base": "USD", "timestamp": TIME, "rates": {"CNY": 1000000}}',
        b'{"base": "USD", "timestamp": TIME, "rates": {"CNY": 999999.9999999}}',
        b'{"base": "USD", "timestamp": TIME, "rates": {"CNY": "7.2"}}',
        b'{"base": "USD", "timestamp": TIME, "rates": {"CNY": true}}',
        b'{"base": "USD", "timestamp": TIME, "rates": {"CNY": null}}',
        b'{"base": "USD", "timestamp": TIME, "rates": {"CNY": [7.2]}}',
        b'{"base": "EUR", "timestamp": TIME, "rates": {"CNY": 7.9}}',
        b'{"timestamp": TIME, "rates": {"CNY": 7.2}}',
        b'{"base": "USD", "rates": {"CNY": 7.2}}',
        b'{"base": "USD", "timestamp": "today", "rates": {"CNY": 7.2}}',
        b'{"base": "USD", "timestamp": null, "rates": {"CNY": 7.2}}',
        b'{"base": "USD", "timestamp": NaN, "rates": {"CNY": 7.2}}',
        b'{"base": "USD", "timestamp": -1, "rates": {"CNY": 7.2}}',
        b'{"base": "USD", "timestamp": 1e400, "rates": {"CNY": 7.2}}',
        b'{"base": "USD", "timestamp": OLD, "rates": {"CNY": 7.2}}',
        b'{"base": "USD", "timestamp": FUTURE, "rates": {"CNY": 7.2}}',
        b'{"base": "USD", "timestamp": MILLISECONDS, "rates": {"CNY": 7.2}}',
        b" " * 66_000 + b'{"base": "USD", "timestamp": TIME, "rates": {"CNY": 7.2}}',
    ],
    ids=lambda body: body[-70:].decode("ascii", "replace"),
)
def test_a_bad_answer_never_becomes_a_rate(body: bytes, provider: Provider, now: datetime) -> None:
    moment = int(now.timestamp())
    for word, stamp in {
        b"TIME": moment,
        b"OLD": moment - 4 * 24 * 3600,
        b"FUTURE": moment + 300,
        b"MILLISECONDS": moment * 1000,
    }.items():
        body = body.replace(word, str(stamp).encode())
    provider.sends(body)

    with pytest.raises(rate_loader.RatesUnavailable):
        rate_loader.load(now=now)
    assert not ExchangeRate.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("status", [201, 204, 301, 302, 400, 401, 403, 404, 429, 500, 503])
def test_only_a_plain_200_is_an_answer(status: int, provider: Provider, now: datetime) -> None:
    """Above all, no redirect is followed: it would carry the key elsewhere."""
    body = b"" if status == 204 else json.dumps(good(now))
    provider.sends(body, status=status, Location="/elsewhere")
    with pytest.raises(rate_loader.RatesUnavailable, match=str(status)):
        rate_loader.load(now=now)
    assert len(provider.asked) == 1


@pytest.mark.django_db
def test_an_answer_cut_short_never_becomes_a_rate(provider: Provider, now: datetime) -> None:
    whole = json.dumps(good(now))
    provider.sends(whole[:-2], Content_Length=str(len(whole)))
    with pytest.raises(rate_loader.RatesUnavailable):
        rate_loader.load(now=now)


@pytest.mark.django_db
def test_a_provider_that_hangs_or_drips_is_given_up(
    provider: Provider, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_loader, "_TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(rate_loader, "_PATIENCE_SECONDS", 0.5)

    def hang() -> Response:
        time.sleep(0.6)
        return Response(json.dumps(good(now)))

    def drip() -> Response:
        def pieces() -> Iterator[bytes]:
            for _ in range(30):
                yield b" "
                time.sleep(0.1)

        return Response(pieces())

    for slow in (hang, drip):
        provider.answer = slow
        begun = time.monotonic()
        with pytest.raises(rate_loader.RatesUnavailable):
            rate_loader.load(now=now)
        assert time.monotonic() - begun < 2


@pytest.mark.django_db
def test_a_provider_that_is_away_is_named_without_its_key(
    provider: Provider, settings: LazySettings, now: datetime
) -> None:
    settings.RATES_URL = "http://127.0.0.1:1/latest.json"
    with pytest.raises(rate_loader.RatesUnavailable) as caught:
        rate_loader.load(now=now)
    assert str(caught.value) == "The provider cannot be reached (ConnectionError)."
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "127.0.0.1"])
def test_only_https_is_asked_outside_of_development(
    address: str, provider: Provider, settings: LazySettings, now: datetime
) -> None:
    settings.DEBUG = False
    settings.RATES_URL = address
    with pytest.raises(rate_loader.RatesUnavailable, match="must be an https address"):
        rate_loader.fetch(now=now)


@pytest.mark.django_db
def test_the_command_says_what_it_loaded_and_repeats_without_harm(provider: Provider) -> None:
    now = timezone.now()
    provider.says(**good(now))
    said = StringIO()
    call_command("load_rates", stdout=said)
    call_command("load_rates", stdout=said)
    assert said.getvalue().splitlines() == ["1 USD = 7.2000 CNY", "Today's rate is there already."]


@pytest.mark.django_db
def test_the_command_says_why_it_loaded_nothing(provider: Provider, settings: LazySettings) -> None:
    provider.sends("<html>")
    with pytest.raises(CommandError, match="cannot be understood"):
        call_command("load_rates")
    settings.RATES_URL = ""
    with pytest.raises(CommandError, match="finance enters the rates by hand"):
        call_command("load_rates")


@pytest.mark.django_db
def test_the_command_says_that_a_jump_waits(provider: Provider) -> None:
    now = timezone.now()
    rates.enter(rate=Decimal("7.2"), source="by hand", by=people.make_staff("fiona", "finance"), now=now)
    provider.says(**good(now, 8))
    said = StringIO()
    call_command("load_rates", stdout=said)
    assert "1 USD = 8.0000 CNY is a jump: it waits" in said.getvalue()
