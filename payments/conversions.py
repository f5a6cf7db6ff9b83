"""Which rates could count for money that arrived in another currency than the wallet's, and which one the rule says."""

from dataclasses import dataclass
from datetime import date

from djmoney.money import Money

from billing import rates
from billing.arrivals import Rate
from billing.models import Order
from payments.models import Finding
from wallet.calendar import business_date
from wallet.money import WALLET_CURRENCY


@dataclass(frozen=True, kw_only=True)
class RateOption:
    """One rate that could count, and what it would credit. Exactly one of a list is the rule's."""

    choice: Finding.Rate
    rate: Rate
    credited: Money
    is_rule: bool


def list_options(*, order: Order | None, received: Money, value_on: date) -> list[RateOption]:
    """The rates that could count for money received in another currency than the wallet's; none for the wallet's own.

    The quoted rate holds when the bank's value date lies within its validity, however late finance looks; else the
    rate of the value date. Raises `rates.RateUnknown` when that one is needed and there is none.
    """
    if received.currency.code == WALLET_CURRENCY:
        return []
    quoted = _quoted(order)
    holds = bool(quoted and order and _holds(order, value_on))
    rule = Finding.Rate.QUOTED if holds else Finding.Rate.VALUE_DAY
    options = [_option(Finding.Rate.QUOTED, quoted, received, rule=rule)] if quoted else []
    try:
        day = rates.rate_of_day(value_on)
    except rates.RateUnknown:
        if not holds:
            raise
        return options
    of_day = Rate(value=day.rate, source=day.source, at=day.rate_at)
    return [*options, _option(Finding.Rate.VALUE_DAY, of_day, received, rule=rule)]


def _quoted(order: Order | None) -> Rate | None:
    if order is None or order.rate is None or order.rate_until is None or order.rate_at is None:
        return None
    if order.paid_at is not None:
        return None  # what comes after a quote was used is not covered by it
    return Rate(value=order.rate, source=order.rate_source, at=order.rate_at)


def _holds(order: Order, value_on: date) -> bool:
    if order.rate_until is None:
        return False
    return business_date(order.created_at) <= value_on <= business_date(order.rate_until)


def _option(choice: Finding.Rate, rate: Rate, received: Money, *, rule: Finding.Rate) -> RateOption:
    credited = rates.convert(received, rate=rate.value, to=WALLET_CURRENCY)
    return RateOption(choice=choice, rate=rate, credited=credited, is_rule=choice == rule)
