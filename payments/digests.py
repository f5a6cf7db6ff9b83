"""The morning's mail to finance: what waits, what does not agree, and what runs out of time."""

import logging
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from smtplib import SMTPException
from typing import Final

from django.db.models import F, Min, Sum
from django.utils import translation
from django.utils.translation import gettext as _
from djmoney.money import Money

from billing import mail_retries, workdays
from billing.models import Dispute, Refund
from payments.closing import days
from payments.models import BankRefund, DayClose, DigestMail, Transfer
from wallet import chart, letters
from wallet.calendar import BOOKS, business_date
from wallet.models import Account, User

logger = logging.getLogger(__name__)

MORNING: Final = time(8, 30)
"""When the mails go out, in Shanghai, on working days."""

READS: Final = "payments.change_dayclose"
"""Whoever signs days is told of them."""

_LATEST: Final = time(18)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Digest:
    """What a morning's mail says."""

    close: DayClose
    differences: int
    timing: int
    unsigned_since: date | None
    transfers: int
    oldest_transfer_at: datetime | None
    refunds: int
    refunds_to_pay: int
    disputes: int
    evidence_due_at: datetime | None
    suspense: list[Money]


def send_due(*, now: datetime) -> int:
    """Draw up the day before, on working days after half past eight, and mail it once to each of finance; returns how
    many mails were sent.
    """
    today, clock = business_date(now), now.astimezone(BOOKS).time()
    if MORNING <= clock < _LATEST and workdays.is_working_day(today):
        told = DigestMail.objects.filter(day=today).values("person")
        untold = [person for person in _find_readers() if not told.filter(person=person).exists()]
        DigestMail.objects.bulk_create(
            [DigestMail(day=today, person=person, claimed_at=now - mail_retries.PAUSES[0]) for person in untold],
            ignore_conflicts=True,
        )
    due = list(DigestMail.objects.filter(mail_retries.due(now), day=today).select_related("person"))
    digest = compose(day=today - _DAY, now=now) if due else None
    return sum(_send(mail, digest, now=now) for mail in due if digest and _claim(mail, now=now))


def compose(*, day: date, now: datetime) -> Digest:
    """The close of the day, drawn up as things are now, and what waits for people."""
    close = days.draw_up(day=day, now=now)
    waiting = Transfer.objects.waiting()
    disputes = Dispute.objects.filter(state=Dispute.State.OPEN)
    open_ = close.differences.open()
    following = days.next_to_sign()
    return Digest(
        close=close,
        differences=open_.filter(is_timing=False).count(),
        timing=open_.filter(is_timing=True).count(),
        unsigned_since=following if following and following < day else None,
        transfers=waiting.count(),
        oldest_transfer_at=waiting.values_list("declared_at", flat=True).first(),
        refunds=Refund.objects.filter(state=Refund.State.ASKED).count(),
        refunds_to_pay=BankRefund.objects.to_pay().count(),
        disputes=disputes.count(),
        evidence_due_at=disputes.aggregate(first=Min("evidence_due_at"))["first"],
        suspense=_sum_suspense(),
    )


def write(digest: Digest) -> letters.Letter:
    """The morning's mail, in the language of the moment."""
    why = _("You get this mail because you sign the days of InnoPaaS.")
    return letters.write(template="payments/mail/digest.txt", context={"digest": digest}, why=why)


def _sum_suspense() -> list[Money]:
    """By currency, over all organisations."""
    held = Account.objects.filter(code=chart.SUSPENSE, balance__gt=0).values_list("currency")
    return [Money(total, currency) for currency, total in held.annotate(total=Sum("balance")).order_by("-currency")]


def _find_readers() -> list[User]:
    staff = User.objects.filter(is_staff=True, is_active=True, is_superuser=False).order_by("pk")
    return [person for person in staff if person.has_perm(READS)]


def _claim(mail: DigestMail, *, now: datetime) -> bool:
    return bool(
        DigestMail.objects.filter(pk=mail.pk, sent_at__isnull=True, claimed_at=mail.claimed_at).update(
            claimed_at=now, attempts=F("attempts") + 1
        )
    )


def _send(mail: DigestMail, digest: Digest, *, now: datetime) -> bool:
    with translation.override(mail.person.language):
        letter = write(digest)
    message = letters.make_message(letter, to=[mail.person.email], mail_id=mail.pk)
    try:
        message.send()
    except (OSError, SMTPException) as error:
        logger.warning("the morning mail of %s could not be sent: %s", mail.day, error)
        DigestMail.objects.filter(pk=mail.pk).update(error=str(error)[:500])
        return False
    DigestMail.objects.filter(pk=mail.pk).update(sent_at=now, error="")
    return True
