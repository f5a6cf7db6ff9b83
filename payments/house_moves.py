"""The house's own money at the bank: small charges are booked as they come; larger ones, interest and exchanges of
currencies are proposed by one person and approved by another. All of it lies in the house's own organisation.

That nobody approves what he proposed stands in the database too (payments/sql/balance_transactions.sql).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from payments import allocations, desk, exchanges, outgoing, settlement, sightings
from payments.models import Allocation, BankLine, DeskAct, HouseMove
from wallet.models import HOUSE_ID, Organisation, User
from wallet.money import WALLET_CURRENCY

AUTOMATIC_UP_TO: Final[Mapping[str, Decimal]] = {"CNY": Decimal(500), "USD": Decimal(75)}
"""A line that says it is a charge is believed up to here; above, two people look."""

_NEAR: Final = timedelta(days=7)
"""An exchange's two lines are looked for so many days apart."""

_BATCH: Final = 200


class NotTheHouses(Exception):
    """The bank line cannot be this, or was used before; the message says why."""


class AlreadyProposed(Exception):
    """Somebody has said what this line is; it waits for somebody else's approval."""


class MayNotDecide(Exception):
    """This person may not approve it; the message says why."""


class NotWaiting(Exception):
    """It was approved or withdrawn before."""


def book_charges(*, now: datetime, limit: int = 1000) -> int:
    """Post outgoing lines that say they are a charge of the bank, up to the limit; returns how many. Any number of
    workers may call it at once.
    """
    booked = 0
    for line_id in list(_list_charges().values_list("pk", flat=True)[:limit]):
        with transaction.atomic():
            line = _list_charges().select_for_update(of=("self",), skip_locked=True).filter(pk=line_id).first()
            if line is None or outgoing.suggest_refunds(line) or outgoing.list_sent(line):
                continue
            _spend(line, Allocation.Kind.CHARGE, note=line.text, by="InnoPaaS", now=now)
            settlement.book_charge(line, by="InnoPaaS", note=line.text or line.bank_reference, now=now)
            booked += 1
    return booked


def propose_charge(*, line_id: UUID, reason: str, by: User, now: datetime, seen: str | None = None) -> HouseMove:
    """Say that a line is a charge of the bank, or interest where it came in; nothing is posted before somebody else
    approves. `seen` is the `sightings.of_line` that the page showed.

    Raises `NotTheHouses`, `AlreadyProposed` and `sightings.ChangedMeanwhile`.
    """
    with transaction.atomic(durable=True):
        line = allocations.lock({line_id})[line_id]
        sightings.check(sightings.of_line(line), seen=seen)
        if why := why_not_charge(line):
            raise NotTheHouses(why)
        return _propose(HouseMove(kind=HouseMove.Kind.CHARGE, line=line, reason=reason), by=by, now=now)


def propose_exchange(
    *, gone_id: UUID, came_id: UUID, reason: str, by: User, now: datetime, seen: str | None = None
) -> HouseMove:
    """Say that two lines are one exchange of currencies; nothing is posted before somebody else approves. `seen` is the
    `sightings.of_line` of the one that left.

    Raises `NotTheHouses`, `AlreadyProposed` and `sightings.ChangedMeanwhile`.
    """
    with transaction.atomic(durable=True):
        locked = allocations.lock({gone_id, came_id})
        gone, came = locked[gone_id], locked[came_id]
        sightings.check(sightings.of_line(gone), seen=seen)
        if why := why_not_exchange(gone, came):
            raise NotTheHouses(why)
        move = HouseMove(kind=HouseMove.Kind.EXCHANGE, line=gone, came_as=came, reason=reason)
        return _propose(move, by=by, now=now)


def approve(*, move_id: UUID, by: User, now: datetime) -> HouseMove:
    """Post it. Raises `MayNotDecide`, `NotWaiting` and `NotTheHouses`; then nothing happened."""
    with transaction.atomic(durable=True):
        move = _lock(move_id)
        if why := why_not_approve(move, by=by):
            raise MayNotDecide(why)
        locked = allocations.lock({move.line_id, move.came_as_id or move.line_id})
        line = locked[move.line_id]
        came = locked[move.came_as_id] if move.came_as_id else None
        if why := why_not_exchange(line, came) if came else why_not_charge(line):
            raise NotTheHouses(why)
        exchange = _lock_position(line, came) if came else None
        move.approved_by, move.approved_by_name, move.approved_at = by, str(by), now
        move.cost = exchange.cost.amount if exchange else None
        move.save(update_fields=["approved_by", "approved_by_name", "approved_at", "cost"])
        _carry_out(move, line, came, exchange, now=now)
        desk.log(DeskAct.Kind.HOUSE, by=by, now=now, line=line, detail=move.reason)
        return move


def withdraw(*, move_id: UUID, by: User, now: datetime) -> HouseMove:
    """Nobody approves it any more, and another may be proposed. Raises `NotWaiting`."""
    with transaction.atomic(durable=True):
        move = _lock(move_id)
        move.withdrawn_by, move.withdrawn_at = by, now
        move.save(update_fields=["withdrawn_by", "withdrawn_at"])
        return move


