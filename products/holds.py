"""Money set aside for something under way: placed, captured in parts or whole, released, or given back when time is
over.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from djmoney.money import Money

from products.charges import InsufficientBalance, RequestIdReused, Usage
from products.models import Hold, ProductBalance
from wallet import chart, ledger
from wallet.models import Entry

logger = logging.getLogger(__name__)

SHORTEST: Final = timedelta(minutes=1)
LONGEST: Final = timedelta(days=7)


class OutsideLifetime(Exception):
    """A hold lasts from `SHORTEST` to `LONGEST`."""


class HoldNotFound(Exception):
    """The product has no such hold."""


class HoldEnded(Exception):
    """The hold was captured whole or released, or its time is over: nothing can be taken from it or given back."""


class NotThatMuchHeld(Exception):
    """What is left of the hold is less than the amount; `rest` says how much is left."""

    def __init__(self, rest: Money) -> None:
        super().__init__(f"{rest} held")
        self.rest = rest


@dataclass(frozen=True, kw_only=True)
class Placement:
    """A hold as it was placed; a repeated request gives the same one again, whatever became of the hold."""

    id: UUID
    request_id: str
    amount: Money
    description: str
    balance_after: Money
    placed_at: datetime
    expires_at: datetime
    is_new: bool


@dataclass(frozen=True, kw_only=True)
class Capture:
    """A capture as it was posted; a repeated request gives the same one again.

    It says nothing of the balance: capturing does not change what is available.
    """

    id: UUID
    hold_id: UUID
    request_id: str
    amount: Money
    captured_at: datetime
    is_new: bool


@dataclass(frozen=True, kw_only=True)
class Release:
    """What was given back and what the balance held then; a repeated request gives the same one again."""

    id: UUID
    hold_id: UUID
    amount: Money
    balance_after: Money
    released_at: datetime
    is_new: bool


def place(*, balance: ProductBalance, usage: Usage, expires_at: datetime, by: str, now: datetime) -> Placement:
    """Set the amount aside. The same request again changes nothing and gives the first; it may name the same moment
    of expiry or the same time from now.

    Raises `InsufficientBalance`, `RequestIdReused` and `OutsideLifetime`; then nothing has happened. `balance` comes
    with its product.
    """
    wanted = Hold(
        organisation_id=balance.organisation_id,
        product=balance.product,
        request_id=usage.request_id,
        amount=usage.amount,
        captured=balance.product.money(0),
        released=balance.product.money(0),
        description=usage.description,
        by=by,
        created_at=now,
        expires_at=expires_at,
    )
    try:
        with transaction.atomic(durable=True):
            hold = _store(wanted)
            if not _is_same(hold, wanted):
                raise RequestIdReused(usage.request_id)
            return _set_aside(hold, now=now)
    except ledger.InsufficientFunds as error:
        raise InsufficientBalance(balance.number) from error


def capture(
    *, hold_id: UUID, product_id: UUID, request_id: str, amount: Money | None, by: str, now: datetime
) -> Capture:
    """Use a part of what is held, or all that is left (None). The same request again changes nothing and gives the
    first, even when the hold has ended meanwhile; None then stands for whatever was captured.

    `request_id` is unique among the captures of one hold. Raises `HoldNotFound`, `HoldEnded`, `NotThatMuchHeld` and
    `RequestIdReused`; then nothing has happened.
    """
    with transaction.atomic(durable=True):
        hold = _lock(hold_id, product_id=product_id)
        key = f"hold:{hold.pk}:capture:{request_id}"
        if first := _entries(hold, key=key, code=_held(hold)).first():
            if amount not in (None, first.amount):
                raise RequestIdReused(request_id)
            return _captured(hold, request_id, first)
        _check_open(hold, now=now)
        taken = hold.rest if amount is None else amount
        if not taken.amount.is_finite():  # the ledger's own refusal, before a comparison that knows no answer
            raise ledger.LineRefused("An amount that is not finite cannot be captured.")
        if taken > hold.rest:
            raise NotThatMuchHeld(hold.rest)
        lines = (ledger.debit(_held(hold), taken), ledger.credit(chart.revenue(hold.product.slug), taken))
        posted = _post(hold, key=key, kind="CAPTURE", lines=lines, by=by, now=now)
        hold.captured += taken
        _end_if_empty(hold, Hold.State.CAPTURED, now=now)
        return Capture(
            id=posted.id, hold_id=hold.pk, request_id=request_id, amount=taken, captured_at=now, is_new=posted.is_new
        )


def release(*, hold_id: UUID, product_id: UUID, by: str, now: datetime) -> Release:
    """Give back what is left. Repeating it changes nothing and gives the first.

    Raises `HoldNotFound`, and `HoldEnded` when it was captured whole or its time is over.
    """
    with transaction.atomic(durable=True):
        hold = _lock(hold_id, product_id=product_id)
        key = f"hold:{hold.pk}:release"
        is_new = hold.state != Hold.State.RELEASED
        if is_new:
            _check_open(hold, now=now)
            _give_back(hold, Hold.State.RELEASED, key=key, by=by, now=now)
        entry = _entries(hold, key=key, code=hold.product.code).get()
        return Release(
            id=entry.posting_id,
            hold_id=hold.pk,
            amount=entry.amount,
            balance_after=entry.balance_after,
            released_at=entry.posting.posted_at,
            is_new=is_new,
        )


def expire_due(*, now: datetime, limit: int = 500) -> int:
    """Give back what is left of holds whose time is over, the oldest first, and say of how many.

    Two may do it at once: each takes what the other has not.
    """
    due = list(Hold.objects.due(now).order_by("expires_at").values_list("pk", flat=True)[:limit])
    return sum(_expire(hold_id, now=now) for hold_id in due)


def _store(wanted: Hold) -> Hold:
    """The hold of this request id: the wanted one, unless there was one before; its twin in another transaction is
    waited for. A repeated request may come when the time it names is nearly over.
    """
    if SHORTEST <= wanted.expires_at - wanted.created_at <= LONGEST:
        Hold.objects.bulk_create([wanted], ignore_conflicts=True)
    stored = (
        Hold.objects.select_related("product")
        .filter(organisation_id=wanted.organisation_id, product=wanted.product, request_id=wanted.request_id)
        .first()
    )
    if stored is None:
        raise OutsideLifetime(str(wanted.expires_at - wanted.created_at))
    return stored


def _is_same(first: Hold, wanted: Hold) -> bool:
    lasts = wanted.expires_at - wanted.created_at
    return (first.amount, first.description) == (wanted.amount, wanted.description) and (
        first.expires_at == wanted.expires_at or first.expires_at - first.created_at == lasts
    )


def _set_aside(hold: Hold, *, now: datetime) -> Placement:
    draft = ledger.Draft(
        key=f"hold:{hold.product.slug}:{hold.request_id}",
        kind="HOLD",
        lines=(ledger.debit(hold.product.code, hold.amount), ledger.credit(_held(hold), hold.amount)),
        memo=hold.description,
        by=hold.by,
    )
    (left,) = ledger.post_and_read(
        organisation_id=hold.organisation_id,
        drafts=[draft],
        code=hold.product.code,
        currency=hold.product.currency,
        now=now,
    )
    return Placement(
        id=hold.pk,
        request_id=hold.request_id,
        amount=hold.amount,
        description=hold.description,
        balance_after=left.balance_after,
        placed_at=hold.created_at,
        expires_at=hold.expires_at,
        is_new=left.is_new,
    )


def _lock(hold_id: UUID, *, product_id: UUID) -> Hold:
    found = Hold.objects.select_for_update(of=("self",)).select_related("product")
    hold = found.filter(pk=hold_id, product_id=product_id).first()
    if hold is None:
        raise HoldNotFound(str(hold_id))
    return hold


def _check_open(hold: Hold, *, now: datetime) -> None:
    """Whether the sweep was there already makes no difference."""
    if hold.state != Hold.State.OPEN or now >= hold.expires_at:
        raise HoldEnded(str(hold.pk))


def _give_back(hold: Hold, end: Hold.State, *, key: str, by: str, now: datetime) -> None:
    rest = hold.rest
    lines = (ledger.debit(_held(hold), rest), ledger.credit(hold.product.code, rest))
    _post(hold, key=key, kind="RELEASE", lines=lines, by=by, now=now)
    hold.released += rest
    _end_if_empty(hold, end, now=now)


def _end_if_empty(hold: Hold, end: Hold.State, *, now: datetime) -> None:
    if not hold.rest:
        hold.state, hold.ended_at = end, now
    hold.save(update_fields=["captured", "released", "state", "ended_at"])


def _expire(hold_id: UUID, *, now: datetime) -> bool:
    try:
        with transaction.atomic(durable=True):
            due = Hold.objects.due(now).select_for_update(of=("self",), skip_locked=True).select_related("product")
            hold = due.filter(pk=hold_id).first()
            if hold:
                _give_back(hold, Hold.State.EXPIRED, key=f"hold:{hold.pk}:expiry", by="InnoPaaS", now=now)
    except ledger.LedgerError:  # whatever is odd about one hold, the others are given back
        logger.exception("hold %s could not be given back", hold_id)
        return False
    return hold is not None


def _post(hold: Hold, *, key: str, kind: str, lines: tuple[ledger.Line, ...], by: str, now: datetime) -> ledger.Posted:
    draft = ledger.Draft(key=key, kind=kind, lines=lines, memo=hold.description, by=by)
    return ledger.post(organisation_id=hold.organisation_id, drafts=[draft], now=now)[0]


def _captured(hold: Hold, request_id: str, entry: Entry) -> Capture:
    return Capture(
        id=entry.posting_id,
        hold_id=hold.pk,
        request_id=request_id,
        amount=entry.amount,
        captured_at=entry.posting.posted_at,
        is_new=False,
    )


def _entries(hold: Hold, *, key: str, code: str) -> QuerySet[Entry]:
    """The line of a posting on one account, if the posting was made."""
    lines = Entry.objects.select_related("posting")
    return lines.filter(posting__organisation_id=hold.organisation_id, posting__key=key, account__code=code)


def _held(hold: Hold) -> str:
    return chart.held(hold.product.code)
