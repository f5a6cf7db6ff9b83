"""One mail to one reader, from its row: whoever moves `claimed_at` on sends it, and what was refused is tried again."""

import logging
from collections.abc import Callable
from datetime import datetime
from smtplib import SMTPException

from django.db.models import F
from django.utils import translation

from billing.models import NoticeMail, OrderMail
from wallet import kill_points, letters, zones
from wallet.models import User

logger = logging.getLogger(__name__)


def claim(mail: OrderMail | NoticeMail, *, now: datetime) -> bool:
    """False when another sweep took it since it was read."""
    untaken = type(mail).objects.filter(pk=mail.pk, sent_at__isnull=True, claimed_at=mail.claimed_at)
    return bool(untaken.update(claimed_at=now, attempts=F("attempts") + 1))


def send(
    mail: OrderMail | NoticeMail,
    *,
    reader: User,
    write: Callable[[], letters.Letter],
    headers: dict[str, str],
    now: datetime,
) -> bool:
    """Send what `write` writes in the reader's language; False, and the row says why, when it could not be sent."""
    row = type(mail).objects.filter(pk=mail.pk)
    with translation.override(reader.language), zones.telling(reader.time_zone):
        letter = write()
    message = letters.make_message(letter, to=[reader.email], mail_id=mail.pk, headers=headers)
    try:
        message.send()
    except (OSError, SMTPException) as error:
        logger.warning("mail %s could not be sent: %s", headers, error)
        row.update(error=str(error)[:500])
        return False
    kill_points.reach("after-mail-sent")
    row.update(sent_at=now, to=reader.email, subject=message.subject[:200], error="")
    return True


def drop(mail: OrderMail | NoticeMail, *, now: datetime) -> None:
    """Nobody is to read it any more."""
    type(mail).objects.filter(pk=mail.pk).update(sent_at=now, to="", error="")
