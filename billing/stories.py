"""What one order's page tells: its timeline, the orders it hangs together with, and what it moved in the balances."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import BooleanField, ExpressionWrapper, Q
from djmoney.money import Money

from billing import search
from billing.models import Note, Order, OrderEvent, Refund
from wallet import chart
from wallet.models import AccountClass, Entry, Member, Side


@dataclass(frozen=True, kw_only=True)
class Story:
    """An order's events, and the orders it hangs together with, as far as its reader may know them."""

    events: Sequence[OrderEvent]
    followed: Order | None
    followers: Sequence[Order]


@dataclass(frozen=True, kw_only=True)
class Movement:
    """One line of a posting in a balance of the customer's; `change` is negative where money went out."""

    entry: Entry
    before: Money
    change: Money
    after: Money


def tell(order: Order, memberships: Sequence[Member]) -> Story:
    """What the reader may know of it. Why money was corrected may name the other order's balance: where he may not see
    that order, he is told that it was, and not why.
    """
    is_own = ExpressionWrapper(search.is_own(memberships), output_field=BooleanField())
    related = Order.objects.filter(Q(follows=order) | Q(pk=order.follows_id)).annotate(is_own=is_own).order_by("id")
    family = list(related)
    events = sorted(order.events.all(), key=_age)
    if not all(relative.is_own for relative in family):
        for event in events:
            if event.note in (Note.TAKEN_BACK, Note.CORRECTED):
                event.detail = ""
    known = [relative for relative in family if relative.is_own]
    return Story(
        events=events,
        followed=next((relative for relative in known if relative.pk == order.follows_id), None),
        followers=[relative for relative in known if relative.pk != order.follows_id],
    )


def list_movements(order: Order) -> list[Movement]:
    """What the order moved in its customer's own balances, oldest first."""
    entries = Entry.objects.filter(
        posting__organisation_id=order.organisation_id,
        posting__order_number=order.number,
        account__account_class=AccountClass.LIABILITY,
    ).exclude(account__code=chart.SUSPENSE)
    return [_describe(entry) for entry in entries.select_related("account", "posting").order_by("id")]


def sum_refunds(order: Order) -> Money | None:
    """What went back to whoever paid, in the currency that was paid; None when nothing did."""
    back = [refund.back for refund in order.refunds.all() if refund.state == Refund.State.SUCCEEDED]
    return sum(back, Money(0, order.paid.currency)) if back else None


def _describe(entry: Entry) -> Movement:
    """Balances of customers stand on the credit side, so that a credit adds to them."""
    change = entry.amount if entry.side == Side.CREDIT else -entry.amount
    return Movement(entry=entry, before=entry.balance_after - change, change=change, after=entry.balance_after)


def _age(event: OrderEvent) -> UUID:
    return event.pk
