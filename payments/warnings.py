"""What should make somebody in finance look twice at a transfer. Nothing here forbids anything."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db import models
from django.db.models import Max, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from billing.models import Flag
from payments.models import Allocation, Slip, Transfer
from wallet import bank_numbers, details

UNUSUAL_TIMES: Final = Decimal(3)
"""Unusual is more than so many times the largest of the last ten."""

LOOKS_BACK: Final = 10


class Kind(models.TextChoices):
    SAME_SLIP = "SAME_SLIP", _("The same slip was uploaded before")
    SAME_BANK_NUMBER = "SAME_BANK_NUMBER", _("The same bank's number was declared or credited before")
    SAME_AMOUNT_AND_DAY = "SAME_AMOUNT_AND_DAY", _("The same amount was declared for the same day")
    UNUSUAL_AMOUNT = "UNUSUAL_AMOUNT", _("Unusually large for this organisation")
    UNKNOWN_PAYER = "UNKNOWN_PAYER", _("The payer is none of the organisation's names")
    FLAGGED = "FLAGGED", _("The organisation has open flags")


@dataclass(frozen=True, kw_only=True)
class Warning:  # noqa: A001  # it is one, and nothing here warns in Python's way
    """One reason to look twice, and the transfers it has to do with."""

    kind: Kind
    detail: str = ""
    transfers: tuple[Transfer, ...] = ()


def find(transfer: Transfer) -> list[Warning]:
    """Every warning about a transfer, the worst first."""
    found = (
        _same(Kind.SAME_SLIP, _with_same_slip(transfer)),
        _same_number(transfer),
        _same(Kind.SAME_AMOUNT_AND_DAY, _with_same_amount(transfer)),
        _unusual_amount(transfer),
        _unknown_payer(transfer),
        _flagged(transfer.organisation_id),
    )
    return [warning for warning in found if warning]


def _same(kind: Kind, others: QuerySet[Transfer]) -> Warning | None:
    transfers = tuple(others.select_related("order", "organisation").order_by("-id")[:3])
    return Warning(kind=kind, transfers=transfers) if transfers else None


def _with_same_slip(transfer: Transfer) -> QuerySet[Transfer]:
    """Anybody's: one paper proves one payment. Removed ones count: they were uploaded."""
    hashes = Slip.objects.filter(transfer=transfer, removed_at__isnull=True).values("sha256")
    others = Slip.objects.filter(sha256__in=hashes).exclude(transfer=transfer)
    return Transfer.objects.filter(pk__in=others.values("transfer_id"))


def _same_number(transfer: Transfer) -> Warning | None:
    number = bank_numbers.fold(transfer.bank_number)
    if not number:
        return None
    lines = Allocation.objects.filter(line__folded_number=number, kind=Allocation.Kind.CREDITED)
    credited = lines.exclude(finding__transfer=transfer).values("finding__transfer_id")
    others = Transfer.objects.filter(Q(folded_number=number) | Q(pk__in=credited))
    if warning := _same(Kind.SAME_BANK_NUMBER, others.exclude(pk=transfer.pk)):
        return warning
    is_spent = lines.exclude(finding__transfer=transfer).exists()
    return Warning(kind=Kind.SAME_BANK_NUMBER, detail=transfer.bank_number) if is_spent else None


def _with_same_amount(transfer: Transfer) -> QuerySet[Transfer]:
    if transfer.paid_on is None:
        return Transfer.objects.none()
    return _of_organisation(transfer).filter(
        amount=transfer.amount.amount, amount_currency=transfer.amount.currency.code, paid_on=transfer.paid_on
    )


def _unusual_amount(transfer: Transfer) -> Warning | None:
    """Against its last ten that were confirmed in the same currency; without any, nothing is unusual."""
    before = _of_organisation(transfer).filter(
        confirmed_at__isnull=False, amount_currency=transfer.amount.currency.code
    )
    last = before.order_by("-confirmed_at")[:LOOKS_BACK].values("pk")
    largest = Transfer.objects.filter(pk__in=last).aggregate(most=Max("amount"))["most"]
    if largest is None or transfer.amount.amount <= UNUSUAL_TIMES * Decimal(largest):
        return None
    return Warning(kind=Kind.UNUSUAL_AMOUNT)


def _unknown_payer(transfer: Transfer) -> Warning | None:
    name = transfer.payer_name
    if not name or details.is_known_payer(organisation_id=transfer.organisation_id, name=name):
        return None
    return Warning(kind=Kind.UNKNOWN_PAYER, detail=name)


def _flagged(organisation_id: UUID) -> Warning | None:
    unresolved = Flag.objects.filter(organisation_id=organisation_id, resolved_at__isnull=True)
    flags = unresolved.select_related("order").order_by("since")[:3]
    said = "; ".join(f"{flag.order_id and flag.order.number}: {flag.get_reason_display()}" for flag in flags)
    return Warning(kind=Kind.FLAGGED, detail=said) if said else None


def _of_organisation(transfer: Transfer) -> QuerySet[Transfer]:
    return Transfer.objects.filter(organisation_id=transfer.organisation_id).exclude(pk=transfer.pk)
