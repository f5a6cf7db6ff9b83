"""Slips of transfers: attached and removed by their customers, until somebody in finance takes the transfer.

A slip is made harmless and stored before its row is written, outside any transaction; whatever stays stored without a
row, because a process died in between, is swept away.
"""

from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from billing import orders
from payments import slip_files, transfers
from payments.models import PAYABLE, Slip, Transfer
from wallet.models import User
from wallet.names import tidy

MOST: Final = 10
"""So many slips a transfer may have at once."""

_ORPHANS_LIVE: Final = timedelta(hours=1)
_ORPHANS_REACH: Final = timedelta(days=2)


class TooManySlips(Exception):
    """The transfer has as many slips as it may have."""


def attach(raw: bytes, *, name: str, transfer_id: UUID, by: User, now: datetime) -> Slip:
    """Keep a file as a slip of the transfer. The same file again returns the slip it made: repeating changes nothing.

    Raises `slip_files.SlipRefused`, `TooManySlips`, `transfers.AlreadyTaken` and `transfers.CannotBeDeclared`; then
    nothing of the file is kept.
    """
    clean = slip_files.clean(raw)
    stored = slip_files.store(clean, now=now)
    try:
        slip = _write(clean, stored, name=name, transfer_id=transfer_id, by=by, now=now)
    except BaseException:
        slip_files.delete_stored(stored)
        raise
    if slip.stored_name != stored.name:
        slip_files.delete_stored(stored)
    return slip


def remove(*, slip_id: UUID, now: datetime) -> None:
    """Take a slip back; its file is deleted, that there was one stays written. Repeating it changes nothing.

    Raises `transfers.AlreadyTaken` and `transfers.CannotBeDeclared`.
    """
    slip = Slip.objects.get(pk=slip_id)
    with transaction.atomic(durable=True):
        _lock_open(slip.transfer_id, now=now)
        Slip.objects.filter(pk=slip_id, removed_at__isnull=True).update(removed_at=now)
    slip_files.delete_stored(slip_files.StoredSlip(name=slip.stored_name, preview_names=tuple(slip.preview_names)))


def list_live(transfer: Transfer) -> QuerySet[Slip]:
    """Those that count, the oldest first."""
    return transfer.slips.filter(removed_at__isnull=True).order_by("id")


def may_change(transfer: Transfer, *, now: datetime) -> bool:
    """Whether its customer may still attach and remove slips; `attach` and `remove` decide in the end."""
    try:
        transfers.check_untouched(transfer, now=now)
    except transfers.AlreadyTaken:
        return False
    return transfer.order.state in PAYABLE


def forget_orphans(*, now: datetime) -> int:
    """Delete files of the last days that no slip names; returns how many there were."""
    forgotten = 0
    for age in range(_ORPHANS_REACH.days + 1):
        forgotten += _forget_orphans_of((now - timedelta(days=age)).date(), now=now)
    return forgotten


def _write(
    clean: slip_files.CleanSlip,
    stored: slip_files.StoredSlip,
    *,
    name: str,
    transfer_id: UUID,
    by: User,
    now: datetime,
) -> Slip:
    with transaction.atomic(durable=True):
        transfer = _lock_open(transfer_id, now=now)
        live = list_live(transfer)
        if same := live.filter(sha256=clean.sha256).first():
            return same
        if live.count() >= MOST:
            raise TooManySlips(transfer.reference)
        return Slip.objects.create(
            organisation_id=transfer.organisation_id,
            transfer=transfer,
            kind=clean.kind,
            pages=clean.pages,
            size=len(clean.content),
            sha256=clean.sha256,
            original_name=tidy(name)[-120:],
            stored_name=stored.name,
            preview_names=list(stored.preview_names),
            scan=clean.scan,
            uploaded_by=by,
            uploaded_at=now,
        )


def _forget_orphans_of(day: date, *, now: datetime) -> int:
    stored = slip_files.list_stored(day, until=now - _ORPHANS_LIVE)
    rows = Slip.objects.filter(stored_name__startswith=f"{day:%Y/%m/%d}/", removed_at__isnull=True)
    named = {name for slip in rows for name in (slip.stored_name, *slip.preview_names)}
    orphans = [name for name in stored if name not in named]
    for name in orphans:
        slip_files.delete_stored(slip_files.StoredSlip(name=name, preview_names=()))
    return len(orphans)


def _lock_open(transfer_id: UUID, *, now: datetime) -> Transfer:
    transfer = transfers.lock(transfer_id)
    order = orders.lock(transfer.order_id)
    if order.state not in PAYABLE:
        raise transfers.CannotBeDeclared(order.number)
    transfers.check_untouched(transfer, now=now)
    return transfer
