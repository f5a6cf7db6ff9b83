"""The situation of an order whose money goes back, or went: by refunds, or by the card's bank."""

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing import targets
from billing.explanations.situations import Explanation, Text
from billing.models import Method, Note, Order, OrderEvent, Refund, State
from wallet import sentences
from wallet.money import labelled

_TAKEN_BACK = frozenset({Note.UNDONE, Note.TAKEN_BACK})
_BACK_AGAIN = frozenset({Note.REFUND_FAILED, Note.REFUND_RETURNED})

_PARTLY = Explanation(
    tone="info",
    title=gettext_lazy("Partially refunded"),
    why="",
    next_step=gettext_lazy("The rest stays in your balance."),
)
_REFUNDED = Explanation(tone="info", title=gettext_lazy("Refunded"), why="", next_step="")
_ASKED = Explanation(
    tone="info",
    title=gettext_lazy("A refund is being looked at"),
    why="",
    next_step=gettext_lazy("Our finance team looks at it. Until it is approved you can withdraw it below."),
)
_ON_ITS_WAY = Explanation(tone="info", title=gettext_lazy("A refund is on its way"), why="", next_step="")
_FAILED = Explanation(
    tone="warn",
    title=gettext_lazy("A refund did not go through"),
    why="",
    next_step=gettext_lazy("You can ask for it again, or contact our team."),
)
_DISPUTED = Explanation(
    tone="warn",
    title=gettext_lazy("Disputed"),
    why=gettext_lazy(
        "The card's holder disputed this payment, and the card's bank has taken the money back meanwhile."
    ),
    next_step=gettext_lazy("If this was a mistake, ask your bank to withdraw the dispute, and contact our team."),
)
_CHARGED_BACK = Explanation(
    tone="error",
    title=gettext_lazy("Charged back"),
    why=gettext_lazy("The card's bank decided for the card's holder, and the money stays with him."),
    next_step=gettext_lazy("Contact our team if this was a mistake."),
)
_BY_BANK = MappingProxyType({State.DISPUTED: _DISPUTED, State.CHARGED_BACK: _CHARGED_BACK})
_WAYS = MappingProxyType(
    {
        Method.CARD: gettext_lazy("It goes to the card it came from; banks show it within 5 to 10 days."),
        Method.OFFLINE: gettext_lazy(
            "It goes to the bank account it came from; that usually takes 1 to 3 working days."
        ),
        Method.BALANCE: gettext_lazy("It is in the wallet."),
    }
)


def explain(order: Order) -> Explanation | None:
    """None for orders that neither a refund nor a dispute says anything about. Reads what `search.readable` fetches
    beforehand.
    """
    if order.state in _BY_BANK:
        return _BY_BANK[State(order.state)]
    if not order.is_credited or any(event.note in _TAKEN_BACK for event in order.events.all()):
        return None
    refunds = sorted(order.refunds.all(), key=_age)
    if under_way := next((refund for refund in refunds if refund.is_open), None):
        return _explain_open(order, under_way)
    last = max(order.events.all(), key=_age, default=None)
    if refunds and last and last.note in _BACK_AGAIN:
        return _explain_failed(order, refunds[-1])
    return None if order.state == State.PAID else _explain_refunded(order, refunds)


def explain_way_back(order: Order) -> Text:
    """Where the money of its refunds goes, and until when it is there."""
    return _WAYS[Method(order.method)]


def name_refund(refund: Refund) -> Text:
    """How far it got, in words; one to the bank is on its way only once it is paid there."""
    if refund.state == Refund.State.APPROVED and refund.order.method == Method.OFFLINE:
        return _("Approved, to be paid at the bank")
    return Refund.State(refund.state).label


def _explain_open(order: Order, refund: Refund) -> Explanation:
    facts = {"amount": labelled(refund.amount), "balance": targets.name(order.target)}
    aside = _("%(amount)s of %(balance)s is set aside for it.") % facts
    if refund.state == Refund.State.ASKED:
        if refund.origin == Refund.Origin.FINANCE:
            return replace(_ASKED, why=aside, next_step=_("Our finance team started it, and looks at it."))
        return replace(_ASKED, why=aside)
    return replace(_ON_ITS_WAY, why=aside, next_step=explain_way_back(order))


def _explain_failed(order: Order, refund: Refund) -> Explanation:
    facts = {"amount": labelled(refund.amount), "balance": targets.name(order.target)}
    why = _("%(amount)s is back in %(balance)s.") % facts
    return replace(_FAILED, why=sentences.join(why, refund.failure))


def _explain_refunded(order: Order, refunds: list[Refund]) -> Explanation:
    done = [refund.back for refund in refunds if refund.state == Refund.State.SUCCEEDED]
    total = sum(done[1:], start=done[0]) if done else order.paid
    facts = {"amount": labelled(total), "paid": labelled(order.paid)}
    if order.state == State.PARTIALLY_REFUNDED:
        return replace(_PARTLY, why=_("%(amount)s of the %(paid)s that were paid went back.") % facts)
    why = _("All of it went back: %(amount)s.") % facts
    return replace(_REFUNDED, why=why, next_step=explain_way_back(order))


def _age(row: Refund | OrderEvent) -> Any:
    return row.pk
