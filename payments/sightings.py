"""What a page showed of a transfer, a bank line or a day's close. Whoever decides says what he saw, and nothing is done
when it is not so any more: a form that is sent twice decides once.
"""

import json
from hashlib import sha256

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from billing.models import Order
from payments.models import BankLine, DayClose, Share, Transfer


class ChangedMeanwhile(Exception):
    """Something was done with it after the page was shown: by somebody else, or by the same form sent before."""

    def __str__(self) -> str:
        return _(
            "Something was done with it since this page was shown, perhaps by this very form. Nothing was done now; "
            "look again at how it stands."
        )


def of_transfer(transfer: Transfer, *, order: Order) -> str:
    """Changes with whatever is recorded, replaced or carried out for the transfer, and with its order's state."""
    is_open = Q(superseded_at__isnull=True, done_at__isnull=True)
    found = transfer.findings.aggregate(all=Count("pk"), open=Count("pk", filter=is_open))
    return f"{order.state}:{found['all']}:{found['open']}"


def of_line(line: BankLine) -> str:
    """Changes with whatever is proposed for the line, withdrawn, or done with its money."""
    is_open = Q(finding__superseded_at__isnull=True, finding__done_at__isnull=True)
    found = Share.objects.filter(line=line).aggregate(all=Count("pk"), open=Count("pk", filter=is_open))
    return f"{line.rest.amount:.6f}:{found['all']}:{found['open']}"


def of_close(close: DayClose) -> str:
    """Changes with every figure and every open difference of the day, and with their owners and notes."""
    shown = ("key", "kind", "is_timing", "amount", "amount_currency", "subject", "detail", "facts", "since")
    differences = close.differences.open().order_by("key").values_list(*shown, "owner_id", "note")
    picture = json.dumps([close.figures, list(differences)], cls=DjangoJSONEncoder, sort_keys=True)
    return sha256(picture.encode()).hexdigest()


def check(now_seen: str, *, seen: str | None) -> None:
    """Call it with the transfer or the line locked. Who saw no page sees what is there now: None is never outdated."""
    if seen is not None and seen != now_seen:
        raise ChangedMeanwhile
