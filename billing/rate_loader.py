"""The daily rate from the configured provider, in Open Exchange Rates' format; a bad answer never becomes a rate.

django-money's own backend for it is not used: it comes with tables without history, and asks without a time limit.
"""

import json
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from django.conf import settings

from billing import rates
from billing.models import ExchangeRate
from wallet.calendar import BOOKS

logger = logging.getLogger(__name__)

_FROM: Final = time_of_day(9)
"""In Shanghai: somebody is there when the rate turns out to be a jump."""

_TIMEOUT_SECONDS: Final = 8
_PATIENCE_SECONDS: Final = 20
_LARGEST_ANSWER: Final = 64 * 1024
_CLOCKS_DIFFER: Final = timedelta(minutes=5)
_OLDEST: Final = timedelta(days=4)
"""A provider that rests at weekends still names Friday's rate on Monday; what is older still is no rate of today."""


class RatesUnavailable(Exception):
    """The provider gave no usable rate; the message says why, and never holds its key."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    rate: Decimal
    stated_at: datetime


def load_daily(*, now: datetime) -> None:
    """Load the business day's rate, from nine in Shanghai on, unless it is there; a failure is tried again later."""
    if not settings.RATES_URL or now.astimezone(BOOKS).time() < _FROM:
        return
    try:
        load(now=now)
    except RatesUnavailable as error:
        logger.warning("The exchange rate could not be loaded, it is tried again later: %s", error)


def load(*, now: datetime) -> ExchangeRate | None:
    """Load the business day's rate; None when it is there already. Call outside a transaction: it asks the network."""
    if rates.is_loaded(now=now):
        return None
    answer = fetch(now=now)
    return rates.load(rate=answer.rate, source=settings.RATES_SOURCE, stated_at=answer.stated_at, now=now)


def fetch(*, now: datetime) -> Answer:
    """What the provider says now."""
    return _read(_ask(settings.RATES_URL, key=settings.RATES_APP_ID), now=now)


def _ask(address: str, *, key: str) -> bytes:
    scheme = urlsplit(address).scheme
    if scheme != "https" and not (scheme == "http" and settings.DEBUG):
        raise RatesUnavailable("RATES_URL must be an https address.")
    wanted = {"symbols": rates.QUOTED, **({"app_id": key} if key else {})}
    try:
        with requests.get(
            address, params=wanted, timeout=_TIMEOUT_SECONDS, allow_redirects=False, stream=True
        ) as response:
            if response.status_code != requests.codes.ok:
                raise RatesUnavailable(f"The provider answers {response.status_code}.")
            return _take(response)
    except (requests.RequestException, OSError) as error:
        # The address in the error's own text holds the key.
        raise RatesUnavailable(f"The provider cannot be reached ({type(error).__name__}).") from None


def _take(response: requests.Response) -> bytes:
    """The body, within a size and a time: a provider that drips would hold the worker.

    Byte by byte, since a larger piece is waited for until it is whole, and the time is looked at only then.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    body = bytearray()
    for piece in response.iter_content(1):
        body += piece
        if len(body) > _LARGEST_ANSWER or time.monotonic() > deadline:
            raise RatesUnavailable("The provider's answer is too long or too slow.")
    return bytes(body)


def _read(body: bytes, *, now: datetime) -> Answer:
    try:
        told = json.loads(body, parse_float=Decimal, parse_int=Decimal, parse_constant=Decimal)
        base, value, stamp = told["base"], told["rates"][rates.QUOTED], told["timestamp"]
    except (ValueError, LookupError, TypeError, RecursionError, ArithmeticError):
        raise RatesUnavailable("The provider's answer cannot be understood.") from None
    if base != rates.BASE:
        raise RatesUnavailable("The provider's rates are not for one US dollar.")
    return Answer(rate=_read_rate(value), stated_at=_read_moment(stamp, now=now))


def _read_rate(value: Any) -> Decimal:
    if isinstance(value, Decimal) and value.is_finite() and 0 < value < rates.LARGEST:
        rate = value.quantize(rates.UNIT, rounding=ROUND_HALF_UP)
        if 0 < rate < rates.LARGEST:
            return rate
    raise RatesUnavailable("The provider names no usable rate.")


def _read_moment(stamp: Any, *, now: datetime) -> datetime:
    if not isinstance(stamp, Decimal) or not stamp.is_finite() or not 0 < stamp < 10**11:
        raise RatesUnavailable("The provider does not say when its rate was made.")
    moment = datetime.fromtimestamp(int(stamp), UTC)
    if not now - _OLDEST < moment < now + _CLOCKS_DIFFER:
        raise RatesUnavailable(f"The provider's rate is of {moment:%Y-%m-%d %H:%M} UTC.")
    return min(moment, now)
