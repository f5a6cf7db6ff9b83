"""The one posting that credits an order: where its money came from, through `fx` where currencies differ, to its
target.
"""

from collections.abc import Iterable

from djmoney.money import Money

from billing.arrivals import Arrival, Source
from billing.models import Order
from wallet import chart, ledger


def key_of(order: Order) -> str:
    return f"order:{order.number}:credit"


def draft(order: Order, arrival: Arrival, *, by: str) -> ledger.Draft:
    return ledger.Draft(
        key=key_of(order),
        kind="TOP_UP",
        lines=(*_debits(arrival.sources), *_conversion(arrival), ledger.credit(order.target, arrival.credited)),
        order_number=order.number,
        by=by,
    )


def _debits(sources: Iterable[Source]) -> list[ledger.Line]:
    """One line an account, however many of the sources lie in it."""
    totals: dict[str, Money] = {}
    for source in sources:
        totals[source.code] = totals[source.code] + source.amount if source.code in totals else source.amount
    return [ledger.debit(code, total) for code, total in totals.items()]


def _conversion(arrival: Arrival) -> tuple[ledger.Line, ...]:
    if arrival.paid.currency == arrival.credited.currency:
        return ()
    return ledger.credit(chart.FX, arrival.paid), ledger.debit(chart.FX, arrival.credited)
