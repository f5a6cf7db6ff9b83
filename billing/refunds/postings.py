"""The postings of a refund: what sets its amount aside, and what becomes of that.

Their keys name the refund and the step, so each is posted once.
"""

from collections.abc import Iterator

from djmoney.money import Money

from billing.models import Order, Refund
from wallet import chart, ledger

HOLD = "REFUND_HOLD"
RELEASE = "REFUND_RELEASE"
OUT = "REFUND"
RETURN = "REFUND_RETURN"


def hold(refund: Refund, order: Order, *, by: str) -> ledger.Draft:
    """Out of the balance, or, where that did not hold it, out of what the customer owes from now on."""
    owed = Money(refund.debt, refund.amount.currency)
    lines = (
        *_if_any(ledger.debit(order.target, refund.amount - owed)),
        *_if_any(ledger.debit(chart.RECEIVABLE, owed)),
        ledger.credit(chart.held(order.target), refund.amount),
    )
    return _draft(refund, order, step="hold", kind=HOLD, lines=lines, by=by)


def release(refund: Refund, order: Order, *, by: str) -> ledger.Draft:
    """Back where it came from."""
    lines = (ledger.debit(chart.held(order.target), refund.amount), *_into_balance(refund, order))
    return _draft(refund, order, step="release", kind=RELEASE, lines=lines, by=by)


def go_out(refund: Refund, order: Order, *, source: str, by: str) -> ledger.Draft:
    """To whoever paid, from `source`, through `fx` where he paid in another currency."""
    converted = (
        () if _is_plain(refund) else (ledger.credit(chart.FX, refund.amount), ledger.debit(chart.FX, refund.back))
    )
    lines = (
        ledger.debit(chart.held(order.target), refund.amount),
        *converted,
        ledger.credit(source, refund.back),
    )
    return _draft(refund, order, step="out", kind=OUT, lines=lines, by=by)


def come_back(refund: Refund, order: Order, *, source: str, by: str) -> ledger.Draft:
    """What had gone is in `source` again, and in the balance."""
    converted = (
        () if _is_plain(refund) else (ledger.credit(chart.FX, refund.back), ledger.debit(chart.FX, refund.amount))
    )
    lines = (ledger.debit(source, refund.back), *converted, *_into_balance(refund, order))
    return _draft(refund, order, step="return", kind=RETURN, lines=lines, by=by)


def _into_balance(refund: Refund, order: Order) -> Iterator[ledger.Line]:
    """What is still owed of it is owed no more, what we gave up is ours again; the rest can be spent."""
    nothing = Money(0, refund.amount.currency)
    owed = Money(refund.debt, refund.amount.currency)
    given_up = sum((write_off.amount for write_off in refund.write_offs.all()), start=nothing)
    yield from _if_any(ledger.credit(chart.RECEIVABLE, owed))
    yield from _if_any(ledger.credit(chart.CHARGEBACKS, given_up))
    yield from _if_any(ledger.credit(order.target, refund.amount - owed - given_up))


def _if_any(line: ledger.Line) -> Iterator[ledger.Line]:
    if line.amount.amount > 0:
        yield line


def _is_plain(refund: Refund) -> bool:
    return bool(refund.amount.currency == refund.back.currency)


def _draft(
    refund: Refund, order: Order, *, step: str, kind: str, lines: tuple[ledger.Line, ...], by: str
) -> ledger.Draft:
    return ledger.Draft(
        key=f"refund:{refund.number}:{step}",
        kind=kind,
        lines=lines,
        order_number=order.number,
        memo=refund.reason,
        by=by[:200],
    )
