"""What a stuck thing is: the subject, why it is stuck, and the one act that helps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

MOST = 50
"""So many of one kind are shown, the oldest first; whoever has more has one cause for all of them."""


class Kind(models.TextChoices):
    """What can be stuck, in the order of a page: money first, then whom it is told to, then what does the work."""

    PAID_ELSEWHERE = "PAID_ELSEWHERE", _("Paid at Stripe, and not credited here")
    ORDER = "ORDER", _("Orders whose time has ended, and that still wait")
    EVENT = "EVENT", _("Events of Stripe that were not handled")
    CARD_REFUND = "CARD_REFUND", _("Refunds to a card that do not end")
    BANK_REFUND = "BANK_REFUND", _("Refunds to be paid at the bank")
    DISPUTE = "DISPUTE", _("Disputes whose evidence is due soon")
    PAYOUT = "PAYOUT", _("Payouts that do not arrive at the bank")
    UNPAID = "UNPAID", _("Money at Stripe that is not paid out")
    DIFFERENCE = "DIFFERENCE", _("Movements at Stripe that agree with nothing here")
    TRANSFER = "TRANSFER", _("Transfers that finance promised to have reviewed")
    FLAG = "FLAG", _("Flags that nobody resolves")
    DOCUMENT = "DOCUMENT", _("Receipts that were not issued")
    MAIL = "MAIL", _("Mails that could not be sent")
    CALLBACK = "CALLBACK", _("Callback addresses that take nothing")
    WORKER = "WORKER", _("Recurring work that has stopped")
    AUDIT = "AUDIT", _("The ledger's audit")


@dataclass(frozen=True, kw_only=True)
class Act:
    """What helps: a page to go to, or, where `is_sent`, a button that does it. Only whoever has the permission may."""

    title: str | Promise
    address: str
    permission: str
    is_sent: bool = False


@dataclass(frozen=True, kw_only=True)
class Stuck:
    """One thing that does not go on by itself. `since` is None where nothing of the kind has ever happened."""

    subject: str
    address: str
    since: datetime | None
    why: str | Promise
    act: Act


@dataclass(frozen=True, kw_only=True)
class Group:
    """All that is stuck of one kind, the oldest first, as far as it is shown."""

    kind: Kind
    rows: Sequence[Stuck]

    @property
    def title(self) -> str:
        return str(self.kind.label)

    @property
    def shown(self) -> Sequence[Stuck]:
        return self.rows[:MOST]

    @property
    def is_cut(self) -> bool:
        return len(self.rows) > MOST
