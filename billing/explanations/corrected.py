"""The situation of an order whose money had been credited to the wrong balance, and of the one that put it right."""

from dataclasses import replace

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from billing import targets
from billing.explanations.situations import Explanation
from billing.models import Note, Order, State

_TAKEN_BACK = Explanation(
    tone="info",
    title=_("Credited to another balance instead"),
    why="",
    next_step=_("You need not do anything. The order that follows this one has the money and its receipt."),
)
_CORRECTED = Explanation(
    tone="success",
    title=_("Credited here instead of the wrong balance"),
    why="",
    next_step=_("The receipt is ready. If this is not what you wanted, contact our team."),
)


def explain(order: Order) -> Explanation | None:
    """None for orders that no correction is about, or whose money went on since."""
    notes = {event.note for event in order.events.all()}
    if order.state == State.REFUNDED and Note.TAKEN_BACK in notes:
        why = _("The money had been credited to {balance} by mistake. Our finance team put it right.")
        return replace(_TAKEN_BACK, why=format_lazy(why, balance=targets.name(order.target)))
    if order.state == State.PAID and Note.CORRECTED in notes:
        why = _("Our finance team credited it to {balance}, after it had gone into the wrong balance.")
        return replace(_CORRECTED, why=format_lazy(why, balance=targets.name(order.target)))
    return None
