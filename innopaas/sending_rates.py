"""How often one person may send what moves money. Counted in PostgreSQL, where the money is: whoever cannot be counted
sends nothing.
"""

import math
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.core.cache import cache
from django.db import DatabaseError, transaction

from wallet.models import User

MOST: Final = 60
"""So many in any minute. Nobody clicks as often; a script that tries amounts or numbers does."""

WINDOW: Final = timedelta(minutes=1)

COUNTED: Final = frozenset({
    "payments:topup", "payments:product_topup", "payments:move_several", "payments:continue", "payments:cancel",
    "payments:transfer", "payments:transfers", "billing:undo", "billing:refund", "billing:refund_withdraw",
    "billing:auto_fill", "billing:auto_fill_off",
})  # fmt: skip
"""Customers' pages that move money, or let it be moved, by URL name. They are counted together."""


class Uncounted(Exception):
    """The counter cannot be reached, so nothing may pass."""


def count(*, user_id: UUID, now: datetime) -> int:
    """Counts one more; the seconds to wait where it was too many, which then is not counted. Raises `Uncounted`.

    The person's row is locked meanwhile, so that of many at once each is counted.
    """
    try:
        with transaction.atomic():
            User.objects.select_for_update(no_key=True).only("pk").get(pk=user_id)
            return _count(f"money:{user_id}", now.timestamp())
    except DatabaseError as error:
        raise Uncounted from error


def _count(key: str, now: float) -> int:
    sent: list[float] = [at for at in cache.get(key, []) if at > now - WINDOW.total_seconds()]
    if len(sent) >= MOST:
        return max(math.ceil(sent[0] + WINDOW.total_seconds() - now), 1)
    counted = [*sent, now]
    cache.set(key, counted, timeout=WINDOW.total_seconds())
    if cache.get(key) != counted:  # what the database refuses to write, its cache passes over in silence
        raise Uncounted
    return 0
