"""Which rate an order was converted at, and why that one."""

from django.utils.translation import gettext as _

from billing import rates
from billing.models import Order
from wallet import sentences
from wallet.calendar import BOOKS


def explain_rate(order: Order) -> str:
    """`1 USD = 7.2000 CNY`, its source and time, and for money that arrived why this rate counted; else empty."""
    if order.rate is None or order.rate_at is None:
        return ""
    said = _("%(rate)s (%(source)s, %(at)s UTC+8)") % {
        "rate": rates.shown(order.rate),
        "source": order.rate_source,
        "at": f"{order.rate_at.astimezone(BOOKS):%Y-%m-%d %H:%M}",
    }
    why = _explain_choice(order)
    return sentences.join(_("%(sentence)s.") % {"sentence": said}, why) if why else said


def _explain_choice(order: Order) -> str:
    """What arrived beyond an order was credited by that one's finding, always at the rate of the value date. Findings
    lie one layer up, and the relation is data.
    """
    own = getattr(order, "finding", None)
    if own is None and getattr(order.follows, "finding", None) is None:
        return ""
    choice, is_rule = (own.rate_choice, own.is_rule) if own else ("VALUE_DAY", True)
    if choice == "NONE":
        return ""
    return _explain_rule(order, choice) if is_rule else _explain_decision(choice)


def _explain_rule(order: Order, choice: str) -> str:
    if choice == "QUOTED":
        return _("The quoted rate applies, because the bank's value date is within its validity.")
    if order.follows and order.follows.rate_until:
        return _("The rate of the bank's value date applies, because the order's quote covered only what it asked for.")
    return _("The rate of the bank's value date applies, because no quoted rate held on that day.")


def _explain_decision(choice: str) -> str:
    if choice == "QUOTED":
        return _("The quoted rate applies, as our finance team decided.")
    return _("The rate of the bank's value date applies, as our finance team decided.")
