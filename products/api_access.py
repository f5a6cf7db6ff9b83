"""Who calls the API, what the key may do, and how often it may ask."""

import math
import time
from datetime import datetime, timedelta
from functools import cache
from threading import Lock
from typing import Final

import structlog
from django.conf import settings
from django.http import HttpRequest  # noqa: TID251  # part of the doors: it answers for views
from django.utils import timezone
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from ninja.security import HttpBearer
from redis import ConnectionPool, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from products import keys
from products.api_answers import Problem, Refused
from products.models import ApiKey

log = structlog.get_logger(__name__)

REDIS_PATIENCE: Final = 0.25
"""Seconds that one request waits for Redis at the most."""

REDIS_PAUSE: Final = timedelta(seconds=10)
"""So long Redis is not asked again after it did not answer."""


class KeyRequest(HttpRequest):
    """A request of a caller whose key is known."""

    auth: ApiKey


class Bearer(HttpBearer):
    """Takes keys of these kinds. One class, so that the API's description has one way to give a key."""

    def __init__(self, *kinds: ApiKey.Kind) -> None:
        super().__init__()
        self._kinds = frozenset(kinds)

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey:  # noqa: ARG002  # ninja's contract
        """Raises `Refused`. The key is looked up for every request, so revoking it counts at once."""
        key = keys.find(secret=token)
        if key is None:
            raise Refused(Problem.UNAUTHENTICATED)
        now = timezone.now()  # noqa: TID251  # as above
        if wait := _counter.count(key, now=now):
            raise Refused(Problem.TOO_MANY_REQUESTS, headers={"Retry-After": str(wait)})
        keys.note_use(key=key, now=now)
        if key.kind not in self._kinds:
            raise Refused(Problem.NOT_ALLOWED)
        return key


ANY_KEY: Final = Bearer(*ApiKey.Kind)

SERVICE_KEY: Final = Bearer(ApiKey.Kind.SERVICE)
"""A key of a product's back end."""

ORGANISATION_KEY: Final = Bearer(ApiKey.Kind.ORGANISATION)
"""A key of an organisation, which only reads."""


class Counter:
    """Counts the requests of each key over the last minute: in Redis, all processes together; while Redis is away, in
    this process alone, so that a caller may then ask as often as there are processes. It never fails.
    """

    def __init__(self) -> None:
        self._alone = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._ask_again_at: datetime | None = None
        self._lock = Lock()

    def count(self, key: ApiKey, *, now: datetime) -> int:
        """The seconds to wait before the next request; 0 when this one may pass."""
        rate = RateLimitItemPerMinute(key.requests_per_minute)
        if self._may_ask(now):
            try:
                return _hit(_redis(settings.REDIS_URL), rate, key)
            except RedisError as error:
                self._turn_away(error, now)
        return _hit(self._alone, rate, key)

    def _may_ask(self, now: datetime) -> bool:
        return self._ask_again_at is None or now >= self._ask_again_at

    def _turn_away(self, error: RedisError, now: datetime) -> None:
        with self._lock:
            is_news = self._may_ask(now)
            self._ask_again_at = now + REDIS_PAUSE
        if is_news:
            log.warning("API counts its callers without Redis", error=type(error).__name__)


def _hit(limiter: SlidingWindowCounterRateLimiter, rate: RateLimitItemPerMinute, key: ApiKey) -> int:
    who = str(key.pk)
    if limiter.hit(rate, who):
        return 0
    free_at = limiter.get_window_stats(rate, who).reset_time
    return min(max(math.ceil(free_at - time.time()), 1), rate.get_expiry())


@cache
def _redis(url: str) -> SlidingWindowCounterRateLimiter:
    """Connects when first asked; one attempt, no retries, as a caller is waiting."""
    pool = ConnectionPool.from_url(
        url,
        socket_connect_timeout=REDIS_PATIENCE,
        socket_timeout=REDIS_PATIENCE,
        retry=Retry(NoBackoff(), 0),
    )
    return SlidingWindowCounterRateLimiter(RedisStorage("redis://", connection_pool=pool, key_prefix="innopaas:api"))


_counter: Final = Counter()