def why_not_charge(line: BankLine) -> str:
    """Why the line can be no charge, in words; empty when it can."""
    if line.direction == BankLine.Direction.OUT and outgoing.suggest_refunds(line):
        return _("It may have paid a refund: look at the refunds to be paid first.")
    if outgoing.list_sent(line):
        return _("It may be money that was recorded as sent back: look at that first.")
    return _why_not_free(line)


def why_not_exchange(gone: BankLine, came: BankLine) -> str:
    """Why the two lines can be no exchange, in words; empty when they can."""
    if (came.direction, came.amount.currency.code) != (BankLine.Direction.IN, WALLET_CURRENCY):
        return _("An exchange takes CNY out and brings USD in.")
    return why_not_gone(gone) or _why_not_free(came)


def why_not_gone(line: BankLine) -> str:
    """Why the line cannot be what left in an exchange, in words; empty when it can."""
    if (line.direction, line.amount.currency.code) != (BankLine.Direction.OUT, exchanges.EXCHANGED):
        return _("An exchange takes CNY out and brings USD in.")
    return why_not_charge(line)


def why_not_approve(move: HouseMove, *, by: User) -> str:
    """Why this person may not approve it, in words; empty when he may."""
    if move.made_by_id == by.pk:
        return _("You proposed it yourself: somebody else has to approve it.")
    if not move.made_by.is_active_staff:
        return _("Whoever proposed it is not of the team any more: withdraw it, and let somebody else propose it anew.")
    return ""


def list_arrivals(gone: BankLine) -> list[BankLine]:
    """Incoming lines that may be the other half of an exchange, the nearest day first."""
    near = (gone.booked_on - _NEAR, gone.booked_on + _NEAR)
    lines = _list_free().filter(direction=BankLine.Direction.IN, amount_currency=WALLET_CURRENCY, booked_on__range=near)
    lines = lines.exclude(pile_reason=BankLine.Why.PAYOUT).exclude(pile=BankLine.Pile.EXACT)
    return sorted(lines[:_BATCH], key=lambda line: abs((line.booked_on - gone.booked_on).days))


def list_unexplained() -> QuerySet[BankLine]:
    """Money that left the bank and nobody has said why, the oldest first."""
    lines = BankLine.objects.filter(direction=BankLine.Direction.OUT, allocated__lt=F("amount"))
    return lines.order_by("booked_on", "id")


def _propose(move: HouseMove, *, by: User, now: datetime) -> HouseMove:
    move.made_by, move.made_by_name, move.made_at = by, str(by), now
    try:
        with transaction.atomic():
            move.save(force_insert=True)
    except IntegrityError as error:
        raise AlreadyProposed(str(move.line)) from error
    desk.log(DeskAct.Kind.HOUSE, by=by, now=now, line=move.line, detail=move.reason)
    return move


def _carry_out(
    move: HouseMove, line: BankLine, came: BankLine | None, exchange: exchanges.Exchange | None, *, now: datetime
) -> None:
    by = f"{move.made_by_name}, {move.approved_by_name}"
    for one in filter(None, (line, came)):
        if one.direction == BankLine.Direction.IN:
            allocations.hold_in_house(one, by="InnoPaaS", now=now)
        _spend(one, Allocation.Kind(move.kind), note=move.reason, by=by, now=now)
    if came and exchange:
        settlement.book_exchange(move, gone=line, came=came, cost=exchange.cost, by=by, now=now)
    else:
        settlement.book_charge(line, by=by, note=move.reason, now=now)


def _lock_position(gone: BankLine, came: BankLine) -> exchanges.Exchange:
    """One exchange after the other: the second one's cost is an average without the first."""
    Organisation.objects.select_for_update(no_key=True).get(pk=HOUSE_ID)
    return exchanges.foresee(gone, came)


def _lock(move_id: UUID) -> HouseMove:
    move = HouseMove.objects.select_for_update(of=("self",)).select_related("made_by").get(pk=move_id)
    if not move.is_waiting:
        raise NotWaiting(str(move))
    return move


def _spend(line: BankLine, kind: Allocation.Kind, *, note: str, by: str, now: datetime) -> None:
    allocations.spend_whole(line, kind=kind, organisation_id=HOUSE_ID, note=note, by=by, now=now)


def _why_not_free(line: BankLine) -> str:
    if line.is_reversal:
        return _("The bank takes back an earlier line with it.")
    if not line.is_on_statement:
        return _("It is on no statement yet.")
    if line.rest != line.amount:
        return _("The line's money was used before.")
    if line.held_by_id not in {None, HOUSE_ID} or line.kept_for_id:
        return _("The line's money is kept for a customer.")
    return ""


def _list_free() -> QuerySet[BankLine]:
    free = BankLine.objects.filter(allocated=0, is_reversal=False, file__isnull=False, kept_for=None)
    return free.select_related("account").order_by("booked_on", "id")


def _list_charges() -> QuerySet[BankLine]:
    """Outgoing lines that say they are a charge, and are small."""
    lines = _list_free().filter(direction=BankLine.Direction.OUT, pile_reason=BankLine.Why.CHARGE)
    small = lines.none()
    for currency, most in AUTOMATIC_UP_TO.items():
        small |= lines.filter(amount_currency=currency, amount__lte=most)
    return small
