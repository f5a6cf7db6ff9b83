"""Money that fits no order, given to orders and organisations: each part proposed, for others to approve."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from djmoney.money import Money

from billing import numbers, orders
from payments import allocations, findings, references, sightings, transfers
from payments.appraisals import Claim, Facts, FactsRefused
from payments.models import BankLine, Finding, Transfer
from wallet import chart
from wallet.models import HOUSE_ID, Organisation, User
from wallet.money import labelled


class NobodyFound(ValueError):
    """What was written names no order and no organisation, or several; the message says which."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """How much of a line is meant for whom."""

    whose: Transfer | Organisation
    amount: Money


def find(text: str) -> Transfer | Organisation:
    """The transfer of an order number or reference, or the organisation of a name or a member's e-mail address."""
    text = text.strip()
    known = Q(reference=references.read(text) or "") | Q(order__number=numbers.read(text) or "")
    if transfer := Transfer.objects.select_related("order", "organisation").filter(known).first():
        return transfer
    named = Q(name__iexact=text) | Q(members__user__email__iexact=text)
    found = list(Organisation.objects.filter(named).exclude(pk=HOUSE_ID).distinct()[:2])
    if len(found) > 1:
        raise NobodyFound(
            _("“%(text)s” names several organisations; write a member's e-mail address.") % {"text": text}
        )
    if not found:
        raise NobodyFound(_("“%(text)s” names no transfer and no organisation.") % {"text": text})
    return found[0]


def propose(
    *, line_id: UUID, parts: Sequence[Part], reason: str, by: User, now: datetime, seen: str | None = None
) -> list[Finding]:
    """Record a finding for each part, or none at all; nothing is credited before they are approved.

    `seen` is the `sightings.of_line` that the page showed. Raises `FactsRefused` when the parts are more than what is
    left of the line or one of them cannot stand, `sightings.ChangedMeanwhile`, and what `findings.record` raises.
    """
    with transaction.atomic(durable=True):
        line = _lock(line_id, parts)
        sightings.check(sightings.of_line(line), seen=seen)
        _check(line, parts)
        return [_record(line, part, reason, by=by, now=now) for part in parts]


def _lock(line_id: UUID, parts: Sequence[Part]) -> BankLine:
    """The line, after all transfers and orders that are recorded for: whoever carries a finding out locks it last."""
    named = [part.whose for part in parts if isinstance(part.whose, Transfer)]
    for transfer in sorted(named, key=lambda transfer: transfer.pk):
        transfers.lock(transfer.pk)
        orders.lock(transfer.order_id)
    return allocations.lock({line_id})[line_id]


def _check(line: BankLine, parts: Sequence[Part]) -> None:
    total: Any = sum((part.amount for part in parts), start=Money(0, line.amount.currency))
    if not parts or total > line.rest:
        raise FactsRefused(_("Only %(rest)s is left of this bank line.") % {"rest": labelled(line.rest)})
    if len({part.whose.pk for part in parts}) < len(parts):
        raise FactsRefused(_("Somebody was named twice."))


def _record(line: BankLine, part: Part, reason: str, *, by: User, now: datetime) -> Finding:
    facts = Facts(claims=(Claim(amount=part.amount, line=line),), reason=reason)
    if isinstance(part.whose, Transfer):
        return findings.record(transfer_id=part.whose.pk, facts=facts, by=by, now=now)
    return findings.record_unasked(organisation_id=part.whose.pk, target=chart.WALLET, facts=facts, by=by, now=now)
