"""Payouts: what Stripe says of them, the bank lines they arrive as, and their posting. Until its line is found a payout
is on its way, whatever Stripe says; one that fails after it was posted is reversed.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Min, QuerySet
from django.utils.translation import gettext as _

from billing import workdays
from payments import allocations, balance_transactions, desk, settlement, stripe_api
from payments.models import Allocation, BankLine, DeskAct, InboxEvent, Payout
from payments.stripe_api import PayoutFacts
from wallet.models import HOUSE_ID, User
from wallet.money import labelled

logger = logging.getLogger(__name__)

WITHIN: Final = 5
"""So many business days before or after the day it was expected the bank may show a payout."""

_REACH: Final = timedelta(days=30)
"""A payout may fail after it was paid; Stripe is asked about this long."""

_STATES: Final = {
    "pending": Payout.State.PENDING,
    "in_transit": Payout.State.IN_TRANSIT,
    "paid": Payout.State.PAID,
    "failed": Payout.State.FAILED,
    "canceled": Payout.State.CANCELLED,
}
_RECONCILIATIONS: Final = {
    "completed": Payout.Reconciliation.COMPLETED,
    "in_progress": Payout.Reconciliation.IN_PROGRESS,
}


class NotThisPayout(Exception):
    """The bank line is not this payout, or is spent; the message says why."""


def follow(object_id: str, *, by: str, now: datetime) -> InboxEvent.Outcome:
    """Let what we know of a payout become what Stripe says. Repeating it changes nothing.

    Raises `StripeUnavailable`.
    """
    try:
        facts = stripe_api.fetch_payout(object_id)
    except stripe_api.StripeRefused:
        return InboxEvent.Outcome.NOT_OURS
    payout = record(facts, by=by, now=now)
    if Payout.objects.to_itemise().filter(pk=payout.pk).exists():
        balance_transactions.load_payout(payout, now=now)
        balance_transactions.judge_due(now=now)
    return InboxEvent.Outcome.DONE


def refresh(*, now: datetime) -> None:
    """Ask Stripe about all payouts that may still change, whether or not any webhook came, and itemise those it can.

    Raises `StripeUnavailable`; what was done before stays.
    """
    for facts in stripe_api.list_payouts(since=_find_start(now=now)):
        record(facts, by="Stripe", now=now)
    for payout in Payout.objects.to_itemise().order_by("stripe_created_at", "id"):
        balance_transactions.load_payout(payout, now=now)


def record(facts: PayoutFacts, *, by: str, now: datetime) -> Payout:
    """Write down what Stripe says of a payout; one that failed after it was posted is reversed. Repeating it changes
    nothing.
    """
    state = _STATES.get(facts.status, Payout.State.OTHER)
    reconciliation = _RECONCILIATIONS.get(facts.reconciliation, Payout.Reconciliation.NOT_APPLICABLE)
    told = {
        "state": state,
        "reconciliation": reconciliation,
        "arrival_on": facts.arrival_on,
        "trace": facts.trace[:200],
        "failure": facts.failure[:500],
        "asked_at": now,
    }
    fixed = {"amount": facts.amount, "is_automatic": facts.is_automatic, "stripe_created_at": facts.created_at}
    with transaction.atomic():
        Payout.objects.bulk_create([Payout(stripe_id=facts.id, **fixed, **told)], ignore_conflicts=True)
        payout = Payout.objects.select_for_update(of=("self",)).get(stripe_id=facts.id)
        if payout.asked_at <= now:  # an older answer never takes the place of a newer one
            for name, value in told.items():
                setattr(payout, name, value)
            payout.save(update_fields=list(told))
        if Payout.objects.to_reverse().filter(pk=payout.pk).exists():
            settlement.reverse_payout(payout, by=by, now=now)
            payout.reversed_at = now
            payout.save(update_fields=["reversed_at"])
        return payout


def match_due(*, now: datetime) -> int:
    """Post payouts whose bank line is beyond doubt; returns how many. What two payouts may be, or two lines, stays for
    a person.
    """
    found = find_candidates()
    claims: dict[UUID, int] = defaultdict(int)
    for lines in found.values():
        for line in lines:
            claims[line.pk] += 1
    sure = [(payout, lines[0]) for payout, lines in found.items() if len(lines) == 1 and claims[lines[0].pk] == 1]
    matched = 0
    for payout, line in sure:
        try:
            match(payout_id=payout.pk, line_id=line.pk, by="InnoPaaS", now=now)
            matched += 1
        except NotThisPayout as error:  # somebody was quicker
            logger.info("payout %s is not posted by itself: %s", payout, error)
    return matched


def find_candidates() -> dict[Payout, list[BankLine]]:
    """The bank lines that every payout on its way may be. One that quotes its id or trace number leaves no other."""
    payouts = list(Payout.objects.to_match())
    if not payouts:
        return {}
    lines = list(_list_free().filter(amount__in={payout.amount.amount for payout in payouts}))
    quoted = {payout.pk: [line for line in lines if _quotes(line, payout)] for payout in payouts}
    named = {line.pk for found in quoted.values() for line in found}
    return {
        payout: quoted[payout.pk] or [line for line in lines if line.pk not in named and _is_near(line, payout)]
        for payout in payouts
    }


def list_lines(payout: Payout) -> list[BankLine]:
    """What a person may choose from: incoming lines of the amount that nobody has used, the nearest day first."""
    if not payout.is_open or payout.amount.amount <= 0:
        return []
    lines = _list_free().filter(amount=payout.amount.amount, amount_currency=payout.amount.currency.code)
    return sorted(lines[:200], key=lambda line: abs((line.value_on - payout.arrival_on).days))


def list_back_lines(payout: Payout) -> list[BankLine]:
    """Outgoing lines of the amount by which the bank may have sent a failed payout back."""
    if payout.reversed_at is None or payout.back_line_id or payout.line is None:
        return []
    lines = BankLine.objects.filter(
        direction=BankLine.Direction.OUT,
        account_id=payout.line.account_id,
        amount=payout.amount.amount,
        allocated=0,
        booked_on__gte=payout.line.booked_on,
    )
    return list(lines.select_related("account").order_by("booked_on", "id")[:200])


def match(*, payout_id: UUID, line_id: UUID, by: str, now: datetime) -> Payout:
    """Post that a payout is this bank line. Repeating it changes nothing. Raises `NotThisPayout`."""
    with transaction.atomic():
        payout = _lock(payout_id)
        line = allocations.lock({line_id})[line_id]
        if payout.line_id == line.pk:
            return payout
        if why := _why_not(payout, line):
            raise NotThisPayout(why)
        allocations.hold_in_house(line, by="InnoPaaS", now=now)
        payout.line, payout.matched_at, payout.matched_by = line, now, by[:254]
        payout.save(update_fields=["line", "matched_at", "matched_by"])
        _spend(line, payout, by=by, now=now)
        settlement.receive_payout(payout, by=by, now=now)
        return payout


def choose(*, payout_id: UUID, line_id: UUID, by: User, now: datetime) -> Payout:
    """As `match`, by a person who looked at both. Raises `NotThisPayout`."""
    with transaction.atomic(durable=True):
        payout = match(payout_id=payout_id, line_id=line_id, by=str(by), now=now)
        if payout.matched_at == now and payout.line:
            desk.log(DeskAct.Kind.PAYOUT, by=by, now=now, line=payout.line, detail=payout.stripe_id)
        return payout


def give_back(*, payout_id: UUID, line_id: UUID, by: User, now: datetime) -> Payout:
    """Record by which bank line the bank sent a failed payout's money back. Repeating it changes nothing. Raises
    `NotThisPayout`.
    """
    with transaction.atomic(durable=True):
        payout = _lock(payout_id)
        line = allocations.lock({line_id})[line_id]
        if payout.back_line_id == line.pk:
            return payout
        if line.pk not in {one.pk for one in list_back_lines(payout)}:
            raise NotThisPayout(_("This bank line cannot be the payout going back, or was used before."))
        payout.back_line = line
        payout.save(update_fields=["back_line"])
        _spend(line, payout, by=str(by), now=now)
        settlement.give_payout_back(payout, line, by=str(by), now=now)
        desk.log(DeskAct.Kind.PAYOUT, by=by, now=now, line=line, detail=payout.stripe_id)
        return payout


def _find_start(*, now: datetime) -> datetime:
    """Late enough for no payout that may still change to be missed; the first time with the first transaction."""
    if not Payout.objects.exists():
        return min(now - _REACH, balance_transactions.find_start(now=now))
    waiting = Payout.objects.on_their_way().aggregate(at=Min("stripe_created_at"))["at"]
    return min(now - _REACH, waiting) if waiting else now - _REACH


def _lock(payout_id: UUID) -> Payout:
    return Payout.objects.select_for_update(of=("self",)).get(pk=payout_id)


def _why_not(payout: Payout, line: BankLine) -> str:
    if payout.line_id:
        return _("The payout was found at the bank before, as another line.")
    if payout.state in Payout.ENDED_IN_NOTHING:
        return _("Stripe says that the payout failed.")
    if line.direction != BankLine.Direction.IN or line.is_reversal or line.amount != payout.amount:
        return _("The line is not %(amount)s that came in.") % {"amount": labelled(payout.amount)}
    if line.rest != line.amount:
        return _("The line's money was used before.")
    if line.held_by_id not in {None, HOUSE_ID}:
        return _("The line's money is kept for a customer.")
    return ""


def _spend(line: BankLine, payout: Payout, *, by: str, now: datetime) -> None:
    kind = Allocation.Kind.PAYOUT
    allocations.spend_whole(line, kind=kind, organisation_id=HOUSE_ID, note=payout.stripe_id, by=by, now=now)


def _list_free() -> QuerySet[BankLine]:
    """Incoming lines that a statement brought, and nobody has used."""
    free = BankLine.objects.with_rest().filter(allocated=0, is_reversal=False, file__isnull=False, kept_for=None)
    return free.select_related("account").order_by("value_on", "id")


def _is_near(line: BankLine, payout: Payout) -> bool:
    """Recognised as Stripe's, and of a day on which the payout may arrive."""
    return (
        line.pile_reason == BankLine.Why.PAYOUT
        and line.amount == payout.amount
        and workdays.count(*sorted((line.value_on, payout.arrival_on))) <= WITHIN
    )


def _quotes(line: BankLine, payout: Payout) -> bool:
    said = f"{line.text} {line.bank_reference}".casefold()
    names: Iterable[str] = filter(None, (payout.stripe_id, payout.trace))
    return line.amount == payout.amount and any(name.casefold() in said for name in names)
