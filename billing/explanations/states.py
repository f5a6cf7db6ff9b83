"""An order's state as its customer reads it: a move that was undone and a top-up put right are stored as REFUNDED."""

from types import MappingProxyType
from typing import Final

from django.utils.translation import gettext_lazy as _

from billing.explanations.situations import Text
from billing.models import Note, Order, OrderEvent, State

_ENDINGS: Final = MappingProxyType(
    {Note.UNDONE.value: ("UNDONE", _("Undone")), Note.TAKEN_BACK.value: ("CORRECTED", _("Corrected"))}
)


def name_state(order: Order) -> Text:
    """In words. Reads the events, which lists fetch beforehand."""
    return _name(order.state, _last_note(order))


def code_state(order: Order) -> str:
    """The same for machines."""
    return code_ending(order.state, _last_note(order))


def code_ending(state: str, note: str) -> str:
    """As `code_state`, of an order in this state whose last event has this note."""
    return _ENDINGS[note][0] if state == State.REFUNDED and note in _ENDINGS else state


def name_event(event: OrderEvent) -> Text:
    """The state that an event led to."""
    return _name(event.state, event.note)


def _name(state: str, note: str) -> Text:
    return _ENDINGS[note][1] if state == State.REFUNDED and note in _ENDINGS else State(state).label


def _last_note(order: Order) -> str:
    last = max(order.events.all(), key=lambda event: event.pk, default=None)
    return last.note if last else ""
