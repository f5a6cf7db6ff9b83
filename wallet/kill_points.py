"""Places in the code where a test may end the process as a power cut would. Named by KILL_AT; off in production."""

import os
import signal
from functools import cache
from types import MappingProxyType
from typing import Final

from django.conf import settings

POINTS: Final = MappingProxyType(
    {
        "before-session-made": "The order waits; its customer, or whoever submits again, is brought to Stripe's page.",
        "after-session-made": "The session is found again by its key; nobody can pay the same order twice.",
        "before-event-stored": "Stripe got no answer, and delivers the event again.",
        "after-event-stored": "Stripe got no answer, but the sweep handles the event; a second delivery adds nothing.",
        "after-event-taken": "Another worker takes the event when its lease is over.",
        "after-session-fetched": "As above: what Stripe answered is asked for again.",
        "before-posting": "Nothing of the transaction is there: no PAID order without its posting.",
        "after-posting": "As above: no posting without its PAID order.",
        "before-payment-commits": "As above: a payment is not confirmed without both.",
        "after-payment-committed": "The order is credited; the event is handled again, and that adds nothing.",
        "after-refund-prepared": "The sweep sends the refund with the key that was stored.",
        "before-refund-made": "As above, when its lease is over.",
        "after-refund-made": "The refund at Stripe is found again by its key or mark; there is never a second one.",
        "before-approval-commits": "The transfer is not approved, its order not credited, its bank line not used up.",
        "after-approval-committed": "The order is credited, the sweep sends its mail; another click changes nothing.",
        "between-statement-batches": "No line of the file is there, and the file can be imported again.",
        "before-lines-posted": "The lines are known and in no account; the sweep posts each once.",
        "before-move-commits": "Both balances are as before; the same form moves the money once.",
        "after-charge-posted": "The product's balance has paid; the same request id answers with that charge.",
        "before-document-written": "Its number is free again; the sweep issues the document under it, without a gap.",
        "after-mail-sent": "The mail is sent once more, under the same Message-ID.",
        "after-callback-sent": "The callback is sent once more, with the same id in its body.",
    }
)
"""Every place, with what must hold when a process has died there and others go on."""


def reach(name: str) -> None:
    """Go on, unless a test has armed this place."""
    if name in _armed():
        _end(name)


def _end(name: str) -> None:
    os.write(2, f"killed at {name}\n".encode())  # no buffer of ours is flushed any more
    os.kill(os.getpid(), signal.SIGKILL)


@cache
def _armed() -> frozenset[str]:
    """As the process was started; the settings refuse unknown names, and any name in production."""
    return frozenset(settings.KILL_AT)
