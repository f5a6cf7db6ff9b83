"""Raising a doubt and resolving it."""

from datetime import datetime
from uuid import UUID

from billing.models import Flag, Order
from wallet.models import User


def raise_flag(*, order: Order, reason: Flag.Reason, now: datetime, detail: str = "") -> None:
    """Put the order before finance and ops. Repeating it while the flag is open changes nothing."""
    Flag.objects.bulk_create(
        [
            Flag(
                organisation_id=order.organisation_id,
                order=order,
                reason=reason,
                detail=detail[:500],
                since=now,
            )
        ],
        ignore_conflicts=True,
    )


def resolve(*, flag_id: UUID, by: User, note: str, now: datetime) -> bool:
    """Close the flag with a note. False when somebody else was quicker."""
    return bool(
        Flag.objects.filter(pk=flag_id, resolved_at__isnull=True).update(
            resolved_by=by, resolved_at=now, note=note[:500]
        )
    )
