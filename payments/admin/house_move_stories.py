"""Exchanges of currencies as finance weighs them: the bank's rate beside ours, the cost, the gain or loss."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from billing import rates
from payments import exchanges
from payments.admin.line_stories import describe
from payments.models import BankLine, HouseMove
from wallet.money import labelled, shown


def tell(move: HouseMove) -> list[dict[str, Any]]:
    """What an exchange that waits would come to; nothing of a charge."""
    if move.came_as is None:
        return []
    exchange = exchanges.foresee(move.line, move.came_as)
    last = exchange.comparison.last
    jump = _("Far from our last rate: look again.") if exchange.comparison.is_jump else ""
    rows = [
        (_("Out"), labelled(exchange.gone)),
        (_("In"), labelled(exchange.came)),
        (_("Rate of the bank"), rates.shown(exchange.rate)),
        (_("Our last rate"), f"{rates.shown(last.rate)} ({exchange.comparison.percent} %) {jump}" if last else "—"),
        (_("What the money that left had cost"), labelled(exchange.cost)),
        (_("Gain or loss"), labelled(exchange.result)),
    ]
    return [{"title": _("As things are now"), "headers": ("", ""), "rows": rows}]


def offer(gone: BankLine, came: BankLine) -> str:
    """The line that may have come for the one that left, and what exchange that would be."""
    exchange = exchanges.foresee(gone, came)
    said = f"{describe(came)} · {rates.shown(exchange.rate)} · {_('gain or loss')} {shown(exchange.result)}"
    return f"{said} · {_('far from our last rate')}" if exchange.comparison.is_jump else said
