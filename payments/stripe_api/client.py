"""The client: how Stripe is reached, and what may come of asking."""

from collections.abc import Callable
from functools import cache
from typing import TypeVar

import stripe
from django.conf import settings

API_VERSION = "2026-10-28.endive"
"""What this code was written against; the webhook endpoint is pinned to the same."""

_TIMEOUT_SECONDS = 8

Answer = TypeVar("Answer")


class StripeUnavailable(Exception):
    """No usable answer: unreachable, slow, 5xx, 429, or not what Stripe's API returns. Ask again later."""


class FailureRemembered(StripeUnavailable):
    """Stripe failed at this idempotency key before and would repeat that answer for a day: take another key."""


class StripeRefused(Exception):
    """Stripe understood the request and refuses it; asking again gives the same answer."""

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message
        """In Stripe's words for people, without the request's id."""


@cache
def connect() -> stripe.StripeClient:
    """The SDK's client; one for the process."""
    base = settings.STRIPE_API_BASE
    return stripe.StripeClient(
        settings.STRIPE_SECRET_KEY,
        base_addresses={"api": base, "files": base, "connect": base} if base else None,
        stripe_version=API_VERSION,
        max_network_retries=1,
        http_client=stripe.RequestsClient(timeout=_TIMEOUT_SECONDS),
    )


def ask(call: Callable[[], Answer]) -> Answer:
    """Call Stripe; whatever the SDK raises becomes one of the three above."""
    try:
        return call()
    except (stripe.InvalidRequestError, stripe.IdempotencyError) as error:
        if error.http_status in {400, 404}:
            raise StripeRefused(str(error), reason=error.user_message or "") from error
        raise StripeUnavailable(str(error)) from error
    except stripe.StripeError as error:
        if (error.http_status or 0) >= 500 and (error.headers or {}).get("Idempotent-Replayed") == "true":
            raise FailureRemembered(str(error)) from error
        raise StripeUnavailable(str(error)) from error


def is_live() -> bool:
    """Whether our key moves real money."""
    return "_live_" in settings.STRIPE_SECRET_KEY
