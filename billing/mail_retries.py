"""When a mail that could not be sent is tried again: after growing pauses, for three days."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Q, QuerySet

PAUSES: Final = (
    timedelta(minutes=5),
    timedelta(minutes=10),
    timedelta(minutes=20),
    timedelta(minutes=40),
    timedelta(minutes=80),
    timedelta(minutes=160),
    *[timedelta(hours=6)] * 11,
)
"""How long after each attempt the next one follows; after the last of them the mail is given up."""


def due(now: datetime) -> Q:
    """The condition of rows with `attempts`, `claimed_at` and `sent_at`: what nobody sends at present, and is not sent.

    A row nobody tried yet is due one first pause after its `claimed_at`; whoever writes it dates it back.
    """
    reached = Q(attempts=0, claimed_at__lte=now - PAUSES[0])
    for attempts, pause in enumerate(PAUSES, start=1):
        reached |= Q(attempts=attempts, claimed_at__lte=now - pause)
    return Q(sent_at__isnull=True, claimed_at__lte=now - PAUSES[0]) & reached


def start_again(mails: QuerySet[Any], *, now: datetime) -> bool:
    """Let the next sweep try these mails at once, with all their attempts before them; False when there is none that
    waits: it was sent, or somebody is sending it at present.
    """
    waiting = mails.filter(sent_at__isnull=True, claimed_at__lte=now - PAUSES[0])
    return bool(waiting.update(claimed_at=now - PAUSES[0], attempts=0))
