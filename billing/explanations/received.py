"""How much of what an order was paid with the bank received: the rest is a bank's fee that we bear."""

from djmoney.money import Money

from billing.models import Order


def fee_we_bear(order: Order) -> Money | None:
    """None where there is none. Findings lie one layer up, and the relation is data."""
    finding = getattr(order, "finding", None)
    return finding.fee if finding and finding.fee.amount > 0 else None


def received(order: Order) -> Money:
    """What arrived at the bank for an order that is paid."""
    fee = fee_we_bear(order)
    return order.paid - fee if fee else order.paid
