"""What every explanation of an order's situation consists of."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.models import Note, Order

Text = str | Promise

CONTINUE = _("Continue to payment")


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """`tone` is the colour of the notice; `title`, `why` and `next_step` are sentences for the customer."""

    tone: str
    title: Text
    why: Text
    next_step: Text
    may_continue: bool = False
    may_cancel: bool = False
    may_start_again: bool = False
    may_undo: bool = False
    go_on: Text = CONTINUE
    """What the button says that leads on, while `may_continue`."""
    wants_more: bool = False
    """Whether only a part of the money arrived, so that its customer does have to pay again: the rest."""

    @property
    def asks_to_act(self) -> bool:
        """Whether `next_step` speaks to somebody who may top up; others are told who that is."""
        return self.may_continue or self.may_cancel or self.may_start_again


ENDED_BY_TEAM = Explanation(
    tone="warn",
    title=_("Ended by our team"),
    why="",
    next_step=_("Nothing was credited. Contact our team if you paid, or if you have a question."),
)
"""What Stripe holds of it, if anything, was in doubt: so no word about what was charged."""


def reason_of_team(order: Order) -> str:
    """Why our team ended the order; empty when it ended otherwise."""
    last = max(order.events.all(), key=lambda event: event.pk, default=None)
    return last.detail if last and last.note == Note.ENDED_BY_TEAM else ""
