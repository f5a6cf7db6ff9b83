"""What is stuck: everything that should have gone on by itself and has not, each with the one act that helps.

It is read from rows alone: nobody outside is asked, so that the page answers while Stripe does not.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from innopaas.stuck import afterwards, messages, money, stripe_money, work
from innopaas.stuck.rows import MOST, Act, Group, Kind, Stuck

__all__ = ["MOST", "Act", "Group", "Kind", "Stuck", "count", "find"]

_FINDERS: Final[Mapping[Kind, Callable[[datetime], Sequence[Stuck]]]] = {
    Kind.PAID_ELSEWHERE: money.find_paid_elsewhere,
    Kind.ORDER: money.find_orders,
    Kind.EVENT: messages.find_events,
    Kind.CARD_REFUND: afterwards.find_card_refunds,
    Kind.BANK_REFUND: afterwards.find_bank_refunds,
    Kind.DISPUTE: afterwards.find_disputes,
    Kind.DOCUMENT: afterwards.find_documents,
    Kind.PAYOUT: stripe_money.find_payouts,
    Kind.UNPAID: stripe_money.find_unpaid,
    Kind.DIFFERENCE: stripe_money.find_differences,
    Kind.TRANSFER: money.find_transfers,
    Kind.FLAG: money.find_flags,
    Kind.MAIL: messages.find_mails,
    Kind.CALLBACK: messages.find_callbacks,
    Kind.WORKER: work.find_silence,
    Kind.AUDIT: work.find_audits,
}


def find(*, now: datetime) -> list[Group]:
    """What is stuck, by kind; kinds of which nothing is are left out. A query or two a kind, whatever there is."""
    found = ((kind, _FINDERS[kind](now)) for kind in Kind)
    return [Group(kind=kind, rows=rows) for kind, rows in found if rows]


def count(*, now: datetime) -> int:
    """How many things are stuck; of one kind never more than one above what is shown."""
    return sum(len(group.rows) for group in find(now=now))
