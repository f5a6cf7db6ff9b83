"""Many charges at once, each with its own outcome."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from django.db import transaction

from products import charges
from products.charges import Charge, InsufficientBalance, RequestIdReused, Usage
from products.models import ProductBalance
from wallet.models import Account

LARGEST: Final = 1000
"""So many items a batch may have."""

_TRIES: Final = 3


class TooManyItems(Exception):
    """The batch has more items than `LARGEST`."""


class Refusal(StrEnum):
    """Why an item was not charged."""

    UNKNOWN_NUMBER = "UNKNOWN_NUMBER"
    INSUFFICIENT_BALANCE = "INSUFFICIENT_BALANCE"
    REQUEST_ID_REUSED = "REQUEST_ID_REUSED"


Outcome = Charge | Refusal

Fate = Outcome | Usage
"""An outcome, or the item itself as long as it is to be charged."""


@dataclass(frozen=True, kw_only=True)
class BatchItem:
    """One charge to be; `balance` is None when its product number is unknown to the caller."""

    balance: ProductBalance | None
    usage: Usage


def charge_each(*, items: Sequence[BatchItem], by: str, now: datetime) -> list[Outcome]:
    """Charge what can be charged, in the order of the items, and say of each what became of it, in that order.

    The items of one balance are one transaction. Repeating a batch, also after a crash in the middle, changes nothing
    for what was charged already. Balances come with their products. Raises `TooManyItems`.
    """
    if len(items) > LARGEST:
        raise TooManyItems(str(len(items)))
    groups: dict[UUID, tuple[ProductBalance, list[int]]] = {}
    for place, item in enumerate(items):
        if item.balance:
            groups.setdefault(item.balance.pk, (item.balance, []))[1].append(place)
    outcomes: list[Outcome] = [Refusal.UNKNOWN_NUMBER] * len(items)
    for balance, places in groups.values():
        told = _charge_balance(balance, [items[place].usage for place in places], by=by, now=now)
        for place, outcome in zip(places, told, strict=True):
            outcomes[place] = outcome
    return outcomes


def _charge_balance(balance: ProductBalance, usages: Sequence[Usage], *, by: str, now: datetime) -> list[Outcome]:
    """Look, decide and post; looks again when something came between, and in the end goes one by one."""
    for _ in range(_TRIES):
        fates = _decide(balance, usages)
        fitting = list({fate.request_id: fate for fate in fates if isinstance(fate, Usage)}.values())
        try:
            with transaction.atomic(durable=True):
                posted = charges.charge_all(balance=balance, usages=fitting, by=by, now=now)
        except (InsufficientBalance, RequestIdReused):
            continue
        return _tell(fates, posted)
    return _charge_in_turn(balance, usages, by=by, now=now)


def _decide(balance: ProductBalance, usages: Sequence[Usage]) -> list[Fate]:
    """What becomes of each: an outcome already, or itself when it is to be charged.

    The balance is read before the charges that were made: what is charged between the two reads is then found made,
    and not refused for want of the money it took itself.
    """
    product = balance.product
    left = Account.objects.balance(
        organisation_id=balance.organisation_id, code=product.code, currency=product.currency
    )
    made = charges.find(balance=balance, request_ids=[usage.request_id for usage in usages])
    firsts: dict[str, tuple[Usage, Fate]] = {}
    fates: list[Fate] = []
    for usage in usages:
        if charge := made.get(usage.request_id):
            fates.append(charge if _is_of(charge, usage) else Refusal.REQUEST_ID_REUSED)
            continue
        if usage.request_id not in firsts:
            fits = usage.amount <= left
            left -= usage.amount if fits else product.money(0)
            firsts[usage.request_id] = (usage, usage if fits else Refusal.INSUFFICIENT_BALANCE)
        first, fate = firsts[usage.request_id]
        fates.append(fate if usage == first else Refusal.REQUEST_ID_REUSED)
    return fates


def _is_of(charge: Charge, usage: Usage) -> bool:
    return (charge.amount, charge.description) == (usage.amount, usage.description)


def _tell(fates: Sequence[Fate], posted: Sequence[Charge]) -> list[Outcome]:
    """The outcomes, with what was posted in its places; an item told twice is new once."""
    charged = {charge.request_id: charge for charge in posted}
    outcomes: list[Outcome] = []
    for fate in fates:
        if not isinstance(fate, Usage):
            outcomes.append(fate)
            continue
        outcomes.append(charged[fate.request_id])
        charged[fate.request_id] = replace(charged[fate.request_id], is_new=False)
    return outcomes


def _charge_in_turn(balance: ProductBalance, usages: Sequence[Usage], *, by: str, now: datetime) -> list[Outcome]:
    refused: dict[str, Usage] = {}
    outcomes: list[Outcome] = []
    for usage in usages:
        if first := refused.get(usage.request_id):
            outcomes.append(Refusal.INSUFFICIENT_BALANCE if usage == first else Refusal.REQUEST_ID_REUSED)
            continue
        outcomes.append(_charge_one(balance, usage, by=by, now=now))
        if outcomes[-1] == Refusal.INSUFFICIENT_BALANCE:
            refused[usage.request_id] = usage
    return outcomes


def _charge_one(balance: ProductBalance, usage: Usage, *, by: str, now: datetime) -> Outcome:
    try:
        with transaction.atomic(durable=True):
            return charges.charge(balance=balance, usage=usage, by=by, now=now)
    except InsufficientBalance:
        return Refusal.INSUFFICIENT_BALANCE
    except RequestIdReused:
        return Refusal.REQUEST_ID_REUSED
