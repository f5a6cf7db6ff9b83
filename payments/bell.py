"""The bell at the inbox: many events that come while no worker has listened yet wake one of them once."""

import logging
import time
from functools import cache
from typing import Final

from django.conf import settings
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

PATIENCE: Final = 0.25
"""Seconds that a webhook waits for Redis to take the connection, and to answer: rung or not, it is answered itself."""

PAUSE: Final = 2.0
"""Seconds for which Redis is left alone after it did not answer. The sweep finds what nobody was woken for."""

_RINGING: Final = "inbox:ringing"
_FADES_AFTER: Final = 5
"""Seconds after which it may be rung again though nobody has listened: the wake-up was lost, or its worker died."""


class Bell:
    """It only saves wake-ups, so it may be wrong: heard too often costs an empty look, too seldom ten seconds."""

    def __init__(self) -> None:
        self._quiet_until = 0.0

    def ring(self) -> bool:
        """Whether a worker has to be woken: nobody rang since one last listened. False, too, while Redis is away."""
        if time.monotonic() < self._quiet_until:
            return False
        try:
            return bool(_redis(settings.REDIS_URL).set(_RINGING, 1, nx=True, ex=_FADES_AFTER))
        except RedisError as error:
            self.rest(error)
            return False

    def listen(self) -> None:
        """Called before the inbox is read: what comes from now on rings anew."""
        try:
            _redis(settings.REDIS_URL).delete(_RINGING)
        except RedisError as error:
            self.rest(error)

    def rest(self, error: Exception) -> None:
        """There is no broker to wake a worker with."""
        self._quiet_until = time.monotonic() + PAUSE
        logger.warning("no broker to wake a worker with, the sweep will do it: %s", error)


@cache
def _redis(url: str) -> Redis:
    return Redis.from_url(url, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE, retry=Retry(NoBackoff(), 0))
