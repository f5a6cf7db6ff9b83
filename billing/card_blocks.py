"""Who may not top up by card for the time being, because the money of a card payment was taken back."""

from datetime import datetime
from enum import Enum, auto
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from billing.models import CardBlock, CardRule, Dispute
from wallet import chart
from wallet.models import User


class CardBlocked(Exception):
    """The organisation may not top up by card now; the message says why, and what it can do instead."""


class MayNotLift(Exception):
    """This person may not lift the block, or it is too early; the message says why."""


class NotInForce(Exception):
    """The block was lifted before."""


class Rule(Enum):
    """What finance may decide."""

    BLOCKING = auto()
    NOT_BLOCKING = auto()


def check(organisation_id: UUID) -> None:
    """Raise `CardBlocked` while a block of the organisation is in force."""
    if why := why_blocked(organisation_id):
        raise CardBlocked(why)


def why_blocked(organisation_id: UUID) -> str:
    """Why the organisation cannot pay by card now, for its members; empty when it can."""
    block = _in_force().filter(organisation_id=organisation_id).select_related("dispute__order").first()
    if block is None:
        return ""
    order = block.dispute.order
    if order.target != chart.WALLET:  # not every member may see that order
        return _(
            "Not possible at the moment: a card payment is disputed at the card's bank. Pay by transfer, or contact our"
            " team."
        )
    return _(
        "Not possible at the moment: the card payment of order %(number)s is disputed at the card's bank. "
        "Pay by transfer, or contact our team."
    ) % {"number": order.number}


def is_rule_on() -> bool:
    """Whether disputed money blocks further top-ups by card, as finance decided last."""
    return CardRule.objects.order_by("-id").values_list("blocks_cards", flat=True)[0]


def block(dispute: Dispute, *, now: datetime) -> None:
    """Block the cards of a dispute's organisation, where the rule says so. Repeating it changes nothing."""
    if is_rule_on():
        found = CardBlock(organisation_id=dispute.organisation_id, dispute=dispute, since=now)
        CardBlock.objects.bulk_create([found], ignore_conflicts=True)


def lift_won(dispute: Dispute, *, now: datetime) -> None:
    """Lift the block of a dispute whose money is back for good."""
    _in_force().filter(dispute=dispute).update(lifted_at=now, lifted_by_name="Stripe", note=dispute.get_state_display())


def lift(*, block_id: UUID, by: User, note: str, now: datetime) -> CardBlock:
    """Let the organisation pay by card again, once it owes nothing for the dispute any more.

    Raises `NotInForce` and `MayNotLift`.
    """
    with transaction.atomic(durable=True):
        found = CardBlock.objects.select_for_update(of=("self",)).select_related("dispute").get(pk=block_id)
        if found.lifted_at is not None:
            raise NotInForce(str(found))
        if why := why_not_lift(found, by=by):
            raise MayNotLift(why)
        found.lifted_at, found.lifted_by, found.lifted_by_name, found.note = now, by, str(by), note
        found.save(update_fields=["lifted_at", "lifted_by", "lifted_by_name", "note"])
        return found


def why_not_lift(found: CardBlock, *, by: User) -> str:
    """Why this person may not lift it now, in words; empty when he may."""
    if by.belongs_to(found.organisation_id):
        return _("You belong to this organisation.")
    if found.dispute.debt > 0:
        return _("The organisation still owes money for this dispute: it pays it, or it is written off, before that.")
    return ""


def decide(*, rule: Rule, reason: str, by: User, now: datetime) -> CardRule:
    """Make the rule that counts from now on; blocks in force stay until they are lifted."""
    return CardRule.objects.create(blocks_cards=rule is Rule.BLOCKING, reason=reason, by=by, at=now)


def _in_force() -> QuerySet[CardBlock]:
    return CardBlock.objects.filter(lifted_at__isnull=True)
