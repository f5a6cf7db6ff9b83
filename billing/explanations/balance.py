"""The situation of an order that was paid from the wallet: moved, and undone or not."""

from dataclasses import replace
from datetime import datetime

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from billing import moves, targets
from billing.explanations.situations import Explanation
from billing.models import Note, Order, State
from wallet import zones

_MOVED = Explanation(
    tone="success",
    title=_("Moved and credited"),
    why="",
    next_step=_("The receipt is ready."),
)
_UNDONE = Explanation(
    tone="info",
    title=_("Undone"),
    why=_("The money is back in the wallet."),
    next_step=_("You need not do anything. Start a new top-up whenever you like."),
    may_start_again=True,
)
_DOUBTED = Explanation(
    tone="warn",
    title=_("Being checked by our team"),
    why=_("A person looks at this move."),
    next_step=_("Contact our team if you have a question."),
)


def explain(order: Order, *, now: datetime) -> Explanation:
    if order.state == State.PAID:
        return _explain_moved(order, now=now)
    if any(event.note == Note.UNDONE for event in order.events.all()):
        return _UNDONE
    return _DOUBTED


def _explain_moved(order: Order, *, now: datetime) -> Explanation:
    product = targets.name(order.target)
    moved = replace(
        _MOVED,
        why=format_lazy(
            _("The money was moved from the wallet. It can only be used within {product}."), product=product
        ),
    )
    if not order.paid_at or not moves.may_be_undone(order, now=now):
        return moved
    until = zones.tell(order.paid_at + moves.UNDOABLE_FOR, form="%H:%M")
    return replace(
        moved,
        next_step=format_lazy(_("Until {until} it can be undone, as long as it is unspent."), until=until),
        may_undo=True,
    )
